/** The certificate of the simulator, and the authority that has issued it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const fixture = (name: string) =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** The host that the certificate names. No name server knows it. */
export const HOST = 'api.share.test';
/** The file of the authority. */
export const AUTHORITY = fixture('authority.pem');
export const tls = {
  key: readFileSync(fixture('server-key.pem'), 'utf8'),
  cert: readFileSync(fixture('server.pem'), 'utf8'),
};
