/**
 * A host with two addresses, of which the first is slow and the second has no
 * server.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it, type TestContext } from 'vitest';
import { AUTHORITY, HOST, tls } from './certificate.ts';
import { expectAdded } from './expectations.ts';
import { runScenario } from './scenario.ts';

const TWO_ADDRESSES = fileURLToPath(
  new URL('fixtures/two-addresses.cjs', import.meta.url),
);
/**
 * Accepts nothing until it has a signal to go on; then forwards to the port in
 * the first argument.
 */
const FORWARDER = `
  const { connect, createServer } = require('node:net');
  const server = createServer((socket) => {
    const peer = connect(Number(process.argv[1]), '127.0.0.1');
    socket.pipe(peer).pipe(socket);
    for (const end of [socket, peer]) end.on('error', () => { socket.destroy(); peer.destroy(); });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
`;

/**
 * A port whose queue of connections is full, so that a handshake is not
 * completed until `resume`.
 */
async function startSlowPort(target: number, { onTestFinished }: TestContext) {
  const child = spawn(process.execPath, ['-e', FORWARDER, String(target)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  const port = Number(line);
  child.kill('SIGSTOP');
  const fillers = Array.from(
    { length: 4 },
    (): Socket => connect(port, '127.0.0.1').on('error', () => {}),
  );
  onTestFinished(() => {
    for (const socket of fillers) socket.destroy();
    child.kill('SIGKILL');
  });
  await Promise.all(
    fillers.slice(0, 2).map((socket) => once(socket, 'connect')),
  );
  return { port, resume: () => child.kill('SIGCONT') };
}

/** A port at which nothing listens. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

// Only there can the queue of a port be filled like this.
it.runIf(process.platform === 'linux')(
  'a host with two addresses gets the time that a slow handshake takes',
  async (context) => {
    const port = await unusedPort();
    const slow = await startSlowPort(port, context);
    const run = await runScenario({
      env: {
        NODE_EXTRA_CA_CERTS: AUTHORITY,
        NODE_OPTIONS: `--require "${TWO_ADDRESSES}"`,
      },
      server: { tls, port },
      inputs: { 'api-url': `https://${HOST}:${slow.port}/client/v4` },
      // The handshake is repeated after one second, and after three.
      onOutput: (text) =>
        text.includes('Sharing') && setTimeout(slow.resume, 600),
    });
    expectAdded(run);
    expect(run.stdout).not.toContain('retrying');
  },
);
