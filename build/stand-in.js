/*
 * Stands in, in the bundle, for packages that are imported but never used here.
 * `@actions/core` imports an HTTP client for `getIDToken`, and
 * `@actions/github` one as its default; this action has one HTTP client,
 * `http-client.ts`. `@actions/exec` is imported for `platform.getDetails`.
 * node-fetch imports `fetch-blob` and `formdata-polyfill` for bodies that are
 * blobs or forms. Without the stand-in, every start would load them: see
 * CONTRIBUTING.md, "The bundle".
 */
const NOT_PART = 'This is not part of the bundle: see build/stand-in.js';

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

export function getExecOutput() {
  throw new Error(NOT_PART);
}

/** node-fetch asks whether a body is one of these; none ever is. */
export class FormData {}
export class File {}
export default class Blob {}

function notPart() {
  throw new Error(NOT_PART);
}

export {
  Blob,
  notPart as blobFrom,
  notPart as blobFromSync,
  notPart as fileFrom,
  notPart as fileFromSync,
  notPart as formDataToBlob,
};
