export const id = 303;
export const ids = [303];
export const modules = {

/***/ 303:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   Q: () => (/* binding */ HttpClient),
/* harmony export */   h: () => (/* binding */ fetch)
/* harmony export */ });
/*
 * Stands in for `@actions/http-client` and `undici` in the bundle. `@actions/core` imports the client for
 * `getIDToken`, `@actions/github` for its default way to send requests; this action uses neither: its one HTTP
 * client is `src/cloudflare/transport.ts`. Without the stand-in, every start would load an HTTP stack that is
 * never used. See CONTRIBUTING.md, "The bundle".
 */
const NOT_PART = 'This HTTP client is not part of the bundle: see build/no-http-client.js';

class HttpClient {
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

function fetch() {
  throw new Error(NOT_PART);
}


/***/ })

};
