/** Why something failed, in one word; `report/hints.ts` says for each what to do next. */
export type Cause =
  | 'credentials'
  | 'not-found'
  | 'refused'
  | 'rate-limit'
  | 'server'
  | 'network'
  | 'dns'
  | 'tls'
  | 'proxy'
  | 'deadline'
  | 'unreadable'
  | 'incomplete'
  | 'too-large'
  | 'redirect'
  | 'terminal'
  | 'entitlement'
  | 'removed'
  | 'vanished'
  | 'inconclusive'
  | 'share-deleting'
  | 'share-organization'
  | 'stopped'
  | 'timeout'
  | 'cancelled'
  | 'runner'
  | 'internal';

/** A failure as plain data. `message` may hold text from a server: it is made safe where it is printed. */
export interface Failure {
  readonly cause: Cause;
  readonly message: string;
}
