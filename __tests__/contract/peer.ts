/**
 * Prism on simulator/shares.openapi.json, and a server in front of it that
 * records requests and violations.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import description from '../../simulator/shares.openapi.json' with {
  type: 'json',
};
import { findTool } from '../tools.ts';

const FILE = join(
  fileURLToPath(new URL('../..', import.meta.url)),
  'simulator/shares.openapi.json',
);

export interface Peer {
  /** For the input `api-url`. */
  readonly url: string;
  /** `METHOD /path?query body`, without the path of the share. */
  requests: string[];
  /** What a request, or a response, does not comply with. */
  violations: string[];
  /**
   * What Prism is asked to prefer, by method and path, for each request in
   * turn; the last one stays.
   */
  prefer: Record<string, string[]>;
  close(): void;
}

/**
 * Starts Prism on a free port: with the published examples, or in front of
 * `upstream`.
 */
async function startPrism(
  upstream: string | null,
): Promise<{ url: string; close: () => void }> {
  const prism = findTool('prism', '`bash .ci/tools.sh prism`, which needs npm');
  const command = upstream ? ['proxy', FILE, upstream] : ['mock', FILE];
  const child = spawn(
    process.execPath,
    [prism, ...command, '--errors', '--port', '0'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(
        new Error(`Prism ended with ${code} before it listened:\n${text}`),
      ),
    );
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const found = /listening on (http:\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
  });
  return { url, close: () => child.kill() };
}

/** The query parameters of an operation. Prism ignores others. */
function knownParameters(method: string, path: string): string[] {
  const paths = description.paths as Record<
    string,
    Record<string, { parameters?: { $ref: string }[] }>
  >;
  const known = Object.entries(paths).find(([template]) =>
    new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
  const parameters = known?.[1][method.toLowerCase()]?.parameters ?? [];
  return parameters.map(({ $ref }) => $ref.replace(/.*\//, ''));
}

/** Starts Prism and the server in front of it. */
export async function startPeer(upstream: string | null = null): Promise<Peer> {
  const prism = await startPrism(upstream);
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const method = request.method ?? '';
    const url = new URL(
      (request.url ?? '').replace('/client/v4', ''),
      prism.url,
    );
    const path = url.pathname.replace(/^\/accounts\/[^/]+\/shares\/[^/]+/, '');
    peer.requests.push(`${method} ${path}${url.search}${body && ` ${body}`}`);
    const preferences = peer.prefer[`${method} ${path}`] ?? [];
    const prefer =
      preferences.length > 1 ? preferences.shift() : preferences[0];
    const headers = new Headers(request.headers as Record<string, string>);
    for (const name of ['connection', 'content-length', 'host'])
      headers.delete(name);
    if (prefer) headers.set('prefer', prefer);
    const reply = await fetch(url, { method, headers, body: body || null });
    const text = await reply.text();
    const found =
      reply.headers.get('sl-violations') ??
      /"(\S+prism\/errors#\w+)"/.exec(text)?.[1];
    const known = knownParameters(method, url.pathname);
    const unknown = [...url.searchParams.keys()].filter(
      (name) => !known.includes(name),
    );
    const problems = [
      ...(found ? [found] : []),
      ...unknown.map((name) => `unknown parameter ${name}`),
    ];
    peer.violations.push(
      ...problems.map((problem) => `${method} ${path}: ${problem}`),
    );
    response
      .writeHead(reply.status, {
        'content-type': reply.headers.get('content-type') ?? '',
      })
      .end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const peer: Peer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    requests: [],
    violations: [],
    prefer: {},
    close() {
      server.close();
      prism.close();
    },
  };
  return peer;
}
