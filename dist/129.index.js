export const id = 129;
export const ids = [129];
export const modules = {

/***/ 129:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   Qq: () => (/* binding */ HttpClient),
/* harmony export */   hd: () => (/* binding */ fetch)
/* harmony export */ });
/* unused harmony export getExecOutput */
/*
 * Stands in for `@actions/http-client`, `undici` and `@actions/exec` in the bundle. `@actions/core` imports the client for
 * `getIDToken`, `@actions/github` for its default way to send requests; this action uses neither: its one HTTP
 * client is `src/cloudflare/transport.ts`. Without the stand-in, every start would load an HTTP stack that is
 * never used; `@actions/exec` is imported for `platform.getDetails`, which is not called either.
 * See CONTRIBUTING.md, "The bundle".
 */
const NOT_PART = 'This is not part of the bundle: see build/stand-in.js';

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

function getExecOutput() {
  throw new Error(NOT_PART);
}


/***/ })

};
