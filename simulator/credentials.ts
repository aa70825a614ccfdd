/** Who is asking, and what that credential may do. */
import type { SharesApiOptions } from './options.ts';
import type { Request } from './protocol.ts';

export interface Credential {
  /** What the rate limit counts by; empty for nobody. */
  key: string;
  may: 'nothing' | 'read' | 'write';
}

function tokenOf({ headers }: Request): string | undefined {
  return /^Bearer (\S+)$/.exec(headers['authorization'] ?? '')?.[1];
}

function rightsOf(token: string, options: SharesApiOptions): Credential['may'] {
  if (options.readOnlyTokens?.includes(token)) return 'read';
  if (!options.tokens || options.tokens.includes(token)) return 'write';
  return 'nothing';
}

/** Reads the token, or the pair of email and key. */
export function credentialOf(
  request: Request,
  options: SharesApiOptions,
): Credential {
  const token = tokenOf(request);
  if (token !== undefined)
    return { key: `token ${token}`, may: rightsOf(token, options) };

  const email = request.headers['x-auth-email'];
  const key = request.headers['x-auth-key'];
  if (!email || !key) return { key: '', may: 'nothing' };

  const isKnown =
    !options.keys ||
    options.keys.some((pair) => pair.email === email && pair.key === key);
  return { key: `user ${email}`, may: isKnown ? 'write' : 'nothing' };
}
