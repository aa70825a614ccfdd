/**
 * Stands between the action and the simulator, and loses connections before
 * anything can be sent on them.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

interface Relay {
  /** For `api-url`. */
  url: string;
  /** Connections wait until this has been called. */
  forwardTo(url: string): void;
  close(): void;
}

/**
 * `isCut` gets the number of a connection, from 1, and says whether it ends
 * when the first bytes of its TLS handshake have arrived.
 */
export async function startRelay(
  isCut: (nth: number) => boolean,
): Promise<Relay> {
  const sockets = new Set<Socket>();
  let forwardToPort: (port: number) => void = () => {};
  const port = new Promise<number>((resolve) => {
    forwardToPort = resolve;
  });
  let count = 0;

  async function forward(socket: Socket): Promise<void> {
    const peer = keep(connect(await port, '127.0.0.1'));
    peer.on('close', () => socket.destroy());
    socket.on('close', () => peer.destroy());
    socket.pipe(peer).pipe(socket);
  }

  function keep(socket: Socket): Socket {
    sockets.add(socket.on('error', () => {}));
    return socket;
  }

  const server = createServer((socket) => {
    count += 1;
    keep(socket);
    if (isCut(count)) socket.once('data', () => socket.destroy());
    else forward(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/client/v4`,
    forwardTo: (url) => forwardToPort(Number(new URL(url).port)),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
