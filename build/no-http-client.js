/*
 * Stands in for `@actions/http-client` and `undici` in the bundle. `@actions/core` imports the client for
 * `getIDToken`, `@actions/github` for its default way to send requests; this action uses neither: its one HTTP
 * client is `src/cloudflare/transport.ts`. Without the stand-in, every start would load an HTTP stack that is
 * never used. See CONTRIBUTING.md, "The bundle".
 */
const NOT_PART = 'This HTTP client is not part of the bundle: see build/no-http-client.js';

export class HttpClient {
  getAgent() {
    return undefined;
  }
  getAgentDispatcher() {
    return undefined;
  }
  getJson() {
    throw new Error(NOT_PART);
  }
}

export function fetch() {
  throw new Error(NOT_PART);
}
