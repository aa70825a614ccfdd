/** The certificate of the simulator, and the authority that has issued it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const fixture = (name: string) =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** The host that the certificate names. No name server knows it. */
export const HOST = 'api.share.test';
/** The file of the authority. */
export const AUTHORITY = fixture('authority.pem');
/**
 * Makes the look-up of `HOST` fail at once. The name server of a machine may
 * lose a request, or take longer than a run has time.
 */
export const withoutNameServer = {
  NODE_OPTIONS: `--require "${fixture('unknown-host.cjs')}"`,
};
export const tls = {
  key: readFileSync(fixture('server-key.pem'), 'utf8'),
  cert: readFileSync(fixture('server.pem'), 'utf8'),
};

/** Two files in one, for NODE_EXTRA_CA_CERTS: `authority` and this one. */
export function trustedWith(name: string): string {
  return [AUTHORITY, fixture(`${name}.pem`)]
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
}

/**
 * A certificate that no authority has issued, with the key of the simulator:
 * `expired`, `not-yet-valid` or `proxy-name`.
 */
export function certificate(name: string): {
  key: string;
  cert: string;
  file: string;
} {
  const file = fixture(`${name}.pem`);
  return { key: tls.key, cert: readFileSync(file, 'utf8'), file };
}
