import { createRequire as __WEBPACK_EXTERNAL_createRequire } from "module";
/******/ var __webpack_modules__ = ({

/***/ 896:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("fs");

/***/ }),

/***/ 24:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:fs");

/***/ }),

/***/ 67:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:http");

/***/ }),

/***/ 708:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:https");

/***/ }),

/***/ 30:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:net");

/***/ }),

/***/ 692:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:tls");

/***/ }),

/***/ 857:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("os");

/***/ }),

/***/ 377:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  d: () => (/* binding */ startDeadline),
  m: () => (/* binding */ systemClock)
});

;// CONCATENATED MODULE: external "node:timers/promises"
const promises_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:timers/promises");
;// CONCATENATED MODULE: ../.build/src/clock.js

const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;
const ORIGIN_MS = Date.now() - monotonicMs();
/**
 * Monotonic time: a corrected system clock cannot stretch or cut a wait.
 * `process.hrtime` is there already, where `performance` has to be loaded.
 */
const systemClock = {
    now: () => ORIGIN_MS + monotonicMs(),
    sleep: (ms, signal) => (0,promises_namespaceObject.setTimeout)(Math.max(0, Math.ceil(ms)), undefined, { signal }).catch(() => { }),
};
/**
 * Writes end this long before the step does, so that a list can still show
 * what became of them.
 */
const LAST_LIST_MS = 1_000;
/** What a cancellation leaves. Users expect less than two seconds. */
const CANCELLED_MS = 1_800;
/**
 * Starts the budget of the step.
 * @param cancel aborted when the runner cancels the step
 */
function startDeadline(clock, timeoutMs, cancel) {
    const closing = new AbortController();
    const writes = new AbortController();
    const end = new AbortController();
    const cleared = new AbortController();
    let endMs = clock.now() + timeoutMs;
    const writesEndMs = () => endMs - LAST_LIST_MS;
    async function run() {
        const isOver = AbortSignal.any([cancel, cleared.signal]);
        await clock.sleep(writesEndMs() - clock.now(), isOver);
        if (cancel.aborted)
            endMs = Math.min(endMs, clock.now() + CANCELLED_MS);
        // Without a reason, Node loads DOMException to make one.
        closing.abort('closing');
        await clock.sleep(writesEndMs() - clock.now(), cleared.signal);
        writes.abort('writes end');
        await clock.sleep(endMs - clock.now(), cleared.signal);
        end.abort('end');
    }
    void run();
    return {
        endMs: () => endMs,
        writesEndMs,
        isCancelled: () => cancel.aborted,
        closing: closing.signal,
        writes: writes.signal,
        end: end.signal,
        clear: () => cleared.abort('cleared'),
    };
}


/***/ }),

/***/ 777:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   $N: () => (/* binding */ codeOf),
/* harmony export */   CV: () => (/* binding */ isNotHttp),
/* harmony export */   M0: () => (/* binding */ explainConnectionError),
/* harmony export */   Rc: () => (/* binding */ ConnectionError),
/* harmony export */   Ur: () => (/* binding */ CONNECTION_OPTIONS),
/* harmony export */   b6: () => (/* binding */ textOf),
/* harmony export */   gb: () => (/* binding */ extraCaProblem),
/* harmony export */   tz: () => (/* binding */ isNotTls)
/* harmony export */ });
/* harmony import */ var node_tls__WEBPACK_IMPORTED_MODULE_0__ = __nccwpck_require__(692);

/** For every agent and every connection, those to a proxy included. */
const CONNECTION_OPTIONS = {
    keepAlive: true,
    /**
     * Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise switch
     * verification off.
     */
    rejectUnauthorized: true,
    /**
     * Explicit, because NODE_OPTIONS=--tls-min-v1.0 would otherwise allow TLS
     * that is known to be broken.
     */
    minVersion: 'TLSv1.2',
    /**
     * A TCP handshake may take longer than Node's default of 250 ms, after which
     * Node gives up an address, even the last one.
     */
    autoSelectFamilyAttemptTimeout: 5_000,
};
/** An exception for where Node passes on nothing but an error. */
class ConnectionError extends Error {
    failure;
    constructor(failure) {
        super(failure.message);
        this.failure = failure;
    }
}
/**
 * Certificates that would be valid with another set of authorities: codes of
 * https://nodejs.org/api/tls.html#x509-certificate-error-codes.
 */
const UNTRUSTED = new Set([
    'CERT_UNTRUSTED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
/** Newer versions of Node add it: an option that an action cannot set. */
const NODE_ADVICE = /; if the root CA is installed locally, .*/;
/** OpenSSL's words for a first record that is not one of TLS. */
const NOT_TLS = /^(wrong version number|packet length too long)$/;
/**
 * Says why a connection was not made.
 *
 * @param error - what the socket, or the request on it, reported
 * @param socket - null where there was none yet
 * @param host - the peer, `host:port`
 */
function explainConnectionError(error, socket, host) {
    if (isCertificateRejected(socket))
        return {
            cause: UNTRUSTED.has(codeOf(error))
                ? 'certificate-untrusted'
                : 'certificate-invalid',
            message: error.message.replace(NODE_ADVICE, ''),
            isRetryable: false,
        };
    if (isNotTls(error))
        return {
            cause: 'network',
            message: `${host} does not speak TLS`,
            isRetryable: false,
        };
    return { cause: 'network', message: textOf(error), isRetryable: true };
}
/** Did the peer send something other than TLS? */
function isNotTls(error) {
    return NOT_TLS.test(tlsReason(error) ?? '');
}
/** Did the peer send something other than HTTP, or too much of it? */
function isNotHttp(error) {
    return codeOf(error).startsWith('HPE_');
}
/**
 * The text of an error. Node's AggregateError has one error for each address
 * of a host, and no message; OpenSSL's message is an address in memory and
 * lines of its source.
 */
function textOf(error) {
    if (error instanceof AggregateError && error.errors.length > 0)
        return error.errors.map((attempt) => attempt.message).join('; ');
    const reason = tlsReason(error);
    return reason === null ? error.message : `TLS failed: ${reason}`;
}
/**
 * What is wrong with NODE_EXTRA_CA_CERTS, which Node reads when it starts:
 * without a file, it goes on without these authorities. Null where nothing is.
 */
function extraCaProblem(env, fileExists) {
    const path = env['NODE_EXTRA_CA_CERTS'];
    if (!path || fileExists(path))
        return null;
    return `NODE_EXTRA_CA_CERTS names "${path}", which does not exist`;
}
/**
 * Node sets `authorizationError` for every way in which a certificate can
 * fail. A list of codes would miss some: those that Node does not know, such
 * as a key that is too small, all have the code `UNSPECIFIED`.
 */
function isCertificateRejected(socket) {
    return socket instanceof node_tls__WEBPACK_IMPORTED_MODULE_0__.TLSSocket && Boolean(socket.authorizationError);
}
/**
 * `wrong version number` in `…:error:0A00010B:SSL routines:f:wrong version
 * number:file.c:77:`. The code is no help: it is `EPROTO` where a write fails.
 */
function tlsReason(error) {
    return /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? null;
}
/** Node's word for what happened; empty where an error has none. */
function codeOf(error) {
    return String(error.code ?? '');
}


/***/ }),

/***/ 828:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  u: () => (/* binding */ createHttpClient)
});

// EXTERNAL MODULE: external "node:http"
var external_node_http_ = __nccwpck_require__(67);
// EXTERNAL MODULE: external "node:https"
var external_node_https_ = __nccwpck_require__(708);
// EXTERNAL MODULE: external "node:tls"
var external_node_tls_ = __nccwpck_require__(692);
;// CONCATENATED MODULE: external "node:zlib"
const external_node_zlib_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:zlib");
;// CONCATENATED MODULE: external "node:stream"
const external_node_stream_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:stream");
;// CONCATENATED MODULE: external "node:buffer"
const external_node_buffer_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:buffer");
;// CONCATENATED MODULE: ../node_modules/data-uri-to-buffer/dist/index.js
/**
 * Returns a `Buffer` instance from the given data URI `uri`.
 *
 * @param {String} uri Data URI to turn into a Buffer instance
 * @returns {Buffer} Buffer instance from Data URI
 * @api public
 */
function dataUriToBuffer(uri) {
    if (!/^data:/i.test(uri)) {
        throw new TypeError('`uri` does not appear to be a Data URI (must begin with "data:")');
    }
    // strip newlines
    uri = uri.replace(/\r?\n/g, '');
    // split the URI up into the "metadata" and the "data" portions
    const firstComma = uri.indexOf(',');
    if (firstComma === -1 || firstComma <= 4) {
        throw new TypeError('malformed data: URI');
    }
    // remove the "data:" scheme and parse the metadata
    const meta = uri.substring(5, firstComma).split(';');
    let charset = '';
    let base64 = false;
    const type = meta[0] || 'text/plain';
    let typeFull = type;
    for (let i = 1; i < meta.length; i++) {
        if (meta[i] === 'base64') {
            base64 = true;
        }
        else if (meta[i]) {
            typeFull += `;${meta[i]}`;
            if (meta[i].indexOf('charset=') === 0) {
                charset = meta[i].substring(8);
            }
        }
    }
    // defaults to US-ASCII only if type is not provided
    if (!meta[0] && !charset.length) {
        typeFull += ';charset=US-ASCII';
        charset = 'US-ASCII';
    }
    // get the encoded data portion and decode URI-encoded chars
    const encoding = base64 ? 'base64' : 'ascii';
    const data = unescape(uri.substring(firstComma + 1));
    const buffer = Buffer.from(data, encoding);
    // set `.type` and `.typeFull` properties to MIME type
    buffer.type = type;
    buffer.typeFull = typeFull;
    // set the `.charset` property
    buffer.charset = charset;
    return buffer;
}
/* harmony default export */ const dist = (dataUriToBuffer);
//# sourceMappingURL=index.js.map
;// CONCATENATED MODULE: external "node:util"
const external_node_util_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:util");
// EXTERNAL MODULE: ./stand-in.js
var stand_in = __nccwpck_require__(129);
;// CONCATENATED MODULE: ../node_modules/node-fetch/src/errors/base.js
class FetchBaseError extends Error {
	constructor(message, type) {
		super(message);
		// Hide custom error implementation details from end-users
		Error.captureStackTrace(this, this.constructor);

		this.type = type;
	}

	get name() {
		return this.constructor.name;
	}

	get [Symbol.toStringTag]() {
		return this.constructor.name;
	}
}

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/errors/fetch-error.js



/**
 * @typedef {{ address?: string, code: string, dest?: string, errno: number, info?: object, message: string, path?: string, port?: number, syscall: string}} SystemError
*/

/**
 * FetchError interface for operational errors
 */
class FetchError extends FetchBaseError {
	/**
	 * @param  {string} message -      Error message for human
	 * @param  {string} [type] -        Error type for machine
	 * @param  {SystemError} [systemError] - For Node.js system error
	 */
	constructor(message, type, systemError) {
		super(message, type);
		// When err.type is `system`, err.erroredSysCall contains system error and err.code contains system error code
		if (systemError) {
			// eslint-disable-next-line no-multi-assign
			this.code = this.errno = systemError.code;
			this.erroredSysCall = systemError.syscall;
		}
	}
}

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/utils/is.js
/**
 * Is.js
 *
 * Object type checks.
 */

const NAME = Symbol.toStringTag;

/**
 * Check if `obj` is a URLSearchParams object
 * ref: https://github.com/node-fetch/node-fetch/issues/296#issuecomment-307598143
 * @param {*} object - Object to check for
 * @return {boolean}
 */
const isURLSearchParameters = object => {
	return (
		typeof object === 'object' &&
		typeof object.append === 'function' &&
		typeof object.delete === 'function' &&
		typeof object.get === 'function' &&
		typeof object.getAll === 'function' &&
		typeof object.has === 'function' &&
		typeof object.set === 'function' &&
		typeof object.sort === 'function' &&
		object[NAME] === 'URLSearchParams'
	);
};

/**
 * Check if `object` is a W3C `Blob` object (which `File` inherits from)
 * @param {*} object - Object to check for
 * @return {boolean}
 */
const isBlob = object => {
	return (
		object &&
		typeof object === 'object' &&
		typeof object.arrayBuffer === 'function' &&
		typeof object.type === 'string' &&
		typeof object.stream === 'function' &&
		typeof object.constructor === 'function' &&
		/^(Blob|File)$/.test(object[NAME])
	);
};

/**
 * Check if `obj` is an instance of AbortSignal.
 * @param {*} object - Object to check for
 * @return {boolean}
 */
const isAbortSignal = object => {
	return (
		typeof object === 'object' && (
			object[NAME] === 'AbortSignal' ||
			object[NAME] === 'EventTarget'
		)
	);
};

/**
 * isDomainOrSubdomain reports whether sub is a subdomain (or exact match) of
 * the parent domain.
 *
 * Both domains must already be in canonical form.
 * @param {string|URL} original
 * @param {string|URL} destination
 */
const isDomainOrSubdomain = (destination, original) => {
	const orig = new URL(original).hostname;
	const dest = new URL(destination).hostname;

	return orig === dest || orig.endsWith(`.${dest}`);
};

/**
 * isSameProtocol reports whether the two provided URLs use the same protocol.
 *
 * Both domains must already be in canonical form.
 * @param {string|URL} original
 * @param {string|URL} destination
 */
const isSameProtocol = (destination, original) => {
	const orig = new URL(original).protocol;
	const dest = new URL(destination).protocol;

	return orig === dest;
};

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/body.js

/**
 * Body.js
 *
 * Body interface provides common methods for Request and Response
 */












const pipeline = (0,external_node_util_namespaceObject.promisify)(external_node_stream_namespaceObject.pipeline);
const INTERNALS = Symbol('Body internals');

/**
 * Body mixin
 *
 * Ref: https://fetch.spec.whatwg.org/#body
 *
 * @param   Stream  body  Readable stream
 * @param   Object  opts  Response options
 * @return  Void
 */
class Body {
	constructor(body, {
		size = 0
	} = {}) {
		let boundary = null;

		if (body === null) {
			// Body is undefined or null
			body = null;
		} else if (isURLSearchParameters(body)) {
			// Body is a URLSearchParams
			body = external_node_buffer_namespaceObject.Buffer.from(body.toString());
		} else if (isBlob(body)) {
			// Body is blob
		} else if (external_node_buffer_namespaceObject.Buffer.isBuffer(body)) {
			// Body is Buffer
		} else if (external_node_util_namespaceObject.types.isAnyArrayBuffer(body)) {
			// Body is ArrayBuffer
			body = external_node_buffer_namespaceObject.Buffer.from(body);
		} else if (ArrayBuffer.isView(body)) {
			// Body is ArrayBufferView
			body = external_node_buffer_namespaceObject.Buffer.from(body.buffer, body.byteOffset, body.byteLength);
		} else if (body instanceof external_node_stream_namespaceObject) {
			// Body is stream
		} else if (body instanceof stand_in/* FormData */.fS) {
			// Body is FormData
			body = (0,stand_in/* formDataToBlob */.$n)(body);
			boundary = body.type.split('=')[1];
		} else {
			// None of the above
			// coerce to string then buffer
			body = external_node_buffer_namespaceObject.Buffer.from(String(body));
		}

		let stream = body;

		if (external_node_buffer_namespaceObject.Buffer.isBuffer(body)) {
			stream = external_node_stream_namespaceObject.Readable.from(body);
		} else if (isBlob(body)) {
			stream = external_node_stream_namespaceObject.Readable.from(body.stream());
		}

		this[INTERNALS] = {
			body,
			stream,
			boundary,
			disturbed: false,
			error: null
		};
		this.size = size;

		if (body instanceof external_node_stream_namespaceObject) {
			body.on('error', error_ => {
				const error = error_ instanceof FetchBaseError ?
					error_ :
					new FetchError(`Invalid response body while trying to fetch ${this.url}: ${error_.message}`, 'system', error_);
				this[INTERNALS].error = error;
			});
		}
	}

	get body() {
		return this[INTERNALS].stream;
	}

	get bodyUsed() {
		return this[INTERNALS].disturbed;
	}

	/**
	 * Decode response as ArrayBuffer
	 *
	 * @return  Promise
	 */
	async arrayBuffer() {
		const {buffer, byteOffset, byteLength} = await consumeBody(this);
		return buffer.slice(byteOffset, byteOffset + byteLength);
	}

	async formData() {
		const ct = this.headers.get('content-type');

		if (ct.startsWith('application/x-www-form-urlencoded')) {
			const formData = new stand_in/* FormData */.fS();
			const parameters = new URLSearchParams(await this.text());

			for (const [name, value] of parameters) {
				formData.append(name, value);
			}

			return formData;
		}

		const {toFormData} = await __nccwpck_require__.e(/* import() */ 415).then(__nccwpck_require__.bind(__nccwpck_require__, 415));
		return toFormData(this.body, ct);
	}

	/**
	 * Return raw response as Blob
	 *
	 * @return Promise
	 */
	async blob() {
		const ct = (this.headers && this.headers.get('content-type')) || (this[INTERNALS].body && this[INTERNALS].body.type) || '';
		const buf = await this.arrayBuffer();

		return new stand_in/* default */.Ay([buf], {
			type: ct
		});
	}

	/**
	 * Decode response as json
	 *
	 * @return  Promise
	 */
	async json() {
		const text = await this.text();
		return JSON.parse(text);
	}

	/**
	 * Decode response as text
	 *
	 * @return  Promise
	 */
	async text() {
		const buffer = await consumeBody(this);
		return new TextDecoder().decode(buffer);
	}

	/**
	 * Decode response as buffer (non-spec api)
	 *
	 * @return  Promise
	 */
	buffer() {
		return consumeBody(this);
	}
}

Body.prototype.buffer = (0,external_node_util_namespaceObject.deprecate)(Body.prototype.buffer, 'Please use \'response.arrayBuffer()\' instead of \'response.buffer()\'', 'node-fetch#buffer');

// In browsers, all properties are enumerable.
Object.defineProperties(Body.prototype, {
	body: {enumerable: true},
	bodyUsed: {enumerable: true},
	arrayBuffer: {enumerable: true},
	blob: {enumerable: true},
	json: {enumerable: true},
	text: {enumerable: true},
	data: {get: (0,external_node_util_namespaceObject.deprecate)(() => {},
		'data doesn\'t exist, use json(), text(), arrayBuffer(), or body instead',
		'https://github.com/node-fetch/node-fetch/issues/1000 (response)')}
});

/**
 * Consume and convert an entire Body to a Buffer.
 *
 * Ref: https://fetch.spec.whatwg.org/#concept-body-consume-body
 *
 * @return Promise
 */
async function consumeBody(data) {
	if (data[INTERNALS].disturbed) {
		throw new TypeError(`body used already for: ${data.url}`);
	}

	data[INTERNALS].disturbed = true;

	if (data[INTERNALS].error) {
		throw data[INTERNALS].error;
	}

	const {body} = data;

	// Body is null
	if (body === null) {
		return external_node_buffer_namespaceObject.Buffer.alloc(0);
	}

	/* c8 ignore next 3 */
	if (!(body instanceof external_node_stream_namespaceObject)) {
		return external_node_buffer_namespaceObject.Buffer.alloc(0);
	}

	// Body is stream
	// get ready to actually consume the body
	const accum = [];
	let accumBytes = 0;

	try {
		for await (const chunk of body) {
			if (data.size > 0 && accumBytes + chunk.length > data.size) {
				const error = new FetchError(`content size at ${data.url} over limit: ${data.size}`, 'max-size');
				body.destroy(error);
				throw error;
			}

			accumBytes += chunk.length;
			accum.push(chunk);
		}
	} catch (error) {
		const error_ = error instanceof FetchBaseError ? error : new FetchError(`Invalid response body while trying to fetch ${data.url}: ${error.message}`, 'system', error);
		throw error_;
	}

	if (body.readableEnded === true || body._readableState.ended === true) {
		try {
			if (accum.every(c => typeof c === 'string')) {
				return external_node_buffer_namespaceObject.Buffer.from(accum.join(''));
			}

			return external_node_buffer_namespaceObject.Buffer.concat(accum, accumBytes);
		} catch (error) {
			throw new FetchError(`Could not create Buffer from response body for ${data.url}: ${error.message}`, 'system', error);
		}
	} else {
		throw new FetchError(`Premature close of server response while trying to fetch ${data.url}`);
	}
}

/**
 * Clone body given Res/Req instance
 *
 * @param   Mixed   instance       Response or Request instance
 * @param   String  highWaterMark  highWaterMark for both PassThrough body streams
 * @return  Mixed
 */
const clone = (instance, highWaterMark) => {
	let p1;
	let p2;
	let {body} = instance[INTERNALS];

	// Don't allow cloning a used body
	if (instance.bodyUsed) {
		throw new Error('cannot clone body after it is used');
	}

	// Check that body is a stream and not form-data object
	// note: we can't clone the form-data object without having it as a dependency
	if ((body instanceof external_node_stream_namespaceObject) && (typeof body.getBoundary !== 'function')) {
		// Tee instance body
		p1 = new external_node_stream_namespaceObject.PassThrough({highWaterMark});
		p2 = new external_node_stream_namespaceObject.PassThrough({highWaterMark});
		body.pipe(p1);
		body.pipe(p2);
		// Set instance body to teed body and return the other teed body
		instance[INTERNALS].stream = p1;
		body = p2;
	}

	return body;
};

const getNonSpecFormDataBoundary = (0,external_node_util_namespaceObject.deprecate)(
	body => body.getBoundary(),
	'form-data doesn\'t follow the spec and requires special treatment. Use alternative package',
	'https://github.com/node-fetch/node-fetch/issues/1167'
);

/**
 * Performs the operation "extract a `Content-Type` value from |object|" as
 * specified in the specification:
 * https://fetch.spec.whatwg.org/#concept-bodyinit-extract
 *
 * This function assumes that instance.body is present.
 *
 * @param {any} body Any options.body input
 * @returns {string | null}
 */
const extractContentType = (body, request) => {
	// Body is null or undefined
	if (body === null) {
		return null;
	}

	// Body is string
	if (typeof body === 'string') {
		return 'text/plain;charset=UTF-8';
	}

	// Body is a URLSearchParams
	if (isURLSearchParameters(body)) {
		return 'application/x-www-form-urlencoded;charset=UTF-8';
	}

	// Body is blob
	if (isBlob(body)) {
		return body.type || null;
	}

	// Body is a Buffer (Buffer, ArrayBuffer or ArrayBufferView)
	if (external_node_buffer_namespaceObject.Buffer.isBuffer(body) || external_node_util_namespaceObject.types.isAnyArrayBuffer(body) || ArrayBuffer.isView(body)) {
		return null;
	}

	if (body instanceof stand_in/* FormData */.fS) {
		return `multipart/form-data; boundary=${request[INTERNALS].boundary}`;
	}

	// Detect form data input from form-data module
	if (body && typeof body.getBoundary === 'function') {
		return `multipart/form-data;boundary=${getNonSpecFormDataBoundary(body)}`;
	}

	// Body is stream - can't really do much about this
	if (body instanceof external_node_stream_namespaceObject) {
		return null;
	}

	// Body constructor defaults other things to string
	return 'text/plain;charset=UTF-8';
};

/**
 * The Fetch Standard treats this as if "total bytes" is a property on the body.
 * For us, we have to explicitly get it with a function.
 *
 * ref: https://fetch.spec.whatwg.org/#concept-body-total-bytes
 *
 * @param {any} obj.body Body object from the Body instance.
 * @returns {number | null}
 */
const getTotalBytes = request => {
	const {body} = request[INTERNALS];

	// Body is null or undefined
	if (body === null) {
		return 0;
	}

	// Body is Blob
	if (isBlob(body)) {
		return body.size;
	}

	// Body is Buffer
	if (external_node_buffer_namespaceObject.Buffer.isBuffer(body)) {
		return body.length;
	}

	// Detect form data input from form-data module
	if (body && typeof body.getLengthSync === 'function') {
		return body.hasKnownLength && body.hasKnownLength() ? body.getLengthSync() : null;
	}

	// Body is stream
	return null;
};

/**
 * Write a Body to a Node.js WritableStream (e.g. http.Request) object.
 *
 * @param {Stream.Writable} dest The stream to write to.
 * @param obj.body Body object from the Body instance.
 * @returns {Promise<void>}
 */
const writeToStream = async (dest, {body}) => {
	if (body === null) {
		// Body is null
		dest.end();
	} else {
		// Body is stream
		await pipeline(body, dest);
	}
};

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/headers.js
/**
 * Headers.js
 *
 * Headers class offers convenient helpers
 */




/* c8 ignore next 9 */
const validateHeaderName = typeof external_node_http_.validateHeaderName === 'function' ?
	external_node_http_.validateHeaderName :
	name => {
		if (!/^[\^`\-\w!#$%&'*+.|~]+$/.test(name)) {
			const error = new TypeError(`Header name must be a valid HTTP token [${name}]`);
			Object.defineProperty(error, 'code', {value: 'ERR_INVALID_HTTP_TOKEN'});
			throw error;
		}
	};

/* c8 ignore next 9 */
const validateHeaderValue = typeof external_node_http_.validateHeaderValue === 'function' ?
	external_node_http_.validateHeaderValue :
	(name, value) => {
		if (/[^\t\u0020-\u007E\u0080-\u00FF]/.test(value)) {
			const error = new TypeError(`Invalid character in header content ["${name}"]`);
			Object.defineProperty(error, 'code', {value: 'ERR_INVALID_CHAR'});
			throw error;
		}
	};

/**
 * @typedef {Headers | Record<string, string> | Iterable<readonly [string, string]> | Iterable<Iterable<string>>} HeadersInit
 */

/**
 * This Fetch API interface allows you to perform various actions on HTTP request and response headers.
 * These actions include retrieving, setting, adding to, and removing.
 * A Headers object has an associated header list, which is initially empty and consists of zero or more name and value pairs.
 * You can add to this using methods like append() (see Examples.)
 * In all methods of this interface, header names are matched by case-insensitive byte sequence.
 *
 */
class Headers extends URLSearchParams {
	/**
	 * Headers class
	 *
	 * @constructor
	 * @param {HeadersInit} [init] - Response headers
	 */
	constructor(init) {
		// Validate and normalize init object in [name, value(s)][]
		/** @type {string[][]} */
		let result = [];
		if (init instanceof Headers) {
			const raw = init.raw();
			for (const [name, values] of Object.entries(raw)) {
				result.push(...values.map(value => [name, value]));
			}
		} else if (init == null) { // eslint-disable-line no-eq-null, eqeqeq
			// No op
		} else if (typeof init === 'object' && !external_node_util_namespaceObject.types.isBoxedPrimitive(init)) {
			const method = init[Symbol.iterator];
			// eslint-disable-next-line no-eq-null, eqeqeq
			if (method == null) {
				// Record<ByteString, ByteString>
				result.push(...Object.entries(init));
			} else {
				if (typeof method !== 'function') {
					throw new TypeError('Header pairs must be iterable');
				}

				// Sequence<sequence<ByteString>>
				// Note: per spec we have to first exhaust the lists then process them
				result = [...init]
					.map(pair => {
						if (
							typeof pair !== 'object' || external_node_util_namespaceObject.types.isBoxedPrimitive(pair)
						) {
							throw new TypeError('Each header pair must be an iterable object');
						}

						return [...pair];
					}).map(pair => {
						if (pair.length !== 2) {
							throw new TypeError('Each header pair must be a name/value tuple');
						}

						return [...pair];
					});
			}
		} else {
			throw new TypeError('Failed to construct \'Headers\': The provided value is not of type \'(sequence<sequence<ByteString>> or record<ByteString, ByteString>)');
		}

		// Validate and lowercase
		result =
			result.length > 0 ?
				result.map(([name, value]) => {
					validateHeaderName(name);
					validateHeaderValue(name, String(value));
					return [String(name).toLowerCase(), String(value)];
				}) :
				undefined;

		super(result);

		// Returning a Proxy that will lowercase key names, validate parameters and sort keys
		// eslint-disable-next-line no-constructor-return
		return new Proxy(this, {
			get(target, p, receiver) {
				switch (p) {
					case 'append':
					case 'set':
						return (name, value) => {
							validateHeaderName(name);
							validateHeaderValue(name, String(value));
							return URLSearchParams.prototype[p].call(
								target,
								String(name).toLowerCase(),
								String(value)
							);
						};

					case 'delete':
					case 'has':
					case 'getAll':
						return name => {
							validateHeaderName(name);
							return URLSearchParams.prototype[p].call(
								target,
								String(name).toLowerCase()
							);
						};

					case 'keys':
						return () => {
							target.sort();
							return new Set(URLSearchParams.prototype.keys.call(target)).keys();
						};

					default:
						return Reflect.get(target, p, receiver);
				}
			}
		});
		/* c8 ignore next */
	}

	get [Symbol.toStringTag]() {
		return this.constructor.name;
	}

	toString() {
		return Object.prototype.toString.call(this);
	}

	get(name) {
		const values = this.getAll(name);
		if (values.length === 0) {
			return null;
		}

		let value = values.join(', ');
		if (/^content-encoding$/i.test(name)) {
			value = value.toLowerCase();
		}

		return value;
	}

	forEach(callback, thisArg = undefined) {
		for (const name of this.keys()) {
			Reflect.apply(callback, thisArg, [this.get(name), name, this]);
		}
	}

	* values() {
		for (const name of this.keys()) {
			yield this.get(name);
		}
	}

	/**
	 * @type {() => IterableIterator<[string, string]>}
	 */
	* entries() {
		for (const name of this.keys()) {
			yield [name, this.get(name)];
		}
	}

	[Symbol.iterator]() {
		return this.entries();
	}

	/**
	 * Node-fetch non-spec method
	 * returning all headers and their values as array
	 * @returns {Record<string, string[]>}
	 */
	raw() {
		return [...this.keys()].reduce((result, key) => {
			result[key] = this.getAll(key);
			return result;
		}, {});
	}

	/**
	 * For better console.log(headers) and also to convert Headers into Node.js Request compatible format
	 */
	[Symbol.for('nodejs.util.inspect.custom')]() {
		return [...this.keys()].reduce((result, key) => {
			const values = this.getAll(key);
			// Http.request() only supports string as Host header.
			// This hack makes specifying custom Host header possible.
			if (key === 'host') {
				result[key] = values[0];
			} else {
				result[key] = values.length > 1 ? values : values[0];
			}

			return result;
		}, {});
	}
}

/**
 * Re-shaping object for Web IDL tests
 * Only need to do it for overridden methods
 */
Object.defineProperties(
	Headers.prototype,
	['get', 'entries', 'forEach', 'values'].reduce((result, property) => {
		result[property] = {enumerable: true};
		return result;
	}, {})
);

/**
 * Create a Headers object from an http.IncomingMessage.rawHeaders, ignoring those that do
 * not conform to HTTP grammar productions.
 * @param {import('http').IncomingMessage['rawHeaders']} headers
 */
function fromRawHeaders(headers = []) {
	return new Headers(
		headers
			// Split into pairs
			.reduce((result, value, index, array) => {
				if (index % 2 === 0) {
					result.push(array.slice(index, index + 2));
				}

				return result;
			}, [])
			.filter(([name, value]) => {
				try {
					validateHeaderName(name);
					validateHeaderValue(name, String(value));
					return true;
				} catch {
					return false;
				}
			})

	);
}

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/utils/is-redirect.js
const redirectStatus = new Set([301, 302, 303, 307, 308]);

/**
 * Redirect code matching
 *
 * @param {number} code - Status code
 * @return {boolean}
 */
const isRedirect = code => {
	return redirectStatus.has(code);
};

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/response.js
/**
 * Response.js
 *
 * Response class provides content decoding
 */





const response_INTERNALS = Symbol('Response internals');

/**
 * Response class
 *
 * Ref: https://fetch.spec.whatwg.org/#response-class
 *
 * @param   Stream  body  Readable stream
 * @param   Object  opts  Response options
 * @return  Void
 */
class Response extends Body {
	constructor(body = null, options = {}) {
		super(body, options);

		// eslint-disable-next-line no-eq-null, eqeqeq, no-negated-condition
		const status = options.status != null ? options.status : 200;

		const headers = new Headers(options.headers);

		if (body !== null && !headers.has('Content-Type')) {
			const contentType = extractContentType(body, this);
			if (contentType) {
				headers.append('Content-Type', contentType);
			}
		}

		this[response_INTERNALS] = {
			type: 'default',
			url: options.url,
			status,
			statusText: options.statusText || '',
			headers,
			counter: options.counter,
			highWaterMark: options.highWaterMark
		};
	}

	get type() {
		return this[response_INTERNALS].type;
	}

	get url() {
		return this[response_INTERNALS].url || '';
	}

	get status() {
		return this[response_INTERNALS].status;
	}

	/**
	 * Convenience property representing if the request ended normally
	 */
	get ok() {
		return this[response_INTERNALS].status >= 200 && this[response_INTERNALS].status < 300;
	}

	get redirected() {
		return this[response_INTERNALS].counter > 0;
	}

	get statusText() {
		return this[response_INTERNALS].statusText;
	}

	get headers() {
		return this[response_INTERNALS].headers;
	}

	get highWaterMark() {
		return this[response_INTERNALS].highWaterMark;
	}

	/**
	 * Clone this response
	 *
	 * @return  Response
	 */
	clone() {
		return new Response(clone(this, this.highWaterMark), {
			type: this.type,
			url: this.url,
			status: this.status,
			statusText: this.statusText,
			headers: this.headers,
			ok: this.ok,
			redirected: this.redirected,
			size: this.size,
			highWaterMark: this.highWaterMark
		});
	}

	/**
	 * @param {string} url    The URL that the new response is to originate from.
	 * @param {number} status An optional status code for the response (e.g., 302.)
	 * @returns {Response}    A Response object.
	 */
	static redirect(url, status = 302) {
		if (!isRedirect(status)) {
			throw new RangeError('Failed to execute "redirect" on "response": Invalid status code');
		}

		return new Response(null, {
			headers: {
				location: new URL(url).toString()
			},
			status
		});
	}

	static error() {
		const response = new Response(null, {status: 0, statusText: ''});
		response[response_INTERNALS].type = 'error';
		return response;
	}

	static json(data = undefined, init = {}) {
		const body = JSON.stringify(data);

		if (body === undefined) {
			throw new TypeError('data is not JSON serializable');
		}

		const headers = new Headers(init && init.headers);

		if (!headers.has('content-type')) {
			headers.set('content-type', 'application/json');
		}

		return new Response(body, {
			...init,
			headers
		});
	}

	get [Symbol.toStringTag]() {
		return 'Response';
	}
}

Object.defineProperties(Response.prototype, {
	type: {enumerable: true},
	url: {enumerable: true},
	status: {enumerable: true},
	ok: {enumerable: true},
	redirected: {enumerable: true},
	statusText: {enumerable: true},
	headers: {enumerable: true},
	clone: {enumerable: true}
});

;// CONCATENATED MODULE: external "node:url"
const external_node_url_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:url");
;// CONCATENATED MODULE: ../node_modules/node-fetch/src/utils/get-search.js
const getSearch = parsedURL => {
	if (parsedURL.search) {
		return parsedURL.search;
	}

	const lastOffset = parsedURL.href.length - 1;
	const hash = parsedURL.hash || (parsedURL.href[lastOffset] === '#' ? '#' : '');
	return parsedURL.href[lastOffset - hash.length] === '?' ? '?' : '';
};

// EXTERNAL MODULE: external "node:net"
var external_node_net_ = __nccwpck_require__(30);
;// CONCATENATED MODULE: ../node_modules/node-fetch/src/utils/referrer.js


/**
 * @external URL
 * @see {@link https://developer.mozilla.org/en-US/docs/Web/API/URL|URL}
 */

/**
 * @module utils/referrer
 * @private
 */

/**
 * @see {@link https://w3c.github.io/webappsec-referrer-policy/#strip-url|Referrer Policy §8.4. Strip url for use as a referrer}
 * @param {string} URL
 * @param {boolean} [originOnly=false]
 */
function stripURLForUseAsAReferrer(url, originOnly = false) {
	// 1. If url is null, return no referrer.
	if (url == null) { // eslint-disable-line no-eq-null, eqeqeq
		return 'no-referrer';
	}

	url = new URL(url);

	// 2. If url's scheme is a local scheme, then return no referrer.
	if (/^(about|blob|data):$/.test(url.protocol)) {
		return 'no-referrer';
	}

	// 3. Set url's username to the empty string.
	url.username = '';

	// 4. Set url's password to null.
	// Note: `null` appears to be a mistake as this actually results in the password being `"null"`.
	url.password = '';

	// 5. Set url's fragment to null.
	// Note: `null` appears to be a mistake as this actually results in the fragment being `"#null"`.
	url.hash = '';

	// 6. If the origin-only flag is true, then:
	if (originOnly) {
		// 6.1. Set url's path to null.
		// Note: `null` appears to be a mistake as this actually results in the path being `"/null"`.
		url.pathname = '';

		// 6.2. Set url's query to null.
		// Note: `null` appears to be a mistake as this actually results in the query being `"?null"`.
		url.search = '';
	}

	// 7. Return url.
	return url;
}

/**
 * @see {@link https://w3c.github.io/webappsec-referrer-policy/#enumdef-referrerpolicy|enum ReferrerPolicy}
 */
const ReferrerPolicy = new Set([
	'',
	'no-referrer',
	'no-referrer-when-downgrade',
	'same-origin',
	'origin',
	'strict-origin',
	'origin-when-cross-origin',
	'strict-origin-when-cross-origin',
	'unsafe-url'
]);

/**
 * @see {@link https://w3c.github.io/webappsec-referrer-policy/#default-referrer-policy|default referrer policy}
 */
const DEFAULT_REFERRER_POLICY = 'strict-origin-when-cross-origin';

/**
 * @see {@link https://w3c.github.io/webappsec-referrer-policy/#referrer-policies|Referrer Policy §3. Referrer Policies}
 * @param {string} referrerPolicy
 * @returns {string} referrerPolicy
 */
function validateReferrerPolicy(referrerPolicy) {
	if (!ReferrerPolicy.has(referrerPolicy)) {
		throw new TypeError(`Invalid referrerPolicy: ${referrerPolicy}`);
	}

	return referrerPolicy;
}

/**
 * @see {@link https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy|Referrer Policy §3.2. Is origin potentially trustworthy?}
 * @param {external:URL} url
 * @returns `true`: "Potentially Trustworthy", `false`: "Not Trustworthy"
 */
function isOriginPotentiallyTrustworthy(url) {
	// 1. If origin is an opaque origin, return "Not Trustworthy".
	// Not applicable

	// 2. Assert: origin is a tuple origin.
	// Not for implementations

	// 3. If origin's scheme is either "https" or "wss", return "Potentially Trustworthy".
	if (/^(http|ws)s:$/.test(url.protocol)) {
		return true;
	}

	// 4. If origin's host component matches one of the CIDR notations 127.0.0.0/8 or ::1/128 [RFC4632], return "Potentially Trustworthy".
	const hostIp = url.host.replace(/(^\[)|(]$)/g, '');
	const hostIPVersion = (0,external_node_net_.isIP)(hostIp);

	if (hostIPVersion === 4 && /^127\./.test(hostIp)) {
		return true;
	}

	if (hostIPVersion === 6 && /^(((0+:){7})|(::(0+:){0,6}))0*1$/.test(hostIp)) {
		return true;
	}

	// 5. If origin's host component is "localhost" or falls within ".localhost", and the user agent conforms to the name resolution rules in [let-localhost-be-localhost], return "Potentially Trustworthy".
	// We are returning FALSE here because we cannot ensure conformance to
	// let-localhost-be-loalhost (https://tools.ietf.org/html/draft-west-let-localhost-be-localhost)
	if (url.host === 'localhost' || url.host.endsWith('.localhost')) {
		return false;
	}

	// 6. If origin's scheme component is file, return "Potentially Trustworthy".
	if (url.protocol === 'file:') {
		return true;
	}

	// 7. If origin's scheme component is one which the user agent considers to be authenticated, return "Potentially Trustworthy".
	// Not supported

	// 8. If origin has been configured as a trustworthy origin, return "Potentially Trustworthy".
	// Not supported

	// 9. Return "Not Trustworthy".
	return false;
}

/**
 * @see {@link https://w3c.github.io/webappsec-secure-contexts/#is-url-trustworthy|Referrer Policy §3.3. Is url potentially trustworthy?}
 * @param {external:URL} url
 * @returns `true`: "Potentially Trustworthy", `false`: "Not Trustworthy"
 */
function isUrlPotentiallyTrustworthy(url) {
	// 1. If url is "about:blank" or "about:srcdoc", return "Potentially Trustworthy".
	if (/^about:(blank|srcdoc)$/.test(url)) {
		return true;
	}

	// 2. If url's scheme is "data", return "Potentially Trustworthy".
	if (url.protocol === 'data:') {
		return true;
	}

	// Note: The origin of blob: and filesystem: URLs is the origin of the context in which they were
	// created. Therefore, blobs created in a trustworthy origin will themselves be potentially
	// trustworthy.
	if (/^(blob|filesystem):$/.test(url.protocol)) {
		return true;
	}

	// 3. Return the result of executing §3.2 Is origin potentially trustworthy? on url's origin.
	return isOriginPotentiallyTrustworthy(url);
}

/**
 * Modifies the referrerURL to enforce any extra security policy considerations.
 * @see {@link https://w3c.github.io/webappsec-referrer-policy/#determine-requests-referrer|Referrer Policy §8.3. Determine request's Referrer}, step 7
 * @callback module:utils/referrer~referrerURLCallback
 * @param {external:URL} referrerURL
 * @returns {external:URL} modified referrerURL
 */

/**
 * Modifies the referrerOrigin to enforce any extra security policy considerations.
 * @see {@link https://w3c.github.io/webappsec-referrer-policy/#determine-requests-referrer|Referrer Policy §8.3. Determine request's Referrer}, step 7
 * @callback module:utils/referrer~referrerOriginCallback
 * @param {external:URL} referrerOrigin
 * @returns {external:URL} modified referrerOrigin
 */

/**
 * @see {@link https://w3c.github.io/webappsec-referrer-policy/#determine-requests-referrer|Referrer Policy §8.3. Determine request's Referrer}
 * @param {Request} request
 * @param {object} o
 * @param {module:utils/referrer~referrerURLCallback} o.referrerURLCallback
 * @param {module:utils/referrer~referrerOriginCallback} o.referrerOriginCallback
 * @returns {external:URL} Request's referrer
 */
function determineRequestsReferrer(request, {referrerURLCallback, referrerOriginCallback} = {}) {
	// There are 2 notes in the specification about invalid pre-conditions.  We return null, here, for
	// these cases:
	// > Note: If request's referrer is "no-referrer", Fetch will not call into this algorithm.
	// > Note: If request's referrer policy is the empty string, Fetch will not call into this
	// > algorithm.
	if (request.referrer === 'no-referrer' || request.referrerPolicy === '') {
		return null;
	}

	// 1. Let policy be request's associated referrer policy.
	const policy = request.referrerPolicy;

	// 2. Let environment be request's client.
	// not applicable to node.js

	// 3. Switch on request's referrer:
	if (request.referrer === 'about:client') {
		return 'no-referrer';
	}

	// "a URL": Let referrerSource be request's referrer.
	const referrerSource = request.referrer;

	// 4. Let request's referrerURL be the result of stripping referrerSource for use as a referrer.
	let referrerURL = stripURLForUseAsAReferrer(referrerSource);

	// 5. Let referrerOrigin be the result of stripping referrerSource for use as a referrer, with the
	//    origin-only flag set to true.
	let referrerOrigin = stripURLForUseAsAReferrer(referrerSource, true);

	// 6. If the result of serializing referrerURL is a string whose length is greater than 4096, set
	//    referrerURL to referrerOrigin.
	if (referrerURL.toString().length > 4096) {
		referrerURL = referrerOrigin;
	}

	// 7. The user agent MAY alter referrerURL or referrerOrigin at this point to enforce arbitrary
	//    policy considerations in the interests of minimizing data leakage. For example, the user
	//    agent could strip the URL down to an origin, modify its host, replace it with an empty
	//    string, etc.
	if (referrerURLCallback) {
		referrerURL = referrerURLCallback(referrerURL);
	}

	if (referrerOriginCallback) {
		referrerOrigin = referrerOriginCallback(referrerOrigin);
	}

	// 8.Execute the statements corresponding to the value of policy:
	const currentURL = new URL(request.url);

	switch (policy) {
		case 'no-referrer':
			return 'no-referrer';

		case 'origin':
			return referrerOrigin;

		case 'unsafe-url':
			return referrerURL;

		case 'strict-origin':
			// 1. If referrerURL is a potentially trustworthy URL and request's current URL is not a
			//    potentially trustworthy URL, then return no referrer.
			if (isUrlPotentiallyTrustworthy(referrerURL) && !isUrlPotentiallyTrustworthy(currentURL)) {
				return 'no-referrer';
			}

			// 2. Return referrerOrigin.
			return referrerOrigin.toString();

		case 'strict-origin-when-cross-origin':
			// 1. If the origin of referrerURL and the origin of request's current URL are the same, then
			//    return referrerURL.
			if (referrerURL.origin === currentURL.origin) {
				return referrerURL;
			}

			// 2. If referrerURL is a potentially trustworthy URL and request's current URL is not a
			//    potentially trustworthy URL, then return no referrer.
			if (isUrlPotentiallyTrustworthy(referrerURL) && !isUrlPotentiallyTrustworthy(currentURL)) {
				return 'no-referrer';
			}

			// 3. Return referrerOrigin.
			return referrerOrigin;

		case 'same-origin':
			// 1. If the origin of referrerURL and the origin of request's current URL are the same, then
			//    return referrerURL.
			if (referrerURL.origin === currentURL.origin) {
				return referrerURL;
			}

			// 2. Return no referrer.
			return 'no-referrer';

		case 'origin-when-cross-origin':
			// 1. If the origin of referrerURL and the origin of request's current URL are the same, then
			//    return referrerURL.
			if (referrerURL.origin === currentURL.origin) {
				return referrerURL;
			}

			// Return referrerOrigin.
			return referrerOrigin;

		case 'no-referrer-when-downgrade':
			// 1. If referrerURL is a potentially trustworthy URL and request's current URL is not a
			//    potentially trustworthy URL, then return no referrer.
			if (isUrlPotentiallyTrustworthy(referrerURL) && !isUrlPotentiallyTrustworthy(currentURL)) {
				return 'no-referrer';
			}

			// 2. Return referrerURL.
			return referrerURL;

		default:
			throw new TypeError(`Invalid referrerPolicy: ${policy}`);
	}
}

/**
 * @see {@link https://w3c.github.io/webappsec-referrer-policy/#parse-referrer-policy-from-header|Referrer Policy §8.1. Parse a referrer policy from a Referrer-Policy header}
 * @param {Headers} headers Response headers
 * @returns {string} policy
 */
function parseReferrerPolicyFromHeader(headers) {
	// 1. Let policy-tokens be the result of extracting header list values given `Referrer-Policy`
	//    and response’s header list.
	const policyTokens = (headers.get('referrer-policy') || '').split(/[,\s]+/);

	// 2. Let policy be the empty string.
	let policy = '';

	// 3. For each token in policy-tokens, if token is a referrer policy and token is not the empty
	//    string, then set policy to token.
	// Note: This algorithm loops over multiple policy values to allow deployment of new policy
	// values with fallbacks for older user agents, as described in § 11.1 Unknown Policy Values.
	for (const token of policyTokens) {
		if (token && ReferrerPolicy.has(token)) {
			policy = token;
		}
	}

	// 4. Return policy.
	return policy;
}

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/request.js
/**
 * Request.js
 *
 * Request class contains server only options
 *
 * All spec algorithm step numbers are based on https://fetch.spec.whatwg.org/commit-snapshots/ae716822cb3a61843226cd090eefc6589446c1d2/.
 */









const request_INTERNALS = Symbol('Request internals');

/**
 * Check if `obj` is an instance of Request.
 *
 * @param  {*} object
 * @return {boolean}
 */
const isRequest = object => {
	return (
		typeof object === 'object' &&
		typeof object[request_INTERNALS] === 'object'
	);
};

const doBadDataWarn = (0,external_node_util_namespaceObject.deprecate)(() => {},
	'.data is not a valid RequestInit property, use .body instead',
	'https://github.com/node-fetch/node-fetch/issues/1000 (request)');

/**
 * Request class
 *
 * Ref: https://fetch.spec.whatwg.org/#request-class
 *
 * @param   Mixed   input  Url or Request instance
 * @param   Object  init   Custom options
 * @return  Void
 */
class Request extends Body {
	constructor(input, init = {}) {
		let parsedURL;

		// Normalize input and force URL to be encoded as UTF-8 (https://github.com/node-fetch/node-fetch/issues/245)
		if (isRequest(input)) {
			parsedURL = new URL(input.url);
		} else {
			parsedURL = new URL(input);
			input = {};
		}

		if (parsedURL.username !== '' || parsedURL.password !== '') {
			throw new TypeError(`${parsedURL} is an url with embedded credentials.`);
		}

		let method = init.method || input.method || 'GET';
		if (/^(delete|get|head|options|post|put)$/i.test(method)) {
			method = method.toUpperCase();
		}

		if (!isRequest(init) && 'data' in init) {
			doBadDataWarn();
		}

		// eslint-disable-next-line no-eq-null, eqeqeq
		if ((init.body != null || (isRequest(input) && input.body !== null)) &&
			(method === 'GET' || method === 'HEAD')) {
			throw new TypeError('Request with GET/HEAD method cannot have body');
		}

		const inputBody = init.body ?
			init.body :
			(isRequest(input) && input.body !== null ?
				clone(input) :
				null);

		super(inputBody, {
			size: init.size || input.size || 0
		});

		const headers = new Headers(init.headers || input.headers || {});

		if (inputBody !== null && !headers.has('Content-Type')) {
			const contentType = extractContentType(inputBody, this);
			if (contentType) {
				headers.set('Content-Type', contentType);
			}
		}

		let signal = isRequest(input) ?
			input.signal :
			null;
		if ('signal' in init) {
			signal = init.signal;
		}

		// eslint-disable-next-line no-eq-null, eqeqeq
		if (signal != null && !isAbortSignal(signal)) {
			throw new TypeError('Expected signal to be an instanceof AbortSignal or EventTarget');
		}

		// §5.4, Request constructor steps, step 15.1
		// eslint-disable-next-line no-eq-null, eqeqeq
		let referrer = init.referrer == null ? input.referrer : init.referrer;
		if (referrer === '') {
			// §5.4, Request constructor steps, step 15.2
			referrer = 'no-referrer';
		} else if (referrer) {
			// §5.4, Request constructor steps, step 15.3.1, 15.3.2
			const parsedReferrer = new URL(referrer);
			// §5.4, Request constructor steps, step 15.3.3, 15.3.4
			referrer = /^about:(\/\/)?client$/.test(parsedReferrer) ? 'client' : parsedReferrer;
		} else {
			referrer = undefined;
		}

		this[request_INTERNALS] = {
			method,
			redirect: init.redirect || input.redirect || 'follow',
			headers,
			parsedURL,
			signal,
			referrer
		};

		// Node-fetch-only options
		this.follow = init.follow === undefined ? (input.follow === undefined ? 20 : input.follow) : init.follow;
		this.compress = init.compress === undefined ? (input.compress === undefined ? true : input.compress) : init.compress;
		this.counter = init.counter || input.counter || 0;
		this.agent = init.agent || input.agent;
		this.highWaterMark = init.highWaterMark || input.highWaterMark || 16384;
		this.insecureHTTPParser = init.insecureHTTPParser || input.insecureHTTPParser || false;

		// §5.4, Request constructor steps, step 16.
		// Default is empty string per https://fetch.spec.whatwg.org/#concept-request-referrer-policy
		this.referrerPolicy = init.referrerPolicy || input.referrerPolicy || '';
	}

	/** @returns {string} */
	get method() {
		return this[request_INTERNALS].method;
	}

	/** @returns {string} */
	get url() {
		return (0,external_node_url_namespaceObject.format)(this[request_INTERNALS].parsedURL);
	}

	/** @returns {Headers} */
	get headers() {
		return this[request_INTERNALS].headers;
	}

	get redirect() {
		return this[request_INTERNALS].redirect;
	}

	/** @returns {AbortSignal} */
	get signal() {
		return this[request_INTERNALS].signal;
	}

	// https://fetch.spec.whatwg.org/#dom-request-referrer
	get referrer() {
		if (this[request_INTERNALS].referrer === 'no-referrer') {
			return '';
		}

		if (this[request_INTERNALS].referrer === 'client') {
			return 'about:client';
		}

		if (this[request_INTERNALS].referrer) {
			return this[request_INTERNALS].referrer.toString();
		}

		return undefined;
	}

	get referrerPolicy() {
		return this[request_INTERNALS].referrerPolicy;
	}

	set referrerPolicy(referrerPolicy) {
		this[request_INTERNALS].referrerPolicy = validateReferrerPolicy(referrerPolicy);
	}

	/**
	 * Clone this request
	 *
	 * @return  Request
	 */
	clone() {
		return new Request(this);
	}

	get [Symbol.toStringTag]() {
		return 'Request';
	}
}

Object.defineProperties(Request.prototype, {
	method: {enumerable: true},
	url: {enumerable: true},
	headers: {enumerable: true},
	redirect: {enumerable: true},
	clone: {enumerable: true},
	signal: {enumerable: true},
	referrer: {enumerable: true},
	referrerPolicy: {enumerable: true}
});

/**
 * Convert a Request to Node.js http request options.
 *
 * @param {Request} request - A Request instance
 * @return The options object to be passed to http.request
 */
const getNodeRequestOptions = request => {
	const {parsedURL} = request[request_INTERNALS];
	const headers = new Headers(request[request_INTERNALS].headers);

	// Fetch step 1.3
	if (!headers.has('Accept')) {
		headers.set('Accept', '*/*');
	}

	// HTTP-network-or-cache fetch steps 2.4-2.7
	let contentLengthValue = null;
	if (request.body === null && /^(post|put)$/i.test(request.method)) {
		contentLengthValue = '0';
	}

	if (request.body !== null) {
		const totalBytes = getTotalBytes(request);
		// Set Content-Length if totalBytes is a number (that is not NaN)
		if (typeof totalBytes === 'number' && !Number.isNaN(totalBytes)) {
			contentLengthValue = String(totalBytes);
		}
	}

	if (contentLengthValue) {
		headers.set('Content-Length', contentLengthValue);
	}

	// 4.1. Main fetch, step 2.6
	// > If request's referrer policy is the empty string, then set request's referrer policy to the
	// > default referrer policy.
	if (request.referrerPolicy === '') {
		request.referrerPolicy = DEFAULT_REFERRER_POLICY;
	}

	// 4.1. Main fetch, step 2.7
	// > If request's referrer is not "no-referrer", set request's referrer to the result of invoking
	// > determine request's referrer.
	if (request.referrer && request.referrer !== 'no-referrer') {
		request[request_INTERNALS].referrer = determineRequestsReferrer(request);
	} else {
		request[request_INTERNALS].referrer = 'no-referrer';
	}

	// 4.5. HTTP-network-or-cache fetch, step 6.9
	// > If httpRequest's referrer is a URL, then append `Referer`/httpRequest's referrer, serialized
	// >  and isomorphic encoded, to httpRequest's header list.
	if (request[request_INTERNALS].referrer instanceof URL) {
		headers.set('Referer', request.referrer);
	}

	// HTTP-network-or-cache fetch step 2.11
	if (!headers.has('User-Agent')) {
		headers.set('User-Agent', 'node-fetch');
	}

	// HTTP-network-or-cache fetch step 2.15
	if (request.compress && !headers.has('Accept-Encoding')) {
		headers.set('Accept-Encoding', 'gzip, deflate, br');
	}

	let {agent} = request;
	if (typeof agent === 'function') {
		agent = agent(parsedURL);
	}

	// HTTP-network fetch step 4.2
	// chunked encoding is handled by Node.js

	const search = getSearch(parsedURL);

	// Pass the full URL directly to request(), but overwrite the following
	// options:
	const options = {
		// Overwrite search to retain trailing ? (issue #776)
		path: parsedURL.pathname + search,
		// The following options are not expressed in the URL
		method: request.method,
		headers: headers[Symbol.for('nodejs.util.inspect.custom')](),
		insecureHTTPParser: request.insecureHTTPParser,
		agent
	};

	return {
		/** @type {URL} */
		parsedURL,
		options
	};
};

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/errors/abort-error.js


/**
 * AbortError interface for cancelled requests
 */
class AbortError extends FetchBaseError {
	constructor(message, type = 'aborted') {
		super(message, type);
	}
}

;// CONCATENATED MODULE: ../node_modules/node-fetch/src/index.js
/**
 * Index.js
 *
 * a request API compatible with window.fetch
 *
 * All spec algorithm step numbers are based on https://fetch.spec.whatwg.org/commit-snapshots/ae716822cb3a61843226cd090eefc6589446c1d2/.
 */
























const supportedSchemas = new Set(['data:', 'http:', 'https:']);

/**
 * Fetch function
 *
 * @param   {string | URL | import('./request').default} url - Absolute url or Request instance
 * @param   {*} [options_] - Fetch options
 * @return  {Promise<import('./response').default>}
 */
async function fetch(url, options_) {
	return new Promise((resolve, reject) => {
		// Build request object
		const request = new Request(url, options_);
		const {parsedURL, options} = getNodeRequestOptions(request);
		if (!supportedSchemas.has(parsedURL.protocol)) {
			throw new TypeError(`node-fetch cannot load ${url}. URL scheme "${parsedURL.protocol.replace(/:$/, '')}" is not supported.`);
		}

		if (parsedURL.protocol === 'data:') {
			const data = dist(request.url);
			const response = new Response(data, {headers: {'Content-Type': data.typeFull}});
			resolve(response);
			return;
		}

		// Wrap http.request into fetch
		const send = (parsedURL.protocol === 'https:' ? external_node_https_ : external_node_http_).request;
		const {signal} = request;
		let response = null;

		const abort = () => {
			const error = new AbortError('The operation was aborted.');
			reject(error);
			if (request.body && request.body instanceof external_node_stream_namespaceObject.Readable) {
				request.body.destroy(error);
			}

			if (!response || !response.body) {
				return;
			}

			response.body.emit('error', error);
		};

		if (signal && signal.aborted) {
			abort();
			return;
		}

		const abortAndFinalize = () => {
			abort();
			finalize();
		};

		// Send request
		const request_ = send(parsedURL.toString(), options);

		if (signal) {
			signal.addEventListener('abort', abortAndFinalize);
		}

		const finalize = () => {
			request_.abort();
			if (signal) {
				signal.removeEventListener('abort', abortAndFinalize);
			}
		};

		request_.on('error', error => {
			reject(new FetchError(`request to ${request.url} failed, reason: ${error.message}`, 'system', error));
			finalize();
		});

		fixResponseChunkedTransferBadEnding(request_, error => {
			if (response && response.body) {
				response.body.destroy(error);
			}
		});

		/* c8 ignore next 18 */
		if (process.version < 'v14') {
			// Before Node.js 14, pipeline() does not fully support async iterators and does not always
			// properly handle when the socket close/end events are out of order.
			request_.on('socket', s => {
				let endedWithEventsCount;
				s.prependListener('end', () => {
					endedWithEventsCount = s._eventsCount;
				});
				s.prependListener('close', hadError => {
					// if end happened before close but the socket didn't emit an error, do it now
					if (response && endedWithEventsCount < s._eventsCount && !hadError) {
						const error = new Error('Premature close');
						error.code = 'ERR_STREAM_PREMATURE_CLOSE';
						response.body.emit('error', error);
					}
				});
			});
		}

		request_.on('response', response_ => {
			request_.setTimeout(0);
			const headers = fromRawHeaders(response_.rawHeaders);

			// HTTP fetch step 5
			if (isRedirect(response_.statusCode)) {
				// HTTP fetch step 5.2
				const location = headers.get('Location');

				// HTTP fetch step 5.3
				let locationURL = null;
				try {
					locationURL = location === null ? null : new URL(location, request.url);
				} catch {
					// error here can only be invalid URL in Location: header
					// do not throw when options.redirect == manual
					// let the user extract the errorneous redirect URL
					if (request.redirect !== 'manual') {
						reject(new FetchError(`uri requested responds with an invalid redirect URL: ${location}`, 'invalid-redirect'));
						finalize();
						return;
					}
				}

				// HTTP fetch step 5.5
				switch (request.redirect) {
					case 'error':
						reject(new FetchError(`uri requested responds with a redirect, redirect mode is set to error: ${request.url}`, 'no-redirect'));
						finalize();
						return;
					case 'manual':
						// Nothing to do
						break;
					case 'follow': {
						// HTTP-redirect fetch step 2
						if (locationURL === null) {
							break;
						}

						// HTTP-redirect fetch step 5
						if (request.counter >= request.follow) {
							reject(new FetchError(`maximum redirect reached at: ${request.url}`, 'max-redirect'));
							finalize();
							return;
						}

						// HTTP-redirect fetch step 6 (counter increment)
						// Create a new Request object.
						const requestOptions = {
							headers: new Headers(request.headers),
							follow: request.follow,
							counter: request.counter + 1,
							agent: request.agent,
							compress: request.compress,
							method: request.method,
							body: clone(request),
							signal: request.signal,
							size: request.size,
							referrer: request.referrer,
							referrerPolicy: request.referrerPolicy
						};

						// when forwarding sensitive headers like "Authorization",
						// "WWW-Authenticate", and "Cookie" to untrusted targets,
						// headers will be ignored when following a redirect to a domain
						// that is not a subdomain match or exact match of the initial domain.
						// For example, a redirect from "foo.com" to either "foo.com" or "sub.foo.com"
						// will forward the sensitive headers, but a redirect to "bar.com" will not.
						// headers will also be ignored when following a redirect to a domain using
						// a different protocol. For example, a redirect from "https://foo.com" to "http://foo.com"
						// will not forward the sensitive headers
						if (!isDomainOrSubdomain(request.url, locationURL) || !isSameProtocol(request.url, locationURL)) {
							for (const name of ['authorization', 'www-authenticate', 'cookie', 'cookie2']) {
								requestOptions.headers.delete(name);
							}
						}

						// HTTP-redirect fetch step 9
						if (response_.statusCode !== 303 && request.body && options_.body instanceof external_node_stream_namespaceObject.Readable) {
							reject(new FetchError('Cannot follow redirect with body being a readable stream', 'unsupported-redirect'));
							finalize();
							return;
						}

						// HTTP-redirect fetch step 11
						if (response_.statusCode === 303 || ((response_.statusCode === 301 || response_.statusCode === 302) && request.method === 'POST')) {
							requestOptions.method = 'GET';
							requestOptions.body = undefined;
							requestOptions.headers.delete('content-length');
						}

						// HTTP-redirect fetch step 14
						const responseReferrerPolicy = parseReferrerPolicyFromHeader(headers);
						if (responseReferrerPolicy) {
							requestOptions.referrerPolicy = responseReferrerPolicy;
						}

						// HTTP-redirect fetch step 15
						resolve(fetch(new Request(locationURL, requestOptions)));
						finalize();
						return;
					}

					default:
						return reject(new TypeError(`Redirect option '${request.redirect}' is not a valid value of RequestRedirect`));
				}
			}

			// Prepare response
			if (signal) {
				response_.once('end', () => {
					signal.removeEventListener('abort', abortAndFinalize);
				});
			}

			let body = (0,external_node_stream_namespaceObject.pipeline)(response_, new external_node_stream_namespaceObject.PassThrough(), error => {
				if (error) {
					reject(error);
				}
			});
			// see https://github.com/nodejs/node/pull/29376
			/* c8 ignore next 3 */
			if (process.version < 'v12.10') {
				response_.on('aborted', abortAndFinalize);
			}

			const responseOptions = {
				url: request.url,
				status: response_.statusCode,
				statusText: response_.statusMessage,
				headers,
				size: request.size,
				counter: request.counter,
				highWaterMark: request.highWaterMark
			};

			// HTTP-network fetch step 12.1.1.3
			const codings = headers.get('Content-Encoding');

			// HTTP-network fetch step 12.1.1.4: handle content codings

			// in following scenarios we ignore compression support
			// 1. compression support is disabled
			// 2. HEAD request
			// 3. no Content-Encoding header
			// 4. no content response (204)
			// 5. content not modified response (304)
			if (!request.compress || request.method === 'HEAD' || codings === null || response_.statusCode === 204 || response_.statusCode === 304) {
				response = new Response(body, responseOptions);
				resolve(response);
				return;
			}

			// For Node v6+
			// Be less strict when decoding compressed responses, since sometimes
			// servers send slightly invalid responses that are still accepted
			// by common browsers.
			// Always using Z_SYNC_FLUSH is what cURL does.
			const zlibOptions = {
				flush: external_node_zlib_namespaceObject.Z_SYNC_FLUSH,
				finishFlush: external_node_zlib_namespaceObject.Z_SYNC_FLUSH
			};

			// For gzip
			if (codings === 'gzip' || codings === 'x-gzip') {
				body = (0,external_node_stream_namespaceObject.pipeline)(body, external_node_zlib_namespaceObject.createGunzip(zlibOptions), error => {
					if (error) {
						reject(error);
					}
				});
				response = new Response(body, responseOptions);
				resolve(response);
				return;
			}

			// For deflate
			if (codings === 'deflate' || codings === 'x-deflate') {
				// Handle the infamous raw deflate response from old servers
				// a hack for old IIS and Apache servers
				const raw = (0,external_node_stream_namespaceObject.pipeline)(response_, new external_node_stream_namespaceObject.PassThrough(), error => {
					if (error) {
						reject(error);
					}
				});
				raw.once('data', chunk => {
					// See http://stackoverflow.com/questions/37519828
					if ((chunk[0] & 0x0F) === 0x08) {
						body = (0,external_node_stream_namespaceObject.pipeline)(body, external_node_zlib_namespaceObject.createInflate(), error => {
							if (error) {
								reject(error);
							}
						});
					} else {
						body = (0,external_node_stream_namespaceObject.pipeline)(body, external_node_zlib_namespaceObject.createInflateRaw(), error => {
							if (error) {
								reject(error);
							}
						});
					}

					response = new Response(body, responseOptions);
					resolve(response);
				});
				raw.once('end', () => {
					// Some old IIS servers return zero-length OK deflate responses, so
					// 'data' is never emitted. See https://github.com/node-fetch/node-fetch/pull/903
					if (!response) {
						response = new Response(body, responseOptions);
						resolve(response);
					}
				});
				return;
			}

			// For br
			if (codings === 'br') {
				body = (0,external_node_stream_namespaceObject.pipeline)(body, external_node_zlib_namespaceObject.createBrotliDecompress(), error => {
					if (error) {
						reject(error);
					}
				});
				response = new Response(body, responseOptions);
				resolve(response);
				return;
			}

			// Otherwise, use response as-is
			response = new Response(body, responseOptions);
			resolve(response);
		});

		// eslint-disable-next-line promise/prefer-await-to-then
		writeToStream(request_, request).catch(reject);
	});
}

function fixResponseChunkedTransferBadEnding(request, errorCallback) {
	const LAST_CHUNK = external_node_buffer_namespaceObject.Buffer.from('0\r\n\r\n');

	let isChunkedTransfer = false;
	let properLastChunkReceived = false;
	let previousChunk;

	request.on('response', response => {
		const {headers} = response;
		isChunkedTransfer = headers['transfer-encoding'] === 'chunked' && !headers['content-length'];
	});

	request.on('socket', socket => {
		const onSocketClose = () => {
			if (isChunkedTransfer && !properLastChunkReceived) {
				const error = new Error('Premature close');
				error.code = 'ERR_STREAM_PREMATURE_CLOSE';
				errorCallback(error);
			}
		};

		const onData = buf => {
			properLastChunkReceived = external_node_buffer_namespaceObject.Buffer.compare(buf.slice(-5), LAST_CHUNK) === 0;

			// Sometimes final 0-length chunk and end of message code are in separate packets
			if (!properLastChunkReceived && previousChunk) {
				properLastChunkReceived = (
					external_node_buffer_namespaceObject.Buffer.compare(previousChunk.slice(-3), LAST_CHUNK.slice(0, 3)) === 0 &&
					external_node_buffer_namespaceObject.Buffer.compare(buf.slice(-2), LAST_CHUNK.slice(3)) === 0
				);
			}

			previousChunk = buf;
		};

		socket.prependListener('close', onSocketClose);
		socket.on('data', onData);

		request.on('close', () => {
			socket.removeListener('close', onSocketClose);
			socket.removeListener('data', onData);
		});
	});
}

;// CONCATENATED MODULE: ../node_modules/@streamparser/json/dist/mjs/utils/bufferedString.js
/**
 * The accumulators that the tokenizer gathers strings and numbers into while
 * their bytes arrive.
 *
 * @module
 */
/**
 * A {@linkcode StringBuilder} that accumulates the token as a JavaScript
 * string. This is the default: it's the fastest option for the small strings
 * and numbers that dominate real JSON.
 */
class NonBufferedString {
    constructor() {
        // fatal: true makes invalid byte sequences (e.g. a lead byte followed by a
        // non-continuation byte) throw instead of silently decoding to U+FFFD.
        this.decoder = new TextDecoder("utf-8", { fatal: true });
        // Pieces appended since the last toString(), not yet folded into `string`.
        this.pending = [];
        this.string = "";
        this.byteLength = 0;
    }
    appendChar(char) {
        this.pending.push(String.fromCharCode(char));
        this.byteLength += 1;
    }
    appendBuf(buf, start = 0, end = buf.length) {
        this.pending.push(this.decoder.decode(buf.subarray(start, end)));
        this.byteLength += end - start;
    }
    appendCharCode(code) {
        this.pending.push(String.fromCharCode(code));
    }
    reset() {
        this.pending = [];
        this.string = "";
        this.byteLength = 0;
    }
    // Folds only the pieces appended since the last call into `string`, so
    // repeated calls (one per chunk when emitting partial tokens) stay linear
    // overall instead of re-joining the whole accumulated string every time.
    toString() {
        if (this.pending.length > 0) {
            this.string += this.pending.join("");
            this.pending = [];
        }
        return this.string;
    }
}
/**
 * A {@linkcode StringBuilder} that accumulates the token's bytes into a
 * fixed-size `Uint8Array` and only decodes them once the buffer is full.
 *
 * Enabled through the tokenizer's `stringBufferSize`/`numberBufferSize`
 * options. It avoids V8's over-allocation on repeated string concatenation,
 * which is what makes very large strings and numbers exhaust memory, at the
 * cost of an encoding/decoding round trip that isn't worth it for small values.
 */
class BufferedString {
    /**
     * @param bufferSize The size, in bytes, of the buffer to accumulate into.
     */
    constructor(bufferSize) {
        // fatal: true makes invalid byte sequences (e.g. a lead byte followed by a
        // non-continuation byte) throw instead of silently decoding to U+FFFD.
        this.decoder = new TextDecoder("utf-8", { fatal: true });
        this.bufferOffset = 0;
        this.string = "";
        this.byteLength = 0;
        this.buffer = new Uint8Array(bufferSize);
    }
    appendChar(char) {
        if (this.bufferOffset >= this.buffer.length)
            this.flushStringBuffer();
        this.buffer[this.bufferOffset++] = char;
        this.byteLength += 1;
    }
    appendBuf(buf, start = 0, end = buf.length) {
        const size = end - start;
        if (this.bufferOffset + size > this.buffer.length)
            this.flushStringBuffer();
        if (size > this.buffer.length) {
            // Span larger than the working buffer: decode it straight into the
            // string instead of copying it in (buffer.set would overflow). Safe
            // because callers only append complete-character spans -- the tokenizer
            // never splits a multi-byte char across appendBuf calls -- so decoding
            // this span on its own can't cut through the middle of a character.
            this.string += this.decoder.decode(buf.subarray(start, end));
            this.byteLength += size;
            return;
        }
        this.buffer.set(buf.subarray(start, end), this.bufferOffset);
        this.bufferOffset += size;
        this.byteLength += size;
    }
    appendCharCode(code) {
        this.flushStringBuffer();
        this.string += String.fromCharCode(code);
    }
    flushStringBuffer() {
        this.string += this.decoder.decode(this.buffer.subarray(0, this.bufferOffset));
        this.bufferOffset = 0;
    }
    reset() {
        this.string = "";
        this.bufferOffset = 0;
        this.byteLength = 0;
    }
    toString() {
        this.flushStringBuffer();
        return this.string;
    }
}
//# sourceMappingURL=bufferedString.js.map
;// CONCATENATED MODULE: ../node_modules/@streamparser/json/dist/mjs/utils/types/tokenType.js
/**
 * The JSON token types emitted by the tokenizer.
 *
 * @module
 */
/** The type of a JSON token, as reported by the tokenizer's `onToken` callback. */
var TokenType;
(function (TokenType) {
    /** `{` */
    TokenType[TokenType["LEFT_BRACE"] = 0] = "LEFT_BRACE";
    /** `}` */
    TokenType[TokenType["RIGHT_BRACE"] = 1] = "RIGHT_BRACE";
    /** `[` */
    TokenType[TokenType["LEFT_BRACKET"] = 2] = "LEFT_BRACKET";
    /** `]` */
    TokenType[TokenType["RIGHT_BRACKET"] = 3] = "RIGHT_BRACKET";
    /** `:` */
    TokenType[TokenType["COLON"] = 4] = "COLON";
    /** `,` */
    TokenType[TokenType["COMMA"] = 5] = "COMMA";
    /** `true` */
    TokenType[TokenType["TRUE"] = 6] = "TRUE";
    /** `false` */
    TokenType[TokenType["FALSE"] = 7] = "FALSE";
    /** `null` */
    TokenType[TokenType["NULL"] = 8] = "NULL";
    /** A string, with all its escape sequences already resolved. */
    TokenType[TokenType["STRING"] = 9] = "STRING";
    /** A number, already parsed into a JavaScript number. */
    TokenType[TokenType["NUMBER"] = 10] = "NUMBER";
    /** The configured separator between consecutive JSON documents. */
    TokenType[TokenType["SEPARATOR"] = 11] = "SEPARATOR";
})(TokenType || (TokenType = {}));
/* harmony default export */ const tokenType = (TokenType);
//# sourceMappingURL=tokenType.js.map
;// CONCATENATED MODULE: ../node_modules/@streamparser/json/dist/mjs/utils/utf-8.js
/**
 * The utf-8 byte values that the tokenizer matches the incoming stream against.
 *
 * @module
 */
/** The utf-8 byte value of each character that is meaningful to the tokenizer. */
var charset;
(function (charset) {
    charset[charset["BACKSPACE"] = 8] = "BACKSPACE";
    charset[charset["FORM_FEED"] = 12] = "FORM_FEED";
    charset[charset["NEWLINE"] = 10] = "NEWLINE";
    charset[charset["CARRIAGE_RETURN"] = 13] = "CARRIAGE_RETURN";
    charset[charset["TAB"] = 9] = "TAB";
    charset[charset["SPACE"] = 32] = "SPACE";
    charset[charset["EXCLAMATION_MARK"] = 33] = "EXCLAMATION_MARK";
    charset[charset["QUOTATION_MARK"] = 34] = "QUOTATION_MARK";
    charset[charset["NUMBER_SIGN"] = 35] = "NUMBER_SIGN";
    charset[charset["DOLLAR_SIGN"] = 36] = "DOLLAR_SIGN";
    charset[charset["PERCENT_SIGN"] = 37] = "PERCENT_SIGN";
    charset[charset["AMPERSAND"] = 38] = "AMPERSAND";
    charset[charset["APOSTROPHE"] = 39] = "APOSTROPHE";
    charset[charset["LEFT_PARENTHESIS"] = 40] = "LEFT_PARENTHESIS";
    charset[charset["RIGHT_PARENTHESIS"] = 41] = "RIGHT_PARENTHESIS";
    charset[charset["ASTERISK"] = 42] = "ASTERISK";
    charset[charset["PLUS_SIGN"] = 43] = "PLUS_SIGN";
    charset[charset["COMMA"] = 44] = "COMMA";
    charset[charset["HYPHEN_MINUS"] = 45] = "HYPHEN_MINUS";
    charset[charset["FULL_STOP"] = 46] = "FULL_STOP";
    charset[charset["SOLIDUS"] = 47] = "SOLIDUS";
    charset[charset["DIGIT_ZERO"] = 48] = "DIGIT_ZERO";
    charset[charset["DIGIT_ONE"] = 49] = "DIGIT_ONE";
    charset[charset["DIGIT_TWO"] = 50] = "DIGIT_TWO";
    charset[charset["DIGIT_THREE"] = 51] = "DIGIT_THREE";
    charset[charset["DIGIT_FOUR"] = 52] = "DIGIT_FOUR";
    charset[charset["DIGIT_FIVE"] = 53] = "DIGIT_FIVE";
    charset[charset["DIGIT_SIX"] = 54] = "DIGIT_SIX";
    charset[charset["DIGIT_SEVEN"] = 55] = "DIGIT_SEVEN";
    charset[charset["DIGIT_EIGHT"] = 56] = "DIGIT_EIGHT";
    charset[charset["DIGIT_NINE"] = 57] = "DIGIT_NINE";
    charset[charset["COLON"] = 58] = "COLON";
    charset[charset["SEMICOLON"] = 59] = "SEMICOLON";
    charset[charset["LESS_THAN_SIGN"] = 60] = "LESS_THAN_SIGN";
    charset[charset["EQUALS_SIGN"] = 61] = "EQUALS_SIGN";
    charset[charset["GREATER_THAN_SIGN"] = 62] = "GREATER_THAN_SIGN";
    charset[charset["QUESTION_MARK"] = 63] = "QUESTION_MARK";
    charset[charset["COMMERCIAL_AT"] = 64] = "COMMERCIAL_AT";
    charset[charset["LATIN_CAPITAL_LETTER_A"] = 65] = "LATIN_CAPITAL_LETTER_A";
    charset[charset["LATIN_CAPITAL_LETTER_B"] = 66] = "LATIN_CAPITAL_LETTER_B";
    charset[charset["LATIN_CAPITAL_LETTER_C"] = 67] = "LATIN_CAPITAL_LETTER_C";
    charset[charset["LATIN_CAPITAL_LETTER_D"] = 68] = "LATIN_CAPITAL_LETTER_D";
    charset[charset["LATIN_CAPITAL_LETTER_E"] = 69] = "LATIN_CAPITAL_LETTER_E";
    charset[charset["LATIN_CAPITAL_LETTER_F"] = 70] = "LATIN_CAPITAL_LETTER_F";
    charset[charset["LATIN_CAPITAL_LETTER_G"] = 71] = "LATIN_CAPITAL_LETTER_G";
    charset[charset["LATIN_CAPITAL_LETTER_H"] = 72] = "LATIN_CAPITAL_LETTER_H";
    charset[charset["LATIN_CAPITAL_LETTER_I"] = 73] = "LATIN_CAPITAL_LETTER_I";
    charset[charset["LATIN_CAPITAL_LETTER_J"] = 74] = "LATIN_CAPITAL_LETTER_J";
    charset[charset["LATIN_CAPITAL_LETTER_K"] = 75] = "LATIN_CAPITAL_LETTER_K";
    charset[charset["LATIN_CAPITAL_LETTER_L"] = 76] = "LATIN_CAPITAL_LETTER_L";
    charset[charset["LATIN_CAPITAL_LETTER_M"] = 77] = "LATIN_CAPITAL_LETTER_M";
    charset[charset["LATIN_CAPITAL_LETTER_N"] = 78] = "LATIN_CAPITAL_LETTER_N";
    charset[charset["LATIN_CAPITAL_LETTER_O"] = 79] = "LATIN_CAPITAL_LETTER_O";
    charset[charset["LATIN_CAPITAL_LETTER_P"] = 80] = "LATIN_CAPITAL_LETTER_P";
    charset[charset["LATIN_CAPITAL_LETTER_Q"] = 81] = "LATIN_CAPITAL_LETTER_Q";
    charset[charset["LATIN_CAPITAL_LETTER_R"] = 82] = "LATIN_CAPITAL_LETTER_R";
    charset[charset["LATIN_CAPITAL_LETTER_S"] = 83] = "LATIN_CAPITAL_LETTER_S";
    charset[charset["LATIN_CAPITAL_LETTER_T"] = 84] = "LATIN_CAPITAL_LETTER_T";
    charset[charset["LATIN_CAPITAL_LETTER_U"] = 85] = "LATIN_CAPITAL_LETTER_U";
    charset[charset["LATIN_CAPITAL_LETTER_V"] = 86] = "LATIN_CAPITAL_LETTER_V";
    charset[charset["LATIN_CAPITAL_LETTER_W"] = 87] = "LATIN_CAPITAL_LETTER_W";
    charset[charset["LATIN_CAPITAL_LETTER_X"] = 88] = "LATIN_CAPITAL_LETTER_X";
    charset[charset["LATIN_CAPITAL_LETTER_Y"] = 89] = "LATIN_CAPITAL_LETTER_Y";
    charset[charset["LATIN_CAPITAL_LETTER_Z"] = 90] = "LATIN_CAPITAL_LETTER_Z";
    charset[charset["LEFT_SQUARE_BRACKET"] = 91] = "LEFT_SQUARE_BRACKET";
    charset[charset["REVERSE_SOLIDUS"] = 92] = "REVERSE_SOLIDUS";
    charset[charset["RIGHT_SQUARE_BRACKET"] = 93] = "RIGHT_SQUARE_BRACKET";
    charset[charset["CIRCUMFLEX_ACCENT"] = 94] = "CIRCUMFLEX_ACCENT";
    charset[charset["LOW_LINE"] = 95] = "LOW_LINE";
    charset[charset["GRAVE_ACCENT"] = 96] = "GRAVE_ACCENT";
    charset[charset["LATIN_SMALL_LETTER_A"] = 97] = "LATIN_SMALL_LETTER_A";
    charset[charset["LATIN_SMALL_LETTER_B"] = 98] = "LATIN_SMALL_LETTER_B";
    charset[charset["LATIN_SMALL_LETTER_C"] = 99] = "LATIN_SMALL_LETTER_C";
    charset[charset["LATIN_SMALL_LETTER_D"] = 100] = "LATIN_SMALL_LETTER_D";
    charset[charset["LATIN_SMALL_LETTER_E"] = 101] = "LATIN_SMALL_LETTER_E";
    charset[charset["LATIN_SMALL_LETTER_F"] = 102] = "LATIN_SMALL_LETTER_F";
    charset[charset["LATIN_SMALL_LETTER_G"] = 103] = "LATIN_SMALL_LETTER_G";
    charset[charset["LATIN_SMALL_LETTER_H"] = 104] = "LATIN_SMALL_LETTER_H";
    charset[charset["LATIN_SMALL_LETTER_I"] = 105] = "LATIN_SMALL_LETTER_I";
    charset[charset["LATIN_SMALL_LETTER_J"] = 106] = "LATIN_SMALL_LETTER_J";
    charset[charset["LATIN_SMALL_LETTER_K"] = 107] = "LATIN_SMALL_LETTER_K";
    charset[charset["LATIN_SMALL_LETTER_L"] = 108] = "LATIN_SMALL_LETTER_L";
    charset[charset["LATIN_SMALL_LETTER_M"] = 109] = "LATIN_SMALL_LETTER_M";
    charset[charset["LATIN_SMALL_LETTER_N"] = 110] = "LATIN_SMALL_LETTER_N";
    charset[charset["LATIN_SMALL_LETTER_O"] = 111] = "LATIN_SMALL_LETTER_O";
    charset[charset["LATIN_SMALL_LETTER_P"] = 112] = "LATIN_SMALL_LETTER_P";
    charset[charset["LATIN_SMALL_LETTER_Q"] = 113] = "LATIN_SMALL_LETTER_Q";
    charset[charset["LATIN_SMALL_LETTER_R"] = 114] = "LATIN_SMALL_LETTER_R";
    charset[charset["LATIN_SMALL_LETTER_S"] = 115] = "LATIN_SMALL_LETTER_S";
    charset[charset["LATIN_SMALL_LETTER_T"] = 116] = "LATIN_SMALL_LETTER_T";
    charset[charset["LATIN_SMALL_LETTER_U"] = 117] = "LATIN_SMALL_LETTER_U";
    charset[charset["LATIN_SMALL_LETTER_V"] = 118] = "LATIN_SMALL_LETTER_V";
    charset[charset["LATIN_SMALL_LETTER_W"] = 119] = "LATIN_SMALL_LETTER_W";
    charset[charset["LATIN_SMALL_LETTER_X"] = 120] = "LATIN_SMALL_LETTER_X";
    charset[charset["LATIN_SMALL_LETTER_Y"] = 121] = "LATIN_SMALL_LETTER_Y";
    charset[charset["LATIN_SMALL_LETTER_Z"] = 122] = "LATIN_SMALL_LETTER_Z";
    charset[charset["LEFT_CURLY_BRACKET"] = 123] = "LEFT_CURLY_BRACKET";
    charset[charset["VERTICAL_LINE"] = 124] = "VERTICAL_LINE";
    charset[charset["RIGHT_CURLY_BRACKET"] = 125] = "RIGHT_CURLY_BRACKET";
    charset[charset["TILDE"] = 126] = "TILDE";
})(charset || (charset = {}));
/**
 * The character that each JSON escape sequence stands for, keyed by the byte
 * that follows the backslash. Unicode escapes (`\uXXXX`) are not in here; the
 * tokenizer resolves those itself.
 */
const escapedSequences = {
    [34 /* charset.QUOTATION_MARK */]: 34 /* charset.QUOTATION_MARK */,
    [92 /* charset.REVERSE_SOLIDUS */]: 92 /* charset.REVERSE_SOLIDUS */,
    [47 /* charset.SOLIDUS */]: 47 /* charset.SOLIDUS */,
    [98 /* charset.LATIN_SMALL_LETTER_B */]: 8 /* charset.BACKSPACE */,
    [102 /* charset.LATIN_SMALL_LETTER_F */]: 12 /* charset.FORM_FEED */,
    [110 /* charset.LATIN_SMALL_LETTER_N */]: 10 /* charset.NEWLINE */,
    [114 /* charset.LATIN_SMALL_LETTER_R */]: 13 /* charset.CARRIAGE_RETURN */,
    [116 /* charset.LATIN_SMALL_LETTER_T */]: 9 /* charset.TAB */,
};
//# sourceMappingURL=utf-8.js.map
;// CONCATENATED MODULE: ../node_modules/@streamparser/json/dist/mjs/tokenizer.js
/**
 * A JSON-compliant tokenizer that turns a utf-8 stream into JSON tokens.
 *
 * @example
 * ```ts
 * import Tokenizer from "@streamparser/json/tokenizer.js";
 *
 * const tokenizer = new Tokenizer();
 * tokenizer.onToken = ({ token, value, offset }) => {
 *   // process the token
 * };
 *
 * tokenizer.write('{ "test": ["a"] }');
 * ```
 *
 * @module
 */



// Tokenizer States
var TokenizerStates;
(function (TokenizerStates) {
    TokenizerStates[TokenizerStates["START"] = 0] = "START";
    TokenizerStates[TokenizerStates["ENDED"] = 1] = "ENDED";
    TokenizerStates[TokenizerStates["ERROR"] = 2] = "ERROR";
    TokenizerStates[TokenizerStates["TRUE1"] = 3] = "TRUE1";
    TokenizerStates[TokenizerStates["TRUE2"] = 4] = "TRUE2";
    TokenizerStates[TokenizerStates["TRUE3"] = 5] = "TRUE3";
    TokenizerStates[TokenizerStates["FALSE1"] = 6] = "FALSE1";
    TokenizerStates[TokenizerStates["FALSE2"] = 7] = "FALSE2";
    TokenizerStates[TokenizerStates["FALSE3"] = 8] = "FALSE3";
    TokenizerStates[TokenizerStates["FALSE4"] = 9] = "FALSE4";
    TokenizerStates[TokenizerStates["NULL1"] = 10] = "NULL1";
    TokenizerStates[TokenizerStates["NULL2"] = 11] = "NULL2";
    TokenizerStates[TokenizerStates["NULL3"] = 12] = "NULL3";
    TokenizerStates[TokenizerStates["STRING_DEFAULT"] = 13] = "STRING_DEFAULT";
    TokenizerStates[TokenizerStates["STRING_AFTER_BACKSLASH"] = 14] = "STRING_AFTER_BACKSLASH";
    TokenizerStates[TokenizerStates["STRING_UNICODE_DIGIT_1"] = 15] = "STRING_UNICODE_DIGIT_1";
    TokenizerStates[TokenizerStates["STRING_UNICODE_DIGIT_2"] = 16] = "STRING_UNICODE_DIGIT_2";
    TokenizerStates[TokenizerStates["STRING_UNICODE_DIGIT_3"] = 17] = "STRING_UNICODE_DIGIT_3";
    TokenizerStates[TokenizerStates["STRING_UNICODE_DIGIT_4"] = 18] = "STRING_UNICODE_DIGIT_4";
    TokenizerStates[TokenizerStates["STRING_INCOMPLETE_CHAR"] = 19] = "STRING_INCOMPLETE_CHAR";
    TokenizerStates[TokenizerStates["NUMBER_AFTER_INITIAL_MINUS"] = 20] = "NUMBER_AFTER_INITIAL_MINUS";
    TokenizerStates[TokenizerStates["NUMBER_AFTER_INITIAL_ZERO"] = 21] = "NUMBER_AFTER_INITIAL_ZERO";
    TokenizerStates[TokenizerStates["NUMBER_AFTER_INITIAL_NON_ZERO"] = 22] = "NUMBER_AFTER_INITIAL_NON_ZERO";
    TokenizerStates[TokenizerStates["NUMBER_AFTER_FULL_STOP"] = 23] = "NUMBER_AFTER_FULL_STOP";
    TokenizerStates[TokenizerStates["NUMBER_AFTER_DECIMAL"] = 24] = "NUMBER_AFTER_DECIMAL";
    TokenizerStates[TokenizerStates["NUMBER_AFTER_E"] = 25] = "NUMBER_AFTER_E";
    TokenizerStates[TokenizerStates["NUMBER_AFTER_E_AND_SIGN"] = 26] = "NUMBER_AFTER_E_AND_SIGN";
    TokenizerStates[TokenizerStates["NUMBER_AFTER_E_AND_DIGIT"] = 27] = "NUMBER_AFTER_E_AND_DIGIT";
    TokenizerStates[TokenizerStates["SEPARATOR"] = 28] = "SEPARATOR";
    TokenizerStates[TokenizerStates["BOM_OR_START"] = 29] = "BOM_OR_START";
    TokenizerStates[TokenizerStates["BOM"] = 30] = "BOM";
})(TokenizerStates || (TokenizerStates = {}));
function TokenizerStateToString(tokenizerState) {
    return [
        "START",
        "ENDED",
        "ERROR",
        "TRUE1",
        "TRUE2",
        "TRUE3",
        "FALSE1",
        "FALSE2",
        "FALSE3",
        "FALSE4",
        "NULL1",
        "NULL2",
        "NULL3",
        "STRING_DEFAULT",
        "STRING_AFTER_BACKSLASH",
        "STRING_UNICODE_DIGIT_1",
        "STRING_UNICODE_DIGIT_2",
        "STRING_UNICODE_DIGIT_3",
        "STRING_UNICODE_DIGIT_4",
        "STRING_INCOMPLETE_CHAR",
        "NUMBER_AFTER_INITIAL_MINUS",
        "NUMBER_AFTER_INITIAL_ZERO",
        "NUMBER_AFTER_INITIAL_NON_ZERO",
        "NUMBER_AFTER_FULL_STOP",
        "NUMBER_AFTER_DECIMAL",
        "NUMBER_AFTER_E",
        "NUMBER_AFTER_E_AND_SIGN",
        "NUMBER_AFTER_E_AND_DIGIT",
        "SEPARATOR",
        "BOM_OR_START",
        "BOM",
    ][tokenizerState];
}
const defaultOpts = {
    stringBufferSize: 0,
    numberBufferSize: 0,
    separator: undefined,
    emitPartialTokens: false,
};
/** The error thrown when the tokenizer is misconfigured or hits invalid JSON. */
class TokenizerError extends Error {
    /**
     * @param message What went wrong.
     */
    constructor(message) {
        super(message);
        // Typescript is broken. This is a workaround
        Object.setPrototypeOf(this, TokenizerError.prototype);
    }
}
// A non-integer buffer size (e.g. 0.5) silently truncates when passed to
// `new Uint8Array(size)` (0.5 becomes a *zero-length* buffer) instead of
// throwing, so every appended byte gets silently dropped rather than
// buffered -- corrupting the parsed value instead of failing loudly.
function validateBufferSize(name, size) {
    if (size === undefined)
        return;
    if (!Number.isInteger(size) || size < 0) {
        throw new TokenizerError(`Invalid "${name}": ${size}. Expected a non-negative integer.`);
    }
}
// Byte length of the UTF-8 character starting with `leadByte`. Invalid or
// continuation lead bytes fall through to 3/4 here and are rejected later by
// the fatal TextDecoder when the bytes are actually decoded.
function utf8SequenceLength(leadByte) {
    if (leadByte >= 194 && leadByte <= 223)
        return 2;
    if (leadByte <= 239)
        return 3;
    return 4;
}
// Index just past the last COMPLETE multi-byte character of the run starting at
// `start`. Stops at the first ASCII byte, or at a character whose bytes would
// run past the end of the buffer (a boundary split the caller carries over).
function multiByteRunEnd(buffer, start) {
    let j = start;
    while (j < buffer.length && buffer[j] >= 128) {
        const seqLength = utf8SequenceLength(buffer[j]);
        if (j + seqLength > buffer.length)
            break; // split across the chunk boundary
        j += seqLength;
    }
    return j;
}
/**
 * A JSON-compliant tokenizer that turns a utf-8 stream into JSON tokens.
 *
 * Data is pushed in with {@linkcode Tokenizer.write} and the resulting tokens
 * come back through the {@linkcode Tokenizer.onToken} callback, which the user
 * is expected to override. Feed the tokens to a `TokenParser` to get JSON
 * values back, or use a `JSONParser`, which chains both.
 *
 * @example
 * ```ts
 * import Tokenizer from "@streamparser/json/tokenizer.js";
 *
 * const tokenizer = new Tokenizer({ separator: "\n" });
 * tokenizer.onToken = ({ token, value, offset }) => {
 *   // process the token
 * };
 * tokenizer.onError = (err) => console.error(err);
 *
 * tokenizer.write('{ "test": ["a"] }');
 * tokenizer.end();
 * ```
 */
class Tokenizer {
    /**
     * @param opts How to tokenize. See {@linkcode TokenizerOptions}.
     */
    constructor(opts) {
        this.state = 29 /* TokenizerStates.BOM_OR_START */;
        this.bomIndex = 0;
        this.separatorIndex = 0;
        this.escapedCharsByteLength = 0;
        this.bytes_remaining = 0; // number of bytes remaining in multi byte utf8 char to read after split boundary
        this.bytes_in_sequence = 0; // bytes in multi byte utf8 char to read
        this.char_split_buffer = new Uint8Array(4); // for rebuilding chars split before boundary is reached
        this.encoder = new TextEncoder();
        this.offset = -1;
        this.streamByteLength = 0; // Total bytes consumed across all write() calls before the current one
        opts = Object.assign(Object.assign({}, defaultOpts), opts);
        validateBufferSize("stringBufferSize", opts.stringBufferSize);
        validateBufferSize("numberBufferSize", opts.numberBufferSize);
        this.emitPartialTokens = opts.emitPartialTokens === true;
        this.bufferedString =
            opts.stringBufferSize && opts.stringBufferSize > 4
                ? new BufferedString(opts.stringBufferSize)
                : new NonBufferedString();
        this.bufferedNumber =
            opts.numberBufferSize && opts.numberBufferSize > 0
                ? new BufferedString(opts.numberBufferSize)
                : new NonBufferedString();
        this.separator = opts.separator;
        this.separatorBytes = opts.separator
            ? this.encoder.encode(opts.separator)
            : undefined;
    }
    /** Whether the tokenizer is ended, and thus no longer accepting data. */
    get isEnded() {
        return this.state === 1 /* TokenizerStates.ENDED */;
    }
    // Appends the code unit decoded from one \uXXXX escape, matching
    // JSON.parse's handling of surrogates: a valid high/low surrogate pair
    // combines into one character; an unpaired high or low surrogate is kept
    // as a raw UTF-16 code unit rather than replaced or dropped (JS strings
    // are free to contain lone surrogates; only encoding them as UTF-8 bytes
    // is lossy, which is why appendCharCode -- not the encoder -- is used for
    // them).
    appendUnicodeCodeUnit(intVal) {
        if (this.highSurrogate !== undefined) {
            if (intVal >= 0xdc00 && intVal <= 0xdfff) {
                // <56320,57343> - valid low surrogate: combine with the pending
                // high surrogate into a single character.
                const unicodeString = String.fromCharCode(this.highSurrogate, intVal);
                const unicodeBuffer = this.encoder.encode(unicodeString);
                this.bufferedString.appendBuf(unicodeBuffer);
                // len(\u0000)=6 minus the fact you're appending len(buf)
                this.escapedCharsByteLength += 6 - unicodeBuffer.byteLength;
                this.highSurrogate = undefined;
                return;
            }
            // Not a matching low surrogate: the pending high surrogate stands on
            // its own, and intVal is processed independently below.
            this.flushPendingHighSurrogate();
        }
        if (intVal >= 0xd800 && intVal <= 0xdbff) {
            // <55296,56319> - high surrogate: defer until we know whether a
            // matching low surrogate follows.
            this.highSurrogate = intVal;
            this.escapedCharsByteLength += 6;
            return;
        }
        if (intVal >= 0xdc00 && intVal <= 0xdfff) {
            // <56320,57343> - lone low surrogate with no preceding high
            // surrogate: keep as a raw code unit.
            this.bufferedString.appendCharCode(intVal);
            this.escapedCharsByteLength += 6;
            return;
        }
        const unicodeString = String.fromCharCode(intVal);
        const unicodeBuffer = this.encoder.encode(unicodeString);
        this.bufferedString.appendBuf(unicodeBuffer);
        // len(\u0000)=6 minus the fact you're appending len(buf)
        this.escapedCharsByteLength += 6 - unicodeBuffer.byteLength;
    }
    flushPendingHighSurrogate() {
        if (this.highSurrogate !== undefined) {
            this.bufferedString.appendCharCode(this.highSurrogate);
            this.highSurrogate = undefined;
        }
    }
    // Stash the leading bytes of a multi-byte character split across the chunk
    // boundary; STRING_INCOMPLETE_CHAR completes it from the next chunk.
    startIncompleteChar(buffer, start) {
        this.bytes_in_sequence = utf8SequenceLength(buffer[start]);
        this.bytes_remaining = start + this.bytes_in_sequence - buffer.length;
        this.char_split_buffer.set(buffer.subarray(start));
        this.state = 19 /* TokenizerStates.STRING_INCOMPLETE_CHAR */;
    }
    /**
     * Pushes the next chunk of the JSON stream into the tokenizer.
     *
     * Tokenizing happens synchronously, so every token in `input` is emitted
     * through {@linkcode Tokenizer.onToken} before this returns. A chunk may end
     * anywhere, including in the middle of a multi-byte character; the rest of it
     * is picked up from the next chunk.
     *
     * @param input The chunk to tokenize: a string, a `TypedArray`, or any
     * iterable of utf-8 byte values.
     * @throws {TokenizerError} If the data is not valid JSON and no
     * {@linkcode Tokenizer.onError} callback has been set.
     */
    write(input) {
        try {
            let buffer;
            if (input instanceof Uint8Array) {
                buffer = input;
            }
            else if (typeof input === "string") {
                if (this.pendingStringSurrogate !== undefined) {
                    input = this.pendingStringSurrogate + input;
                    this.pendingStringSurrogate = undefined;
                }
                const lastCharCode = input.charCodeAt(input.length - 1);
                if (lastCharCode >= 0xd800 && lastCharCode <= 0xdbff) {
                    // Lone high surrogate at the very end of this chunk: hold it back
                    // instead of encoding it (and corrupting it into U+FFFD) alone,
                    // in case the next chunk supplies its matching low surrogate.
                    this.pendingStringSurrogate = input[input.length - 1];
                    input = input.slice(0, -1);
                }
                buffer = this.encoder.encode(input);
            }
            else if (ArrayBuffer.isView(input)) {
                buffer = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
            }
            else if (input !== null &&
                typeof input === "object" &&
                typeof input[Symbol.iterator] === "function") {
                // Any Iterable<number>, not just literal Arrays (e.g. Set, Map
                // values(), a generator) -- matching the public write() signature,
                // which already types `input` as Iterable<number> | string.
                buffer = Uint8Array.from(input);
            }
            else {
                throw new TypeError("Unexpected type. The `write` function only accepts Iterables (e.g. Arrays, Sets, Generators), TypedArrays and Strings.");
            }
            for (let i = 0; i < buffer.length; i += 1) {
                const n = buffer[i]; // get current byte from buffer
                switch (this.state) {
                    // @ts-expect-error fall through case
                    case 29 /* TokenizerStates.BOM_OR_START */:
                        if (n === 0xef) {
                            this.bom = [0xef, 0xbb, 0xbf];
                            this.bomIndex += 1;
                            this.state = 30 /* TokenizerStates.BOM */;
                            continue;
                        }
                        if (input instanceof Uint16Array) {
                            if (n === 0xfe) {
                                this.bom = [0xfe, 0xff];
                                this.bomIndex += 1;
                                this.state = 30 /* TokenizerStates.BOM */;
                                continue;
                            }
                            if (n === 0xff) {
                                this.bom = [0xff, 0xfe];
                                this.bomIndex += 1;
                                this.state = 30 /* TokenizerStates.BOM */;
                                continue;
                            }
                        }
                        if (input instanceof Uint32Array) {
                            if (n === 0x00) {
                                this.bom = [0x00, 0x00, 0xfe, 0xff];
                                this.bomIndex += 1;
                                this.state = 30 /* TokenizerStates.BOM */;
                                continue;
                            }
                            if (n === 0xff) {
                                this.bom = [0xff, 0xfe, 0x00, 0x00];
                                this.bomIndex += 1;
                                this.state = 30 /* TokenizerStates.BOM */;
                                continue;
                            }
                        }
                    case 0 /* TokenizerStates.START */:
                        this.offset += 1;
                        if (this.separatorBytes && n === this.separatorBytes[0]) {
                            if (this.separatorBytes.length === 1) {
                                this.state = 0 /* TokenizerStates.START */;
                                this.onToken({
                                    token: tokenType.SEPARATOR,
                                    value: this.separator,
                                    offset: this.offset + this.separatorBytes.length - 1,
                                });
                                continue;
                            }
                            this.state = 28 /* TokenizerStates.SEPARATOR */;
                            continue;
                        }
                        if (n === 32 /* charset.SPACE */ ||
                            n === 10 /* charset.NEWLINE */ ||
                            n === 13 /* charset.CARRIAGE_RETURN */ ||
                            n === 9 /* charset.TAB */) {
                            // whitespace
                            continue;
                        }
                        if (n === 123 /* charset.LEFT_CURLY_BRACKET */) {
                            this.onToken({
                                token: tokenType.LEFT_BRACE,
                                value: "{",
                                offset: this.offset,
                            });
                            continue;
                        }
                        if (n === 125 /* charset.RIGHT_CURLY_BRACKET */) {
                            this.onToken({
                                token: tokenType.RIGHT_BRACE,
                                value: "}",
                                offset: this.offset,
                            });
                            continue;
                        }
                        if (n === 91 /* charset.LEFT_SQUARE_BRACKET */) {
                            this.onToken({
                                token: tokenType.LEFT_BRACKET,
                                value: "[",
                                offset: this.offset,
                            });
                            continue;
                        }
                        if (n === 93 /* charset.RIGHT_SQUARE_BRACKET */) {
                            this.onToken({
                                token: tokenType.RIGHT_BRACKET,
                                value: "]",
                                offset: this.offset,
                            });
                            continue;
                        }
                        if (n === 58 /* charset.COLON */) {
                            this.onToken({
                                token: tokenType.COLON,
                                value: ":",
                                offset: this.offset,
                            });
                            continue;
                        }
                        if (n === 44 /* charset.COMMA */) {
                            this.onToken({
                                token: tokenType.COMMA,
                                value: ",",
                                offset: this.offset,
                            });
                            continue;
                        }
                        if (n === 116 /* charset.LATIN_SMALL_LETTER_T */) {
                            this.state = 3 /* TokenizerStates.TRUE1 */;
                            continue;
                        }
                        if (n === 102 /* charset.LATIN_SMALL_LETTER_F */) {
                            this.state = 6 /* TokenizerStates.FALSE1 */;
                            continue;
                        }
                        if (n === 110 /* charset.LATIN_SMALL_LETTER_N */) {
                            this.state = 10 /* TokenizerStates.NULL1 */;
                            continue;
                        }
                        if (n === 34 /* charset.QUOTATION_MARK */) {
                            this.bufferedString.reset();
                            this.escapedCharsByteLength = 0;
                            this.state = 13 /* TokenizerStates.STRING_DEFAULT */;
                            continue;
                        }
                        if (n >= 49 /* charset.DIGIT_ONE */ && n <= 57 /* charset.DIGIT_NINE */) {
                            this.bufferedNumber.reset();
                            this.bufferedNumber.appendChar(n);
                            this.state = 22 /* TokenizerStates.NUMBER_AFTER_INITIAL_NON_ZERO */;
                            continue;
                        }
                        if (n === 48 /* charset.DIGIT_ZERO */) {
                            this.bufferedNumber.reset();
                            this.bufferedNumber.appendChar(n);
                            this.state = 21 /* TokenizerStates.NUMBER_AFTER_INITIAL_ZERO */;
                            continue;
                        }
                        if (n === 45 /* charset.HYPHEN_MINUS */) {
                            this.bufferedNumber.reset();
                            this.bufferedNumber.appendChar(n);
                            this.state = 20 /* TokenizerStates.NUMBER_AFTER_INITIAL_MINUS */;
                            continue;
                        }
                        break;
                    // STRING
                    case 13 /* TokenizerStates.STRING_DEFAULT */:
                        if (n === 34 /* charset.QUOTATION_MARK */) {
                            this.flushPendingHighSurrogate();
                            const string = this.bufferedString.toString();
                            this.state = 0 /* TokenizerStates.START */;
                            this.onToken({
                                token: tokenType.STRING,
                                value: string,
                                offset: this.offset,
                            });
                            this.offset +=
                                this.escapedCharsByteLength +
                                    this.bufferedString.byteLength +
                                    1;
                            continue;
                        }
                        if (n === 92 /* charset.REVERSE_SOLIDUS */) {
                            this.state = 14 /* TokenizerStates.STRING_AFTER_BACKSLASH */;
                            continue;
                        }
                        if (n >= 128) {
                            this.flushPendingHighSurrogate();
                            // Decode the whole run of complete multi-byte characters in one
                            // TextDecoder call, rather than one character at a time -- much
                            // faster for multi-byte text (CJK/emoji). ASCII stays on the
                            // per-character appendChar path below.
                            const runEnd = multiByteRunEnd(buffer, i);
                            if (runEnd > i) {
                                this.bufferedString.appendBuf(buffer, i, runEnd);
                                i = runEnd - 1; // the for-loop's i += 1 lands on runEnd
                            }
                            // A character straddling the chunk boundary is carried over to
                            // the next chunk via STRING_INCOMPLETE_CHAR.
                            if (runEnd < buffer.length && buffer[runEnd] >= 128) {
                                this.startIncompleteChar(buffer, runEnd);
                                i = buffer.length - 1;
                            }
                            continue;
                        }
                        if (n >= 32 /* charset.SPACE */) {
                            this.flushPendingHighSurrogate();
                            let j = i;
                            while (j < buffer.length) {
                                const b = buffer[j];
                                if (b < 32 /* charset.SPACE */ ||
                                    b >= 128 ||
                                    b === 34 /* charset.QUOTATION_MARK */ ||
                                    b === 92 /* charset.REVERSE_SOLIDUS */)
                                    break;
                                j += 1;
                            }
                            // appendBuf is one TextDecoder call: worth it only once the run is
                            // long enough to amortize that fixed cost. Short strings (keys,
                            // ids) dominate real JSON, so append those char-by-char instead --
                            // always-appendBuf regresses key/record-heavy JSON ~12%.
                            if (j - i >= 16) {
                                this.bufferedString.appendBuf(buffer, i, j);
                            }
                            else {
                                for (let k = i; k < j; k += 1)
                                    this.bufferedString.appendChar(buffer[k]);
                            }
                            i = j - 1;
                            continue;
                        }
                        break;
                    case 19 /* TokenizerStates.STRING_INCOMPLETE_CHAR */: {
                        // check for carry over of a multi byte char split between data chunks
                        // & fill temp buffer it with start of this data chunk up to the boundary limit set in the last iteration
                        // The rest of the sequence might still not be complete if this chunk is smaller
                        // than the number of bytes still missing (e.g. one byte at a time), so only
                        // consume what's actually available and keep waiting otherwise.
                        const available = Math.min(this.bytes_remaining, buffer.length - i);
                        this.char_split_buffer.set(buffer.subarray(i, i + available), this.bytes_in_sequence - this.bytes_remaining);
                        this.bytes_remaining -= available;
                        if (this.bytes_remaining > 0) {
                            i = buffer.length - 1;
                            continue;
                        }
                        this.bufferedString.appendBuf(this.char_split_buffer, 0, this.bytes_in_sequence);
                        i += available - 1;
                        this.state = 13 /* TokenizerStates.STRING_DEFAULT */;
                        continue;
                    }
                    case 14 /* TokenizerStates.STRING_AFTER_BACKSLASH */: {
                        const controlChar = escapedSequences[n];
                        if (controlChar) {
                            this.flushPendingHighSurrogate();
                            this.bufferedString.appendChar(controlChar);
                            this.escapedCharsByteLength += 1; // len(\")=2 minus the fact you're appending len(controlChar)=1
                            this.state = 13 /* TokenizerStates.STRING_DEFAULT */;
                            continue;
                        }
                        if (n === 117 /* charset.LATIN_SMALL_LETTER_U */) {
                            this.unicode = "";
                            this.state = 15 /* TokenizerStates.STRING_UNICODE_DIGIT_1 */;
                            continue;
                        }
                        break;
                    }
                    case 15 /* TokenizerStates.STRING_UNICODE_DIGIT_1 */:
                    case 16 /* TokenizerStates.STRING_UNICODE_DIGIT_2 */:
                    case 17 /* TokenizerStates.STRING_UNICODE_DIGIT_3 */:
                        if ((n >= 48 /* charset.DIGIT_ZERO */ && n <= 57 /* charset.DIGIT_NINE */) ||
                            (n >= 65 /* charset.LATIN_CAPITAL_LETTER_A */ &&
                                n <= 70 /* charset.LATIN_CAPITAL_LETTER_F */) ||
                            (n >= 97 /* charset.LATIN_SMALL_LETTER_A */ &&
                                n <= 102 /* charset.LATIN_SMALL_LETTER_F */)) {
                            this.unicode += String.fromCharCode(n);
                            this.state += 1;
                            continue;
                        }
                        break;
                    case 18 /* TokenizerStates.STRING_UNICODE_DIGIT_4 */:
                        if ((n >= 48 /* charset.DIGIT_ZERO */ && n <= 57 /* charset.DIGIT_NINE */) ||
                            (n >= 65 /* charset.LATIN_CAPITAL_LETTER_A */ &&
                                n <= 70 /* charset.LATIN_CAPITAL_LETTER_F */) ||
                            (n >= 97 /* charset.LATIN_SMALL_LETTER_A */ &&
                                n <= 102 /* charset.LATIN_SMALL_LETTER_F */)) {
                            const intVal = parseInt(this.unicode + String.fromCharCode(n), 16);
                            this.appendUnicodeCodeUnit(intVal);
                            this.state = 13 /* TokenizerStates.STRING_DEFAULT */;
                            continue;
                        }
                        break;
                    // Number
                    case 20 /* TokenizerStates.NUMBER_AFTER_INITIAL_MINUS */:
                        if (n === 48 /* charset.DIGIT_ZERO */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 21 /* TokenizerStates.NUMBER_AFTER_INITIAL_ZERO */;
                            continue;
                        }
                        if (n >= 49 /* charset.DIGIT_ONE */ && n <= 57 /* charset.DIGIT_NINE */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 22 /* TokenizerStates.NUMBER_AFTER_INITIAL_NON_ZERO */;
                            continue;
                        }
                        break;
                    case 21 /* TokenizerStates.NUMBER_AFTER_INITIAL_ZERO */:
                        if (n === 46 /* charset.FULL_STOP */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 23 /* TokenizerStates.NUMBER_AFTER_FULL_STOP */;
                            continue;
                        }
                        if (n === 101 /* charset.LATIN_SMALL_LETTER_E */ ||
                            n === 69 /* charset.LATIN_CAPITAL_LETTER_E */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 25 /* TokenizerStates.NUMBER_AFTER_E */;
                            continue;
                        }
                        i -= 1;
                        this.state = 0 /* TokenizerStates.START */;
                        this.emitNumber();
                        continue;
                    case 22 /* TokenizerStates.NUMBER_AFTER_INITIAL_NON_ZERO */:
                        if (n >= 48 /* charset.DIGIT_ZERO */ && n <= 57 /* charset.DIGIT_NINE */) {
                            this.bufferedNumber.appendChar(n);
                            continue;
                        }
                        if (n === 46 /* charset.FULL_STOP */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 23 /* TokenizerStates.NUMBER_AFTER_FULL_STOP */;
                            continue;
                        }
                        if (n === 101 /* charset.LATIN_SMALL_LETTER_E */ ||
                            n === 69 /* charset.LATIN_CAPITAL_LETTER_E */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 25 /* TokenizerStates.NUMBER_AFTER_E */;
                            continue;
                        }
                        i -= 1;
                        this.state = 0 /* TokenizerStates.START */;
                        this.emitNumber();
                        continue;
                    case 23 /* TokenizerStates.NUMBER_AFTER_FULL_STOP */:
                        if (n >= 48 /* charset.DIGIT_ZERO */ && n <= 57 /* charset.DIGIT_NINE */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 24 /* TokenizerStates.NUMBER_AFTER_DECIMAL */;
                            continue;
                        }
                        break;
                    case 24 /* TokenizerStates.NUMBER_AFTER_DECIMAL */:
                        if (n >= 48 /* charset.DIGIT_ZERO */ && n <= 57 /* charset.DIGIT_NINE */) {
                            this.bufferedNumber.appendChar(n);
                            continue;
                        }
                        if (n === 101 /* charset.LATIN_SMALL_LETTER_E */ ||
                            n === 69 /* charset.LATIN_CAPITAL_LETTER_E */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 25 /* TokenizerStates.NUMBER_AFTER_E */;
                            continue;
                        }
                        i -= 1;
                        this.state = 0 /* TokenizerStates.START */;
                        this.emitNumber();
                        continue;
                    // @ts-expect-error fall through case
                    case 25 /* TokenizerStates.NUMBER_AFTER_E */:
                        if (n === 43 /* charset.PLUS_SIGN */ || n === 45 /* charset.HYPHEN_MINUS */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 26 /* TokenizerStates.NUMBER_AFTER_E_AND_SIGN */;
                            continue;
                        }
                    case 26 /* TokenizerStates.NUMBER_AFTER_E_AND_SIGN */:
                        if (n >= 48 /* charset.DIGIT_ZERO */ && n <= 57 /* charset.DIGIT_NINE */) {
                            this.bufferedNumber.appendChar(n);
                            this.state = 27 /* TokenizerStates.NUMBER_AFTER_E_AND_DIGIT */;
                            continue;
                        }
                        break;
                    case 27 /* TokenizerStates.NUMBER_AFTER_E_AND_DIGIT */:
                        if (n >= 48 /* charset.DIGIT_ZERO */ && n <= 57 /* charset.DIGIT_NINE */) {
                            this.bufferedNumber.appendChar(n);
                            continue;
                        }
                        i -= 1;
                        this.state = 0 /* TokenizerStates.START */;
                        this.emitNumber();
                        continue;
                    // TRUE
                    case 3 /* TokenizerStates.TRUE1 */:
                        if (n === 114 /* charset.LATIN_SMALL_LETTER_R */) {
                            this.state = 4 /* TokenizerStates.TRUE2 */;
                            continue;
                        }
                        break;
                    case 4 /* TokenizerStates.TRUE2 */:
                        if (n === 117 /* charset.LATIN_SMALL_LETTER_U */) {
                            this.state = 5 /* TokenizerStates.TRUE3 */;
                            continue;
                        }
                        break;
                    case 5 /* TokenizerStates.TRUE3 */:
                        if (n === 101 /* charset.LATIN_SMALL_LETTER_E */) {
                            this.state = 0 /* TokenizerStates.START */;
                            this.onToken({
                                token: tokenType.TRUE,
                                value: true,
                                offset: this.offset,
                            });
                            this.offset += 3;
                            continue;
                        }
                        break;
                    // FALSE
                    case 6 /* TokenizerStates.FALSE1 */:
                        if (n === 97 /* charset.LATIN_SMALL_LETTER_A */) {
                            this.state = 7 /* TokenizerStates.FALSE2 */;
                            continue;
                        }
                        break;
                    case 7 /* TokenizerStates.FALSE2 */:
                        if (n === 108 /* charset.LATIN_SMALL_LETTER_L */) {
                            this.state = 8 /* TokenizerStates.FALSE3 */;
                            continue;
                        }
                        break;
                    case 8 /* TokenizerStates.FALSE3 */:
                        if (n === 115 /* charset.LATIN_SMALL_LETTER_S */) {
                            this.state = 9 /* TokenizerStates.FALSE4 */;
                            continue;
                        }
                        break;
                    case 9 /* TokenizerStates.FALSE4 */:
                        if (n === 101 /* charset.LATIN_SMALL_LETTER_E */) {
                            this.state = 0 /* TokenizerStates.START */;
                            this.onToken({
                                token: tokenType.FALSE,
                                value: false,
                                offset: this.offset,
                            });
                            this.offset += 4;
                            continue;
                        }
                        break;
                    // NULL
                    case 10 /* TokenizerStates.NULL1 */:
                        if (n === 117 /* charset.LATIN_SMALL_LETTER_U */) {
                            this.state = 11 /* TokenizerStates.NULL2 */;
                            continue;
                        }
                        break;
                    case 11 /* TokenizerStates.NULL2 */:
                        if (n === 108 /* charset.LATIN_SMALL_LETTER_L */) {
                            this.state = 12 /* TokenizerStates.NULL3 */;
                            continue;
                        }
                        break;
                    case 12 /* TokenizerStates.NULL3 */:
                        if (n === 108 /* charset.LATIN_SMALL_LETTER_L */) {
                            this.state = 0 /* TokenizerStates.START */;
                            this.onToken({
                                token: tokenType.NULL,
                                value: null,
                                offset: this.offset,
                            });
                            this.offset += 3;
                            continue;
                        }
                        break;
                    case 28 /* TokenizerStates.SEPARATOR */:
                        this.separatorIndex += 1;
                        if (!this.separatorBytes ||
                            n !== this.separatorBytes[this.separatorIndex]) {
                            break;
                        }
                        if (this.separatorIndex === this.separatorBytes.length - 1) {
                            this.state = 0 /* TokenizerStates.START */;
                            this.onToken({
                                token: tokenType.SEPARATOR,
                                value: this.separator,
                                offset: this.offset + this.separatorIndex,
                            });
                            this.separatorIndex = 0;
                        }
                        continue;
                    // BOM support
                    case 30 /* TokenizerStates.BOM */:
                        if (n === this.bom[this.bomIndex]) {
                            if (this.bomIndex === this.bom.length - 1) {
                                this.state = 0 /* TokenizerStates.START */;
                                this.bom = undefined;
                                this.bomIndex = 0;
                                continue;
                            }
                            this.bomIndex += 1;
                            continue;
                        }
                        break;
                    case 1 /* TokenizerStates.ENDED */:
                        if (n === 32 /* charset.SPACE */ ||
                            n === 10 /* charset.NEWLINE */ ||
                            n === 13 /* charset.CARRIAGE_RETURN */ ||
                            n === 9 /* charset.TAB */) {
                            // whitespace
                            continue;
                        }
                }
                throw new TokenizerError(`Unexpected "${String.fromCharCode(n)}" at chunk position "${i}" (absolute position "${this.streamByteLength + i}") in state ${TokenizerStateToString(this.state)}`);
            }
            this.streamByteLength += buffer.length;
            if (this.emitPartialTokens) {
                switch (this.state) {
                    case 3 /* TokenizerStates.TRUE1 */:
                    case 4 /* TokenizerStates.TRUE2 */:
                    case 5 /* TokenizerStates.TRUE3 */:
                        this.onToken({
                            token: tokenType.TRUE,
                            value: true,
                            offset: this.offset,
                            partial: true,
                        });
                        break;
                    case 6 /* TokenizerStates.FALSE1 */:
                    case 7 /* TokenizerStates.FALSE2 */:
                    case 8 /* TokenizerStates.FALSE3 */:
                    case 9 /* TokenizerStates.FALSE4 */:
                        this.onToken({
                            token: tokenType.FALSE,
                            value: false,
                            offset: this.offset,
                            partial: true,
                        });
                        break;
                    case 10 /* TokenizerStates.NULL1 */:
                    case 11 /* TokenizerStates.NULL2 */:
                    case 12 /* TokenizerStates.NULL3 */:
                        this.onToken({
                            token: tokenType.NULL,
                            value: null,
                            offset: this.offset,
                            partial: true,
                        });
                        break;
                    case 13 /* TokenizerStates.STRING_DEFAULT */: {
                        const string = this.bufferedString.toString();
                        this.onToken({
                            token: tokenType.STRING,
                            value: string,
                            offset: this.offset,
                            partial: true,
                        });
                        break;
                    }
                    case 21 /* TokenizerStates.NUMBER_AFTER_INITIAL_ZERO */:
                    case 22 /* TokenizerStates.NUMBER_AFTER_INITIAL_NON_ZERO */:
                    case 24 /* TokenizerStates.NUMBER_AFTER_DECIMAL */:
                    case 27 /* TokenizerStates.NUMBER_AFTER_E_AND_DIGIT */:
                        try {
                            this.onToken({
                                token: tokenType.NUMBER,
                                value: this.parseNumber(this.bufferedNumber.toString()),
                                offset: this.offset,
                                partial: true,
                            });
                        }
                        catch (_a) {
                            // Number couldn't be parsed. Do nothing.
                        }
                }
            }
        }
        catch (err) {
            this.error(err);
        }
    }
    emitNumber() {
        this.onToken({
            token: tokenType.NUMBER,
            value: this.parseNumber(this.bufferedNumber.toString()),
            offset: this.offset,
        });
        this.offset += this.bufferedNumber.byteLength - 1;
    }
    /**
     * Turns the characters of a JSON number into a JavaScript value.
     *
     * Equivalent to `Number(numberStr)`. Override it to handle numbers that a
     * JavaScript number can't represent, for example by keeping them as strings.
     *
     * @param numberStr The number, as it appeared in the JSON stream.
     * @returns The parsed number.
     */
    parseNumber(numberStr) {
        return Number(numberStr);
    }
    /**
     * Puts the tokenizer in an error state and reports `err` through
     * {@linkcode Tokenizer.onError}. The tokenizer can't be used afterwards.
     *
     * @param err What went wrong.
     */
    error(err) {
        if (this.state !== 1 /* TokenizerStates.ENDED */) {
            this.state = 2 /* TokenizerStates.ERROR */;
        }
        this.onError(err);
    }
    /**
     * Signals that the stream is over, flushing any number that was still being
     * tokenized and then ending the tokenizer, which can't be used afterwards.
     *
     * @throws {TokenizerError} If the stream ended in the middle of a token and no
     * {@linkcode Tokenizer.onError} callback has been set.
     */
    end() {
        switch (this.state) {
            case 21 /* TokenizerStates.NUMBER_AFTER_INITIAL_ZERO */:
            case 22 /* TokenizerStates.NUMBER_AFTER_INITIAL_NON_ZERO */:
            case 24 /* TokenizerStates.NUMBER_AFTER_DECIMAL */:
            case 27 /* TokenizerStates.NUMBER_AFTER_E_AND_DIGIT */:
                this.state = 1 /* TokenizerStates.ENDED */;
                this.emitNumber();
                this.onEnd();
                break;
            case 29 /* TokenizerStates.BOM_OR_START */:
            case 0 /* TokenizerStates.START */:
            case 2 /* TokenizerStates.ERROR */:
                this.state = 1 /* TokenizerStates.ENDED */;
                this.onEnd();
                break;
            default:
                this.error(new TokenizerError(`Tokenizer ended in the middle of a token (state: ${TokenizerStateToString(this.state)}). Either not all the data was received or the data was invalid.`));
        }
    }
    /**
     * Called with every token found in the stream. Override it to consume them;
     * by default it throws.
     *
     * @param parsedToken The token and where it was found.
     */
    // biome-ignore lint/correctness/noUnusedFunctionParameters: override point; the parameter is part of the public signature
    onToken(parsedToken) {
        // Override me
        throw new TokenizerError('Can\'t emit tokens before the "onToken" callback has been set up.');
    }
    /**
     * Called when the data can't be tokenized. Override it to handle errors
     * asynchronously; by default it throws, so the error surfaces out of the
     * {@linkcode Tokenizer.write} or {@linkcode Tokenizer.end} call that caused it.
     *
     * @param err What went wrong.
     */
    onError(err) {
        // Override me
        throw err;
    }
    /** Called once the tokenizer has ended. Override it to react to that; by default it does nothing. */
    onEnd() {
        // Override me
    }
}
//# sourceMappingURL=tokenizer.js.map
;// CONCATENATED MODULE: ../node_modules/@streamparser/json/dist/mjs/tokenparser.js
/**
 * A parser that assembles the tokens emitted by the tokenizer into JSON values.
 *
 * @example
 * ```ts
 * import Tokenizer from "@streamparser/json/tokenizer.js";
 * import TokenParser from "@streamparser/json/tokenparser.js";
 *
 * const tokenizer = new Tokenizer();
 * const tokenParser = new TokenParser({ paths: ["$.*"] });
 * tokenizer.onToken = tokenParser.write.bind(tokenParser);
 * tokenParser.onValue = ({ value }) => {
 *   // process the value
 * };
 *
 * tokenizer.write('{ "test": ["a"] }');
 * ```
 *
 * @module
 */

// Parser States
var TokenParserState;
(function (TokenParserState) {
    TokenParserState[TokenParserState["VALUE"] = 0] = "VALUE";
    TokenParserState[TokenParserState["KEY"] = 1] = "KEY";
    TokenParserState[TokenParserState["COLON"] = 2] = "COLON";
    TokenParserState[TokenParserState["COMMA"] = 3] = "COMMA";
    TokenParserState[TokenParserState["ENDED"] = 4] = "ENDED";
    TokenParserState[TokenParserState["ERROR"] = 5] = "ERROR";
    TokenParserState[TokenParserState["SEPARATOR"] = 6] = "SEPARATOR";
})(TokenParserState || (TokenParserState = {}));
function TokenParserStateToString(state) {
    return ["VALUE", "KEY", "COLON", "COMMA", "ENDED", "ERROR", "SEPARATOR"][state];
}
// Plain bracket assignment invokes the inherited `Object.prototype.__proto__`
// setter for that one key name, letting a "__proto__" key in the input alter
// obj's actual prototype instead of becoming a property of obj. Only that key
// needs the safe (but slower) Object.defineProperty path -- every other key,
// i.e. the overwhelming majority, keeps the fast, JIT-friendly assignment.
function setProperty(obj, key, value) {
    if (key === "__proto__") {
        Object.defineProperty(obj, key, {
            value,
            writable: true,
            enumerable: true,
            configurable: true,
        });
        return;
    }
    obj[key] = value;
}
const tokenparser_defaultOpts = {
    paths: undefined,
    keepStack: true,
    separator: undefined,
    emitPartialValues: false,
};
/** The error thrown when the token parser is misconfigured or gets an unexpected token. */
class TokenParserError extends Error {
    /**
     * @param message What went wrong.
     */
    constructor(message) {
        super(message);
        // Typescript is broken. This is a workaround
        Object.setPrototypeOf(this, TokenParserError.prototype);
    }
}
/**
 * A parser that assembles the tokens emitted by a tokenizer into JSON values.
 *
 * Tokens are pushed in with {@linkcode TokenParser.write} and the resulting
 * values come back through the {@linkcode TokenParser.onValue} callback, which
 * the user is expected to override. Values are emitted innermost first, as soon
 * as each one is complete, and can be narrowed down to the ones of interest with
 * the `paths` option.
 *
 * @example
 * ```ts
 * import Tokenizer from "@streamparser/json/tokenizer.js";
 * import TokenParser from "@streamparser/json/tokenparser.js";
 *
 * const tokenizer = new Tokenizer();
 * const tokenParser = new TokenParser();
 * tokenizer.onToken = tokenParser.write.bind(tokenParser);
 * tokenParser.onValue = ({ value, key, parent, stack }) => {
 *   // process the value
 * };
 *
 * tokenizer.write('{ "test": ["a"] }');
 * // onValue is called 3 times: "a", ["a"] and { test: ["a"] }
 * ```
 */
class TokenParser {
    /**
     * @param opts What to emit and how. See {@linkcode TokenParserOptions}.
     * @throws {TokenParserError} If any of the configured `paths` is not a valid selector.
     */
    constructor(opts) {
        this.state = 0 /* TokenParserState.VALUE */;
        this.mode = undefined;
        this.key = undefined;
        this.value = undefined;
        this.stack = [];
        // Tracked explicitly rather than inferred from `value` because keepStack:false
        // deletes emitted properties from `value`, so Object.keys(value).length can no
        // longer be trusted to tell an empty object from one whose members were purged.
        this.memberCount = 0;
        opts = Object.assign(Object.assign({}, tokenparser_defaultOpts), opts);
        if (opts.paths) {
            const root = { children: new Map(), terminal: false };
            // A match-everything selector makes the whole set match everything, which
            // we represent by leaving the trie undefined (as with no paths at all).
            let matchEverything = false;
            for (const path of opts.paths) {
                if (path === undefined || path === "$*") {
                    matchEverything = true;
                    continue;
                }
                if (!path.startsWith("$"))
                    throw new TokenParserError(`Invalid selector "${path}". Should start with "$".`);
                const segments = path.split(".").slice(1);
                if (segments.includes(""))
                    throw new TokenParserError(`Invalid selector "${path}". ".." syntax not supported.`);
                let node = root;
                for (const segment of segments) {
                    let child = node.children.get(segment);
                    if (!child) {
                        child = { children: new Map(), terminal: false };
                        node.children.set(segment, child);
                    }
                    node = child;
                }
                node.terminal = true;
            }
            if (!matchEverything)
                this.selectorTrie = root;
        }
        this.keepStack = opts.keepStack || false;
        this.separator = opts.separator;
        if (!opts.emitPartialValues) {
            this.emitPartial = () => { };
        }
    }
    shouldEmit() {
        if (!this.selectorTrie)
            return true;
        return this.matchesSelector(this.selectorTrie, 0);
    }
    // Depth-first walk of the selector trie down the current value's key path:
    //   [stack[1].key, ..., stack[n-1].key, this.key]   (n = stack.length)
    // A value matches iff some branch reaches a terminal node at the exact depth.
    // Recursion (rather than an explicit frontier) keeps the common single-path
    // walk allocation-free and short-circuits on the first match, like the old
    // rescan did, while collapsing its O(number of selectors) cost to O(depth).
    matchesSelector(node, level) {
        const keyCount = this.stack.length;
        if (level === keyCount)
            return node.terminal;
        const key = level < keyCount - 1 ? this.stack[level + 1].key : this.key;
        // "*" matches any key; try it first since it needs no key lookup.
        const wildcard = node.children.get("*");
        if (wildcard && this.matchesSelector(wildcard, level + 1))
            return true;
        // Then a literal match. Resolving the key to a string allocates for numeric
        // array indices, so skip it unless there's a literal child to match.
        const hasLiteralChild = node.children.size > (wildcard ? 1 : 0);
        if (hasLiteralChild) {
            const segment = key === null || key === void 0 ? void 0 : key.toString();
            if (segment !== undefined) {
                const child = node.children.get(segment);
                if (child && this.matchesSelector(child, level + 1))
                    return true;
            }
        }
        return false;
    }
    push() {
        this.stack.push({
            key: this.key,
            value: this.value,
            mode: this.mode,
            emit: this.shouldEmit(),
            memberCount: this.memberCount,
        });
    }
    pop() {
        const value = this.value;
        // biome-ignore lint/suspicious/noImplicitAnyLet: assigned via the destructuring assignment below
        let emit;
        ({
            key: this.key,
            value: this.value,
            mode: this.mode,
            emit,
            memberCount: this.memberCount,
        } = this.stack.pop());
        this.state =
            this.mode !== undefined ? 3 /* TokenParserState.COMMA */ : 0 /* TokenParserState.VALUE */;
        this.emit(value, emit);
    }
    emit(value, emit) {
        if (!this.keepStack &&
            this.value &&
            this.stack.every((item) => !item.emit)) {
            if (Array.isArray(this.value)) {
                // Shrinking `.length` drops the slot, unlike `delete`, which only leaves a hole
                this.value.length -= 1;
            }
            else {
                delete this.value[this.key];
            }
        }
        if (emit) {
            this.onValue({
                value: value,
                key: this.key,
                parent: this.value,
                stack: this.stack,
            });
        }
        if (this.stack.length === 0) {
            if (this.separator) {
                this.state = 6 /* TokenParserState.SEPARATOR */;
            }
            else if (this.separator === undefined) {
                this.end();
            }
            // else if separator === '', expect next JSON object.
        }
    }
    emitPartial(value) {
        if (!this.shouldEmit())
            return;
        if (this.state === 1 /* TokenParserState.KEY */) {
            this.onValue({
                value: undefined,
                key: value,
                parent: this.value,
                stack: this.stack,
                partial: true,
            });
            return;
        }
        this.onValue({
            value: value,
            key: this.key,
            parent: this.value,
            stack: this.stack,
            partial: true,
        });
    }
    /** Whether the token parser is ended, and thus no longer accepting tokens. */
    get isEnded() {
        return this.state === 4 /* TokenParserState.ENDED */;
    }
    /**
     * Pushes the next token into the parser.
     *
     * Parsing happens synchronously, so every value that the token completes is
     * emitted through {@linkcode TokenParser.onValue} before this returns.
     *
     * @param parsedTokenInfo The token to process, as emitted by a tokenizer.
     * @throws {TokenParserError} If the token can't appear at this point of the
     * JSON document and no {@linkcode TokenParser.onError} callback has been set.
     */
    write({ token, value, partial, }) {
        try {
            if (partial) {
                if (this.state !== 0 /* TokenParserState.VALUE */ &&
                    this.state !== 1 /* TokenParserState.KEY */) {
                    throw new TokenParserError(`Unexpected partial ${tokenType[token]} (${JSON.stringify(value)}) in state ${TokenParserStateToString(this.state)}`);
                }
                this.emitPartial(value);
                return;
            }
            if (this.state === 0 /* TokenParserState.VALUE */) {
                if (token === tokenType.STRING ||
                    token === tokenType.NUMBER ||
                    token === tokenType.TRUE ||
                    token === tokenType.FALSE ||
                    token === tokenType.NULL) {
                    if (this.mode === 0 /* TokenParserMode.OBJECT */) {
                        setProperty(this.value, this.key, value);
                        this.state = 3 /* TokenParserState.COMMA */;
                        this.memberCount++;
                    }
                    else if (this.mode === 1 /* TokenParserMode.ARRAY */) {
                        this.value.push(value);
                        this.state = 3 /* TokenParserState.COMMA */;
                        this.memberCount++;
                    }
                    this.emit(value, this.shouldEmit());
                    return;
                }
                if (token === tokenType.LEFT_BRACE) {
                    this.memberCount++;
                    this.push();
                    if (this.mode === 0 /* TokenParserMode.OBJECT */) {
                        const val = {};
                        setProperty(this.value, this.key, val);
                        this.value = val;
                    }
                    else if (this.mode === 1 /* TokenParserMode.ARRAY */) {
                        const val = {};
                        this.value.push(val);
                        this.value = val;
                    }
                    else {
                        this.value = {};
                    }
                    this.mode = 0 /* TokenParserMode.OBJECT */;
                    this.state = 1 /* TokenParserState.KEY */;
                    this.key = undefined;
                    this.memberCount = 0;
                    this.emitPartial();
                    return;
                }
                if (token === tokenType.LEFT_BRACKET) {
                    this.memberCount++;
                    this.push();
                    if (this.mode === 0 /* TokenParserMode.OBJECT */) {
                        const val = [];
                        setProperty(this.value, this.key, val);
                        this.value = val;
                    }
                    else if (this.mode === 1 /* TokenParserMode.ARRAY */) {
                        const val = [];
                        this.value.push(val);
                        this.value = val;
                    }
                    else {
                        this.value = [];
                    }
                    this.mode = 1 /* TokenParserMode.ARRAY */;
                    this.state = 0 /* TokenParserState.VALUE */;
                    this.key = 0;
                    this.memberCount = 0;
                    this.emitPartial();
                    return;
                }
                if (this.mode === 1 /* TokenParserMode.ARRAY */ &&
                    token === tokenType.RIGHT_BRACKET &&
                    this.memberCount === 0) {
                    this.pop();
                    return;
                }
            }
            if (this.state === 1 /* TokenParserState.KEY */) {
                if (token === tokenType.STRING) {
                    this.key = value;
                    this.state = 2 /* TokenParserState.COLON */;
                    this.emitPartial();
                    return;
                }
                if (token === tokenType.RIGHT_BRACE && this.memberCount === 0) {
                    this.pop();
                    return;
                }
            }
            if (this.state === 2 /* TokenParserState.COLON */) {
                if (token === tokenType.COLON) {
                    this.state = 0 /* TokenParserState.VALUE */;
                    return;
                }
            }
            if (this.state === 3 /* TokenParserState.COMMA */) {
                if (token === tokenType.COMMA) {
                    if (this.mode === 1 /* TokenParserMode.ARRAY */) {
                        this.state = 0 /* TokenParserState.VALUE */;
                        this.key += 1;
                        return;
                    }
                    /* istanbul ignore else */
                    if (this.mode === 0 /* TokenParserMode.OBJECT */) {
                        this.state = 1 /* TokenParserState.KEY */;
                        return;
                    }
                }
                if ((token === tokenType.RIGHT_BRACE &&
                    this.mode === 0 /* TokenParserMode.OBJECT */) ||
                    (token === tokenType.RIGHT_BRACKET &&
                        this.mode === 1 /* TokenParserMode.ARRAY */)) {
                    this.pop();
                    return;
                }
            }
            if (this.state === 6 /* TokenParserState.SEPARATOR */) {
                if (token === tokenType.SEPARATOR && value === this.separator) {
                    this.state = 0 /* TokenParserState.VALUE */;
                    return;
                }
            }
            // Edge case in which the separator is just whitespace and it's found in the middle of the JSON
            if (token === tokenType.SEPARATOR &&
                this.state !== 6 /* TokenParserState.SEPARATOR */ &&
                Array.from(value)
                    .map((n) => n.charCodeAt(0))
                    .every((n) => n === 32 /* charset.SPACE */ ||
                    n === 10 /* charset.NEWLINE */ ||
                    n === 13 /* charset.CARRIAGE_RETURN */ ||
                    n === 9 /* charset.TAB */)) {
                // whitespace
                return;
            }
            throw new TokenParserError(`Unexpected ${tokenType[token]} (${JSON.stringify(value)}) in state ${TokenParserStateToString(this.state)}`);
        }
        catch (err) {
            this.error(err);
        }
    }
    /**
     * Puts the token parser in an error state and reports `err` through
     * {@linkcode TokenParser.onError}. The parser can't be used afterwards.
     *
     * @param err What went wrong.
     */
    error(err) {
        if (this.state !== 4 /* TokenParserState.ENDED */) {
            this.state = 5 /* TokenParserState.ERROR */;
        }
        this.onError(err);
    }
    /**
     * Signals that there are no more tokens, ending the token parser, which can't
     * be used afterwards.
     *
     * @throws {Error} If the JSON document was left half-parsed and no
     * {@linkcode TokenParser.onError} callback has been set.
     */
    end() {
        if ((this.state !== 0 /* TokenParserState.VALUE */ &&
            this.state !== 6 /* TokenParserState.SEPARATOR */) ||
            this.stack.length > 0) {
            this.error(new Error(`Parser ended in mid-parsing (state: ${TokenParserStateToString(this.state)}). Either not all the data was received or the data was invalid.`));
        }
        else {
            this.state = 4 /* TokenParserState.ENDED */;
            this.onEnd();
        }
    }
    /**
     * Called with every value that matches the configured `paths`. Override it to
     * consume them; by default it throws.
     *
     * @param parsedElementInfo The value and where it was found. Its `parent` and
     * `stack` are live references into the parser's in-progress structures, so use
     * `cloneParsedElementInfo` to snapshot them if they need to outlive the call.
     */
    // biome-ignore lint/correctness/noUnusedFunctionParameters: override point; the parameter is part of the public signature
    onValue(parsedElementInfo) {
        // Override me
        throw new TokenParserError('Can\'t emit data before the "onValue" callback has been set up.');
    }
    /**
     * Called when the tokens don't add up to valid JSON. Override it to handle
     * errors asynchronously; by default it throws, so the error surfaces out of the
     * {@linkcode TokenParser.write} or {@linkcode TokenParser.end} call that caused it.
     *
     * @param err What went wrong.
     */
    onError(err) {
        // Override me
        throw err;
    }
    /** Called once the token parser has ended. Override it to react to that; by default it does nothing. */
    onEnd() {
        // Override me
    }
}
//# sourceMappingURL=tokenparser.js.map
;// CONCATENATED MODULE: ../node_modules/@streamparser/json/dist/mjs/jsonparser.js
/**
 * A streaming drop-in replacement for `JSON.parse`, chaining the tokenizer and
 * the token parser.
 *
 * @example
 * ```ts
 * import JSONParser from "@streamparser/json/jsonparser.js";
 *
 * const parser = new JSONParser();
 * parser.onValue = ({ value }) => {
 *   // process the value
 * };
 *
 * parser.write('{ "test": ["a"] }');
 * ```
 *
 * @module
 */


/**
 * A full JSON parser: a {@linkcode Tokenizer} and a {@linkcode TokenParser}
 * wired to each other.
 *
 * Data is pushed in with {@linkcode JSONParser.write} and the parsed values come
 * back through the {@linkcode JSONParser.onValue} callback.
 *
 * @example
 * ```ts
 * import JSONParser from "@streamparser/json/jsonparser.js";
 *
 * const parser = new JSONParser({ paths: ["$.*"], keepStack: false });
 * parser.onValue = ({ value }) => {
 *   // process the value
 * };
 * parser.onError = (err) => console.error(err);
 *
 * // The document can arrive split across any number of chunks.
 * parser.write('[{ "id": 1 },');
 * parser.write('{ "id": 2 }]');
 * ```
 */
class JSONParser {
    /**
     * @param opts How to tokenize and what to emit. See {@linkcode JSONParserOptions}.
     */
    constructor(opts = {}) {
        this.tokenizer = new Tokenizer(opts);
        this.tokenParser = new TokenParser(opts);
        this.tokenizer.onToken = this.tokenParser.write.bind(this.tokenParser);
        this.tokenizer.onEnd = () => {
            if (!this.tokenParser.isEnded)
                this.tokenParser.end();
        };
        this.tokenParser.onError = this.tokenizer.error.bind(this.tokenizer);
        this.tokenParser.onEnd = () => {
            if (!this.tokenizer.isEnded)
                this.tokenizer.end();
        };
    }
    /** Whether the parser is ended, and thus no longer accepting data. */
    get isEnded() {
        return this.tokenizer.isEnded && this.tokenParser.isEnded;
    }
    /**
     * Pushes the next chunk of the JSON stream into the parser.
     *
     * Parsing happens synchronously, so every value that the chunk completes is
     * emitted through {@linkcode JSONParser.onValue} before this returns.
     *
     * @param input The chunk to parse: a string, a `TypedArray`, or any iterable
     * of utf-8 byte values.
     * @throws {Error} If the data is not valid JSON and no
     * {@linkcode JSONParser.onError} callback has been set.
     */
    write(input) {
        this.tokenizer.write(input);
    }
    /**
     * Signals that the stream is over, ending the parser, which can't be used
     * afterwards.
     *
     * @throws {Error} If the JSON document was left half-parsed and no
     * {@linkcode JSONParser.onError} callback has been set.
     */
    end() {
        this.tokenizer.end();
    }
    /** Sets the callback to be called with every token found in the stream. */
    set onToken(cb) {
        this.tokenizer.onToken = (parsedToken) => {
            cb(parsedToken);
            this.tokenParser.write(parsedToken);
        };
    }
    /** Sets the callback to be called with every value that matches the configured `paths`. */
    set onValue(cb) {
        this.tokenParser.onValue = cb;
    }
    /**
     * Sets the callback to be called when the data can't be parsed. Without one,
     * errors are thrown out of the {@linkcode JSONParser.write} or
     * {@linkcode JSONParser.end} call that caused them.
     */
    set onError(cb) {
        this.tokenizer.onError = cb;
    }
    /** Sets the callback to be called once the parser has ended. */
    set onEnd(cb) {
        this.tokenParser.onEnd = () => {
            if (!this.tokenizer.isEnded)
                this.tokenizer.end();
            cb.call(this.tokenParser);
        };
    }
}
//# sourceMappingURL=jsonparser.js.map
;// CONCATENATED MODULE: ../node_modules/@streamparser/json/dist/mjs/utils/types/stackElement.js
/**
 * The shape of the token parser's stack, i.e. the chain of containers that a
 * parsed value is nested in.
 *
 * @module
 */
/** Whether the container being parsed is a JSON object or a JSON array. */
var TokenParserMode;
(function (TokenParserMode) {
    /** The container is a JSON object, so its members are keyed by property name. */
    TokenParserMode[TokenParserMode["OBJECT"] = 0] = "OBJECT";
    /** The container is a JSON array, so its members are keyed by index. */
    TokenParserMode[TokenParserMode["ARRAY"] = 1] = "ARRAY";
})(TokenParserMode || (TokenParserMode = {}));
//# sourceMappingURL=stackElement.js.map
;// CONCATENATED MODULE: ../node_modules/@streamparser/json/dist/mjs/index.js



/** The types of the JSON values that the parser produces. */



/** The utf-8 byte values that the tokenizer matches the incoming stream against. */

//# sourceMappingURL=index.js.map
// EXTERNAL MODULE: ../.build/src/cloudflare/json.js
var cloudflare_json = __nccwpck_require__(163);
;// CONCATENATED MODULE: ../.build/src/cloudflare/body-reader.js


/** A title further down is no title of a page that a person would see. */
const MAX_TEXT_BYTES = 16_384;
/**
 * Parses a body while it comes in, because a list of 100,000 records would fill
 * the memory as text, and again as objects.
 */
class BodyReader {
    #parser = new JSONParser({ paths: ['$', '$.result.*'] });
    #start = Buffer.alloc(0);
    #value = null;
    #isJson = true;
    /**
     * @param takeItem null keeps the elements; what it takes is not kept
     */
    constructor(takeItem) {
        this.#parser.onValue = ({ value, parent }) => {
            if (parent === undefined) {
                this.#value = value;
            }
            else if (takeItem && Array.isArray(parent)) {
                takeItem(value);
                parent.pop();
            }
        };
        this.#parser.onError = () => {
            this.#isJson = false;
        };
    }
    /** Takes the next piece; pieces may begin and end anywhere. */
    write(piece) {
        if (this.#start.length < MAX_TEXT_BYTES) {
            const start = Buffer.concat([this.#start, piece]);
            this.#start = start.subarray(0, MAX_TEXT_BYTES);
        }
        this.#parser.write(piece);
    }
    /** Call it once, after the last piece. */
    end() {
        const json = this.#isJson ? (0,cloudflare_json/* asObject */.e)(this.#value) : null;
        return { json, text: new TextDecoder().decode(this.#start) };
    }
}

// EXTERNAL MODULE: ../.build/src/cloudflare/connection.js
var connection = __nccwpck_require__(777);
// EXTERNAL MODULE: ../.build/src/cloudflare/proxy.js + 1 modules
var cloudflare_proxy = __nccwpck_require__(75);
;// CONCATENATED MODULE: ../.build/src/cloudflare/http-client.js







/**
 * Creates the one HTTP client of a run. It keeps connections alive, follows no
 * redirect, repeats nothing, and limits time and size.
 *
 * @param proxyFor - the proxy for an address, or null; may throw where the
 *   environment names one that cannot be used
 * @param extraCaProblem - what `extraCaProblem` of `connection.ts` found, for
 *   the message about a certificate that is not trusted
 */
function createHttpClient(proxyFor, extraCaProblem = null) {
    const agents = new Map();
    function agentFor(url, proxy) {
        const key = proxy?.url.href ?? url.protocol;
        const agent = agents.get(key) ?? createAgent(url, proxy);
        agents.set(key, agent);
        return agent;
    }
    async function send(request) {
        const url = new URL(request.url);
        const proxy = proxyFor(url);
        const exchange = new Exchange(request, url, proxy);
        return exchange.run(agentFor(url, proxy));
    }
    return async (request) => {
        const response = await send(request).catch(invalidRequest);
        const isUntrusted = response.type === 'failure' && response.cause === 'certificate-untrusted';
        if (!isUntrusted || extraCaProblem === null)
            return response;
        return { ...response, message: `${response.message}; ${extraCaProblem}` };
    };
}
function createAgent({ protocol }, proxy) {
    if (proxy !== null)
        return new cloudflare_proxy/* TunnelAgent */.ag(proxy);
    const { Agent } = protocol === 'https:' ? external_node_https_ : external_node_http_;
    return new Agent(connection/* CONNECTION_OPTIONS */.Ur);
}
/** For an address, a header or a proxy that cannot be used. */
function invalidRequest(error) {
    return notProcessed({
        cause: 'network',
        message: error.message,
        isRetryable: false,
    });
}
function notProcessed(failure) {
    return { type: 'failure', mayHaveBeenProcessed: false, ...failure };
}
/**
 * One request and its response. node-fetch sends and reads them; beside it,
 * the exchange follows Node's request, because node-fetch does not say how far
 * it came, and passes on no more than the text of an error.
 */
class Exchange {
    #request;
    #url;
    #proxy;
    /** Aborted at the timeout of the request, and with its signal. */
    #interruption = new AbortController();
    /**
     * `connected` when the TLS handshake is complete, over http when the TCP
     * connection is made: Node holds the request back until then.
     */
    #phase = 'preparing';
    /** Through a proxy, there is one as soon as the tunnel is open. */
    #socket = null;
    #response = null;
    /** What Node reported first. */
    #error = null;
    constructor(request, url, proxy) {
        this.#request = request;
        this.#url = url;
        this.#proxy = proxy;
    }
    async run(agent) {
        const { signal, timeoutMs } = this.#request;
        if (signal.aborted)
            return this.#interrupted();
        const interrupt = () => this.#interruption.abort();
        const timer = setTimeout(interrupt, timeoutMs);
        signal.addEventListener('abort', interrupt);
        try {
            return await this.#send(agent);
        }
        catch (error) {
            return this.#explain(this.#error ?? error);
        }
        finally {
            clearTimeout(timer);
            // The signal lives as long as the run, and would keep every exchange.
            signal.removeEventListener('abort', interrupt);
        }
    }
    async #send(agent) {
        const { method, headers, body, maxMiB } = this.#request;
        const response = await fetch(this.#url, {
            method,
            headers,
            body,
            agent: this.#watchedAgent(agent),
            redirect: 'manual',
            signal: this.#interruption.signal,
        });
        this.#response = response;
        response.body?.on('error', this.#keepError);
        const received = await this.#readBody(response);
        if (received === null)
            return connectedBut('too-large', `more than ${maxMiB} MiB`);
        // With its listeners, V8 keeps every exchange until a major collection:
        // 50 MiB more after 1,000 requests.
        response.body?.removeAllListeners();
        return {
            type: 'response',
            status: response.status,
            headers: Object.fromEntries(response.headers),
            ...received,
        };
    }
    /** @returns null where the body is larger than the request allows */
    async #readBody({ body }) {
        const { maxMiB, takeItem } = this.#request;
        const reader = new BodyReader(takeItem);
        let leftBytes = maxMiB * 1024 * 1024;
        for await (const piece of body ?? []) {
            leftBytes -= piece.length;
            if (leftBytes < 0)
                return null;
            reader.write(piece);
        }
        return reader.end();
    }
    /** The agent that is kept, with a view of the request that it is given. */
    #watchedAgent(agent) {
        const watched = Object.create(agent);
        watched.addRequest = (request, options) => {
            this.#watchRequest(request);
            const connectSignal = this.#interruption.signal;
            const tunnelOptions = { ...options, connectSignal };
            agent.addRequest(request, tunnelOptions);
        };
        return watched;
    }
    #watchRequest(request) {
        this.#phase = 'connecting';
        request.once('socket', (socket) => this.#watchSocket(socket, request.reusedSocket));
        request.on('error', this.#keepError);
        // node-fetch compares the last bytes with the end of a chunked body, and
        // rejects other valid ends as a premature close (its issue 1576). Node
        // itself reports a body that is cut.
        request.once('response', ({ headers }) => {
            delete headers['transfer-encoding'];
        });
        // HTTP 101. Without a listener, Node would close the connection and report
        // nothing.
        request.once('upgrade', (_response, socket) => {
            socket.destroy();
            request.emit('error', new Error('the connection was closed'));
        });
    }
    #watchSocket(socket, isReused) {
        this.#socket = socket;
        if (isReused) {
            this.#phase = 'connected';
            return;
        }
        const event = socket instanceof external_node_tls_.TLSSocket ? 'secureConnect' : 'connect';
        socket.once(event, () => {
            this.#phase = 'connected';
        });
    }
    #keepError = (error) => {
        this.#error ??= error;
    };
    #explain(error) {
        if (this.#interruption.signal.aborted)
            return this.#interrupted();
        if (error instanceof connection/* ConnectionError */.Rc)
            return notProcessed(error.failure);
        if (this.#phase === 'preparing')
            return invalidRequest(error);
        if (this.#phase === 'connecting')
            return this.#notConnected(error);
        return this.#unusable(error);
    }
    /** The signal was aborted, or the timeout of the request is over. */
    #interrupted() {
        const { signal, timeoutMs } = this.#request;
        if (signal.aborted)
            return {
                type: 'failure',
                cause: 'timeout',
                message: 'no response before the request was ended',
                mayHaveBeenProcessed: this.#phase === 'connected',
                isRetryable: false,
            };
        const limit = `within ${timeoutMs / 1000} s`;
        if (this.#phase === 'connected')
            return connectedBut('no-response', `connected, but no complete response ${limit}`);
        const isTunnelMissing = this.#proxy !== null && this.#socket === null;
        const culprit = isTunnelMissing
            ? `the proxy ${(0,cloudflare_proxy/* nameOf */.Vb)(this.#proxy)} opened no tunnel`
            : `${this.#url.host} did not respond${this.#throughProxy()}`;
        return notProcessed({
            cause: isTunnelMissing ? 'proxy' : 'network',
            message: `no connection ${limit}: ${culprit}`,
            isRetryable: true,
        });
    }
    #notConnected(error) {
        const failure = (0,connection/* explainConnectionError */.M0)(error, this.#socket, this.#url.host);
        const message = failure.message + this.#throughProxy();
        return notProcessed({ ...failure, message });
    }
    /** What came, if anything, is no response that may be used. */
    #unusable(error) {
        if ((0,connection/* isNotHttp */.CV)(error))
            return connectedBut('invalid-response', `the response is not HTTP: ${error.message}`);
        if (isNotDecodable(error)) {
            const coding = this.#response?.headers.get('content-encoding');
            return connectedBut('invalid-response', `the response is not ${coding}: ${error.message}`);
        }
        return connectedBut('no-response', `connected, but no complete response: ${(0,connection/* textOf */.b6)(error)}`);
    }
    /** The end of a sentence about a connection. */
    #throughProxy() {
        return this.#proxy ? `, through the proxy ${(0,cloudflare_proxy/* nameOf */.Vb)(this.#proxy)}` : '';
    }
}
function connectedBut(cause, message) {
    return {
        type: 'failure',
        cause,
        message,
        mayHaveBeenProcessed: true,
        // A response that is too large is as large the next time.
        isRetryable: cause !== 'too-large',
    };
}
/** The codes of zlib start with `Z_`, and those of Brotli with `ERR__`. */
function isNotDecodable(error) {
    return /^(Z_|ERR__)/.test((0,connection/* codeOf */.$N)(error));
}


/***/ }),

/***/ 163:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   e: () => (/* binding */ asObject),
/* harmony export */   f: () => (/* binding */ toText)
/* harmony export */ });
/* Reads values of unknown type from a response. Nothing here throws. */
/** @returns the value if it is an object and no array, otherwise null */
function asObject(value) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? value : null;
}
/** @returns the value if it is a string, otherwise an empty one */
function toText(value) {
    return typeof value === 'string' ? value : '';
}


/***/ }),

/***/ 75:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  ag: () => (/* binding */ TunnelAgent),
  Vb: () => (/* binding */ nameOf),
  iJ: () => (/* binding */ proxyFor),
  PK: () => (/* binding */ proxyPasswords),
  rw: () => (/* binding */ proxyVariable)
});

// EXTERNAL MODULE: external "node:http"
var external_node_http_ = __nccwpck_require__(67);
// EXTERNAL MODULE: external "node:https"
var external_node_https_ = __nccwpck_require__(708);
// EXTERNAL MODULE: external "node:net"
var external_node_net_ = __nccwpck_require__(30);
// EXTERNAL MODULE: external "node:tls"
var external_node_tls_ = __nccwpck_require__(692);
;// CONCATENATED MODULE: ../node_modules/@actions/http-client/lib/proxy.js
function getProxyUrl(reqUrl) {
    const usingSsl = reqUrl.protocol === 'https:';
    if (checkBypass(reqUrl)) {
        return undefined;
    }
    const proxyVar = (() => {
        if (usingSsl) {
            return process.env['https_proxy'] || process.env['HTTPS_PROXY'];
        }
        else {
            return process.env['http_proxy'] || process.env['HTTP_PROXY'];
        }
    })();
    if (proxyVar) {
        try {
            return new DecodedURL(proxyVar);
        }
        catch (_a) {
            if (!proxyVar.startsWith('http://') && !proxyVar.startsWith('https://'))
                return new DecodedURL(`http://${proxyVar}`);
        }
    }
    else {
        return undefined;
    }
}
function checkBypass(reqUrl) {
    if (!reqUrl.hostname) {
        return false;
    }
    const reqHost = reqUrl.hostname;
    if (isLoopbackAddress(reqHost)) {
        return true;
    }
    const noProxy = process.env['no_proxy'] || process.env['NO_PROXY'] || '';
    if (!noProxy) {
        return false;
    }
    // Determine the request port
    let reqPort;
    if (reqUrl.port) {
        reqPort = Number(reqUrl.port);
    }
    else if (reqUrl.protocol === 'http:') {
        reqPort = 80;
    }
    else if (reqUrl.protocol === 'https:') {
        reqPort = 443;
    }
    // Format the request hostname and hostname with port
    const upperReqHosts = [reqUrl.hostname.toUpperCase()];
    if (typeof reqPort === 'number') {
        upperReqHosts.push(`${upperReqHosts[0]}:${reqPort}`);
    }
    // Compare request host against noproxy
    for (const upperNoProxyItem of noProxy
        .split(',')
        .map(x => x.trim().toUpperCase())
        .filter(x => x)) {
        if (upperNoProxyItem === '*' ||
            upperReqHosts.some(x => x === upperNoProxyItem ||
                x.endsWith(`.${upperNoProxyItem}`) ||
                (upperNoProxyItem.startsWith('.') &&
                    x.endsWith(`${upperNoProxyItem}`)))) {
            return true;
        }
    }
    return false;
}
function isLoopbackAddress(host) {
    const hostLower = host.toLowerCase();
    return (hostLower === 'localhost' ||
        hostLower.startsWith('127.') ||
        hostLower.startsWith('[::1]') ||
        hostLower.startsWith('[0:0:0:0:0:0:0:1]'));
}
class DecodedURL extends URL {
    constructor(url, base) {
        super(url, base);
        this._decodedUsername = decodeURIComponent(super.username);
        this._decodedPassword = decodeURIComponent(super.password);
    }
    get username() {
        return this._decodedUsername;
    }
    get password() {
        return this._decodedPassword;
    }
}
//# sourceMappingURL=proxy.js.map
// EXTERNAL MODULE: ../.build/src/cloudflare/connection.js
var connection = __nccwpck_require__(777);
;// CONCATENATED MODULE: ../.build/src/cloudflare/proxy.js
/*
 * The proxy of the runner: which one, its password, and the way through it.
 */






/** Those for https are used; the others may hold the same password. */
const VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];
const SCHEME = /^[a-z][a-z\d+.-]*:\/\//i;
const MAX_SCHEMES = 4;
/**
 * Chooses the proxy as the runner does: `https_proxy` or `HTTPS_PROXY`, but
 * none for http, for loopback and for the hosts of `NO_PROXY`, which the
 * runner's own `checkBypass` reads from the environment of the process.
 *
 * @throws TypeError or URIError where the variable holds no address of a proxy
 */
function proxyFor(url, env) {
    const variable = proxyVariable(env);
    const address = env[variable]?.trim() ?? '';
    if (!address || url.protocol !== 'https:' || checkBypass(url))
        return null;
    const proxy = parseProxy(address);
    if (proxy === null)
        throw new TypeError('not the address of a proxy');
    // Throws where it is not encoded, before the first request rather than at it.
    basicCredentials(proxy);
    return { url: proxy, variable };
}
/** The variable that counts, as in the runner. */
function proxyVariable(env) {
    return env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY';
}
/** @returns null where the text is not the address of a proxy */
function parseProxy(address) {
    const text = SCHEME.test(address) ? address : `http://${address}`;
    if (!URL.canParse(text))
        return null;
    const url = new URL(text);
    // A password that is not URL-encoded can end the host too early; the rest of
    // it then looks like a path.
    const isBare = `${url.pathname}${url.search}${url.hash}` === '/';
    return isBare && /^https?:$/.test(url.protocol) ? url : null;
}
/**
 * The passwords of all proxies in the environment, each in every form in which
 * it may appear: as it was written, as the URL parser writes it, and decoded.
 * Never a user name: GitHub drops an output that contains a masked word.
 */
function proxyPasswords(env) {
    const forms = VARIABLES.flatMap((name) => passwordForms(env[name]?.trim() ?? ''));
    return [...new Set(forms)].filter((form) => form !== '');
}
function passwordForms(address) {
    // As the URL parser does: the user ends at the first colon, and the password
    // at the last `@`. An address that it rejects may hold a password too.
    const afterScheme = address.replace(SCHEME, '');
    const written = /^[^:]*:(.+)@/s.exec(afterScheme)?.[1] ?? '';
    const parsed = parseProxy(address)?.password ?? '';
    return [written, decode(written), parsed, decode(parsed)];
}
function decode(text) {
    try {
        return decodeURIComponent(text);
    }
    catch {
        return text;
    }
}
/** The value of `Proxy-Authorization` (RFC 7617); null without a user. */
function basicCredentials({ username, password }) {
    if (username === '')
        return null;
    const pair = decodeURIComponent(`${username}:${password}`);
    return `Basic ${Buffer.from(pair).toString('base64')}`;
}
/** What messages call a proxy: `proxy.corp.example:3128 (HTTPS_PROXY)`. */
function nameOf({ url, variable }) {
    return `${url.hostname}:${portOf(url)} (${variable})`;
}
function portOf({ protocol, port }) {
    return Number(port) || (protocol === 'https:' ? 443 : 80);
}
/**
 * Connects to https servers through a proxy, with CONNECT (RFC 9110, section
 * 9.3.6), and keeps the connections alive. What it reports as `ConnectionError`
 * failed before the server could see anything of a request.
 */
class TunnelAgent extends external_node_https_.Agent {
    #proxy;
    constructor(proxy) {
        super(connection/* CONNECTION_OPTIONS */.Ur);
        this.#proxy = proxy;
    }
    /** Called by Node for a request that finds no free connection. */
    createConnection(options, connected) {
        this.#openTunnel(options)
            .then((socket) => startTls(socket, options))
            .then((socket) => connected(null, socket), (error) => connected(error, undefined));
    }
    /** @throws ConnectionError */
    #openTunnel(options) {
        return new Promise((resolve, reject) => {
            const request = this.#createRequest(options);
            request.once('connect', (response, socket, head) => {
                const rejection = this.#explainRejection(response, head);
                if (rejection === null) {
                    resolve(socket);
                    return;
                }
                socket.destroy();
                reject(new connection/* ConnectionError */.Rc(rejection));
            });
            request.on('error', (error) => reject(new connection/* ConnectionError */.Rc(this.#explainError(error, request.socket))));
            request.end();
        });
    }
    #createRequest(options) {
        const { url } = this.#proxy;
        const host = url.hostname.replace(/^\[|\]$/g, '');
        const target = authorityOf(options);
        const credentials = basicCredentials(url);
        return (url.protocol === 'https:' ? external_node_https_ : external_node_http_).request({
            ...connection/* CONNECTION_OPTIONS */.Ur,
            agent: false,
            host,
            port: portOf(url),
            // Node would otherwise verify the proxy by the header `host`, and send
            // the password to anyone with a certificate of the target. An IP address
            // is no server name (RFC 6066, section 3); Node then verifies `host`.
            servername: (0,external_node_net_.isIP)(host) ? '' : host,
            method: 'CONNECT',
            path: target,
            headers: {
                host: target,
                ...(credentials && { 'proxy-authorization': credentials }),
            },
            signal: options.connectSignal,
        });
    }
    /** @returns null where the proxy opened a tunnel: any 2xx does */
    #explainRejection(response, head) {
        const status = Number(response.statusCode);
        const isOpen = status >= 200 && status < 300;
        const name = nameOf(this.#proxy);
        // A server with TLS waits for the client, so that this is no tunnel but a
        // page, such as the one of a captive portal.
        if (isOpen && head.length > 0)
            return {
                cause: 'proxy',
                message: `the proxy ${name} responded to CONNECT with HTTP ${status} and a body instead of a tunnel`,
                isRetryable: false,
            };
        if (isOpen)
            return null;
        // Without TLS, nothing shows that a response is Cloudflare's, so that only
        // its status is used.
        const credentials = basicCredentials(this.#proxy.url) ?? '';
        const challenges = response.headersDistinct['proxy-authenticate'] ?? [];
        const offer = status === 407 ? describeOffer(challenges, credentials) : '';
        return {
            cause: 'proxy',
            message: `the proxy ${name} rejected the connection with HTTP ${status}${offer}`,
            // A proxy that requires a password, or has a rule against the host, says
            // the same the next time.
            isRetryable: status >= 500,
        };
    }
    #explainError(error, socket) {
        const { url, variable } = this.#proxy;
        const host = `${url.hostname}:${portOf(url)}`;
        if ((0,connection/* isNotTls */.tz)(error))
            return {
                cause: 'proxy',
                message: `${variable} says https://, but ${host} does not speak TLS; write http://`,
                isRetryable: false,
            };
        const failure = (0,connection/* explainConnectionError */.M0)(error, socket, host);
        if (failure.cause !== 'network')
            return {
                ...failure,
                cause: failure.cause === 'certificate-invalid'
                    ? 'proxy-certificate-invalid'
                    : failure.cause,
                message: `the certificate of the proxy ${host} (${variable}): ${failure.message}`,
            };
        // Something other than a proxy listens there, such as a SOCKS server.
        const isOther = (0,connection/* isNotHttp */.CV)(error);
        const problem = isOther
            ? 'sent no HTTP response to CONNECT'
            : 'made no connection';
        return {
            cause: 'proxy',
            message: `the proxy ${host} (${variable}) ${problem}: ${failure.message}`,
            isRetryable: !isOther,
        };
    }
}
/** `host:port` of the server behind a proxy (RFC 9112, section 3.2.3). */
function authorityOf({ host, port }) {
    const name = (0,external_node_net_.isIPv6)(`${host}`) ? `[${host}]` : host;
    return `${name}:${port}`;
}
function startTls(socket, options) {
    return external_node_tls_.connect({ ...options, socket });
}
/**
 * The schemes that the headers `Proxy-Authenticate` offer (RFC 9110, section
 * 11.7.1), as the end of a sentence; empty where they offer none.
 *
 * @param credentials - what a header may repeat, and a message must not
 */
function describeOffer(challenges, credentials) {
    const secret = credentials.replace(/^Basic /, '');
    const schemes = challenges
        .flatMap(schemesIn)
        .filter((scheme) => scheme !== secret);
    if (schemes.length === 0)
        return '';
    const named = [...new Set(schemes)].slice(0, MAX_SCHEMES).join(', ');
    const isSupported = schemes.some((scheme) => /^basic$/i.test(scheme));
    return isSupported
        ? `; it offers ${named}`
        : `; it offers ${named}, and the action supports only Basic`;
}
/** The schemes of a list of challenges: `Digest realm="x, y", Basic`. */
function schemesIn(challenges) {
    const parts = challenges.replace(/"(\\.|[^"\\])*"/g, '').split(',');
    // A scheme is followed by a space or by nothing, a parameter by `=`.
    const scheme = /^\s*([a-z][a-z\d-]{0,19})(?!\s*=)(?=\s|$)/i;
    return parts.flatMap((part) => scheme.exec(part)?.[1] ?? []);
}


/***/ }),

/***/ 698:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   L: () => (/* binding */ readGitHubContext),
/* harmony export */   x: () => (/* binding */ VERSION)
/* harmony export */ });
/**
 * The version that is being run. A test keeps it in step with package.json and
 * CHANGELOG.md.
 */
const VERSION = '1.0.0';
const GITHUB = 'https://github.com';
/** Reads the default variables of the runner. */
function readGitHubContext(env) {
    const githubVariable = (name) => env[`GITHUB_${name}`] ?? '';
    const [owner = '', repo = ''] = githubVariable('REPOSITORY').split('/');
    const server = githubVariable('SERVER_URL') || GITHUB;
    const run = toHeader([
        githubVariable('REPOSITORY'),
        githubVariable('RUN_ID') && `run ${githubVariable('RUN_ID')}`,
    ]);
    const event = githubVariable('EVENT_NAME');
    return {
        event: event === 'release' ? `release ${githubVariable('REF_NAME')}` : event,
        actor: githubVariable('ACTOR'),
        owner,
        repo,
        ref: githubVariable('SHA') || githubVariable('REF'),
        runUrl: `${server}/${owner}/${repo}/actions/runs/${githubVariable('RUN_ID')}`,
        apiUrl: githubVariable('API_URL') || 'https://api.github.com',
        hasSummary: githubVariable('STEP_SUMMARY') !== '',
        docsUrl: docsFolderOf(server, githubVariable('ACTION_REPOSITORY'), githubVariable('ACTION_REF')),
        userAgent: `cloudflare-share-recipient/${VERSION}${run && ` (${run})`}`,
    };
}
/** Without the characters that a header must not have. */
function toHeader(parts) {
    const safe = parts.map((part) => part.slice(0, 140).replace(/[^\w ./-]/g, ''));
    return safe.filter(Boolean).join('; ');
}
/**
 * Where this action's documentation is. Null for an action that was checked out
 * (`uses: ./`), and on a server of its own: GitHub Enterprise Server runs
 * actions from github.com too, and does not say which ones.
 */
function docsFolderOf(server, repository, ref) {
    const isValid = /^[\w.-]+\/[\w.-]+ [\w./-]+$/.test(`${repository} ${ref}`);
    if (server !== GITHUB || !isValid)
        return null;
    return `${GITHUB}/${repository}/blob/${ref}/docs`;
}


/***/ }),

/***/ 942:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  O: () => (/* binding */ githubRunner)
});

// EXTERNAL MODULE: external "os"
var external_os_ = __nccwpck_require__(857);
;// CONCATENATED MODULE: ../node_modules/@actions/core/lib/utils.js
// We use any as a valid input type
/* eslint-disable @typescript-eslint/no-explicit-any */
/**
 * Sanitizes an input into a string so it can be passed into issueCommand safely
 * @param input input to sanitize into a string
 */
function utils_toCommandValue(input) {
    if (input === null || input === undefined) {
        return '';
    }
    else if (typeof input === 'string' || input instanceof String) {
        return input;
    }
    return JSON.stringify(input);
}
/**
 *
 * @param annotationProperties
 * @returns The command properties to send with the actual annotation command
 * See IssueCommandProperties: https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionCommandManager.cs#L646
 */
function utils_toCommandProperties(annotationProperties) {
    if (!Object.keys(annotationProperties).length) {
        return {};
    }
    return {
        title: annotationProperties.title,
        file: annotationProperties.file,
        line: annotationProperties.startLine,
        endLine: annotationProperties.endLine,
        col: annotationProperties.startColumn,
        endColumn: annotationProperties.endColumn
    };
}
//# sourceMappingURL=utils.js.map
;// CONCATENATED MODULE: ../node_modules/@actions/core/lib/command.js


/**
 * Issues a command to the GitHub Actions runner
 *
 * @param command - The command name to issue
 * @param properties - Additional properties for the command (key-value pairs)
 * @param message - The message to include with the command
 * @remarks
 * This function outputs a specially formatted string to stdout that the Actions
 * runner interprets as a command. These commands can control workflow behavior,
 * set outputs, create annotations, mask values, and more.
 *
 * Command Format:
 *   ::name key=value,key=value::message
 *
 * @example
 * ```typescript
 * // Issue a warning annotation
 * issueCommand('warning', {}, 'This is a warning message');
 * // Output: ::warning::This is a warning message
 *
 * // Set an environment variable
 * issueCommand('set-env', { name: 'MY_VAR' }, 'some value');
 * // Output: ::set-env name=MY_VAR::some value
 *
 * // Add a secret mask
 * issueCommand('add-mask', {}, 'secretValue123');
 * // Output: ::add-mask::secretValue123
 * ```
 *
 * @internal
 * This is an internal utility function that powers the public API functions
 * such as setSecret, warning, error, and exportVariable.
 */
function command_issueCommand(command, properties, message) {
    const cmd = new Command(command, properties, message);
    process.stdout.write(cmd.toString() + external_os_.EOL);
}
function command_issue(name, message = '') {
    command_issueCommand(name, {}, message);
}
const CMD_STRING = '::';
class Command {
    constructor(command, properties, message) {
        if (!command) {
            command = 'missing.command';
        }
        this.command = command;
        this.properties = properties;
        this.message = message;
    }
    toString() {
        let cmdStr = CMD_STRING + this.command;
        if (this.properties && Object.keys(this.properties).length > 0) {
            cmdStr += ' ';
            let first = true;
            for (const key in this.properties) {
                if (this.properties.hasOwnProperty(key)) {
                    const val = this.properties[key];
                    if (val) {
                        if (first) {
                            first = false;
                        }
                        else {
                            cmdStr += ',';
                        }
                        cmdStr += `${key}=${escapeProperty(val)}`;
                    }
                }
            }
        }
        cmdStr += `${CMD_STRING}${escapeData(this.message)}`;
        return cmdStr;
    }
}
function escapeData(s) {
    return utils_toCommandValue(s)
        .replace(/%/g, '%25')
        .replace(/\r/g, '%0D')
        .replace(/\n/g, '%0A');
}
function escapeProperty(s) {
    return utils_toCommandValue(s)
        .replace(/%/g, '%25')
        .replace(/\r/g, '%0D')
        .replace(/\n/g, '%0A')
        .replace(/:/g, '%3A')
        .replace(/,/g, '%2C');
}
//# sourceMappingURL=command.js.map
;// CONCATENATED MODULE: external "crypto"
const external_crypto_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("crypto");
// EXTERNAL MODULE: external "fs"
var external_fs_ = __nccwpck_require__(896);
;// CONCATENATED MODULE: ../node_modules/@actions/core/lib/file-command.js
// For internal use, subject to change.
// We use any as a valid input type
/* eslint-disable @typescript-eslint/no-explicit-any */




function file_command_issueFileCommand(command, message) {
    const filePath = process.env[`GITHUB_${command}`];
    if (!filePath) {
        throw new Error(`Unable to find environment variable for file command ${command}`);
    }
    if (!external_fs_.existsSync(filePath)) {
        throw new Error(`Missing file at path: ${filePath}`);
    }
    external_fs_.appendFileSync(filePath, `${utils_toCommandValue(message)}${external_os_.EOL}`, {
        encoding: 'utf8'
    });
}
function file_command_prepareKeyValueMessage(key, value) {
    const delimiter = `ghadelimiter_${external_crypto_namespaceObject.randomUUID()}`;
    const convertedValue = utils_toCommandValue(value);
    // These should realistically never happen, but just in case someone finds a
    // way to exploit uuid generation let's not allow keys or values that contain
    // the delimiter.
    if (key.includes(delimiter)) {
        throw new Error(`Unexpected input: name should not contain the delimiter "${delimiter}"`);
    }
    if (convertedValue.includes(delimiter)) {
        throw new Error(`Unexpected input: value should not contain the delimiter "${delimiter}"`);
    }
    return `${key}<<${delimiter}${external_os_.EOL}${convertedValue}${external_os_.EOL}${delimiter}`;
}
//# sourceMappingURL=file-command.js.map
;// CONCATENATED MODULE: external "path"
const external_path_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("path");
;// CONCATENATED MODULE: ../node_modules/@actions/http-client/lib/auth.js
var __awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};
class BasicCredentialHandler {
    constructor(username, password) {
        this.username = username;
        this.password = password;
    }
    prepareRequest(options) {
        if (!options.headers) {
            throw Error('The request has no headers');
        }
        options.headers['Authorization'] = `Basic ${Buffer.from(`${this.username}:${this.password}`).toString('base64')}`;
    }
    // This handler cannot handle 401
    canHandleAuthentication() {
        return false;
    }
    handleAuthentication() {
        return __awaiter(this, void 0, void 0, function* () {
            throw new Error('not implemented');
        });
    }
}
class auth_BearerCredentialHandler {
    constructor(token) {
        this.token = token;
    }
    // currently implements pre-authorization
    // TODO: support preAuth = false where it hooks on 401
    prepareRequest(options) {
        if (!options.headers) {
            throw Error('The request has no headers');
        }
        options.headers['Authorization'] = `Bearer ${this.token}`;
    }
    // This handler cannot handle 401
    canHandleAuthentication() {
        return false;
    }
    handleAuthentication() {
        return __awaiter(this, void 0, void 0, function* () {
            throw new Error('not implemented');
        });
    }
}
class PersonalAccessTokenCredentialHandler {
    constructor(token) {
        this.token = token;
    }
    // currently implements pre-authorization
    // TODO: support preAuth = false where it hooks on 401
    prepareRequest(options) {
        if (!options.headers) {
            throw Error('The request has no headers');
        }
        options.headers['Authorization'] = `Basic ${Buffer.from(`PAT:${this.token}`).toString('base64')}`;
    }
    // This handler cannot handle 401
    canHandleAuthentication() {
        return false;
    }
    handleAuthentication() {
        return __awaiter(this, void 0, void 0, function* () {
            throw new Error('not implemented');
        });
    }
}
//# sourceMappingURL=auth.js.map
;// CONCATENATED MODULE: ../node_modules/@actions/core/lib/oidc-utils.js
var oidc_utils_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};



class oidc_utils_OidcClient {
    static createHttpClient(allowRetry = true, maxRetry = 10) {
        const requestOptions = {
            allowRetries: allowRetry,
            maxRetries: maxRetry
        };
        return new HttpClient('actions/oidc-client', [new BearerCredentialHandler(oidc_utils_OidcClient.getRequestToken())], requestOptions);
    }
    static getRequestToken() {
        const token = process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
        if (!token) {
            throw new Error('Unable to get ACTIONS_ID_TOKEN_REQUEST_TOKEN env variable');
        }
        return token;
    }
    static getIDTokenUrl() {
        const runtimeUrl = process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
        if (!runtimeUrl) {
            throw new Error('Unable to get ACTIONS_ID_TOKEN_REQUEST_URL env variable');
        }
        return runtimeUrl;
    }
    static getCall(id_token_url) {
        return oidc_utils_awaiter(this, void 0, void 0, function* () {
            var _a;
            const httpclient = oidc_utils_OidcClient.createHttpClient();
            const res = yield httpclient
                .getJson(id_token_url)
                .catch(error => {
                throw new Error(`Failed to get ID Token. \n 
        Error Code : ${error.statusCode}\n 
        Error Message: ${error.message}`);
            });
            const id_token = (_a = res.result) === null || _a === void 0 ? void 0 : _a.value;
            if (!id_token) {
                throw new Error('Response json body do not have ID Token field');
            }
            return id_token;
        });
    }
    static getIDToken(audience) {
        return oidc_utils_awaiter(this, void 0, void 0, function* () {
            try {
                // New ID Token is requested from action service
                let id_token_url = oidc_utils_OidcClient.getIDTokenUrl();
                if (audience) {
                    const encodedAudience = encodeURIComponent(audience);
                    id_token_url = `${id_token_url}&audience=${encodedAudience}`;
                }
                debug(`ID token url is ${id_token_url}`);
                const id_token = yield oidc_utils_OidcClient.getCall(id_token_url);
                setSecret(id_token);
                return id_token;
            }
            catch (error) {
                throw new Error(`Error message: ${error.message}`);
            }
        });
    }
}
//# sourceMappingURL=oidc-utils.js.map
;// CONCATENATED MODULE: ../node_modules/@actions/core/lib/summary.js
var summary_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};


const { access, appendFile, writeFile } = external_fs_.promises;
const SUMMARY_ENV_VAR = 'GITHUB_STEP_SUMMARY';
const SUMMARY_DOCS_URL = 'https://docs.github.com/actions/using-workflows/workflow-commands-for-github-actions#adding-a-job-summary';
class Summary {
    constructor() {
        this._buffer = '';
    }
    /**
     * Finds the summary file path from the environment, rejects if env var is not found or file does not exist
     * Also checks r/w permissions.
     *
     * @returns step summary file path
     */
    filePath() {
        return summary_awaiter(this, void 0, void 0, function* () {
            if (this._filePath) {
                return this._filePath;
            }
            const pathFromEnv = process.env[SUMMARY_ENV_VAR];
            if (!pathFromEnv) {
                throw new Error(`Unable to find environment variable for $${SUMMARY_ENV_VAR}. Check if your runtime environment supports job summaries.`);
            }
            try {
                yield access(pathFromEnv, external_fs_.constants.R_OK | external_fs_.constants.W_OK);
            }
            catch (_a) {
                throw new Error(`Unable to access summary file: '${pathFromEnv}'. Check if the file has correct read/write permissions.`);
            }
            this._filePath = pathFromEnv;
            return this._filePath;
        });
    }
    /**
     * Wraps content in an HTML tag, adding any HTML attributes
     *
     * @param {string} tag HTML tag to wrap
     * @param {string | null} content content within the tag
     * @param {[attribute: string]: string} attrs key-value list of HTML attributes to add
     *
     * @returns {string} content wrapped in HTML element
     */
    wrap(tag, content, attrs = {}) {
        const htmlAttrs = Object.entries(attrs)
            .map(([key, value]) => ` ${key}="${value}"`)
            .join('');
        if (!content) {
            return `<${tag}${htmlAttrs}>`;
        }
        return `<${tag}${htmlAttrs}>${content}</${tag}>`;
    }
    /**
     * Writes text in the buffer to the summary buffer file and empties buffer. Will append by default.
     *
     * @param {SummaryWriteOptions} [options] (optional) options for write operation
     *
     * @returns {Promise<Summary>} summary instance
     */
    write(options) {
        return summary_awaiter(this, void 0, void 0, function* () {
            const overwrite = !!(options === null || options === void 0 ? void 0 : options.overwrite);
            const filePath = yield this.filePath();
            const writeFunc = overwrite ? writeFile : appendFile;
            yield writeFunc(filePath, this._buffer, { encoding: 'utf8' });
            return this.emptyBuffer();
        });
    }
    /**
     * Clears the summary buffer and wipes the summary file
     *
     * @returns {Summary} summary instance
     */
    clear() {
        return summary_awaiter(this, void 0, void 0, function* () {
            return this.emptyBuffer().write({ overwrite: true });
        });
    }
    /**
     * Returns the current summary buffer as a string
     *
     * @returns {string} string of summary buffer
     */
    stringify() {
        return this._buffer;
    }
    /**
     * If the summary buffer is empty
     *
     * @returns {boolen} true if the buffer is empty
     */
    isEmptyBuffer() {
        return this._buffer.length === 0;
    }
    /**
     * Resets the summary buffer without writing to summary file
     *
     * @returns {Summary} summary instance
     */
    emptyBuffer() {
        this._buffer = '';
        return this;
    }
    /**
     * Adds raw text to the summary buffer
     *
     * @param {string} text content to add
     * @param {boolean} [addEOL=false] (optional) append an EOL to the raw text (default: false)
     *
     * @returns {Summary} summary instance
     */
    addRaw(text, addEOL = false) {
        this._buffer += text;
        return addEOL ? this.addEOL() : this;
    }
    /**
     * Adds the operating system-specific end-of-line marker to the buffer
     *
     * @returns {Summary} summary instance
     */
    addEOL() {
        return this.addRaw(external_os_.EOL);
    }
    /**
     * Adds an HTML codeblock to the summary buffer
     *
     * @param {string} code content to render within fenced code block
     * @param {string} lang (optional) language to syntax highlight code
     *
     * @returns {Summary} summary instance
     */
    addCodeBlock(code, lang) {
        const attrs = Object.assign({}, (lang && { lang }));
        const element = this.wrap('pre', this.wrap('code', code), attrs);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML list to the summary buffer
     *
     * @param {string[]} items list of items to render
     * @param {boolean} [ordered=false] (optional) if the rendered list should be ordered or not (default: false)
     *
     * @returns {Summary} summary instance
     */
    addList(items, ordered = false) {
        const tag = ordered ? 'ol' : 'ul';
        const listItems = items.map(item => this.wrap('li', item)).join('');
        const element = this.wrap(tag, listItems);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML table to the summary buffer
     *
     * @param {SummaryTableCell[]} rows table rows
     *
     * @returns {Summary} summary instance
     */
    addTable(rows) {
        const tableBody = rows
            .map(row => {
            const cells = row
                .map(cell => {
                if (typeof cell === 'string') {
                    return this.wrap('td', cell);
                }
                const { header, data, colspan, rowspan } = cell;
                const tag = header ? 'th' : 'td';
                const attrs = Object.assign(Object.assign({}, (colspan && { colspan })), (rowspan && { rowspan }));
                return this.wrap(tag, data, attrs);
            })
                .join('');
            return this.wrap('tr', cells);
        })
            .join('');
        const element = this.wrap('table', tableBody);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds a collapsable HTML details element to the summary buffer
     *
     * @param {string} label text for the closed state
     * @param {string} content collapsable content
     *
     * @returns {Summary} summary instance
     */
    addDetails(label, content) {
        const element = this.wrap('details', this.wrap('summary', label) + content);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML image tag to the summary buffer
     *
     * @param {string} src path to the image you to embed
     * @param {string} alt text description of the image
     * @param {SummaryImageOptions} options (optional) addition image attributes
     *
     * @returns {Summary} summary instance
     */
    addImage(src, alt, options) {
        const { width, height } = options || {};
        const attrs = Object.assign(Object.assign({}, (width && { width })), (height && { height }));
        const element = this.wrap('img', null, Object.assign({ src, alt }, attrs));
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML section heading element
     *
     * @param {string} text heading text
     * @param {number | string} [level=1] (optional) the heading level, default: 1
     *
     * @returns {Summary} summary instance
     */
    addHeading(text, level) {
        const tag = `h${level}`;
        const allowedTag = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].includes(tag)
            ? tag
            : 'h1';
        const element = this.wrap(allowedTag, text);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML thematic break (<hr>) to the summary buffer
     *
     * @returns {Summary} summary instance
     */
    addSeparator() {
        const element = this.wrap('hr', null);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML line break (<br>) to the summary buffer
     *
     * @returns {Summary} summary instance
     */
    addBreak() {
        const element = this.wrap('br', null);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML blockquote to the summary buffer
     *
     * @param {string} text quote text
     * @param {string} cite (optional) citation url
     *
     * @returns {Summary} summary instance
     */
    addQuote(text, cite) {
        const attrs = Object.assign({}, (cite && { cite }));
        const element = this.wrap('blockquote', text, attrs);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML anchor tag to the summary buffer
     *
     * @param {string} text link text/content
     * @param {string} href hyperlink
     *
     * @returns {Summary} summary instance
     */
    addLink(text, href) {
        const element = this.wrap('a', text, { href });
        return this.addRaw(element).addEOL();
    }
}
const _summary = new Summary();
/**
 * @deprecated use `core.summary`
 */
const markdownSummary = (/* unused pure expression or super */ null && (_summary));
const summary = _summary;
//# sourceMappingURL=summary.js.map
;// CONCATENATED MODULE: ../node_modules/@actions/core/lib/path-utils.js

/**
 * toPosixPath converts the given path to the posix form. On Windows, \\ will be
 * replaced with /.
 *
 * @param pth. Path to transform.
 * @return string Posix path.
 */
function toPosixPath(pth) {
    return pth.replace(/[\\]/g, '/');
}
/**
 * toWin32Path converts the given path to the win32 form. On Linux, / will be
 * replaced with \\.
 *
 * @param pth. Path to transform.
 * @return string Win32 path.
 */
function toWin32Path(pth) {
    return pth.replace(/[/]/g, '\\');
}
/**
 * toPlatformPath converts the given path to a platform-specific path. It does
 * this by replacing instances of / and \ with the platform-specific path
 * separator.
 *
 * @param pth The path to platformize.
 * @return string The platform-specific path.
 */
function toPlatformPath(pth) {
    return pth.replace(/[/\\]/g, path.sep);
}
//# sourceMappingURL=path-utils.js.map
;// CONCATENATED MODULE: ../node_modules/@actions/core/lib/platform.js
var platform_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};


const getWindowsInfo = () => platform_awaiter(void 0, void 0, void 0, function* () {
    const { stdout: version } = yield exec.getExecOutput('powershell -command "(Get-CimInstance -ClassName Win32_OperatingSystem).Version"', undefined, {
        silent: true
    });
    const { stdout: name } = yield exec.getExecOutput('powershell -command "(Get-CimInstance -ClassName Win32_OperatingSystem).Caption"', undefined, {
        silent: true
    });
    return {
        name: name.trim(),
        version: version.trim()
    };
});
const getMacOsInfo = () => platform_awaiter(void 0, void 0, void 0, function* () {
    var _a, _b, _c, _d;
    const { stdout } = yield exec.getExecOutput('sw_vers', undefined, {
        silent: true
    });
    const version = (_b = (_a = stdout.match(/ProductVersion:\s*(.+)/)) === null || _a === void 0 ? void 0 : _a[1]) !== null && _b !== void 0 ? _b : '';
    const name = (_d = (_c = stdout.match(/ProductName:\s*(.+)/)) === null || _c === void 0 ? void 0 : _c[1]) !== null && _d !== void 0 ? _d : '';
    return {
        name,
        version
    };
});
const getLinuxInfo = () => platform_awaiter(void 0, void 0, void 0, function* () {
    const { stdout } = yield exec.getExecOutput('lsb_release', ['-i', '-r', '-s'], {
        silent: true
    });
    const [name, version] = stdout.trim().split('\n');
    return {
        name,
        version
    };
});
const platform = external_os_.platform();
const arch = external_os_.arch();
const isWindows = platform === 'win32';
const isMacOS = platform === 'darwin';
const isLinux = platform === 'linux';
function getDetails() {
    return platform_awaiter(this, void 0, void 0, function* () {
        return Object.assign(Object.assign({}, (yield (isWindows
            ? getWindowsInfo()
            : isMacOS
                ? getMacOsInfo()
                : getLinuxInfo()))), { platform,
            arch,
            isWindows,
            isMacOS,
            isLinux });
    });
}
//# sourceMappingURL=platform.js.map
;// CONCATENATED MODULE: ../node_modules/@actions/core/lib/core.js
var core_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};






/**
 * The code to exit an action
 */
var ExitCode;
(function (ExitCode) {
    /**
     * A code indicating that the action was successful
     */
    ExitCode[ExitCode["Success"] = 0] = "Success";
    /**
     * A code indicating that the action was a failure
     */
    ExitCode[ExitCode["Failure"] = 1] = "Failure";
})(ExitCode || (ExitCode = {}));
//-----------------------------------------------------------------------
// Variables
//-----------------------------------------------------------------------
/**
 * Sets env variable for this action and future actions in the job
 * @param name the name of the variable to set
 * @param val the value of the variable. Non-string values will be converted to a string via JSON.stringify
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function exportVariable(name, val) {
    const convertedVal = toCommandValue(val);
    process.env[name] = convertedVal;
    const filePath = process.env['GITHUB_ENV'] || '';
    if (filePath) {
        return issueFileCommand('ENV', prepareKeyValueMessage(name, val));
    }
    issueCommand('set-env', { name }, convertedVal);
}
/**
 * Registers a secret which will get masked from logs
 *
 * @param secret - Value of the secret to be masked
 * @remarks
 * This function instructs the Actions runner to mask the specified value in any
 * logs produced during the workflow run. Once registered, the secret value will
 * be replaced with asterisks (***) whenever it appears in console output, logs,
 * or error messages.
 *
 * This is useful for protecting sensitive information such as:
 * - API keys
 * - Access tokens
 * - Authentication credentials
 * - URL parameters containing signatures (SAS tokens)
 *
 * Note that masking only affects future logs; any previous appearances of the
 * secret in logs before calling this function will remain unmasked.
 *
 * @example
 * ```typescript
 * // Register an API token as a secret
 * const apiToken = "abc123xyz456";
 * setSecret(apiToken);
 *
 * // Now any logs containing this value will show *** instead
 * console.log(`Using token: ${apiToken}`); // Outputs: "Using token: ***"
 * ```
 */
function core_setSecret(secret) {
    command_issueCommand('add-mask', {}, secret);
}
/**
 * Prepends inputPath to the PATH (for this action and future actions)
 * @param inputPath
 */
function addPath(inputPath) {
    const filePath = process.env['GITHUB_PATH'] || '';
    if (filePath) {
        issueFileCommand('PATH', inputPath);
    }
    else {
        issueCommand('add-path', {}, inputPath);
    }
    process.env['PATH'] = `${inputPath}${path.delimiter}${process.env['PATH']}`;
}
/**
 * Gets the value of an input.
 * Unless trimWhitespace is set to false in InputOptions, the value is also trimmed.
 * Returns an empty string if the value is not defined.
 *
 * @param     name     name of the input to get
 * @param     options  optional. See InputOptions.
 * @returns   string
 */
function getInput(name, options) {
    const val = process.env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`] || '';
    if (options && options.required && !val) {
        throw new Error(`Input required and not supplied: ${name}`);
    }
    if (options && options.trimWhitespace === false) {
        return val;
    }
    return val.trim();
}
/**
 * Gets the values of an multiline input.  Each value is also trimmed.
 *
 * @param     name     name of the input to get
 * @param     options  optional. See InputOptions.
 * @returns   string[]
 *
 */
function getMultilineInput(name, options) {
    const inputs = getInput(name, options)
        .split('\n')
        .filter(x => x !== '');
    if (options && options.trimWhitespace === false) {
        return inputs;
    }
    return inputs.map(input => input.trim());
}
/**
 * Gets the input value of the boolean type in the YAML 1.2 "core schema" specification.
 * Support boolean input list: `true | True | TRUE | false | False | FALSE` .
 * The return value is also in boolean type.
 * ref: https://yaml.org/spec/1.2/spec.html#id2804923
 *
 * @param     name     name of the input to get
 * @param     options  optional. See InputOptions.
 * @returns   boolean
 */
function getBooleanInput(name, options) {
    const trueValue = ['true', 'True', 'TRUE'];
    const falseValue = ['false', 'False', 'FALSE'];
    const val = getInput(name, options);
    if (trueValue.includes(val))
        return true;
    if (falseValue.includes(val))
        return false;
    throw new TypeError(`Input does not meet YAML 1.2 "Core Schema" specification: ${name}\n` +
        `Support boolean input list: \`true | True | TRUE | false | False | FALSE\``);
}
/**
 * Sets the value of an output.
 *
 * @param     name     name of the output to set
 * @param     value    value to store. Non-string values will be converted to a string via JSON.stringify
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function setOutput(name, value) {
    const filePath = process.env['GITHUB_OUTPUT'] || '';
    if (filePath) {
        return file_command_issueFileCommand('OUTPUT', file_command_prepareKeyValueMessage(name, value));
    }
    process.stdout.write(external_os_.EOL);
    command_issueCommand('set-output', { name }, utils_toCommandValue(value));
}
/**
 * Enables or disables the echoing of commands into stdout for the rest of the step.
 * Echoing is disabled by default if ACTIONS_STEP_DEBUG is not set.
 *
 */
function setCommandEcho(enabled) {
    issue('echo', enabled ? 'on' : 'off');
}
//-----------------------------------------------------------------------
// Results
//-----------------------------------------------------------------------
/**
 * Sets the action status to failed.
 * When the action exits it will be with an exit code of 1
 * @param message add error issue message
 */
function setFailed(message) {
    process.exitCode = ExitCode.Failure;
    error(message);
}
//-----------------------------------------------------------------------
// Logging Commands
//-----------------------------------------------------------------------
/**
 * Gets whether Actions Step Debug is on or not
 */
function isDebug() {
    return process.env['RUNNER_DEBUG'] === '1';
}
/**
 * Writes debug message to user log
 * @param message debug message
 */
function core_debug(message) {
    command_issueCommand('debug', {}, message);
}
/**
 * Adds an error issue
 * @param message error issue message. Errors will be converted to string via toString()
 * @param properties optional properties to add to the annotation.
 */
function error(message, properties = {}) {
    command_issueCommand('error', utils_toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}
/**
 * Adds a warning issue
 * @param message warning issue message. Errors will be converted to string via toString()
 * @param properties optional properties to add to the annotation.
 */
function warning(message, properties = {}) {
    command_issueCommand('warning', utils_toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}
/**
 * Adds a notice issue
 * @param message notice issue message. Errors will be converted to string via toString()
 * @param properties optional properties to add to the annotation.
 */
function notice(message, properties = {}) {
    issueCommand('notice', toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}
/**
 * Writes info to log with console.log.
 * @param message info message
 */
function info(message) {
    process.stdout.write(message + external_os_.EOL);
}
/**
 * Begin an output group.
 *
 * Output until the next `groupEnd` will be foldable in this group
 *
 * @param name The name of the output group
 */
function startGroup(name) {
    command_issue('group', name);
}
/**
 * End an output group.
 */
function endGroup() {
    command_issue('endgroup');
}
/**
 * Wrap an asynchronous function call in a group.
 *
 * Returns the same type as the function itself.
 *
 * @param name The name of the group
 * @param fn The function to wrap in the group
 */
function group(name, fn) {
    return core_awaiter(this, void 0, void 0, function* () {
        startGroup(name);
        let result;
        try {
            result = yield fn();
        }
        finally {
            endGroup();
        }
        return result;
    });
}
//-----------------------------------------------------------------------
// Wrapper action state
//-----------------------------------------------------------------------
/**
 * Saves state for current action, the state can only be retrieved by this action's post job execution.
 *
 * @param     name     name of the state to store
 * @param     value    value to store. Non-string values will be converted to a string via JSON.stringify
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function saveState(name, value) {
    const filePath = process.env['GITHUB_STATE'] || '';
    if (filePath) {
        return issueFileCommand('STATE', prepareKeyValueMessage(name, value));
    }
    issueCommand('save-state', { name }, toCommandValue(value));
}
/**
 * Gets the value of an state set by this action's main execution.
 *
 * @param     name     name of the state to get
 * @returns   string
 */
function getState(name) {
    return process.env[`STATE_${name}`] || '';
}
function getIDToken(aud) {
    return core_awaiter(this, void 0, void 0, function* () {
        return yield OidcClient.getIDToken(aud);
    });
}
/**
 * Summary exports
 */

/**
 * @deprecated use core.summary
 */

/**
 * Path exports
 */

/**
 * Platform utilities exports
 */

//# sourceMappingURL=core.js.map
;// CONCATENATED MODULE: ../.build/src/github/github-runner.js

/**
 * The runner of GitHub Actions.
 * @param hasSummary false for a runner that shows no job summary: it sets no
 *   GITHUB_STEP_SUMMARY, which `@actions/core` reads
 */
function githubRunner(hasSummary) {
    return {
        mask: core_setSecret,
        info: info,
        debug: core_debug,
        group(title, lines) {
            startGroup(title);
            for (const line of lines)
                info(line);
            endGroup();
        },
        annotate(level, title, message) {
            const annotate = level === 'error' ? error : warning;
            annotate(message, { title });
        },
        output: setOutput,
        async summary(html) {
            if (hasSummary)
                await summary.addRaw(html).write();
        },
    };
}


/***/ }),

/***/ 725:
/***/ ((__webpack_module__, __unused_webpack___webpack_exports__, __nccwpck_require__) => {

__nccwpck_require__.a(__webpack_module__, async (__webpack_handle_async_dependencies__, __webpack_async_result__) => { try {
/* harmony import */ var node_fs__WEBPACK_IMPORTED_MODULE_0__ = __nccwpck_require__(24);
/* harmony import */ var _clock_js__WEBPACK_IMPORTED_MODULE_1__ = __nccwpck_require__(377);
/* harmony import */ var _cloudflare_connection_js__WEBPACK_IMPORTED_MODULE_2__ = __nccwpck_require__(777);
/* harmony import */ var _cloudflare_http_client_js__WEBPACK_IMPORTED_MODULE_3__ = __nccwpck_require__(828);
/* harmony import */ var _cloudflare_proxy_js__WEBPACK_IMPORTED_MODULE_4__ = __nccwpck_require__(75);
/* harmony import */ var _github_context_js__WEBPACK_IMPORTED_MODULE_8__ = __nccwpck_require__(698);
/* harmony import */ var _github_github_runner_js__WEBPACK_IMPORTED_MODULE_5__ = __nccwpck_require__(942);
/* harmony import */ var _inputs_recipient_file_js__WEBPACK_IMPORTED_MODULE_6__ = __nccwpck_require__(71);
/* harmony import */ var _main_js__WEBPACK_IMPORTED_MODULE_7__ = __nccwpck_require__(138);









/** On Windows the runner sends Ctrl+C (SIGINT), and then Ctrl+Break. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'];
/** Some runners send two signals at once, so only a third one exits at once. */
const SIGNALS_TO_EXIT = 3;
/** How long the exit waits for a slow reader of the log. */
const DRAIN_MS = 5_000;
/** Open connections may delay the exit by this much; the result is complete. */
const LINGER_MS = 300;
const cancel = new AbortController();
let signals = 0;
for (const signal of SIGNALS) {
    process.on(signal, () => {
        signals += 1;
        if (signals >= SIGNALS_TO_EXIT)
            process.exit(1);
        cancel.abort();
    });
}
// @actions/github would read the event, which the action does not need, and
// print the path of a missing file without making it safe.
delete process.env['GITHUB_EVENT_PATH'];
// A log that nobody reads any more must not end the run.
process.stdout.on('error', () => { });
const context = (0,_github_context_js__WEBPACK_IMPORTED_MODULE_8__/* .readGitHubContext */ .L)(process.env);
const success = await (0,_main_js__WEBPACK_IMPORTED_MODULE_7__/* .main */ .i)({
    env: process.env,
    context,
    files: _inputs_recipient_file_js__WEBPACK_IMPORTED_MODULE_6__/* .workspaceFiles */ .PZ,
    http: (0,_cloudflare_http_client_js__WEBPACK_IMPORTED_MODULE_3__/* .createHttpClient */ .u)((url) => (0,_cloudflare_proxy_js__WEBPACK_IMPORTED_MODULE_4__/* .proxyFor */ .iJ)(url, process.env), (0,_cloudflare_connection_js__WEBPACK_IMPORTED_MODULE_2__/* .extraCaProblem */ .gb)(process.env, node_fs__WEBPACK_IMPORTED_MODULE_0__.existsSync)),
    clock: _clock_js__WEBPACK_IMPORTED_MODULE_1__/* .systemClock */ .m,
    random: Math.random,
    runner: (0,_github_github_runner_js__WEBPACK_IMPORTED_MODULE_5__/* .githubRunner */ .O)(context.hasSummary),
    cancel: cancel.signal,
});
process.exitCode = success ? 0 : 1;
exitWhenDrained();
/** A connection that hangs, such as one to a proxy, must not hold the step. */
function exitWhenDrained() {
    const exit = () => process.exit();
    setTimeout(exit, DRAIN_MS).unref();
    // Called when everything written before it has been handed to the reader.
    process.stdout.write('', () => setTimeout(exit, LINGER_MS).unref());
}

__webpack_async_result__();
} catch(e) { __webpack_async_result__(e); } }, 1);

/***/ }),

/***/ 753:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   A6: () => (/* binding */ ORGANIZATION_ID),
/* harmony export */   JG: () => (/* binding */ isAccountId),
/* harmony export */   Sd: () => (/* binding */ idsIn),
/* harmony export */   W_: () => (/* binding */ ACCOUNT_ID),
/* harmony export */   aQ: () => (/* binding */ holdsId),
/* harmony export */   iC: () => (/* binding */ SHARE_ID),
/* harmony export */   k: () => (/* binding */ ACCOUNT_ID_OR_NAME),
/* harmony export */   lx: () => (/* binding */ idProblem)
/* harmony export */ });
/* harmony import */ var _reading_js__WEBPACK_IMPORTED_MODULE_0__ = __nccwpck_require__(231);

/** Every ID that becomes a target, and every published example. */
const TARGET_ID = /^[0-9a-f]{32}$/i;
const ACCOUNT_ID = {
    expected: '32 hexadecimal digits',
    pattern: TARGET_ID,
    source: 'Copy the account ID from the Cloudflare dashboard.',
};
/** An account ID, where another one is on the same line. */
const ACCOUNT_ID_OR_NAME = {
    ...ACCOUNT_ID,
    source: 'A name follows its ID in a comment (`ID # name`). If it is not a name, ' +
        'copy the account ID from the Cloudflare dashboard.',
};
const ORGANIZATION_ID = {
    expected: '32 hexadecimal digits',
    pattern: TARGET_ID,
    source: 'Copy the organization ID from the Cloudflare dashboard.',
};
/** The API documents no more than a length of at most 32 characters. */
const SHARE_ID = {
    expected: 'up to 32 letters, digits, "_" and "-"',
    pattern: /^(?=.*[A-Za-z0-9])[A-Za-z0-9_-]{1,32}$/,
    source: 'Copy the share ID from the list that step 2 of the README prints.',
};
/**
 * What YAML makes of an ID that looks like a number and is not in quotes:
 * `1.2e+31`, `Infinity`, or too few digits.
 */
const YAML_NUMBER = /^[+-]?(\d+(\.\d+)?e[+-]?\d+|\.?inf(inity)?|\d{1,31})$/i;
/** What an expression gives for something that is no text. */
const WORD = /^(null|nil|none|undefined|nan|true|false|array|object)$/i;
/** Characters that nobody sees in a message, other than the space. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]|[^\S ]/u;
/** A character that is not printable ASCII. */
const NOT_ASCII = /[^ -~]/u;
/** An ID in free text, such as a comment: no part of a longer word. */
const ID_IN_TEXT = /(?<![0-9a-z_])[0-9a-f]{32}(?![0-9a-z_])/gi;
/**
 * A word that may hold an ID: where line breaks are lost, it has the end of a
 * comment, a date or another ID before it.
 */
const HOLDS_ID = /[0-9a-f]{32}/i;
function isAccountId(text) {
    return TARGET_ID.test(text);
}
/** The IDs of accounts in free text, in lower case. */
function idsIn(text) {
    return (text.match(ID_IN_TEXT) ?? []).map((id) => id.toLowerCase());
}
/** May a word hold the ID of an account, whatever else it holds? */
function holdsId(word) {
    return HOLDS_ID.test(word);
}
/**
 * Why a text is no ID of this kind.
 * @returns null for an ID
 */
function idProblem(kind, text, clean) {
    if (TARGET_ID.test(text))
        return null;
    const flaw = numberFlaw(kind, text) ??
        wordFlaw(text) ??
        invisibleFlaw(text) ??
        foreignFlaw(text) ??
        patternFlaw(kind, text);
    return flaw && { expected: kind.expected, got: (0,_reading_js__WEBPACK_IMPORTED_MODULE_0__/* .quoted */ .TL)(text, clean), ...flaw };
}
function numberFlaw({ pattern, expected }, text) {
    if (!YAML_NUMBER.test(text))
        return null;
    const fix = 'The ID is incomplete, or YAML turned it into a number: copy the whole ' +
        'ID. In YAML, put it in quotes.';
    const isAllowed = pattern.test(text);
    return isAllowed ? { expected: `${expected}, not a number`, fix } : { fix };
}
function wordFlaw(text) {
    if (!WORD.test(text))
        return null;
    return { fix: 'This is a word, not an ID: check where it comes from.' };
}
function invisibleFlaw(text) {
    const [character] = INVISIBLE.exec(text) ?? [];
    if (character === undefined)
        return null;
    const remark = `with the invisible character ${nameOfCharacter(character)}`;
    return { remark, fix: 'Remove that character, or type the ID.' };
}
/** Such as a Cyrillic letter, which looks like a Latin one. */
function foreignFlaw(text) {
    const [character] = NOT_ASCII.exec(text) ?? [];
    if (character === undefined)
        return null;
    const remark = `with the character ${nameOfCharacter(character)}`;
    return { remark, fix: 'Replace that character, or type the ID.' };
}
/** `U+0430`. */
function nameOfCharacter(character) {
    const code = character.codePointAt(0)?.toString(16).toUpperCase();
    return `U+${code?.padStart(4, '0')}`;
}
function patternFlaw({ pattern, source }, text) {
    if (pattern.test(text))
        return null;
    return { remark: `length ${text.length}`, fix: source };
}


/***/ }),

/***/ 231:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   $N: () => (/* binding */ sentenceOf),
/* harmony export */   Bp: () => (/* binding */ errorsOf),
/* harmony export */   Gq: () => (/* binding */ invalid),
/* harmony export */   TL: () => (/* binding */ quoted),
/* harmony export */   Wb: () => (/* binding */ emptyInput),
/* harmony export */   bn: () => (/* binding */ allOf),
/* harmony export */   dd: () => (/* binding */ valueOr),
/* harmony export */   hD: () => (/* binding */ findingOf),
/* harmony export */   qn: () => (/* binding */ wrongInput),
/* harmony export */   rZ: () => (/* binding */ valid)
/* harmony export */ });
/** How much of a wrong text a message shows. */
const MAX_SHOWN = 60;
function valid(value) {
    return { type: 'valid', value };
}
function invalid(...errors) {
    return { type: 'invalid', errors };
}
function errorsOf(reading) {
    return reading.type === 'invalid' ? reading.errors : [];
}
/** The value that was read, or another one where it is invalid. */
function valueOr(reading, otherwise) {
    return reading.type === 'valid' ? reading.value : otherwise;
}
/** All values if all are valid, otherwise all errors in the order given. */
function allOf(readings) {
    const values = {};
    const errors = [];
    for (const [name, reading] of Object.entries(readings)) {
        if (reading.type === 'valid')
            values[name] = reading.value;
        else
            errors.push(...reading.errors);
    }
    return errors.length > 0 ? invalid(...errors) : valid(values);
}
/** Makes a wrong text fit into a message. */
function quoted(text, clean) {
    // A secret in the wrong input is removed before the text is cut.
    return `"${clean(text, MAX_SHOWN)}"`;
}
/** What is there instead, and where: `"abc" on line 2 (length 3)`. */
function findingOf({ got, place = '', remark }) {
    return `${got}${place}${remark ? ` (${remark})` : ''}`;
}
/** `expected X, got "Y". Fix.` */
function sentenceOf(wrong) {
    return `expected ${wrong.expected}, got ${findingOf(wrong)}. ${wrong.fix}`;
}
/** An error of an input that holds something. */
function wrongInput(input, wrong) {
    return { input, message: sentenceOf(wrong), details: [], isEmpty: false };
}
/** An error of an input that is empty or missing. */
function emptyInput(input, expected, fix) {
    const message = sentenceOf({ expected, got: 'nothing', fix });
    return { input, message, details: [], isEmpty: true };
}


/***/ }),

/***/ 71:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  _2: () => (/* binding */ FILE_INPUT),
  k4: () => (/* binding */ readRecipientFile),
  PZ: () => (/* binding */ workspaceFiles)
});

// EXTERNAL MODULE: external "node:fs"
var external_node_fs_ = __nccwpck_require__(24);
;// CONCATENATED MODULE: external "node:path"
const external_node_path_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:path");
// EXTERNAL MODULE: ../.build/src/inputs/ids.js
var ids = __nccwpck_require__(753);
// EXTERNAL MODULE: ../.build/src/inputs/reading.js
var reading = __nccwpck_require__(231);
;// CONCATENATED MODULE: ../.build/src/inputs/recipient-file.js
/*
 * `recipient-account-file`: a list of accounts in a file of the workspace. A
 * file outside of it is not read: its text would appear in messages.
 */




/** The files of the machine. */
const workspaceFiles = {
    // Not `realpathSync` itself, which drops `link/..` before it reads the link.
    realPath: (path) => external_node_fs_.realpathSync.native(path),
    status(path) {
        const found = (0,external_node_fs_.statSync)(path);
        const other = found.isDirectory() ? 'folder' : 'other';
        return { type: found.isFile() ? 'file' : other, size: found.size };
    },
    read: (path) => (0,external_node_fs_.readFileSync)(path),
};
const FILE_INPUT = 'recipient-account-file';
const MIB = 1024 * 1024;
const MAX_BYTES = 4 * MIB;
/** Codes of `node:fs` for a path that leads nowhere. */
const MISSING = ['ENOENT', 'ENOTDIR'];
const CHECK_PATH = 'Check the path, and that an earlier step checks out or writes the file.';
const LIST_AS_PATH = 'This is no path: pass a list of IDs as `recipient-account-id`.';
/** What to do, by the code of `node:fs`. */
const FIXES = {
    ENOENT: CHECK_PATH,
    ENOTDIR: CHECK_PATH,
    ELOOP: 'Correct its symbolic link, which leads to itself.',
    ENAMETOOLONG: LIST_AS_PATH,
};
/** A file that cannot be used. */
class FileProblem extends Error {
    problem;
    constructor(wrong) {
        super(wrong.got);
        this.problem = wrong;
    }
}
/**
 * Reads the text of the file. What could replace it between the checks and the
 * reading could also write the list itself: the job owns the workspace.
 * @param path as it was given; not empty
 */
function readRecipientFile(path, sources) {
    try {
        return (0,reading/* valid */.rZ)(readText(path, sources));
    }
    catch (error) {
        if (!(error instanceof FileProblem))
            throw error;
        return (0,reading/* invalid */.Gq)((0,reading/* wrongInput */.qn)(FILE_INPUT, error.problem));
    }
}
function readText(path, { env, files, clean }) {
    const shown = (0,reading/* quoted */.TL)(path, clean);
    const named = { shown, isList: path.split(/[\s,]+/).every(ids/* isAccountId */.JG) };
    const workspace = realWorkspace(env, files);
    const absolute = (0,external_node_path_namespaceObject.isAbsolute)(path) ? path : `${workspace}${external_node_path_namespaceObject.sep}${path}`;
    const file = attempt(() => files.realPath(absolute), named);
    requireInside(workspace, file, shown);
    const status = attempt(() => files.status(file), named);
    requireFile(status, shown);
    requireSize(status);
    const bytes = attempt(() => files.read(file), named);
    return decode(bytes);
}
function realWorkspace(env, files) {
    const expected = 'the variable GITHUB_WORKSPACE with a folder';
    const fix = 'Run the action in a job of GitHub Actions, or set the variable.';
    const workspace = env['GITHUB_WORKSPACE'] ?? '';
    if (workspace === '')
        throw new FileProblem({ expected, got: 'nothing', fix });
    try {
        return files.realPath(workspace);
    }
    catch (error) {
        const remark = codeOf(error);
        throw new FileProblem({ expected, got: 'another path', remark, fix });
    }
}
function requireInside(workspace, file, shown) {
    const inside = (0,external_node_path_namespaceObject.relative)(workspace, file);
    const isOutside = inside === '..' || inside.startsWith(`..${external_node_path_namespaceObject.sep}`) || (0,external_node_path_namespaceObject.isAbsolute)(inside);
    if (!isOutside)
        return;
    const expected = 'a file in the workspace';
    const fix = 'Copy the file itself into the workspace.';
    throw new FileProblem({ expected, got: shown, remark: 'outside of it', fix });
}
/** Reading a pipe or a device might never end. */
function requireFile({ type }, shown) {
    if (type === 'file')
        return;
    const fix = 'Set the path of the file itself.';
    const remark = type === 'folder' ? 'a folder' : 'not a regular file';
    throw new FileProblem({ expected: 'a file', got: shown, remark, fix });
}
function requireSize({ size }) {
    if (size <= MAX_BYTES)
        return;
    // Rounded up: one byte too many is not 4.0 MiB.
    const tenths = Math.ceil((size / MIB) * 10);
    const got = `${(tenths / 10).toFixed(1)} MiB`;
    const fix = 'The largest list of IDs is smaller: check the path.';
    throw new FileProblem({ expected: 'a file of at most 4 MiB', got, fix });
}
/** A byte order mark at the start is left out. */
function decode(bytes) {
    try {
        // A list has none, but UTF-16 without a byte order mark does.
        if (bytes.includes(0))
            throw new TypeError('not text in UTF-8');
        return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    }
    catch {
        const fix = 'Save the file as UTF-8.';
        throw new FileProblem({
            expected: 'a file in UTF-8',
            got: 'other bytes',
            fix,
        });
    }
}
/** Does something with the file that may fail. */
function attempt(action, named) {
    try {
        return action();
    }
    catch (error) {
        throw unreadable(codeOf(error), named);
    }
}
function unreadable(code, { shown, isList }) {
    const isMissing = MISSING.includes(code);
    const fix = FIXES[code] ?? 'Check the permissions of the file.';
    return new FileProblem({
        expected: 'a file in the workspace',
        got: shown,
        remark: isMissing ? 'which does not exist' : code,
        fix: isMissing && isList ? LIST_AS_PATH : fix,
    });
}
function codeOf(error) {
    const { code } = error;
    return code ?? String(error);
}


/***/ }),

/***/ 138:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  i: () => (/* binding */ main)
});

// EXTERNAL MODULE: ../.build/src/clock.js + 1 modules
var src_clock = __nccwpck_require__(377);
;// CONCATENATED MODULE: ../.build/src/format.js
/* Numbers, times and lists as people read them. */
/** `1,000`. */
function formatCount(count) {
    return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
/** `1 account`, `1,000 accounts`. */
function plural(count, noun) {
    const ending = count === 1 ? '' : 's';
    return `${formatCount(count)} ${noun}${ending}`;
}
/** Milliseconds as a measured time: `0.4 s`, `12.3 s`, `245 s`. */
function formatSeconds(ms) {
    if (ms >= 100_000)
        return `${Math.round(ms / 1000)} s`;
    // As in the outputs: of 1.15, `toFixed` makes 1.1.
    const tenths = Math.round(Math.max(0, ms) / 100);
    return `${(tenths / 10).toFixed(1)} s`;
}
/** Milliseconds as people say them: `35 s`, `9 m 29 s`, `1 h 5 m`. */
function formatDuration(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    if (minutes === 0)
        return `${seconds} s`;
    if (hours === 0)
        return withRest(`${minutes} m`, seconds % 60, 's');
    return withRest(`${hours} h`, minutes % 60, 'm');
}
function withRest(text, rest, unit) {
    return rest === 0 ? text : `${text} ${rest} ${unit}`;
}
/** A time to wait, never less than it is: `2 s` for 1,001 milliseconds. */
function formatWait(ms) {
    return formatDuration(Math.ceil(ms / 1000) * 1000);
}
/** `a, b, c and 4 more`. */
function listOf(names, max) {
    const more = names.length - max;
    if (more <= 0)
        return names.join(', ');
    return `${names.slice(0, max).join(', ')} and ${formatCount(more)} more`;
}
/**
 * Ends a text of somebody else like a sentence, if it does not end like one.
 */
function asSentence(text) {
    return /[.!?…]$/.test(text) ? text : `${text}.`;
}
/** The beginning of a text, without half of a character at its end. */
function headOf(text, max) {
    return text
        .slice(0, max)
        .replace(/[\uD800-\uDBFF]$/, '')
        .toWellFormed();
}
/**
 * Shortens a text to `max` UTF-16 code units, with an ellipsis for what is
 * missing.
 */
function cut(text, max) {
    if (text.length <= max)
        return text;
    return `${headOf(text, Math.max(0, max - 1))}…`;
}
/** Shortens a text, and says how much of it is missing. */
function cutWithCount(text, max) {
    const more = text.length - max;
    if (more <= 0)
        return text;
    return `${headOf(text, max)}… (and ${plural(more, 'more character')})`;
}

// EXTERNAL MODULE: ../.build/src/cloudflare/json.js
var json = __nccwpck_require__(163);
;// CONCATENATED MODULE: ../.build/src/cloudflare/rate-limiter.js
/**
 * 5 % of the published 1,200 requests in 5 minutes; below it, requests are
 * spread over what is left of the window.
 */
const LITTLE = 60;
/** The published window. */
const RATE_LIMIT_WINDOW_MS = 300_000;
/**
 * Keeps the requests of a run inside the rate limit, which it shares with
 * everything else of the same user (Cloudflare's page "Rate limits").
 */
class RateLimiter {
    /** Milliseconds since the epoch; null before the first block. */
    #blockedUntilMs = null;
    #allowance = null;
    /** When the allowance is whole again, milliseconds since the epoch. */
    #windowEndMs = 0;
    /** When the last request was sent; null before the first. */
    #lastSentMs = null;
    /** What a request that would be sent now has to wait for. */
    stateAt(nowMs, endMs) {
        const blockedMs = Math.max(0, (this.#blockedUntilMs ?? nowMs) - nowMs);
        const gapMs = this.#gapMs(nowMs, endMs - nowMs);
        const nextMs = (this.#lastSentMs ?? 0) + gapMs;
        const spacedMs = Math.max(0, nextMs - nowMs);
        return {
            // Whole, because a part of a millisecond may be too short for a clock to
            // move, and would be waited for again and again.
            waitMs: Math.ceil(Math.max(blockedMs, spacedMs)),
            isBlocked: blockedMs > 0,
        };
    }
    /** Counts a request that is sent now. */
    recordRequest(nowMs) {
        this.#lastSentMs = nowMs;
    }
    /** Learns from a response how much of the limit is left. */
    recordResponse({ status, headers }, nowMs) {
        const allowance = parseAllowance(headers);
        if (allowance) {
            this.#allowance = allowance;
            this.#windowEndMs = nowMs + allowance.resetMs;
            if (allowance.remaining === 0)
                this.#blockFor(allowance.resetMs, nowMs);
        }
        if (status === 429) {
            this.#blockFor(parseRetryAfter(headers, nowMs) ?? 0, nowMs);
        }
    }
    /**
     * Milliseconds between two requests while little of the limit is left, with
     * `leftMs` until the step ends; otherwise 0.
     */
    #gapMs(nowMs, leftMs) {
        if (!this.#allowance || nowMs >= this.#windowEndMs)
            return 0;
        return spacingMs(this.#allowance, leftMs);
    }
    #blockFor(ms, nowMs) {
        this.#blockedUntilMs = Math.max(this.#blockedUntilMs ?? 0, nowMs + ms);
    }
}
function spacingMs({ remaining, resetMs }, leftMs = Number.POSITIVE_INFINITY) {
    return remaining > LITTLE ? 0 : Math.min(resetMs, leftMs) / (remaining + 1);
}
/**
 * Reads `Ratelimit: "default";r=50;t=30` (Cloudflare's page "Rate limits"): the
 * tightest of the limits, or null.
 */
function parseAllowance(headers) {
    const members = (headers['ratelimit'] ?? '').matchAll(/;\s*r=(\d{1,9})\s*;\s*t=(\d{1,9})(?![\d.])/g);
    const allowances = Array.from(members, ([, remaining, seconds]) => ({
        remaining: Number(remaining),
        resetMs: Math.min(Number(seconds) * 1000, RATE_LIMIT_WINDOW_MS),
    }));
    const [tightest] = allowances.sort((a, b) => spacingMs(b) - spacingMs(a) || a.remaining - b.remaining);
    return tightest ?? null;
}
/**
 * Reads `Retry-After` (seconds or an HTTP date: RFC 9110, section 10.2.3) and
 * `retry-after-ms`, in milliseconds. A date is compared with the `Date` of the
 * same response, because the clock of the runner or of the server may be wrong.
 */
function parseRetryAfter(headers, nowMs) {
    const exact = headers['retry-after-ms'] ?? '';
    if (DECIMAL.test(exact))
        return Number(exact);
    const text = headers['retry-after'] ?? '';
    if (DECIMAL.test(text))
        return Number(text) * 1000;
    const atMs = parseHttpDate(text);
    if (atMs === null)
        return null;
    const sentMs = parseHttpDate(headers['date'] ?? '') ?? nowMs;
    return Math.max(0, atMs - sentMs);
}
const DECIMAL = /^\d{1,9}(\.\d+)?$/;
/**
 * All three forms of RFC 9110, section 5.6.7. One has no time zone, and
 * `Date.parse` would read it as local time.
 */
function parseHttpDate(text) {
    const hasZone = /(GMT|UTC|[+-]\d{4})$/i.test(text);
    const atMs = Date.parse(hasZone ? text : `${text} GMT`);
    const isDate = /[a-z]{3}/i.test(text) && !Number.isNaN(atMs);
    return isDate ? atMs : null;
}

;// CONCATENATED MODULE: ../.build/src/cloudflare/response-text.js

const MAX_ENTRIES = 5;
const MAX_TEXT = 300;
const MAX_TITLE = 200;
/**
 * The reason in a response: of Cloudflare's envelope, of a problem object (RFC
 * 9457), of `{"error": …}` or `{"message": …}`, of a page, of a short text, or
 * the target of a redirect. Secrets are removed before it is cut.
 */
function describeResponse(response, clean) {
    const { json, text } = response;
    const said = json ? describeBody(json, clean) : describePage(text, clean);
    return said || describeRedirect(response, clean) || describeSilence(response);
}
function describeRedirect({ status, headers }, clean) {
    const location = headers['location'];
    const isRedirect = status >= 300 && status < 400;
    if (!isRedirect || !location)
        return '';
    return `redirect to ${clean(location, MAX_TITLE)}`;
}
function describeSilence({ status }) {
    return status < 300
        ? 'the response is not one of the Shares API'
        : `HTTP ${status} without a reason`;
}
function describeBody(body, clean) {
    const errors = entriesOf(body['errors']).map((error) => describeEntry(error, clean));
    const messages = entriesOf(body['messages']).map((message) => describeEntry(message, clean));
    const all = [...errors, ...messages, describeProblem(body, clean)];
    const said = all.filter(Boolean).join('; ');
    return said || describePlainBody(body, clean);
}
/** `{"error": "…"}`, `{"error": {"message": "…"}}` or `{"message": "…"}`. */
function describePlainBody(body, clean) {
    const { error, message } = body;
    const inner = (0,json/* asObject */.e)(error)?.['message'];
    const text = (0,json/* toText */.f)(error) || (0,json/* toText */.f)(inner) || (0,json/* toText */.f)(message);
    return clean(text, MAX_TEXT);
}
/** The first entries of a list; `messages` may hold plain text. */
function entriesOf(value) {
    if (!Array.isArray(value))
        return [];
    return value
        .slice(0, MAX_ENTRIES)
        .map((entry) => typeof entry === 'string' ? { message: entry } : ((0,json/* asObject */.e)(entry) ?? {}));
}
/** `Invalid headers (code 6003): Invalid format (code 6111) at /account`. */
function describeEntry(entry, clean) {
    const causes = entriesOf(entry['error_chain']).map((cause) => describeMessage(cause, clean));
    const pointer = (0,json/* toText */.f)((0,json/* asObject */.e)(entry['source'])?.['pointer']);
    const said = [describeMessage(entry, clean), ...causes].filter(Boolean);
    const place = pointer ? ` at ${clean(pointer, MAX_TEXT)}` : '';
    return `${said.join(': ')}${place}`;
}
/** The message first, because it is what a reader understands. */
function describeMessage({ message, code }, clean) {
    const text = clean((0,json/* toText */.f)(message), MAX_TEXT);
    if (typeof code !== 'number')
        return text;
    return text ? `${text} (code ${code})` : `code ${code}`;
}
function describeProblem(body, clean) {
    const { title, detail, error_code: code } = body;
    const parts = [title, detail].map((part) => clean((0,json/* toText */.f)(part), MAX_TEXT));
    const said = parts.filter(Boolean).join(': ');
    if (typeof code !== 'number')
        return said;
    return said ? `${said} (code ${code})` : `code ${code}`;
}
/** The title or heading of a page, or a text that is short enough to be one. */
function describePage(text, clean) {
    // Without secrets first: a tag in the middle of one would hide it.
    const start = clean(text, text.length);
    const title = elementIn(start, 'title') || elementIn(start, 'h1');
    if (title)
        return `page "${clean(title, MAX_TITLE)}"`;
    const isShort = text.length <= MAX_TITLE && !/[<{]/.test(text);
    return isShort ? clean(text, MAX_TITLE) : '';
}
function elementIn(page, name) {
    const element = new RegExp(`<${name}[^>]*>(.*?)</${name}`, 'is');
    const content = element.exec(page)?.[1] ?? '';
    return content.replace(/<[^>]*>/g, ' ').trim();
}

;// CONCATENATED MODULE: ../.build/src/cloudflare/api-error.js




/** A request to Cloudflare that failed. */
class ApiError extends Error {
    failure;
    isRetryable;
    outcome;
    /** How long the server asked to wait, in milliseconds; 0 where it did not. */
    retryAfterMs;
    constructor(failure, { isRetryable, outcome, retryAfterMs = 0, }) {
        super(`${failure.reason} (${failure.request.detail})`);
        this.failure = failure;
        this.isRetryable = isRetryable;
        this.outcome = outcome;
        this.retryAfterMs = retryAfterMs;
    }
}
/** For `catch`: makes an ApiError a value, and leaves all others exceptions. */
function asApiError(error) {
    if (error instanceof ApiError)
        return error;
    throw error;
}
/**
 * Code 10001 comes both as "Unable to authenticate request" and as "internal
 * error, please try again" (a public report), so it proves little.
 */
const UNSTABLE_AUTHENTICATION = 10001;
/**
 * Bad or insufficient credentials, whatever the status: observed codes of
 * Cloudflare's API gateway. 1001 is a missing header, or a kind of token that
 * the route does not support.
 */
const AUTHENTICATION = [
    1001, 6003, 6103, 6111, 9103, 9106, 9109, 10000, 10405,
];
/** "No route for the URI": a wrong account or address. */
const NO_ROUTE = [7000, 7003];
/** Where a response has several codes, the first rule that has one decides. */
const CODE_RULES = [
    { codes: NO_ROUTE, cause: 'route' },
    { codes: AUTHENTICATION, cause: 'authentication' },
    { codes: [UNSTABLE_AUTHENTICATION], cause: 'authentication' },
];
/**
 * The TLS handshake between Cloudflare's edge and the API failed: certainly not
 * processed, so the run may send the write again. After any other 5xx, it first
 * observes. Reads are retried after any 5xx but `UNSUPPORTED`. `retryable:
 * false` in the body always wins: see `asFinal`.
 */
const ORIGIN_NOT_REACHED = [525, 526];
/** Never retried: RFC 9110, sections 15.6.2 and 15.6.6. */
const UNSUPPORTED = [501, 505];
/**
 * Does the error prove that no write can succeed? One with code 10001 rejects
 * only its own target.
 */
function provesBadCredentials({ failure }) {
    return (failure.cause === 'authentication' &&
        failure.request.code !== UNSTABLE_AUTHENTICATION);
}
/** Says what it means that a request got no response that may be used. */
function fromExchange(request, exchange, clean) {
    const { cause, message, isRetryable } = exchange;
    const reason = clean(message, 1_000);
    return new ApiError({ cause, reason, request: toFailedRequest(request) }, { isRetryable, outcome: outcomeOf(exchange) });
}
function outcomeOf({ cause, mayHaveBeenProcessed, isRetryable, }) {
    if (mayHaveBeenProcessed)
        return 'unknown';
    // The end of the step cut it short: nobody has rejected it.
    return isRetryable || cause === 'timeout' ? 'notProcessed' : 'rejected';
}
/** Says what a response means that reports no success. */
function fromResponse(request, response, nowMs, clean) {
    const parsed = parseResponse(response);
    const { body, code, isEnvelope } = parsed;
    const classification = asFinal(classify(request, parsed), body);
    const bodyMs = toSeconds(body?.['retry_after']) * 1000;
    return new ApiError({
        cause: classification.cause,
        reason: describeResponse(response, clean),
        request: {
            kind: request.kind,
            detail: `${request.text}, ${describeOrigin(response, isEnvelope, clean)}`,
            code,
            documentationUrl: documentationUrl(body, clean),
        },
    }, {
        ...classification,
        retryAfterMs: parseRetryAfter(response.headers, nowMs) ?? bodyMs,
    });
}
/** A 2xx that is not what the Shares API is documented to send. */
function fromUnreadable(request, what) {
    const reason = `the response is not one of the Shares API: ${what}`;
    return new ApiError({ cause: 'invalid-response', reason, request: toFailedRequest(request) }, 
    // The write may have been carried out all the same.
    { isRetryable: true, outcome: 'unknown' });
}
/** A request that its turn never came for. */
function fromUnsent(request, cause, reason) {
    const detail = `${request.text}, not sent`;
    return new ApiError({ cause, reason, request: { ...toFailedRequest(request), detail } }, { isRetryable: false, outcome: 'notProcessed' });
}
/**
 * An error whose `Retry-After` is later than the end of the step cannot be
 * retried, and says so. One that is final says so too: it may hold back others.
 */
function withoutRetryInTime(error, leftMs) {
    const { failure, outcome, retryAfterMs } = error;
    if (retryAfterMs <= leftMs)
        return error;
    const asked = `the response asks to wait ${formatWait(retryAfterMs)}`;
    const reason = `${failure.reason}; ${asked}, with ${formatWait(leftMs)} left`;
    const final = { isRetryable: false, outcome: finalOutcome(outcome) };
    return new ApiError({ ...failure, reason }, { ...final, retryAfterMs });
}
/** What a write comes to that must not be sent again. */
function finalOutcome(outcome) {
    return outcome === 'notProcessed' ? 'rejected' : outcome;
}
/** A request to which no response says more. */
function toFailedRequest({ kind, text }) {
    return { kind, detail: text, code: null, documentationUrl: null };
}
function parseResponse(response) {
    const { json: body } = response;
    const isEnvelope = typeof body?.['success'] === 'boolean' || Array.isArray(body?.['errors']);
    return {
        status: response.status,
        body,
        code: decisiveCode(codesIn(body)),
        isEnvelope,
        hasRay: Boolean(response.headers['cf-ray']),
    };
}
/** The first rule that matches decides. */
function classify(request, response) {
    const { status } = response;
    if (status === 429) {
        return notProcessed(isCloudflares(response) ? 'rate-limit' : 'blocked');
    }
    if (status >= 500)
        return classifyServerError(response);
    const byCode = classifyCode(request, response.code);
    if (byCode)
        return byCode;
    if (status < 300)
        return unknown('invalid-response');
    if (status < 400)
        return rejected('invalid-response');
    return classifyClientError(request, response);
}
function classifyServerError(response) {
    const { status } = response;
    const cause = isCloudflares(response) ? 'server' : 'blocked';
    if (UNSUPPORTED.includes(status))
        return rejected(cause);
    if (cause === 'blocked')
        return unknown(cause);
    return ORIGIN_NOT_REACHED.includes(status)
        ? notProcessed('server')
        : unknown('server');
}
/** Everything that Cloudflare sends is its envelope, or has a `cf-ray`. */
function isCloudflares({ isEnvelope, hasRay }) {
    return isEnvelope || hasRay;
}
/** The codes that mean the same with every status but 429 and 5xx. */
function classifyCode({ method }, code) {
    if (code === null)
        return null;
    const rule = CODE_RULES.find(({ codes }) => codes.includes(code));
    if (!rule)
        return null;
    // 10001 comes with failures of the server too.
    const isRetryable = code === UNSTABLE_AUTHENTICATION && method === 'GET';
    return { ...rejected(rule.cause), isRetryable };
}
/** Of several codes, one that a rule has; otherwise the first. */
function decisiveCode(found) {
    const inOrder = CODE_RULES.flatMap(({ codes }) => found.filter((code) => codes.includes(code)));
    return inOrder[0] ?? found[0] ?? null;
}
function classifyClientError({ method }, response) {
    const { status } = response;
    if (isFromSomethingElse(response))
        return unknown('blocked');
    if (status === 409)
        return conflict();
    if (status === 408 || status === 425)
        return unknown('server');
    if (isAuthenticationFailure(response))
        return rejected('authentication');
    // A write is about a recipient: the share is known by then.
    const isMissing = status === 404 && method === 'GET';
    return rejected(isMissing ? 'not-found' : 'rejected');
}
/**
 * 401 whatever its code, and 403 without one: both are about the caller, where
 * Cloudflare sent them.
 */
function isAuthenticationFailure({ status, code, hasRay, }) {
    const isAboutCaller = status === 401 || (status === 403 && code === null);
    return isAboutCaller && hasRay;
}
/**
 * A firewall or a proxy: no envelope, and either no `cf-ray` or no JSON that a
 * person could call an API's.
 */
function isFromSomethingElse(response) {
    const { body, isEnvelope, hasRay } = response;
    if (isEnvelope)
        return false;
    // A problem object (RFC 9457) of Cloudflare's edge has `error_code`.
    return !hasRay || body === null || 'error_code' in body;
}
function unknown(cause) {
    return { cause, isRetryable: true, outcome: 'unknown' };
}
function rejected(cause) {
    return { cause, isRetryable: false, outcome: 'rejected' };
}
function notProcessed(cause) {
    return { cause, isRetryable: true, outcome: 'notProcessed' };
}
function conflict() {
    return { cause: 'conflict', isRetryable: true, outcome: 'conflict' };
}
/** Honors `retryable: false` of a problem object (RFC 9457). */
function asFinal(classification, body) {
    if (body?.['retryable'] !== false)
        return classification;
    const outcome = finalOutcome(classification.outcome);
    return { ...classification, isRetryable: false, outcome };
}
// -------- what is in a body
/** All codes of the errors and of their `error_chain`, in that order. */
function codesIn(body) {
    const errors = objectsIn(body?.['errors']);
    const causes = errors.flatMap((error) => objectsIn(error['error_chain']));
    return [...errors, ...causes]
        .map(({ code }) => code)
        .filter((code) => typeof code === 'number');
}
function objectsIn(value) {
    if (!Array.isArray(value))
        return [];
    return value.filter((entry) => typeof entry === 'object' && entry !== null);
}
/** A number of seconds; 0 for anything else. */
function toSeconds(value) {
    return typeof value === 'number' && value > 0 && value < 1e9 ? value : 0;
}
/**
 * Part of the published error since 2026-08; shown only for Cloudflare's docs.
 */
function documentationUrl(body, clean) {
    const pages = objectsIn(body?.['errors']).map((error) => 
    // A secret that the server repeats is replaced, and then it is no URL.
    clean((0,json/* toText */.f)(error['documentation_url']), 300));
    return pages.find((page) => DOCUMENTATION.test(page)) ?? null;
}
const DOCUMENTATION = /^https:\/\/developers\.cloudflare\.com\/[\w./#?=&%-]{0,200}$/;
/** `HTTP 400, cf-ray 8f1e…`. */
function describeOrigin({ status, headers }, isEnvelope, clean) {
    const ray = headers['cf-ray'];
    // An envelope counts as a response of the API, wherever it came from.
    const withoutRay = isEnvelope
        ? 'no cf-ray'
        : 'not from Cloudflare (no cf-ray)';
    return `HTTP ${status}, ${ray ? `cf-ray ${clean(ray, 64)}` : withoutRay}`;
}

;// CONCATENATED MODULE: ../.build/src/cloudflare/client.js




const REQUEST_TIMEOUT_MS = 10_000;
/** A list of 20,000 records may take longer to produce. */
const LIST_TIMEOUT_MS = 30_000;
const MAX_RESPONSE_MIB = 16;
/** 20,000 records with their resources. */
const MAX_LIST_MIB = 64;
/** With the waits between them, about 30 seconds. */
const MAX_ATTEMPTS = 8;
/**
 * A response that cannot be read may come from something in between that is
 * about to disappear; three one after the other do not.
 */
const MAX_INVALID_RESPONSES = 3;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 8_000;
/** Talks to Cloudflare's API. Sends nothing before the first call. */
class CloudflareClient {
    #options;
    #limiter = new RateLimiter();
    /** Until when a delay of a kind needs no further line in the log. */
    #announcedUntilMs = new Map();
    #requests = 0;
    #retries = 0;
    constructor(options) {
        this.#options = options;
    }
    get sent() {
        return { requests: this.#requests, retries: this.#retries };
    }
    /**
     * Sends a GET and retries it with backoff while that may help. An ApiError
     * that `decode` throws is retried like any other.
     * @throws ApiError
     */
    read(request, decode, options = {}) {
        return this.readList(request, () => ({ takeItem: null, decode }), options);
    }
    /**
     * As `read`, for a list that may be so long that it must not be in memory as
     * a whole.
     * @throws ApiError
     */
    async readList({ kind, path }, newDecoder, options = {}) {
        const { signal = this.#options.deadline.closing } = options;
        const { maxAttempts = MAX_ATTEMPTS } = options;
        const name = nameOf(kind, 'GET', path);
        let last = null;
        for (let attempt = 1;; attempt++) {
            try {
                const { takeItem, decode } = newDecoder(name);
                const outgoing = { name, path, body: null, takeItem, signal };
                return decode(await this.#attemptRead(outgoing, attempt));
            }
            catch (error) {
                if (!(error instanceof ApiError))
                    throw error;
                // An attempt that the end of the step cut short says nothing; the one
                // before it does.
                if (last && error.failure.cause === 'timeout')
                    throw last;
                const failed = { number: attempt, maxAttempts, error, last, signal };
                await this.#backOff(failed);
                last = error;
            }
        }
    }
    /**
     * Sends a POST or DELETE at most once, as soon as it is its turn.
     * @param acceptsReply whether a 2xx proves that the write was carried out;
     *   by default `success: true` does
     */
    async write({ kind, method, path, body }, turn, acceptsReply = isSuccess) {
        const { clock, clean, deadline } = this.#options;
        const name = nameOf(kind, method, path);
        const heldBack = await this.#waitForTurn(turn, deadline.writes);
        if (heldBack)
            return { outcome: 'heldBack', heldBack };
        const signal = deadline.writes;
        const outgoing = { name, path, body, takeItem: null, signal };
        const sent = await this.#send(outgoing);
        if (sent instanceof ApiError)
            return failed(sent);
        const { response } = sent;
        const reply = isOk(response) ? response.json : null;
        if (reply && acceptsReply(reply)) {
            return { outcome: 'accepted', envelope: toEnvelope(name, sent, reply) };
        }
        return failed(fromResponse(name, response, clock.now(), clean));
    }
    async #attemptRead(outgoing, attempt) {
        const { name, signal } = outgoing;
        const { clock, clean, deadline } = this.#options;
        const heldBack = await this.#waitForTurn(({ waitMs }) => clock.now() + waitMs > deadline.endMs()
            ? { why: 'rate-limit', waitMs }
            : null, signal);
        if (heldBack?.why === 'rate-limit') {
            throw limitedBeyondEnd(name, heldBack.waitMs);
        }
        if (heldBack)
            throw stepOver(name);
        if (attempt > 1)
            this.#retries++;
        const sent = await this.#send(outgoing);
        if (sent instanceof ApiError)
            throw sent;
        const body = isOk(sent.response) ? sent.response.json : null;
        if (body && isSuccess(body))
            return toEnvelope(name, sent, body);
        throw fromResponse(name, sent.response, clock.now(), clean);
    }
    /** Waits until the rate limit allows a request, as long as `turn` lets it. */
    async #waitForTurn(turn, signal) {
        const { clock, deadline } = this.#options;
        for (;;) {
            if (signal.aborted)
                return { why: 'step-over' };
            const state = this.#limiter.stateAt(clock.now(), deadline.endMs());
            const heldBack = turn(state);
            if (heldBack || state.waitMs === 0)
                return heldBack;
            this.#announce(state);
            await clock.sleep(state.waitMs, signal);
        }
    }
    async #send(outgoing) {
        const { apiUrl, http, clock, clean } = this.#options;
        const { name, path, body, takeItem, signal } = outgoing;
        const isList = name.kind === 'list';
        const sentMs = clock.now();
        this.#requests++;
        this.#limiter.recordRequest(sentMs);
        const response = await http({
            method: name.method,
            url: apiUrl + path,
            headers: this.#headers(body !== null),
            body: body && JSON.stringify(body),
            timeoutMs: isList ? LIST_TIMEOUT_MS : REQUEST_TIMEOUT_MS,
            maxMiB: isList ? MAX_LIST_MIB : MAX_RESPONSE_MIB,
            takeItem,
            signal,
        });
        if (response.type === 'failure')
            return fromExchange(name, response, clean);
        const receivedMs = clock.now();
        this.#limiter.recordResponse(response, receivedMs);
        return { response, sentMs, receivedMs };
    }
    #headers(hasBody) {
        const { credentials, userAgent } = this.#options;
        return {
            accept: 'application/json',
            'user-agent': userAgent,
            ...credentialHeaders(credentials),
            ...(hasBody && { 'content-type': 'application/json' }),
        };
    }
    /**
     * Waits before the next attempt.
     * @throws the error where no attempt can help, or fit
     */
    async #backOff(failed) {
        const { clock, deadline, random, onDelay } = this.#options;
        const { number, maxAttempts, error, last, signal } = failed;
        const nowMs = clock.now();
        const leftMs = Math.max(0, deadline.writesEndMs() - nowMs);
        const final = withoutRetryInTime(error, leftMs);
        if (!final.isRetryable || isLastAttempt(final, number, maxAttempts)) {
            throw final;
        }
        const state = this.#limiter.stateAt(nowMs, deadline.endMs());
        const backMs = Math.max(backoffMs(number, random()), final.retryAfterMs);
        const waitMs = Math.max(backMs, state.waitMs);
        if (waitMs > leftMs)
            throw final;
        // Something in between, such as a proxy, may limit requests as well.
        const { cause } = error.failure;
        const isLimit = state.isBlocked && cause === 'rate-limit';
        if (isLimit)
            this.#announce({ waitMs, isBlocked: true });
        else if (cause !== last?.failure.cause) {
            onDelay({ why: 'retry', error, waitMs });
        }
        await clock.sleep(waitMs, signal);
        if (signal.aborted)
            throw final;
    }
    /** Reports a block, or a slow-down, when it begins. */
    #announce({ waitMs, isBlocked }) {
        const { clock, onDelay } = this.#options;
        const why = isBlocked ? 'rate-limit' : 'spacing';
        const nowMs = clock.now();
        if (nowMs < (this.#announcedUntilMs.get(why) ?? nowMs))
            return;
        const lastsMs = isBlocked ? waitMs : RATE_LIMIT_WINDOW_MS;
        this.#announcedUntilMs.set(why, nowMs + lastsMs);
        onDelay({ why, waitMs });
    }
}
function failed(error) {
    return { outcome: error.outcome, error };
}
function isOk({ status }) {
    return status >= 200 && status < 300;
}
function isSuccess(body) {
    return body['success'] === true;
}
function toEnvelope(request, { sentMs, receivedMs }, body) {
    const resultInfo = (0,json/* asObject */.e)(body['result_info']) ?? {};
    return { request, sentMs, receivedMs, result: body['result'], resultInfo };
}
function credentialHeaders(credentials) {
    return credentials.type === 'token'
        ? { authorization: `Bearer ${credentials.token}` }
        : { 'x-auth-email': credentials.email, 'x-auth-key': credentials.key };
}
/** `/accounts/A/shares/S/recipients/R?x=y` becomes `…/recipients/R`. */
function nameOf(kind, method, path) {
    const short = path
        .replace(/^\/accounts\/[^/]+(\/shares\/[^/?]+(?=\/))?/, '…')
        .replace(/\?.*/, '');
    return { kind, method, text: `${method} ${short}` };
}
/**
 * Is this the last attempt? A user over the limit is blocked for five minutes,
 * so only the timeout ends that.
 */
function isLastAttempt({ failure }, attempt, maxAttempts) {
    if (failure.cause === 'rate-limit')
        return maxAttempts === 1;
    if (failure.cause === 'invalid-response') {
        return attempt >= Math.min(maxAttempts, MAX_INVALID_RESPONSES);
    }
    return attempt >= maxAttempts;
}
/**
 * Milliseconds before the next attempt: doubling from half a second to eight,
 * ±25 %. `random` is from 0 to 1.
 */
function backoffMs(attempt, random) {
    const baseMs = Math.min(FIRST_BACKOFF_MS * 2 ** (attempt - 1), LONGEST_BACKOFF_MS);
    return Math.round(baseMs * (0.75 + 0.5 * random));
}
function limitedBeyondEnd(name, waitMs) {
    const wait = formatWait(waitMs);
    const reason = `the rate limit allows no request for another ${wait}`;
    return fromUnsent(name, 'rate-limit', reason);
}
function stepOver(name) {
    return fromUnsent(name, 'timeout', 'the step is over');
}

// EXTERNAL MODULE: ../.build/src/cloudflare/proxy.js + 1 modules
var proxy = __nccwpck_require__(75);
;// CONCATENATED MODULE: ../.build/src/domain.js
/*
 * The nouns that all rooms share. Nothing here does anything: each room has
 * the functions that make and read these.
 */
// -------- what Cloudflare shows
/**
 * The published statuses of a recipient; see
 * `resource-sharing_recipient_association_status` in Cloudflare's API
 * description.
 */
const STATUSES = [
    'associating',
    'associated',
    'disassociating',
    'disassociated',
];

;// CONCATENATED MODULE: ../.build/src/cloudflare/records.js
/* Decodes what the Shares API responds with, each member by its type. */



const MAX_ERRORS = 20;
const records_MAX_TEXT = 300;
const MAX_STATUS = 64;
/**
 * Is `value` an ID as the Shares API writes them (`maxLength: 32`)? Checked
 * before it becomes part of a path or of an output.
 */
function isId(value) {
    return typeof value === 'string' && /^[A-Za-z0-9_-]{1,32}$/.test(value);
}
/**
 * Has Cloudflare given up on a resource? Checked before the status; the API
 * description calls it `terminal`.
 */
function hasTerminalError({ errors }) {
    return errors.some(({ terminal }) => terminal);
}
/**
 * Does a record with this status give access, or will it? Unknown statuses are
 * treated as active, so that no second recipient is created beside them.
 */
function isActiveStatus(status) {
    return status !== 'disassociating' && status !== 'disassociated';
}
/** @throws ApiError where the response is not a share */
function decodeShare({ request, result }, clean) {
    const share = (0,json/* asObject */.e)(result);
    if (!share)
        throw fromUnreadable(request, '`result` is not an object');
    return {
        name: clean((0,json/* toText */.f)(share['name']), records_MAX_TEXT),
        status: toWord(share['status'], clean),
        targetType: toWord(share['target_type'], clean),
        kind: toWord(share['kind'], clean),
        accountId: toId(share['account_id']),
        organizationId: toId(share['organization_id']),
        resourceTypes: decodeResourceTypes(share['resources'], clean),
    };
}
function decodeResourceTypes(value, clean) {
    const types = new Map();
    for (const entry of Array.isArray(value) ? value : []) {
        const resource = (0,json/* asObject */.e)(entry);
        const id = clean((0,json/* toText */.f)(resource?.['resource_id']), records_MAX_TEXT);
        types.set(id, clean((0,json/* toText */.f)(resource?.['resource_type']), records_MAX_TEXT));
    }
    return types;
}
/** The shares of a list of shares; what is odd is left out. */
function decodeShareNames({ result }, clean) {
    const shares = Array.isArray(result) ? result : [];
    return shares.flatMap((entry) => {
        const { id, name } = (0,json/* asObject */.e)(entry) ?? {};
        return isId(id) ? [{ id, name: clean((0,json/* toText */.f)(name), records_MAX_TEXT) }] : [];
    });
}
/**
 * The record in the reply to a POST. Only its ID is required, which the client
 * has checked: a reply that names the record is never repeated, whatever else
 * it lacks. `associated` in it would prove nothing; a resource error counts.
 */
function decodeCreated({ request, result }, target, clean) {
    const record = (0,json/* asObject */.e)(result) ?? {};
    const errors = knownErrors(record['resources'], request, clean);
    return {
        id: (0,json/* toText */.f)(record['id']),
        accountId: target.type === 'account' ? target.id : null,
        status: 'associating',
        ...decodeDates(record),
        ...firstErrors(errors),
    };
}
/** None where they cannot be decoded: the next poll shows them again. */
function knownErrors(value, request, clean) {
    try {
        return decodeErrors(value, request, 'result', clean);
    }
    catch {
        return [];
    }
}
/**
 * Decodes one record.
 * @param at where it is in the response, for messages: `result[3]`
 * @throws ApiError where a member that decisions depend on is malformed
 */
function decodeRecipient(value, request, at, clean) {
    const record = (0,json/* asObject */.e)(value);
    if (!record)
        throw fromUnreadable(request, `${at} is not an object`);
    const { id, account_id: accountId, association_status: status } = record;
    if (!isId(id))
        throw fromUnreadable(request, `${at}: \`id\` is not an ID`);
    if (!isEmpty(accountId) && !isId(accountId)) {
        throw fromUnreadable(request, `${at}: \`account_id\` is not an ID`);
    }
    if (typeof status !== 'string' || status === '') {
        const what = `${at}: \`association_status\` is not a status`;
        throw fromUnreadable(request, what);
    }
    const errors = decodeErrors(record['resources'], request, at, clean);
    return {
        id,
        accountId: toId(accountId),
        status: toStatus(status, clean),
        ...decodeDates(record),
        ...firstErrors(errors),
    };
}
/**
 * Would the value be decoded as `record`? False where that is not certain, as
 * with an error, or with a status that is not published.
 * @param value has the ID of the record
 */
function isSameRecipient(value, record) {
    return (value['account_id'] === record.accountId &&
        value['association_status'] === record.status &&
        STATUSES.some((word) => word === record.status) &&
        value['created'] === record.created &&
        value['modified'] === record.modified &&
        record.errors.length === 0 &&
        isHealthy(value['resources']));
}
function isHealthy(resources) {
    if (resources === undefined)
        return true;
    if (!Array.isArray(resources))
        return false;
    return resources.every((resource) => (0,json/* asObject */.e)(resource)?.['error'] === '');
}
function firstErrors(errors) {
    return {
        errors: errors.slice(0, MAX_ERRORS),
        moreErrors: Math.max(0, errors.length - MAX_ERRORS),
    };
}
/** Terminal errors first. Entries without an error are healthy. */
function decodeErrors(value, request, at, clean) {
    if (isEmpty(value))
        return [];
    if (!Array.isArray(value)) {
        throw fromUnreadable(request, `${at}: \`resources\` is not a list`);
    }
    const errors = value
        .map((entry) => decodeError(entry, request, at, clean))
        .filter((error) => error !== null);
    const isTerminal = (error) => error.terminal;
    const isRetried = (error) => !error.terminal;
    return [...errors.filter(isTerminal), ...errors.filter(isRetried)];
}
function decodeError(value, request, at, clean) {
    const entry = (0,json/* asObject */.e)(value);
    if (!entry)
        throw fromUnreadable(request, `${at}.resources: an entry is not an object`);
    const { error, terminal, resource_id: resourceId } = entry;
    if (isEmpty(error))
        return null;
    const isTyped = isEmpty(terminal) || typeof terminal === 'boolean';
    if (typeof error !== 'string' || !isTyped) {
        throw fromUnreadable(request, `${at}.resources: an error is malformed`);
    }
    return {
        resourceId: isResourceId(resourceId) ? resourceId : 'without an ID',
        error: clean(error, records_MAX_TEXT),
        terminal: terminal === true,
    };
}
/** An ID of Cloudflare, or a UUID: later steps may use it in a shell. */
function isResourceId(value) {
    return typeof value === 'string' && /^[\w-]{1,64}$/.test(value);
}
function decodeDates(record) {
    const created = toDate(record['created']);
    const modified = toDate(record['modified']);
    return {
        created,
        modified,
        createdMs: toMs(created),
        modifiedMs: toMs(modified),
    };
}
/** Only what looks like a date; anything else could be text that does harm. */
function toDate(value) {
    const text = (0,json/* toText */.f)(value);
    return /^[\d:.TZ+-]{1,40}$/.test(text) ? text : '';
}
function toMs(date) {
    const ms = Date.parse(date);
    return Number.isNaN(ms) ? null : ms;
}
function toStatus(status, clean) {
    const published = STATUSES.find((word) => word === status);
    return published ?? `"${clean(status, MAX_STATUS)}"`;
}
function toWord(value, clean) {
    return typeof value === 'string' ? clean(value, MAX_STATUS) : null;
}
/** In lower case; null where it is missing or no ID. */
function toId(value) {
    return isId(value) ? value.toLowerCase() : null;
}
function isEmpty(value) {
    return value === undefined || value === null || value === '';
}

;// CONCATENATED MODULE: ../.build/src/cloudflare/recipient-page.js



/**
 * What a page has, as far as it has been read. Records of other accounts are
 * counted while they come in. Unless the filter keeps all, they are not kept:
 * there may be 100,000 of them.
 */
class RecipientPage {
    #filter;
    #request;
    #entries = [];
    /** IDs of the records of other accounts, as far as they have one. */
    otherIds = new Set();
    /** The other accounts that have access, or will have it. */
    otherAccounts = new Set();
    /** How many records there are in all. */
    count = 0;
    /** How many records of other accounts could not be decoded. */
    skipped = 0;
    #error = null;
    /** @param request for messages about odd records */
    constructor(filter, request) {
        this.#filter = filter;
        this.#request = request;
    }
    /** Takes the next record. Never throws: see `entries`. */
    take(value) {
        const at = `result[${this.count++}]`;
        try {
            this.#decode(value, at);
        }
        catch (error) {
            this.#error ??= error;
        }
    }
    /**
     * The records that matter. A copy that names no account belongs to the
     * account that another one names.
     * @throws ApiError where a record that may be of a target is odd
     */
    entries() {
        if (this.#error !== null)
            throw this.#error;
        const isNobodys = ({ isOwn, record }) => !isOwn && !record.accountId;
        return this.#entries.some(isNobodys)
            ? withAccounts(this.#entries)
            : this.#entries;
    }
    #decode(entry, at) {
        const value = (0,json/* asObject */.e)(entry);
        if (!value)
            throw fromUnreadable(this.#request, `${at} is not an object`);
        const { id } = value;
        const accountId = accountIdIn(value);
        const isOwn = this.#isOwn(id, accountId);
        try {
            this.#add(this.#decodeRecord(value, at), isOwn);
        }
        catch (error) {
            // Somebody else's odd record must not make every run fail. One that names
            // nobody may be the organization's, or a target's.
            const isOthers = !isOwn && accountId !== null;
            if (!isOthers || !(error instanceof ApiError))
                throw error;
            if (isId(id))
                this.otherIds.add(id);
            this.skipped++;
        }
    }
    #decodeRecord(value, at) {
        const { before, clean } = this.#filter;
        const known = before.get((0,json/* toText */.f)(value['id']));
        return known && isSameRecipient(value, known)
            ? known
            : decodeRecipient(value, this.#request, at, clean);
    }
    #isOwn(id, accountId) {
        const { targetIds, knownIds } = this.#filter;
        const isKnown = isId(id) && knownIds.has(id);
        return isKnown || (accountId !== null && targetIds.has(accountId));
    }
    #add(record, isOwn) {
        const { id, accountId, status } = record;
        if (isOwn || accountId === null) {
            this.#entries.push({ isOwn, record });
            return;
        }
        this.otherIds.add(id);
        if (isActiveStatus(status))
            this.otherAccounts.add(accountId);
        if (this.#filter.keepsAll)
            this.#entries.push({ isOwn, record });
    }
}
/** In lower case; null where the record names no account, or an odd one. */
function accountIdIn(value) {
    const { account_id: accountId } = value;
    return isId(accountId) ? accountId.toLowerCase() : null;
}
function withAccounts(entries) {
    const own = entries.filter(({ isOwn }) => isOwn);
    const accountIds = new Map(own.map(({ record }) => [record.id, record.accountId]));
    return entries.map((entry) => {
        if (entry.isOwn || entry.record.accountId)
            return entry;
        const accountId = accountIds.get(entry.record.id);
        return accountId === undefined
            ? entry
            : { isOwn: true, record: { ...entry.record, accountId } };
    });
}

;// CONCATENATED MODULE: ../.build/src/cloudflare/recipient-pages.js



/** Collects the pages of one reading of the list. */
class RecipientPages {
    #filter;
    #records = [];
    #seenIds = new Set();
    #otherAccounts = new Set();
    #withoutAccount = new Set();
    #skipped = 0;
    /** Was the last response a null? */
    #wasNull = false;
    constructor(filter) {
        this.#filter = filter;
    }
    /**
     * Reads one page, and adds it when it is complete; after an error, nothing of
     * it is added, and it is read again.
     */
    newPage(request) {
        const page = new RecipientPage(this.#filter, request);
        return {
            takeItem: (item) => page.take(item),
            decode: (envelope) => this.#add(page, envelope),
        };
    }
    /** The list, after its last page. */
    toList({ sentMs, receivedMs }) {
        return {
            sentMs,
            receivedMs,
            records: this.#records,
            others: {
                accounts: this.#otherAccounts.size,
                withoutAccount: this.#withoutAccount.size,
            },
            skipped: this.#skipped,
        };
    }
    /** @throws ApiError where the page is not one of the Shares API */
    #add(page, envelope) {
        this.#checkList(envelope);
        const entries = page.entries();
        const { count, otherIds } = page;
        const size = toSize(envelope.resultInfo['per_page'], envelope.request);
        const isWithoutIds = entries.length === 0 && otherIds.size === 0;
        // It would look like a page that repeats another, and end the reading.
        if (isFull(count, size) && isWithoutIds) {
            throw fromUnreadable(envelope.request, 'no record of a full page has an ID');
        }
        const seenBefore = this.#seenIds.size;
        this.#addOthers(page);
        const failed = entries.filter(({ record }) => hasTerminalError(record));
        const failedIds = new Set(failed.map(({ record }) => record.id));
        for (const entry of entries)
            this.#addEntry(entry, failedIds);
        return {
            sentMs: envelope.sentMs,
            receivedMs: envelope.receivedMs,
            count,
            size,
            addedAny: this.#seenIds.size > seenBefore,
        };
    }
    /**
     * `result` is published as nullable. It is read once more, because a null by
     * mistake would hide a recipient.
     */
    #checkList({ request, result }) {
        const isSecondNull = result === null && this.#wasNull;
        this.#wasNull = result === null;
        if (Array.isArray(result) || isSecondNull)
            return;
        const what = result === null ? '`result` is null' : '`result` is not a list';
        throw fromUnreadable(request, what);
    }
    #addOthers({ otherIds, otherAccounts, skipped }) {
        for (const id of this.#withoutAccount) {
            if (otherIds.has(id))
                this.#withoutAccount.delete(id);
        }
        this.#seenIds = withAll(this.#seenIds, otherIds);
        this.#otherAccounts = withAll(this.#otherAccounts, otherAccounts);
        this.#skipped += skipped;
    }
    #addEntry({ isOwn, record }, failedIds) {
        if (isOwn) {
            this.#seenIds.add(record.id);
            // Another page may have shown it without its account.
            this.#withoutAccount.delete(record.id);
        }
        else if (record.accountId === null) {
            this.#countNobodys(record);
        }
        if (isOwn || this.#filter.keepsAll)
            this.#keep(record, failedIds);
    }
    /** Of several copies of a record, one that names an account counts. */
    #countNobodys({ id, status }) {
        const isFirstCopy = !this.#seenIds.has(id);
        this.#seenIds.add(id);
        if (isFirstCopy && isActiveStatus(status))
            this.#withoutAccount.add(id);
    }
    /**
     * Keeps each copy of a record, because pages may be of different age. Of two
     * copies in one response, only one with a terminal error counts: the other
     * would hide it.
     */
    #keep(record, failedIds) {
        if (failedIds.has(record.id) && !hasTerminalError(record))
            return;
        this.#records.push(record);
    }
}
/**
 * Does a page have as many records as it may have? Then there may be more.
 * @param size null where the server does not paginate
 */
function isFull(count, size) {
    return size !== null && count >= size;
}
/**
 * Adds `more` to `seen`. The first set is used as it is, and not copied: as a
 * rule, there is only one page.
 */
function withAll(seen, more) {
    if (seen.size === 0)
        return more;
    for (const value of more)
        seen.add(value);
    return seen;
}
/**
 * The size of a page; null where there is none. With another value, nobody
 * knows whether there are more pages.
 */
function toSize(value, request) {
    if (value === undefined || value === null || value === 0)
        return null;
    if (typeof value === 'number' && Number.isInteger(value) && value > 0) {
        return value;
    }
    throw fromUnreadable(request, '`result_info.per_page` is not a size');
}

;// CONCATENATED MODULE: ../.build/src/cloudflare/share.js




/** The most that the API gives in one page. */
const PER_PAGE = 100;
/** One share and its recipients. Reads throw ApiError; writes return it. */
class ShareApi {
    #client;
    #clean;
    #accountPath;
    #sharePath;
    #recipientsPath;
    #keepsAll;
    #targetIds;
    /** See `RecipientFilter`. */
    #knownIds = new Set();
    /** Is the list read in pages: was it, or a page of it, too large? */
    #isPaged = false;
    /** The last copy of each record that was kept of a list, by its ID. */
    #lastKept = new Map();
    constructor(client, inputs, clean) {
        const { accountId, shareId, targets, state } = inputs;
        this.#client = client;
        this.#clean = clean;
        this.#accountPath = `/accounts/${accountId}`;
        this.#sharePath = `${this.#accountPath}/shares/${shareId}`;
        this.#recipientsPath = `${this.#sharePath}/recipients`;
        this.#targetIds = new Set(targets.map(({ id }) => id));
        // With `exact`, others may have to go; the record of an organization may
        // name no account.
        this.#keepsAll = state === 'exact' || targets[0]?.type === 'organization';
    }
    /**
     * Adds accounts that `exact` removes: a list that holds an odd record of one
     * is not accepted.
     */
    addTargets(targets) {
        for (const { id } of targets)
            this.#targetIds.add(id);
    }
    /** Reads the share itself. */
    readShare(options = {}) {
        const path = `${this.#sharePath}?include_resources=true`;
        return this.#client.read({ kind: 'share', path }, (envelope) => decodeShare(envelope, this.#clean), options);
    }
    /** Names active shares that the account owns. One attempt. */
    listOwnShares(options = {}) {
        const path = `${this.#accountPath}/shares?kind=sent&status=active`;
        return this.#client.read({ kind: 'shares', path }, (envelope) => decodeShareNames(envelope, this.#clean), { ...options, maxAttempts: 1 });
    }
    /** Reads all recipients, those that are `disassociated` too. */
    async listRecipients(options = {}) {
        const list = await this.#readList(options);
        for (const record of list.records) {
            const { id, accountId } = record;
            this.#lastKept.set(id, record);
            if (accountId && this.#targetIds.has(accountId))
                this.#knownIds.add(id);
        }
        return list;
    }
    async #readList(options) {
        try {
            return await this.#readPages(options);
        }
        catch (error) {
            if (this.#isPaged || !isTooLarge(error))
                throw error;
            this.#isPaged = true;
            return this.#readPages(options);
        }
    }
    /** Reads one recipient. */
    getRecipient(recipientId) {
        const path = `${this.#recipientsPath}/${recipientId}?include_resources=true`;
        return this.#client.read({ kind: 'recipient', path }, (envelope) => {
            const { request, result } = envelope;
            const record = decodeRecipient(result, request, 'result', this.#clean);
            if (record.id === recipientId)
                return record;
            throw fromUnreadable(request, '`result.id` is not the ID of the request');
        });
    }
    /**
     * Adds one recipient. A body without a target would share with the caller's
     * whole organization. The reply has no resources and proves nothing beyond
     * the ID of the record.
     */
    async createRecipient(target, turn) {
        const request = {
            kind: 'create',
            method: 'POST',
            path: this.#recipientsPath,
            body: bodyFor(target),
        };
        const reply = await this.#client.write(request, turn, namesRecord);
        if (reply.outcome !== 'accepted')
            return reply;
        const recipient = decodeCreated(reply.envelope, target, this.#clean);
        this.#knownIds.add(recipient.id);
        return { outcome: 'accepted', recipient };
    }
    /** Starts to remove one recipient. The reply proves nothing. */
    async deleteRecipient(recipientId, turn) {
        this.#knownIds.add(recipientId);
        const path = `${this.#recipientsPath}/${recipientId}`;
        const request = {
            kind: 'delete',
            method: 'DELETE',
            path,
            body: null,
        };
        const reply = await this.#client.write(request, turn);
        if (reply.outcome !== 'accepted')
            return reply;
        return { outcome: 'accepted', recipient: null };
    }
    /**
     * Without `page` and `per_page` the API sends everything in one response
     * (published). Only if the response says how large its page is, and fills
     * it, did the server paginate after all.
     */
    async #readPages(options) {
        const pages = new RecipientPages({
            targetIds: this.#targetIds,
            knownIds: this.#knownIds,
            keepsAll: this.#keepsAll,
            before: this.#lastKept,
            clean: this.#clean,
        });
        let pageSize = this.#isPaged ? PER_PAGE : null;
        let sentMs = null;
        for (let number = 1;; number++) {
            const page = await this.#readPage(pages, number, pageSize, options);
            // A server may send smaller pages than it was asked for.
            if (number === 1)
                pageSize = smallerOf(pageSize, page.size);
            sentMs ??= page.sentMs;
            if (!isFull(page.count, pageSize) || !page.addedAny) {
                return pages.toList({ sentMs, receivedMs: page.receivedMs });
            }
            if (pageSize !== null && pageSize > PER_PAGE) {
                // The next page could not be as large as the first.
                this.#isPaged = true;
                return this.#readPages(options);
            }
        }
    }
    #readPage(pages, number, pageSize, options) {
        const paging = pageSize === null ? '' : `&page=${number}&per_page=${pageSize}`;
        const path = `${this.#recipientsPath}?include_resources=true${paging}`;
        return this.#client.readList({ kind: 'list', path }, (request) => pages.newPage(request), options);
    }
}
/** Null where neither is known. */
function smallerOf(a, b) {
    if (a === null || b === null)
        return a ?? b;
    return Math.min(a, b);
}
/** The body is exactly one of these; see the first promise in SECURITY.md. */
function bodyFor({ type, id }) {
    return type === 'account'
        ? { recipient_account_id: id }
        : { organization_id: id };
}
/** A reply that names the new record proves that it exists. */
function namesRecord(body) {
    return isId((0,json/* asObject */.e)(body['result'])?.['id']);
}
function isTooLarge(error) {
    return error instanceof ApiError && error.failure.cause === 'too-large';
}

;// CONCATENATED MODULE: ../.build/src/cloudflare/safe-url.js
/**
 * May a secret be sent there? Only over https, or over http to the machine
 * itself.
 */
function isSafeUrl({ protocol, hostname }) {
    const isLoopback = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(hostname);
    return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}

;// CONCATENATED MODULE: ../.build/src/github/deployment.js


/** How long the record may delay the end of the step. */
const FINISH_MS = 2_000;
const deployment_REQUEST_TIMEOUT_MS = 5_000;
const deployment_MAX_RESPONSE_MIB = 1;
/** GitHub cuts no longer description; it rejects it. */
const MAX_DESCRIPTION = 140;
const SILENT = { debug() { }, info() { }, warn() { }, error() { } };
/**
 * Records a run as a GitHub deployment (REST API, "Deployments"): best effort,
 * and only with a token.
 */
class DeploymentRecord {
    #options;
    #stop = new AbortController();
    /** Null before `start`, and without a token. */
    #started = null;
    constructor(options) {
        this.#options = options;
    }
    /** Creates the deployment, beside the run. Does nothing without a token. */
    start() {
        const { githubToken } = this.#options.inputs;
        if (githubToken === null)
            return;
        this.#started = this.#create(githubToken);
        // `finish` reports it.
        this.#started.catch(() => { });
    }
    /**
     * Writes the final state of a record that was started.
     * @returns after two seconds at the latest, with the reason where it could
     *   not be written
     */
    async finish(state, description) {
        if (!this.#started)
            return null;
        const { clock } = this.#options;
        void clock.sleep(FINISH_MS).then(() => this.#stop.abort());
        try {
            const setState = await this.#started;
            await setState(state, description);
            return null;
        }
        catch (error) {
            return problemOf(error);
        }
    }
    async #create(githubToken) {
        const { inputs, context } = this.#options;
        const { owner, repo, ref, runUrl, apiUrl } = context;
        const { accountId, shareId, state, targets, environment } = inputs;
        if (!isSafeUrl(new URL(apiUrl))) {
            throw new Error('GITHUB_API_URL is not https');
        }
        const { getOctokit } = await __nccwpck_require__.e(/* import() */ 75).then(__nccwpck_require__.bind(__nccwpck_require__, 456));
        const request = { fetch: this.#fetch, log: SILENT };
        const options = { baseUrl: apiUrl, log: SILENT, request };
        const { rest } = getOctokit(githubToken, options);
        const { data } = await rest.repos.createDeployment({
            owner,
            repo,
            ref,
            task: state === 'absent' ? 'unshare' : 'share',
            environment,
            description: `Cloudflare share ${shareId}`,
            auto_merge: false,
            required_contexts: [],
            payload: {
                account_id: accountId,
                share_id: shareId,
                state,
                recipients: targets.map(({ id }) => id),
            },
        });
        const deploymentId = toDeploymentId(data);
        const setState = (newState, description) => rest.repos.createDeploymentStatus({
            owner,
            repo,
            deployment_id: deploymentId,
            log_url: runUrl,
            environment,
            auto_inactive: false,
            state: newState,
            // A number that is cut would be another one: the end shows the cut.
            description: cut(description, MAX_DESCRIPTION),
        });
        await setState('in_progress', 'Waiting for Cloudflare');
        return setState;
    }
    /** The action's HTTP client, with its limits and proxies, for Octokit. */
    #fetch = async (url, { method, headers, body = null, }) => {
        const response = await this.#options.http({
            method,
            url,
            headers,
            body,
            timeoutMs: deployment_REQUEST_TIMEOUT_MS,
            maxMiB: deployment_MAX_RESPONSE_MIB,
            takeItem: null,
            signal: this.#stop.signal,
        });
        if (response.type === 'failure')
            throw new Error(response.message);
        const { status, headers: received } = response;
        const text = response.json ? JSON.stringify(response.json) : response.text;
        return new Response(text || null, { status, headers: received });
    };
}
/** It becomes part of a path. */
function toDeploymentId(data) {
    const { id } = Object(data);
    if (Number.isSafeInteger(id))
        return id;
    throw new Error('GitHub did not respond with a deployment');
}
function problemOf(error) {
    const { message = String(error), status } = Object(error);
    return {
        message: String(message),
        lacksPermission: status === 401 || status === 403 || status === 404,
    };
}

// EXTERNAL MODULE: ../.build/src/inputs/reading.js
var inputs_reading = __nccwpck_require__(231);
;// CONCATENATED MODULE: ../.build/src/inputs/sources.js
/** The variables that are used where an input is empty. */
const VARIABLES = {
    'account-id': 'CLOUDFLARE_ACCOUNT_ID',
    'api-token': 'CLOUDFLARE_API_TOKEN',
    'api-email': 'CLOUDFLARE_EMAIL',
    'api-key': 'CLOUDFLARE_API_KEY',
};
/** An input as it was given. The runner sets an empty text where it was not. */
function rawInput(env, input) {
    return env[`INPUT_${input.toUpperCase()}`] ?? '';
}
/** An input without the spaces around it. */
function givenInput(env, input) {
    return rawInput(env, input).trim();
}
/** An input, or where it is empty its variable. */
function inputOrVariable(env, input) {
    return givenInput(env, input) || variableOf(env, input);
}
/** Which of these inputs were replaced, with the variables. */
function fallbacksOf(env, inputs) {
    return inputs
        .filter((input) => isReplaced(env, input))
        .map((input) => nameOfInput(env, input));
}
/**
 * `api-token`, or `api-token from CLOUDFLARE_API_TOKEN` where that variable is
 * used in its place.
 */
function nameOfInput(env, input) {
    return isReplaced(env, input) ? `${input} from ${VARIABLES[input]}` : input;
}
function isReplaced(env, input) {
    return givenInput(env, input) === '' && variableOf(env, input) !== '';
}
function variableOf(env, input) {
    return env[VARIABLES[input]]?.trim() ?? '';
}

;// CONCATENATED MODULE: ../.build/src/inputs/api-url.js
/* The address of the API, and the proxy on the way to it. */




/** As in action.yml, for a run in which the input is empty. */
const DEFAULT_API_URL = 'https://api.cloudflare.com/client/v4';
const URL_RULES = [
    {
        isBroken: (url) => url.protocol === 'http:' && !isSafeUrl(url),
        got: 'http on another host',
    },
    {
        isBroken: (url) => url.protocol !== 'http:' && !isSafeUrl(url),
        got: 'another protocol',
    },
    {
        isBroken: ({ username, password }) => username + password !== '',
        got: 'credentials',
    },
    { isBroken: ({ search }) => search !== '', got: 'a query' },
    { isBroken: ({ hash }) => hash !== '', got: 'a fragment' },
];
/**
 * Reads the base URL of the API, without a slash at the end. Neither it nor
 * the address of a proxy is shown, because it may hold a password.
 */
function readApiUrl(env) {
    const text = givenInput(env, 'api-url') || DEFAULT_API_URL;
    if (!URL.canParse(text))
        return wrongUrl(['no URL']);
    const url = new URL(text);
    const broken = URL_RULES.filter(({ isBroken }) => isBroken(url));
    if (broken.length > 0)
        return wrongUrl(broken.map(({ got }) => got));
    if (!canUseProxy(url, env))
        return wrongProxy((0,proxy/* proxyVariable */.rw)(env));
    return (0,inputs_reading/* valid */.rZ)(`${url.origin}${url.pathname}`.replace(/\/+$/, ''));
}
function wrongUrl(got) {
    const expected = 'https (http only on loopback), no credentials, query or fragment';
    const fix = 'Correct this input.';
    const wrong = { expected, got: got.join(' and '), fix };
    return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)('api-url', wrong));
}
function canUseProxy(url, env) {
    try {
        (0,proxy/* proxyFor */.iJ)(url, env);
        return true;
    }
    catch {
        return false;
    }
}
function wrongProxy(variable) {
    const wrong = {
        expected: 'http://HOST:PORT or http://USERNAME:PASSWORD@HOST:PORT',
        got: 'another form of address',
        fix: 'Use http or https without a path, and URL-encode the username and ' +
            'the password.',
    };
    return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)(variable, wrong));
}

;// CONCATENATED MODULE: ../.build/src/inputs/choices.js


const STATES = ['present', 'absent', 'exact'];
/** Reads what the targets should be. */
function readState(env, clean) {
    const expected = '`present`, `absent` or `exact`';
    const text = givenInput(env, 'state');
    if (text === '')
        return (0,inputs_reading/* invalid */.Gq)(emptyValue('state', expected));
    const state = STATES.find((word) => word === text);
    if (state)
        return (0,inputs_reading/* valid */.rZ)(state);
    const fix = 'Use `present` to add, `absent` to remove, `exact` for both.';
    const wrong = { expected, got: (0,inputs_reading/* quoted */.TL)(text, clean), fix };
    return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)('state', wrong));
}
/** Reads an input that is `true` or `false`. */
function readBoolean(env, input, clean) {
    const expected = '`true` or `false`';
    const text = givenInput(env, input);
    if (text === '')
        return (0,inputs_reading/* invalid */.Gq)(emptyValue(input, expected));
    if (/^true$/i.test(text))
        return (0,inputs_reading/* valid */.rZ)(true);
    if (/^false$/i.test(text))
        return (0,inputs_reading/* valid */.rZ)(false);
    const fix = 'Use one of these words.';
    const wrong = { expected, got: (0,inputs_reading/* quoted */.TL)(text, clean), fix };
    return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)(input, wrong));
}
/** The error of an input that has a default, and yet is empty. */
function emptyValue(input, expected) {
    const fix = 'Give it a value, or remove the input.';
    return (0,inputs_reading/* emptyInput */.Wb)(input, expected, fix);
}

;// CONCATENATED MODULE: ../.build/src/inputs/credentials.js


const HEADER_RULES = [
    { pattern: /[\r\n]/, got: 'one with a line break' },
    { pattern: /^bearer\s/i, got: 'one with the prefix "Bearer"' },
    { pattern: /^(["']).*\1$/, got: 'one in quotes' },
    {
        pattern: /[^\x21-\x7e]/,
        got: 'one with a space, or a character outside of printable ASCII',
    },
];
const OR_TOKEN = ', or use `api-token` instead.';
/** Reads the credentials: a token, or an email address and a key. */
function readCredentials(env) {
    const isPair = hasPairInput(env);
    // A token takes precedence over a pair that comes from the environment.
    const token = isPair
        ? givenInput(env, 'api-token')
        : inputOrVariable(env, 'api-token');
    if (token === '')
        return readPair(env);
    const errors = [
        ...(isPair ? [twoKinds()] : []),
        ...secretErrors(nameOfInput(env, 'api-token'), token),
    ];
    return errors.length > 0
        ? (0,inputs_reading/* invalid */.Gq)(...errors)
        : (0,inputs_reading/* valid */.rZ)({ type: 'token', token });
}
/** The variables that hold credentials, where inputs are empty. */
function credentialFallbacks(env, { type }) {
    const inputs = type === 'token' ? ['api-token'] : ['api-email', 'api-key'];
    return fallbacksOf(env, inputs);
}
/** Reads the token that records a deployment; null where there is none. */
function readGithubToken(env) {
    const token = givenInput(env, 'github-token');
    const errors = secretErrors('github-token', token);
    return errors.length > 0 ? (0,inputs_reading/* invalid */.Gq)(...errors) : (0,inputs_reading/* valid */.rZ)(token || null);
}
function hasPairInput(env) {
    const inputs = ['api-email', 'api-key'];
    return inputs.some((input) => givenInput(env, input) !== '');
}
function readPair(env) {
    const email = inputOrVariable(env, 'api-email');
    const key = inputOrVariable(env, 'api-key');
    if (email === '' && key === '')
        return (0,inputs_reading/* invalid */.Gq)(noCredentials());
    const errors = [
        ...missingHalf(env, email, key),
        ...emailErrors(nameOfInput(env, 'api-email'), email),
        ...secretErrors(nameOfInput(env, 'api-key'), key),
    ];
    return errors.length > 0
        ? (0,inputs_reading/* invalid */.Gq)(...errors)
        : (0,inputs_reading/* valid */.rZ)({ type: 'key', email, key });
}
function noCredentials() {
    return (0,inputs_reading/* emptyInput */.Wb)('api-token', 'a token, or `api-email` and `api-key`', 'Pass them from secrets.');
}
function twoKinds() {
    return (0,inputs_reading/* wrongInput */.qn)('api-token', {
        expected: 'one kind of credentials',
        got: 'two',
        fix: 'Keep `api-token`, or `api-email` and `api-key`.',
    });
}
function missingHalf(env, email, key) {
    if (email === '') {
        const source = nameOfInput(env, 'api-key');
        const expected = `the email address that ${source} belongs to`;
        return [(0,inputs_reading/* emptyInput */.Wb)('api-email', expected, `Set this input${OR_TOKEN}`)];
    }
    if (key === '') {
        const source = nameOfInput(env, 'api-email');
        const expected = `the key that belongs to ${source}`;
        return [
            (0,inputs_reading/* emptyInput */.Wb)('api-key', expected, `Pass it from a secret${OR_TOKEN}`),
        ];
    }
    return [];
}
function secretErrors(input, text) {
    const expected = 'the bare secret';
    const fix = 'Store the secret again without that.';
    return headerErrors(input, text, { expected, fix });
}
/** An email address is often a variable. */
function emailErrors(input, text) {
    const expected = 'the bare email address';
    return headerErrors(input, text, { expected, fix: 'Correct the value.' });
}
function headerErrors(input, text, advice) {
    const broken = HEADER_RULES.find(({ pattern }) => pattern.test(text));
    return broken ? [(0,inputs_reading/* wrongInput */.qn)(input, { ...advice, got: broken.got })] : [];
}

// EXTERNAL MODULE: ../.build/src/inputs/ids.js
var ids = __nccwpck_require__(753);
;// CONCATENATED MODULE: ../.build/src/inputs/max-removals.js



const INPUT = 'max-removals';
const EXPECTED = 'an integer, or an integer percentage from 0% to 100%';
/** As in action.yml. Any other value requires `state: exact`. */
const DEFAULT_PERCENT = 25;
/**
 * Reads how many accounts a run may remove.
 * @param state null where it is invalid
 */
function readMaxRemovals(env, state, clean) {
    const text = givenInput(env, INPUT);
    if (text === '')
        return (0,inputs_reading/* invalid */.Gq)(emptyValue(INPUT, EXPECTED));
    const limit = parseLimit(text);
    if (limit === null)
        return notALimit(text, clean);
    const isUsed = state === 'exact' || state === null;
    return isUsed || isDefault(limit) ? (0,inputs_reading/* valid */.rZ)(limit) : notExact(text, clean);
}
function parseLimit(text) {
    const [, digits, unit] = /^(\d+)(%?)$/.exec(text) ?? [];
    if (digits === undefined)
        return null;
    const number = Number(digits);
    if (unit === '')
        return { unit: 'accounts', count: number };
    return number <= 100 ? { unit: 'percent', percent: number } : null;
}
function isDefault(limit) {
    return limit.unit === 'percent' && limit.percent === DEFAULT_PERCENT;
}
function notALimit(text, clean) {
    const fix = 'Write it like `10` or `25%`.';
    return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)(INPUT, { expected: EXPECTED, got: (0,inputs_reading/* quoted */.TL)(text, clean), fix }));
}
/** Somebody who limits removals expects some. */
function notExact(text, clean) {
    const fix = 'Remove this input: it applies only to `state: exact`.';
    const wrong = {
        expected: 'no value other than `25%` unless `state` is `exact`',
        got: (0,inputs_reading/* quoted */.TL)(text, clean),
        fix,
    };
    return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)(INPUT, wrong));
}

// EXTERNAL MODULE: ../.build/src/inputs/recipient-file.js + 1 modules
var recipient_file = __nccwpck_require__(71);
;// CONCATENATED MODULE: ../.build/src/inputs/json-items.js
/** An escaped character of a text, or one that may structure the document. */
const TOKEN = /\\.|["{}[\]:,]/g;
function isJson(text) {
    try {
        JSON.parse(text);
        return true;
    }
    catch {
        return false;
    }
}
/**
 * The items at the top level of a JSON array or object, in the order given.
 * `JSON.parse` keeps only the last of two members with one name, and moves
 * names that are numbers to the front.
 * @param json a valid JSON array or object
 */
function jsonItems(json) {
    const items = [];
    let depth = 0;
    let start = 0;
    let key = null;
    for (const { character, index } of marksIn(json)) {
        const depthBefore = depth;
        depth += depthChange(character);
        if (depthBefore === 0)
            start = index + 1;
        if (depthBefore === 1 && character === ':') {
            key = JSON.parse(json.slice(start, index));
            start = index + 1;
        }
        if (depth === 0 || (depthBefore === 1 && character === ',')) {
            items.push({ key, source: json.slice(start, index).trim() });
            start = index + 1;
            key = null;
        }
    }
    // An empty array or object leaves one item without a source.
    return items.filter(({ source }) => source !== '');
}
/**
 * The brackets, colons and commas outside of texts. A pattern for a whole text
 * overflows the stack where the text is long.
 */
function* marksIn(json) {
    let isInText = false;
    for (const { 0: token, index } of json.matchAll(TOKEN)) {
        if (token === '"')
            isInText = !isInText;
        else if (!isInText)
            yield { character: token, index };
    }
}
function depthChange(character) {
    if (character === '{' || character === '[')
        return 1;
    return character === '}' || character === ']' ? -1 : 0;
}

;// CONCATENATED MODULE: ../.build/src/inputs/list-entries.js




/** What `terraform output -json` writes for each output. */
const OUTPUT_KEYS = ['sensitive', 'type', 'value'];
/**
 * A comma or a space of any kind, but not U+FEFF, which would split an ID that
 * contains it. One character without `+`: on a long run of spaces, V8 could run
 * out of stack.
 */
const SEPARATOR = /,|(?!\uFEFF)\s/;
/** Inside of an ID, each would hide it from the search of comments. */
const UNSEEN = /[\p{Cf}\p{DI}]|(?!\s)\p{Cc}/gu;
/** `# 023e…`, `# - "023e…"`: an account that is switched off. */
const SWITCHED_OFF = /^\s*(?:#\s*)?(?:-\s+)?["']?[0-9a-f]{32}(?![0-9a-z_])/i;
/** Finds what a list holds, in any of its formats. */
function list_entries_entriesOf(text, clean) {
    // This removes a byte order mark as well.
    const trimmed = text.trim();
    if (trimmed.startsWith('['))
        return entriesOfArray(trimmed);
    if (trimmed.startsWith('{'))
        return entriesOfObject(trimmed, clean);
    // Not trimmed: empty lines at the start count as lines.
    return entriesOfLines(text.replace(/^\uFEFF/, ''), clean);
}
// -------- JSON
function entriesOfArray(json) {
    if (!isJson(json))
        return only(invalidJson('array'));
    const items = jsonItems(json);
    if (items.some(isTerraformOutput))
        return only(wholeTerraformOutput());
    const place = (index) => ` in entry ${index + 1}`;
    const entries = items.map((item, index) => ({
        text: textOf(item),
        label: null,
        place: place(index),
        context: 'json',
    }));
    const problems = items.flatMap((item, index) => numberAsId(item, place(index)));
    return { entries, disabledIds: [], problems };
}
function entriesOfObject(json, clean) {
    if (!isJson(json))
        return only(invalidJson('object'));
    const items = jsonItems(json);
    const isOutput = isTerraformOutput({ key: null, source: json });
    if (isOutput || items.some(isTerraformOutput))
        return only(wholeTerraformOutput());
    const place = ({ key }) => ` for ${(0,inputs_reading/* quoted */.TL)(key ?? '', clean)}`;
    const entries = items.map((item) => ({
        text: textOf(item),
        label: labelOf(item),
        place: place(item),
        context: 'json',
    }));
    const problems = [
        ...items.flatMap((item) => numberAsId(item, place(item))),
        ...repeatedLabels(items, clean),
        ...idsAsLabels(items, clean),
    ];
    return { entries, disabledIds: [], problems };
}
/** A list that cannot be read has one problem, whatever else is in it. */
function only(wrong) {
    return { entries: [], disabledIds: [], problems: [wrong] };
}
function invalidJson(type) {
    return {
        expected: `a JSON ${type} of account IDs`,
        got: 'invalid JSON',
        fix: 'Check quotes and commas.',
    };
}
function isTerraformOutput({ source }) {
    if (!source.startsWith('{'))
        return false;
    const keys = new Set(jsonItems(source).map(({ key }) => key));
    return OUTPUT_KEYS.every((key) => keys.has(key));
}
function wholeTerraformOutput() {
    return {
        expected: 'account IDs',
        got: 'an output of Terraform with its type',
        fix: 'Pass `.value` of the output, or use `terraform output -json NAME`.',
    };
}
/** A text without its quotes; anything else as it is written. */
function textOf({ source }) {
    if (!source.startsWith('"'))
        return source;
    return JSON.parse(source).trim();
}
/** 32 digits without quotes. jq 1.6 changes all but the first 17 of them. */
function numberAsId({ source }, place) {
    if (!(0,ids/* isAccountId */.JG)(source))
        return [];
    const fix = 'Put it in quotes: JSON tools may have changed its digits.';
    return [{ expected: 'account IDs in quotes', got: source, place, fix }];
}
/** A map from each ID to itself has no labels. */
function labelOf(item) {
    const isOwnId = item.key?.toLowerCase() === textOf(item).toLowerCase();
    return isOwnId ? null : item.key;
}
/** One of two members with the same name would be lost. */
function repeatedLabels(items, clean) {
    const seen = new Set();
    const repeated = new Set();
    for (const { key } of items) {
        if (seen.has(key))
            repeated.add(key);
        seen.add(key);
    }
    return [...repeated].map((key) => {
        const got = `${(0,inputs_reading/* quoted */.TL)(key ?? '', clean)} more than once`;
        const fix = 'Give each account a label of its own.';
        return { expected: 'each label once', got, fix };
    });
}
/** In a map from ID to name, the IDs are on the wrong side. */
function idsAsLabels(items, clean) {
    const wrong = items.filter((item) => (0,ids/* holdsId */.aQ)(labelOf(item) ?? ''));
    return wrong.map(({ key }) => {
        const got = `an ID in the label ${(0,inputs_reading/* quoted */.TL)(key ?? '', clean)}`;
        const fix = 'Write the label before the ID: `{"EMEA": "ID"}`.';
        return { expected: 'labels without IDs', got, fix };
    });
}
// -------- lines
function entriesOfLines(text, clean) {
    const lines = text.split(/\r\n|\r|\n/).map(toLine);
    const isOneLine = !/[\r\n]/.test(text.trim());
    const entries = lines.flatMap((line) => entriesOfLine(line, isOneLine));
    const problems = lines.flatMap((line) => {
        const joined = joinedIdsIn(line);
        const place = isOneLine ? '' : placeOf(line);
        return joined.length > 0 ? [{ ...idsInComment(joined, clean), place }] : [];
    });
    return { entries, disabledIds: lines.flatMap(disabledIdOf), problems };
}
function toLine(text, index) {
    const hash = text.indexOf('#');
    const content = hash < 0 ? text : text.slice(0, hash);
    const comment = hash < 0 ? null : text.slice(hash + 1);
    const words = content
        // The dash of a YAML list.
        .replace(/^\s*-\s+(?=\S)/, '')
        .split(SEPARATOR)
        .filter((word) => word !== '')
        .map(withoutQuotes);
    return { number: index + 1, words, comment };
}
function withoutQuotes(word) {
    return word.replace(/^(["'])(.*)\1$/, '$2');
}
function placeOf({ number }) {
    return ` on line ${number}`;
}
function entriesOfLine(line, isOnlyLine) {
    const label = labelOfLine(line);
    const isOnlyWord = isOnlyLine && line.words.length === 1;
    const placeOfWord = (index) => isOnlyLine ? ` in entry ${index + 1}` : placeOf(line);
    const context = line.words.some(ids/* isAccountId */.JG) ? 'beside-id' : 'line';
    return line.words.map((text, index) => {
        const place = isOnlyWord ? '' : placeOfWord(index);
        return { text, label, place, context };
    });
}
/** With two IDs on a line nobody knows which one the comment names. */
function labelOfLine({ words, comment }) {
    return words.length === 1 && comment ? comment.replace(/^#+/, '') : null;
}
/**
 * Words with IDs that may have had lines of their own, and are in a comment
 * now. `>` in YAML, `paste`, `tr`, an unquoted `echo`, and `cat` of a file
 * without a line break at its end join lines; what follows a `#` would be lost.
 * `>` keeps some lines apart, so a list of several lines may be joined, too. A
 * hash is no exception: the end of it may be an ID.
 */
function joinedIdsIn(line) {
    const text = seenComment(line);
    const isOwnLine = line.words.length === 0;
    return wordsWithIds(isOwnLine ? text.replace(SWITCHED_OFF, '') : text);
}
/** The account that a comment switches off. Behind an entry, it is a problem. */
function disabledIdOf(line) {
    const [start = ''] = SWITCHED_OFF.exec(seenComment(line)) ?? [];
    return (0,ids/* idsIn */.Sd)(start);
}
/** A comment as people see it. */
function seenComment({ comment }) {
    return (comment ?? '').replace(UNSEEN, '');
}
/** Whole words: a secret in one can only be recognized as a whole. */
function wordsWithIds(text) {
    return text.split(SEPARATOR).filter(ids/* holdsId */.aQ);
}
function idsInComment(joined, clean) {
    const [first = '', ...more] = joined;
    const rest = more.length > 0 ? ` and ${formatCount(more.length)} more` : '';
    const got = `${(0,inputs_reading/* quoted */.TL)(first, clean)}${rest}`;
    const inYaml = 'in YAML, use `|` instead of `>`';
    const fix = 'Move the ID to a line of its own (as `# ID`, if the account is switched ' +
        'off), or remove it; shorten a hash to less than 32 digits. If lines were ' +
        `joined: ${inYaml}; in a shell, keep them apart.`;
    return { expected: 'no account ID in a comment', got, fix };
}

;// CONCATENATED MODULE: ../.build/src/inputs/recipient-list.js




/** The size of the largest organization. */
const MAX_ACCOUNTS = 20_000;
/** How many problems a message shows. */
const MAX_FINDINGS = 10;
const MAX_LABEL = 60;
/** Reads a list of accounts. The owner of the share cannot be one of them. */
function parseRecipientList(text, options) {
    const { input } = options;
    const found = list_entries_entriesOf(text, options.clean);
    const isRecipient = (entry) => isRecipientId(entry.text, options);
    const accounts = accountsOf(found.entries.filter(isRecipient));
    const wrongEntries = found.entries.filter((entry) => !isRecipient(entry));
    // Checked before there is a sentence for each of a million wrong entries.
    const count = accounts.size + wrongEntries.length;
    if (count > MAX_ACCOUNTS)
        return wrongList(input, tooManyAccounts(count));
    const problems = [
        ...found.problems,
        ...wrongEntries.map((entry) => entryProblem(entry, options)),
    ];
    if (problems.length > 0)
        return invalidList(input, problems);
    if (accounts.size === 0)
        return wrongList(input, noAccounts(text));
    return (0,inputs_reading/* valid */.rZ)({
        targets: targetsOf(accounts, options.clean),
        disabledIds: countDisabled(found, accounts),
        repeatedIds: countRepeated(accounts),
    });
}
function isRecipientId(text, { ownerId }) {
    return (0,ids/* isAccountId */.JG)(text) && text.toLowerCase() !== ownerId;
}
/** All entries of each account, by its ID in lower case. */
function accountsOf(entries) {
    const accounts = new Map();
    for (const entry of entries) {
        const id = entry.text.toLowerCase();
        const sameAccount = accounts.get(id);
        if (sameAccount)
            sameAccount.push(entry);
        else
            accounts.set(id, [entry]);
    }
    return accounts;
}
function targetsOf(accounts, clean) {
    return [...accounts].map(([id, entries]) => {
        const labels = entries.map(({ label }) => clean(label ?? '', MAX_LABEL));
        const label = labels.find((text) => text !== '') ?? null;
        return { type: 'account', id, label };
    });
}
function countDisabled({ disabledIds }, accounts) {
    const distinct = [...new Set(disabledIds)];
    return distinct.filter((id) => !accounts.has(id)).length;
}
function countRepeated(accounts) {
    return [...accounts.values()].filter(({ length }) => length > 1).length;
}
// -------- problems
function wrongList(input, wrong) {
    return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)(input, wrong));
}
function tooManyAccounts(count) {
    return {
        expected: 'at most 20,000 account IDs',
        got: formatCount(count),
        fix: 'No organization has more: check where the list comes from.',
    };
}
function noAccounts(text) {
    return {
        expected: 'account IDs',
        got: text.includes('#') ? 'only comments' : 'an empty list',
        fix: 'Add the ID of an account.',
    };
}
function entryProblem(entry, options) {
    const { text, place, context } = entry;
    const mayBeName = context === 'beside-id' && !/^[\da-f]*$/i.test(text);
    const kind = mayBeName ? ids/* ACCOUNT_ID_OR_NAME */.k : ids/* ACCOUNT_ID */.W_;
    const wrong = emptyProblem(text) ??
        mixedProblem(entry, options.clean) ??
        (0,ids/* idProblem */.lx)(kind, text, options.clean) ??
        ownerProblem(text, options.clean);
    return { ...wrong, place };
}
function emptyProblem(text) {
    if (text !== '')
        return null;
    return {
        expected: ids/* ACCOUNT_ID */.W_.expected,
        got: 'an empty text',
        fix: 'Remove the empty entry, or check the expression that it comes from.',
    };
}
const BARE_ID_IN_JSON = 'Write each ID as a text of its own: `["ID"]`, or with its name as the ' +
    'key, `{"EMEA": "ID"}`.';
const BARE_ID_ON_A_LINE = 'Remove what is around the ID: IDs are separated by commas, spaces or ' +
    'newlines, and a name follows its ID in a comment (`ID # name`).';
/** Another separator, or a name in front of the ID. */
function mixedProblem({ text, context }, clean) {
    const isPrintable = /^[ -~]*$/.test(text);
    if (!isPrintable || (0,ids/* isAccountId */.JG)(text) || (0,ids/* idsIn */.Sd)(text).length === 0) {
        return null;
    }
    return {
        expected: ids/* ACCOUNT_ID */.W_.expected,
        got: (0,inputs_reading/* quoted */.TL)(text, clean),
        remark: `length ${text.length}`,
        fix: context === 'json' ? BARE_ID_IN_JSON : BARE_ID_ON_A_LINE,
    };
}
function ownerProblem(text, clean) {
    return {
        expected: 'accounts other than the owner',
        got: (0,inputs_reading/* quoted */.TL)(text, clean),
        remark: 'the owner',
        fix: 'Remove the owner of the share from the list.',
    };
}
/** One sentence, however many problems there are. */
function invalidList(input, problems) {
    const [only, ...more] = problems;
    if (only && more.length === 0)
        return wrongList(input, only);
    const all = {
        expected: expectedOf(problems),
        got: gotOf(problems),
        fix: fixOf(problems),
    };
    const details = problems.map(inputs_reading/* sentenceOf */.$N);
    return (0,inputs_reading/* invalid */.Gq)({ ...(0,inputs_reading/* wrongInput */.qn)(input, all), details });
}
function expectedOf(problems) {
    const [first = '', ...others] = distinct(problems.map(({ expected }) => expected));
    return others.length === 0 ? first : 'account IDs';
}
/** `12 problems: "a" on line 1 (length 1), …, and 2 more`. */
function gotOf(problems) {
    const findings = problems.slice(0, MAX_FINDINGS).map(inputs_reading/* findingOf */.hD);
    const rest = problems.length - findings.length;
    const end = rest > 0 ? `, and ${formatCount(rest)} more` : '';
    return `${formatCount(problems.length)} problems: ${findings.join(', ')}${end}`;
}
/** How to fix each kind of problem, also those that are not shown. */
function fixOf(problems) {
    return distinct(problems.map(({ fix }) => fix)).join(' ');
}
function distinct(texts) {
    return [...new Set(texts)];
}

;// CONCATENATED MODULE: ../.build/src/inputs/recipients.js





const LIST_INPUT = 'recipient-account-id';
const ORGANIZATION_INPUT = 'organization-id';
const TARGET_INPUTS = [LIST_INPUT, recipient_file/* FILE_INPUT */._2, ORGANIZATION_INPUT];
/** Reads the targets from the one input that names them. */
function readRecipients(sources, context) {
    const given = givenTargets(sources.env);
    const readings = given.map((input) => READERS[input](sources, context));
    const [reading] = readings;
    if (!reading)
        return (0,inputs_reading/* invalid */.Gq)(noTarget());
    const errors = [
        ...severalTargets(given),
        ...exactOrganization(given, context),
        ...readings.flatMap(inputs_reading/* errorsOf */.Bp),
    ];
    return errors.length > 0 ? (0,inputs_reading/* invalid */.Gq)(...errors) : reading;
}
function givenTargets(env) {
    return TARGET_INPUTS.filter((input) => givenInput(env, input) !== '');
}
// -------- the three inputs
const READERS = {
    [LIST_INPUT]: readList,
    [recipient_file/* FILE_INPUT */._2]: readFile,
    [ORGANIZATION_INPUT]: readOrganization,
};
function readList({ env, clean }, { ownerId }) {
    // Not trimmed: the lines before the first ID count.
    const text = rawInput(env, LIST_INPUT);
    return parseRecipientList(text, { input: LIST_INPUT, ownerId, clean });
}
function readFile(sources, { ownerId }) {
    const { env, clean } = sources;
    const file = (0,recipient_file/* readRecipientFile */.k4)(givenInput(env, recipient_file/* FILE_INPUT */._2), sources);
    if (file.type === 'invalid')
        return file;
    return parseRecipientList(file.value, { input: recipient_file/* FILE_INPUT */._2, ownerId, clean });
}
function readOrganization({ env, clean, }) {
    const id = givenInput(env, ORGANIZATION_INPUT);
    const wrong = (0,ids/* idProblem */.lx)(ids/* ORGANIZATION_ID */.A6, id, clean);
    if (wrong)
        return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)(ORGANIZATION_INPUT, wrong));
    const target = {
        type: 'organization',
        id: id.toLowerCase(),
        label: null,
    };
    return (0,inputs_reading/* valid */.rZ)({
        targets: [target],
        disabledIds: 0,
        repeatedIds: 0,
    });
}
// -------- rules about all of them
/** A request without a target would mean the whole organization. */
function noTarget() {
    return (0,inputs_reading/* emptyInput */.Wb)(LIST_INPUT, 'account IDs', 'Set this input, `recipient-account-file` or `organization-id`.');
}
function severalTargets(given) {
    if (given.length < 2)
        return [];
    const names = given.map((input) => `\`${input}\``);
    const wrong = {
        expected: 'one kind of target',
        got: `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`,
        fix: 'Keep only one of them.',
    };
    return [(0,inputs_reading/* wrongInput */.qn)(given.at(-1) ?? LIST_INPUT, wrong)];
}
/** An organization has no list of accounts that could be the whole truth. */
function exactOrganization(given, { state }) {
    if (state !== 'exact' || !given.includes(ORGANIZATION_INPUT))
        return [];
    const expected = 'a list of accounts with `state: exact`';
    const fix = 'Set `recipient-account-id` or `recipient-account-file` instead.';
    const wrong = { expected, got: 'an organization', fix };
    return [(0,inputs_reading/* wrongInput */.qn)(ORGANIZATION_INPUT, wrong)];
}

;// CONCATENATED MODULE: ../.build/src/inputs/timeout.js


/** As in action.yml, for a run in which the input is empty. */
const DEFAULT_TIMEOUT = '10m';
/** The last poll and the last write need time of their own. */
const MIN_MS = 3_000;
const MAX_MS = 24 * 3_600_000;
const timeout_EXPECTED = 'a duration such as 90s, 10m or 1h30m';
const ORDER = 'Use whole numbers with h, m and s, in this order and without spaces.';
const RANGE = 'a duration from 3s to 24h';
const CHOOSE = 'Choose a duration in this range.';
const DURATION = /^(?=\d)(?:(?<hours>\d+)h)?(?:(?<minutes>\d+)m)?(?:(?<seconds>\d+)s)?$/;
/** Reads the time limit of the whole step. */
function readTimeout(env, clean) {
    const text = givenInput(env, 'timeout') || DEFAULT_TIMEOUT;
    const wrong = (fix, expected = timeout_EXPECTED) => {
        const got = (0,inputs_reading/* quoted */.TL)(text, clean);
        return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)('timeout', { expected, got, fix }));
    };
    if (/^\d+$/.test(text))
        return wrong('Write it with units.');
    const parts = DURATION.exec(text)?.groups;
    if (!parts)
        return wrong(ORDER);
    const ms = millisecondsOf(parts);
    const isInRange = ms >= MIN_MS && ms <= MAX_MS;
    return isInRange ? (0,inputs_reading/* valid */.rZ)({ text, ms }) : wrong(CHOOSE, RANGE);
}
function millisecondsOf(parts) {
    const { hours = '0', minutes = '0', seconds = '0' } = parts;
    const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return total * 1000;
}

;// CONCATENATED MODULE: ../.build/src/inputs/load-inputs.js









/** As in action.yml, for a run in which the input is empty. */
const DEFAULT_ENVIRONMENT = 'cloudflare-share';
/** Reads all inputs. Errors are in the order of action.yml. */
function loadInputs(sources) {
    const { env, clean } = sources;
    const accountId = readAccountId(env, clean);
    const state = readState(env, clean);
    const summary = readBoolean(env, 'summary', clean);
    const context = {
        ownerId: (0,inputs_reading/* valueOr */.dd)(accountId, ''),
        state: (0,inputs_reading/* valueOr */.dd)(state, null),
    };
    const loaded = (0,inputs_reading/* allOf */.bn)({
        accountId,
        shareId: readShareId(env, clean),
        recipients: readRecipients(sources, context),
        credentials: readCredentials(env),
        state,
        maxRemovals: readMaxRemovals(env, context.state, clean),
        wait: readBoolean(env, 'wait', clean),
        timeout: readTimeout(env, clean),
        dryRun: readBoolean(env, 'dry-run', clean),
        summary,
        githubToken: readGithubToken(env),
        environment: readEnvironment(env),
        apiUrl: readApiUrl(env),
    });
    if (loaded.type === 'invalid') {
        const { errors } = loaded;
        return { type: 'invalid', errors, summary: (0,inputs_reading/* valueOr */.dd)(summary, true) };
    }
    const values = loaded.value;
    const inputs = {
        accountId: values.accountId,
        shareId: values.shareId,
        targets: values.recipients.targets,
        credentials: values.credentials,
        state: values.state,
        maxRemovals: values.maxRemovals,
        wait: values.wait,
        timeout: values.timeout.text,
        timeoutMs: values.timeout.ms,
        dryRun: values.dryRun,
        summary: values.summary,
        githubToken: values.githubToken,
        environment: values.environment,
        apiUrl: values.apiUrl,
    };
    const notes = {
        fallbacks: [
            ...fallbacksOf(env, ['account-id']),
            ...credentialFallbacks(env, values.credentials),
        ],
        disabledIds: values.recipients.disabledIds,
        repeatedIds: values.recipients.repeatedIds,
    };
    return { type: 'valid', inputs, notes };
}
function readAccountId(env, clean) {
    const text = inputOrVariable(env, 'account-id');
    const fix = 'Set this input, or the variable CLOUDFLARE_ACCOUNT_ID.';
    const input = nameOfInput(env, 'account-id');
    const id = readId(input, ids/* ACCOUNT_ID */.W_, text, fix, clean);
    return id.type === 'valid' ? (0,inputs_reading/* valid */.rZ)(id.value.toLowerCase()) : id;
}
function readShareId(env, clean) {
    const text = givenInput(env, 'share-id');
    return readId('share-id', ids/* SHARE_ID */.iC, text, 'Set this input.', clean);
}
function readEnvironment(env) {
    return (0,inputs_reading/* valid */.rZ)(givenInput(env, 'environment') || DEFAULT_ENVIRONMENT);
}
function readId(input, kind, text, fixOfEmpty, clean) {
    if (text === '')
        return (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* emptyInput */.Wb)(input, kind.expected, fixOfEmpty));
    const wrong = (0,ids/* idProblem */.lx)(kind, text, clean);
    return wrong ? (0,inputs_reading/* invalid */.Gq)((0,inputs_reading/* wrongInput */.qn)(input, wrong)) : (0,inputs_reading/* valid */.rZ)(text);
}

;// CONCATENATED MODULE: ../.build/src/reconcile/readiness.js

/** Unknown statuses are active: the recipient has access, or will. */
function isActive({ status }) {
    return isActiveStatus(status);
}
function isDisassociating({ status }) {
    return status === 'disassociating';
}
function isDisassociated({ status }) {
    return status === 'disassociated';
}
/** The order in which a record passes through its stages. */
const STAGES = [isActive, isDisassociating, isDisassociated];
/** Below 0 where `b` is further along to its removal than `a`. */
function compareStages(a, b) {
    const stageA = STAGES.findIndex((isAtStage) => isAtStage(a));
    const stageB = STAGES.findIndex((isAtStage) => isAtStage(b));
    return stageA - stageB;
}
/**
 * Can the recipient use everything in the share?
 * @param record from a response to a request with `include_resources=true`;
 *   otherwise `associated` proves nothing
 */
function isReady({ status, errors }) {
    return status === 'associated' && errors.length === 0;
}

;// CONCATENATED MODULE: ../.build/src/reconcile/observations.js

/**
 * How far a read may be behind a write, in milliseconds; see "Consistency" in
 * docs/how-it-works.md.
 */
const STALE_READ_MS = 10_000;
/** The share, or null where it could not be read. */
function shareIn({ shareReading }) {
    return shareReading.type === 'read' ? shareReading.share : null;
}
/** What the first list shows, and the share beside it. */
function firstObservations(list, shareReading) {
    const nothing = {
        shareReading,
        records: new Map(),
        byAccount: new Map(),
        recoveredOnce: new Set(),
        others: list.others,
        skipped: list.skipped,
        firstSentMs: list.sentMs,
        listSentMs: list.sentMs,
        listReceivedMs: list.receivedMs,
    };
    return observeList(nothing, list);
}
/** Adds what a whole list shows. */
function observeList(observed, list) {
    return {
        ...observeRecords(observed, list.records),
        others: list.others,
        skipped: Math.max(observed.skipped, list.skipped),
        listSentMs: list.sentMs,
        listReceivedMs: list.receivedMs,
    };
}
/**
 * Adds single records. The merge is monotonic, because a read may be stale: a
 * record never disappears. Of two observations of one record the later
 * `modified` wins; where that is equal or missing, the one further along
 * active, `disassociating`, `disassociated`; where that is equal too, the later
 * read. An error of a resource stays until `modified` moves or a second read
 * shows none: the first may be older than the error.
 */
function observeRecords(observed, seen) {
    // Records that have not changed are the same objects.
    const isKnown = (record) => observed.records.get(record.id) === record;
    return seen.every(isKnown) ? observed : mergeRecords(observed, seen);
}
function mergeRecords(observed, seen) {
    const records = new Map(observed.records);
    const recoveredOnce = new Set(observed.recoveredOnce);
    for (const record of seen) {
        const old = records.get(record.id);
        if (!old)
            records.set(record.id, record);
        if (!old || isStale(record, old))
            continue;
        const isUnconfirmed = mayHaveRecovered(record, old) &&
            !hasRecoveredBefore(record.id, observed.recoveredOnce, recoveredOnce);
        if (isUnconfirmed)
            recoveredOnce.add(record.id);
        else
            recoveredOnce.delete(record.id);
        records.set(record.id, mergeRecord(record, old, isUnconfirmed));
    }
    const byAccount = groupByAccount(records);
    return { ...observed, records, byAccount, recoveredOnce };
}
/** The record itself where `old` adds nothing. */
function mergeRecord(record, old, isUnconfirmed) {
    // A read that leaves the account out does not make the record nobody's.
    const accountId = record.accountId ?? old.accountId;
    const isComplete = accountId === record.accountId && !isUnconfirmed;
    if (isComplete)
        return record;
    const { errors, moreErrors } = isUnconfirmed ? old : record;
    return { ...record, accountId, errors, moreErrors };
}
/**
 * Did a reading before this one show the record without its error? Two copies
 * in one reading are one read, and one with an error counts.
 */
function hasRecoveredBefore(id, before, now) {
    return before.has(id) && now.has(id);
}
function isStale(seen, old) {
    const laterMs = modifiedLaterMs(seen, old);
    return laterMs === 0 ? compareStages(seen, old) < 0 : laterMs < 0;
}
/** Does a read that may be stale show no error any more? */
function mayHaveRecovered(seen, old) {
    const isHealthy = seen.errors.length === 0 && old.errors.length > 0;
    return isHealthy && modifiedLaterMs(seen, old) === 0;
}
/** 0 where a date is missing. */
function modifiedLaterMs(seen, old) {
    if (seen.modifiedMs === null || old.modifiedMs === null)
        return 0;
    return seen.modifiedMs - old.modifiedMs;
}
function groupByAccount(records) {
    const byAccount = new Map();
    for (const record of [...records.values()].sort(oldestFirst)) {
        if (record.accountId === null)
            continue;
        const others = byAccount.get(record.accountId);
        if (others)
            others.push(record);
        else
            byAccount.set(record.accountId, [record]);
    }
    return byAccount;
}
/**
 * Records without a date come last; by ID where the age is equal, so that
 * parallel runs choose the same record.
 */
function oldestFirst(a, b) {
    const aMs = a.createdMs ?? Number.MAX_VALUE;
    const bMs = b.createdMs ?? Number.MAX_VALUE;
    if (aMs !== bMs)
        return aMs - bMs;
    return a.id < b.id ? -1 : 1;
}

;// CONCATENATED MODULE: ../.build/src/reconcile/first-observation.js


/** How much longer than the list the name of the share may take. */
const SHARE_GRACE_MS = 2_000;
/**
 * Reads the recipients, and beside them the share with its name and what it
 * holds.
 * @returns the error of the list, or of a share that `exact` could not read
 *   before the end of the step
 */
async function observeFirst(options) {
    const { inputs, share, deadline } = options;
    const listing = share.listRecipients().catch(asApiError);
    const [list, readShare] = await Promise.all([
        listing,
        inputs.state === 'exact'
            ? readShareUnlessFailed(listing, options)
            : readShareBeside(listing, options),
    ]);
    const wasShareRead = !(readShare instanceof ApiError);
    if (list instanceof ApiError) {
        const knownShare = wasShareRead ? readShare : null;
        return { type: 'failed', error: list, share: knownShare };
    }
    if (wasShareRead)
        return read(list, { type: 'read', share: readShare });
    // The end of the step kept it from being read: that is no reason to reject
    // the plan.
    const isCutShort = inputs.state === 'exact' && deadline.closing.aborted;
    if (isCutShort)
        return { type: 'failed', error: readShare, share: null };
    return read(list, { type: 'failed', failure: readShare.failure });
}
function read(list, shareReading) {
    return { type: 'read', observed: firstObservations(list, shareReading) };
}
/** With its retries, unless the list has failed: then nothing is planned. */
async function readShareUnlessFailed(listing, { share, deadline }) {
    const listFailed = new AbortController();
    const end = () => listFailed.abort('list failed');
    const endIfFailed = (list) => {
        if (list instanceof ApiError)
            end();
    };
    void listing.then(endIfFailed, end);
    const signal = AbortSignal.any([deadline.closing, listFailed.signal]);
    return await share.readShare({ signal }).catch(asApiError);
}
/** Only `exact` depends on the share, so a failure costs others no time. */
async function readShareBeside(listing, { share, clock, deadline }) {
    const late = new AbortController();
    const isRead = new AbortController();
    // Whoever awaits the list reports its errors.
    void Promise.allSettled([listing])
        .then(() => clock.sleep(SHARE_GRACE_MS, isRead.signal))
        .then(() => late.abort('late'));
    const signal = AbortSignal.any([deadline.closing, late.signal]);
    const read = await share
        .readShare({ maxAttempts: 1, signal })
        .catch(asApiError);
    isRead.abort('read');
    return read;
}

;// CONCATENATED MODULE: ../.build/src/reconcile/target-state.js

/** The targets of the list, in the order given. */
function listedTargets({ targets, state, }) {
    const desired = state === 'absent' ? 'absent' : 'present';
    return targets.map((target) => ({ target, desired, unlistedRecords: null }));
}
/** A target of which nothing has been decided yet. */
function initialState(planned, startedMs, nowMs) {
    return {
        planned,
        posts: [],
        deletes: [],
        inUse: null,
        next: { do: 'wait', for: 'status' },
        recipient: null,
        changed: false,
        wasAttempted: false,
        heldBack: null,
        startedMs,
        decidedMs: startedMs,
        statusSinceMs: nowMs,
    };
}
/** Is it a target of the list, not an account that `exact` removes? */
function isListed({ planned }) {
    return planned.unlistedRecords === null;
}
/**
 * Is it an account that `exact` removes, and no write for it got its turn?
 * Somebody else may have begun the removal: then there is none to send.
 */
function isUnbegunRemoval(state) {
    if (isListed(state) || state.wasAttempted)
        return false;
    return !isPending(state) || isDeleteToCome(state);
}
function isDeleteToCome({ next }) {
    const isDue = next.do === 'delete';
    return isDue || (next.do === 'wait' && next.for === 'additions');
}
/** Is something due, or waited for? */
function isPending({ next }) {
    return next.do !== 'done' && next.do !== 'fail';
}
/** The failure of a target; null for one that has not failed. */
function failureOf({ next }) {
    return next.do === 'fail' ? next.failure : null;
}
/** What is known of the last write of a target; undefined without one. */
function lastResultOf({ posts, deletes, }) {
    return [...posts, ...deletes].at(-1)?.result;
}
/** The DELETEs that were sent for one record. */
function deletesOf(id, deletes) {
    return deletes.filter(({ recipientId }) => recipientId === id);
}
/** The last DELETE of each record of the target that still has access. */
function lastDeletes({ deletes }, { records }) {
    const lastOfEach = new Map(deletes.map((one) => [one.recipientId, one]));
    return [...lastOfEach.values()].filter(({ recipientId }) => {
        const record = records.get(recipientId);
        return record !== undefined && isActive(record);
    });
}
/**
 * Why it is not known what came of a DELETE of the target: the first whose
 * outcome is unknown while its record still has access. Null without one.
 */
function openDeleteOf(history, observed) {
    for (const { result } of lastDeletes(history, observed)) {
        if (result.outcome === 'unknown')
            return result.error.failure;
    }
    return null;
}
/**
 * Has a write of the run for the target been carried out: was it accepted, or
 * has its effect been observed? In a dry run none was sent.
 */
function hasWritten(state) {
    const writes = [...state.posts, ...state.deletes];
    const isAccepted = writes.some(({ result }) => result.outcome === 'accepted');
    return isAccepted || (writes.length > 0 && state.changed);
}

;// CONCATENATED MODULE: ../.build/src/reconcile/outcome.js

/** The outcome of a run that could not read the recipients at all. */
function unobservedOutcome(inputs, failure, share, nowMs, ending) {
    const next = { do: 'fail', failure };
    return {
        targets: listedTargets(inputs).map((planned) => ({
            ...initialState(planned, nowMs, nowMs),
            next,
        })),
        refusal: null,
        observed: null,
        share,
        polls: { polls: 0, failedPolls: 0 },
        lastPollFailure: null,
        ending,
    };
}

;// CONCATENATED MODULE: ../.build/src/reconcile/reasons.js

const MAX_NAMED = 5;
/** `reason (request)`: a failure on one line. */
function formatFailure({ reason, request }) {
    return request ? `${reason} (${request.detail})` : reason;
}
/** `c41f… (account 023e…)`. */
function nameOfRecord({ id, accountId }) {
    return `${id} (account ${accountId ?? 'unknown'})`;
}
/** Somebody removed the record in use. */
function recipientRemoved({ id, status }) {
    const reason = `recipient ${id} is ${status}`;
    return { cause: 'removed', reason, request: null };
}
/** The record in use has come back with another account. */
function namesOtherAccount({ id, accountId }, target) {
    const reason = `recipient ${id} names account ${accountId} instead of ${target.id}`;
    return { cause: 'inconclusive', reason, request: null };
}
/** An organization's record cannot be recognized after a lost reply. */
function inconclusivePost(failure) {
    const reason = `the list does not show whether the organization was added: ${failure.reason}`;
    return { ...failure, cause: 'inconclusive', reason };
}
/** None of the active records is known to be the organization's. */
function inconclusiveAbsence(others) {
    const reason = `the organization may still be a recipient: it may be ${oneOf(others)}`;
    return { cause: 'inconclusive', reason, request: null };
}
/** An active record that names no account may be the organization's. */
function possiblyOrganization(records) {
    const reason = `the organization may be a recipient already: it may be ${oneOf(records)}`;
    return { cause: 'inconclusive', reason, request: null };
}
function oneOf(records) {
    const names = listOf(records.map(nameOfRecord), MAX_NAMED);
    return records.length === 1 ? names : `one of ${names}`;
}
/**
 * DELETEs were accepted, not rejected, and the record is there all the same.
 */
function stillActive({ id, status }, deletes) {
    const reason = `recipient ${id} is still ${status} after ${plural(deletes, 'request')} to remove it`;
    return { cause: 'server', reason, request: null };
}
/** Credentials that failed for one write fail for all. */
function stoppedBy({ reason, request }) {
    return {
        cause: 'stopped',
        reason: `not carried out, because authentication failed for another write: ${reason}`,
        request,
    };
}
/** Cloudflare asked to wait longer than the step lasts. */
function heldBackToTheEnd({ reason, request }) {
    return {
        cause: 'stopped',
        reason: `not carried out, because of the response to another write: ${reason}`,
        request,
    };
}
/**
 * Why the share cannot be changed for this target (Cloudflare's page on adding
 * a recipient); null where it can.
 */
function shareProblem({ status, targetType }, target) {
    if (status === 'deleting' || status === 'deleted') {
        const reason = `the share is ${status}, so its recipients cannot be changed`;
        return { cause: 'share-state', reason, request: null };
    }
    if (targetType === 'organization' && target.type === 'account') {
        const reason = 'the share targets an organization, so its accounts cannot be added or removed one by one';
        return { cause: 'share-state', reason, request: null };
    }
    return null;
}
/**
 * Nothing is written with `exact`. The reason holds no IDs, so that all targets
 * share one reason and one annotation; the report names who would lose access.
 */
function refusedBecause(reason, about) {
    return { cause: 'refused', reason, request: null, about };
}
/** A removal of `exact` that has not begun when an addition failed. */
function notBegun() {
    const reason = 'not removed, because a listed account failed';
    return { cause: 'stopped', reason, request: null };
}
/** The same where a poll failed permanently. */
function notBegunAfterPoll({ reason, request }) {
    return {
        cause: 'stopped',
        reason: `not removed, because a poll failed: ${reason}`,
        request,
    };
}
/** The list cannot be read any more that would show the effect of a write. */
function withOpenWrite(poll, write) {
    const reason = `${poll.reason}; the last write may have been carried out: ${write.reason}`;
    return { ...poll, reason };
}
/** The same for a write that Cloudflare accepted. */
function withAcceptedWrite(poll, desired) {
    const write = desired === 'present' ? 'addition' : 'removal';
    const reason = `Cloudflare accepted the ${write}, but a poll failed: ${poll.reason}`;
    return { ...poll, reason };
}
/** Nothing is known of any target. */
function unreadRecipients(failure, isCancelled) {
    if (!isCancelled)
        return failure;
    const reason = `cancelled; ${failure.reason}`;
    return { ...failure, cause: 'cancelled', reason };
}
/** An exception that nothing expects; the log has it. */
function internalError() {
    const reason = 'an internal error ended the run';
    return { cause: 'internal', reason, request: null };
}

;// CONCATENATED MODULE: ../.build/src/reconcile/exact.js





/** Plans a run with `state: exact` from the first list. */
function planExact(inputs, observed) {
    const withAccess = accountsWithAccess(inputs, observed);
    const ids = new Set(inputs.targets.map(({ id }) => id));
    const unlisted = [...withAccess.keys()].filter((id) => !ids.has(id));
    const removals = unlisted.map((id) => {
        const target = { type: 'account', id, label: null };
        const unlistedRecords = withAccess.get(id) ?? [];
        return { target, desired: 'absent', unlistedRecords };
    });
    const situation = { inputs, observed, withAccess, unlisted };
    return {
        targets: [...listedTargets(inputs), ...removals],
        refusal: refusalOf(situation),
    };
}
/** The owner of the share is never counted nor removed. */
function accountsWithAccess({ accountId: owner }, { byAccount }) {
    const withAccess = new Map();
    for (const [accountId, records] of byAccount) {
        const active = records.filter(isActive);
        if (active.length === 0 || accountId === owner)
            continue;
        withAccess.set(accountId, active);
    }
    return withAccess;
}
/** The first rule that matches decides. */
const REFUSAL_RULES = [
    { about: 'unread-share', reasonOf: shareIsUnreadable },
    { about: 'share', reasonOf: shareIsNotActive },
    { about: 'share', reasonOf: shareTargetsNoAccounts },
    { about: 'share', reasonOf: shareBelongsToAnother },
    { about: 'share', reasonOf: shareIsNotSent },
    { about: 'record', reasonOf: recordWasSkipped },
    { about: 'record', reasonOf: recordMayBeTheOrganization },
    { about: 'list', reasonOf: nothingListedHasAccess },
    { about: 'removals', reasonOf: tooManyRemovals },
];
function refusalOf(situation) {
    for (const { about, reasonOf } of REFUSAL_RULES) {
        const reason = reasonOf(situation);
        if (reason)
            return refusedBecause(reason, about);
    }
    return null;
}
function shareIsUnreadable({ observed }) {
    const { shareReading } = observed;
    if (shareReading.type === 'read')
        return null;
    return `the share could not be read: ${formatFailure(shareReading.failure)}`;
}
function shareIsNotActive({ observed }) {
    return unless(shareIn(observed), 'status', 'active');
}
function shareTargetsNoAccounts({ observed }) {
    return unless(shareIn(observed), 'targetType', 'account');
}
function shareBelongsToAnother({ observed, inputs, }) {
    const owner = shareIn(observed)?.accountId ?? 'unknown';
    if (owner === inputs.accountId)
        return null;
    return `the owner of the share is ${owner}, not account-id`;
}
/** The API does not promise `kind`; who owns the share is another rule. */
function shareIsNotSent({ observed }) {
    if (shareIn(observed)?.kind === null)
        return null;
    return unless(shareIn(observed), 'kind', 'sent');
}
function unless(share, member, expected) {
    const word = share?.[member] ?? 'unknown';
    if (word === expected)
        return null;
    const name = member === 'targetType' ? 'target_type' : member;
    return `the ${name} of the share is "${word}", not "${expected}"`;
}
function recordWasSkipped({ observed }) {
    const { skipped } = observed;
    if (skipped === 0)
        return null;
    const records = skipped === 1 ? 'record' : 'records';
    return `${skipped} ${records} of the list could not be read`;
}
/** Removing it could remove a whole organization. */
function recordMayBeTheOrganization({ observed, }) {
    const organizationId = shareIn(observed)?.organizationId ?? null;
    const record = [...observed.records.values()]
        .filter(isActive)
        .find(({ accountId }) => accountId === null || accountId === organizationId);
    if (!record)
        return null;
    const what = record.accountId === null ? 'names no account' : 'names an organization';
    return `recipient ${record.id} ${what}, so it may give access to all accounts of the organization`;
}
/** A wrong share, or a wrong list. */
function nothingListedHasAccess({ inputs, withAccess, unlisted, }) {
    const isPercentage = inputs.maxRemovals.unit === 'percent';
    const hasOnlyOthers = withAccess.size > 0 && unlisted.length === withAccess.size;
    if (!isPercentage || !hasOnlyOthers)
        return null;
    const whose = withAccess.size === 1
        ? 'the only account with access is not in the list'
        : `none of the ${formatCount(withAccess.size)} accounts with access is in the list`;
    return `${whose}: it may be the wrong share, or the wrong list`;
}
function tooManyRemovals({ inputs, withAccess, unlisted, }) {
    const allowed = allowedRemovals(inputs.maxRemovals, withAccess.size);
    if (unlisted.length <= allowed)
        return null;
    const all = plural(withAccess.size, 'account');
    const removals = `${formatCount(unlisted.length)} of ${all} would lose access`;
    return `${removals}, and max-removals allows ${formatCount(allowed)}`;
}
/**
 * How many accounts may lose access.
 * @param accounts how many have access, the owner apart
 */
function allowedRemovals(maxRemovals, accounts) {
    if (maxRemovals.unit === 'accounts')
        return maxRemovals.count;
    if (maxRemovals.percent === 0)
        return 0;
    return Math.max(1, Math.floor((accounts * maxRemovals.percent) / 100));
}

;// CONCATENATED MODULE: ../.build/src/reconcile/plan.js




/** Gives each target its own desired state. */
function planTargets(inputs, observed) {
    if (inputs.state === 'exact')
        return planExact(inputs, observed);
    return { targets: listedTargets(inputs), refusal: null };
}
function additionsOf(targets) {
    const listed = targets.filter(isListed);
    if (listed.some(({ next }) => next.do === 'fail'))
        return 'failed';
    return listed.some(isPending) ? 'pending' : 'done';
}
/**
 * An account can have several records: a DELETE that was sent is observed to
 * its end, even if the next one cannot be sent.
 */
const AWAIT_REMOVAL = { do: 'wait', for: 'status' };
/**
 * Replaces a decision that cannot be carried out. The first obstacle counts: a
 * plan of `exact` that is rejected, a share that cannot be changed (only where
 * a write is due), another write that shows that none can succeed, and with
 * `exact` an addition that is not done.
 */
function obstacleTo(decision, obstacles) {
    const step = refusedStep(decision, obstacles) ??
        misfitStep(decision, obstacles) ??
        stoppedStep(decision, obstacles) ??
        additionsFirst(decision, obstacles);
    if (!step)
        return decision;
    return {
        ...decision,
        next: step,
        changed: decision.changed && mayHaveChanged(step, obstacles.state),
    };
}
/** A target that fails before its first write is not changed. */
function mayHaveChanged(step, { posts, deletes }) {
    return step.do !== 'fail' || posts.length + deletes.length > 0;
}
function refusedStep(decision, { refusal }) {
    if (!refusal || !isPending(decision))
        return null;
    return { do: 'fail', failure: refusal };
}
/** A share that cannot be changed fails the target before its first write. */
function misfitStep({ next }, { share, state }) {
    const failure = share && shareProblem(share, state.planned.target);
    return failure && mayNeedWrite(next) ? { do: 'fail', failure } : null;
}
function mayNeedWrite(next) {
    if (next.do === 'wait')
        return next.for === 'removal';
    return next.do === 'create' || next.do === 'delete';
}
function stoppedStep({ next, recipient }, { stopped, state, isBeingRemoved }) {
    if (!stopped || !mayNeedWrite(next))
        return null;
    if (isBeingRemoved)
        return AWAIT_REMOVAL;
    return {
        do: 'fail',
        failure: failureOfWrites(state, recipient) ?? stopped,
    };
}
/**
 * What came of the writes of the target itself, where another one is due and
 * cannot be sent; null where none was sent.
 */
function failureOfWrites(history, recipient) {
    const writes = writesFor(history, recipient);
    const last = writes.at(-1)?.result;
    if (last && last.outcome !== 'accepted')
        return last.error.failure;
    const isRemoval = history.planned.desired === 'absent';
    return isRemoval && last && recipient
        ? stillActive(recipient, writes.length)
        : null;
}
/**
 * The writes for the record that shows where a target stands. An account can
 * have several, and a DELETE of one that was removed explains nothing.
 */
function writesFor({ planned, posts, deletes }, recipient) {
    if (planned.desired === 'present')
        return posts;
    return recipient ? deletesOf(recipient.id, deletes) : [];
}
/**
 * Why nobody can say whether an organization is a recipient: the reply to a
 * POST was lost, so its record cannot be recognized. Null otherwise.
 */
function unrecognizable({ planned, posts, inUse, }) {
    if (planned.target.type !== 'organization' || inUse !== null)
        return null;
    for (const { result } of posts) {
        if (result.outcome === 'unknown') {
            return inconclusivePost(result.error.failure);
        }
    }
    return null;
}
/**
 * Why a target fails where no further list can be read. What came of its last
 * write is part of that: the list that would have shown it is missing.
 */
function endedByPoll(poll, state, observed) {
    const inconclusive = unrecognizable(state);
    if (inconclusive)
        return inconclusive;
    if (!isEffectOpen(state))
        return poll;
    const openDelete = openDeleteOf(state, observed);
    if (openDelete)
        return withOpenWrite(poll, openDelete);
    const last = writesFor(state, state.recipient).at(-1)?.result;
    switch (last?.outcome) {
        case 'rejected':
            return last.error.failure;
        case 'unknown':
            return withOpenWrite(poll, last.error.failure);
        case 'accepted':
            return withAcceptedWrite(poll, state.planned.desired);
        default:
            return poll;
    }
}
/** Has no list shown yet what came of the last write? */
function isEffectOpen({ planned, next, deletes, recipient, }) {
    if (planned.desired === 'present') {
        return next.do === 'wait' && next.for === 'effect';
    }
    return deletes.length > 0 && recipient !== null && isActive(recipient);
}
/** With `exact`, nothing is removed while an addition is due or has failed. */
function additionsFirst(decision, { state, additions, isBeingRemoved }) {
    if (isListed(state) || decision.next.do !== 'delete')
        return null;
    if (additions === 'done')
        return null;
    if (additions === 'pending')
        return { do: 'wait', for: 'additions' };
    if (isBeingRemoved)
        return AWAIT_REMOVAL;
    const failure = failureOfWrites(state, decision.recipient) ?? notBegun();
    return { do: 'fail', failure };
}

;// CONCATENATED MODULE: ../.build/src/reconcile/resource-errors.js
/* What is wrong with the resources of a record, in words. */


/** What a message describes of a record's resources; the rest is counted. */
const MAX_DESCRIBED = 3;
/** `gateway-policy f174…`. */
function nameOfResource(id, share) {
    return `${share?.resourceTypes.get(id) || 'resource'} ${id}`;
}
/**
 * `30 resources: Recipient is missing necessary entitlement; gateway-policy
 * f174…: … (and 4 more)`: equal errors once, terminal ones first.
 */
function describeErrors(record, share) {
    const isTerminal = hasTerminalError(record);
    const alike = record.errors.filter(({ terminal }) => terminal === isTerminal);
    const byText = new Map();
    for (const { resourceId, error } of alike) {
        const ids = byText.get(error) ?? [];
        byText.set(error, [...ids, resourceId]);
    }
    const shown = [...byText].slice(0, MAX_DESCRIBED);
    const texts = shown.map(([error, ids]) => {
        const [first = ''] = ids;
        const isOne = ids.length === 1;
        const who = isOne
            ? nameOfResource(first, share)
            : plural(ids.length, 'resource');
        return `${who}: ${error}`;
    });
    const described = shown.reduce((count, [, ids]) => count + ids.length, 0);
    // Terminal ones come first: those that were not kept are like the last one.
    const others = record.errors.length - alike.length;
    const retried = others > 0 ? others + record.moreErrors : 0;
    const all = record.errors.length + record.moreErrors;
    const more = all - described - retried;
    const rest = [
        ...(more > 0 ? [`and ${formatCount(more)} more`] : []),
        ...(retried > 0
            ? [`and ${formatCount(retried)} that Cloudflare is retrying`]
            : []),
    ];
    const end = rest.length > 0 ? ` (${rest.join(', ')})` : '';
    return `${texts.join('; ')}${end}`;
}

;// CONCATENATED MODULE: ../.build/src/reconcile/decide.js






/** More would not help: three lost replies are no coincidence. */
const MAX_WRITES = 3;
const CREATE = { do: 'create' };
const DONE = { do: 'done' };
/**
 * Compares the desired with the observed state of a target, from scratch,
 * after every poll. The rules are tables P and A in docs/how-it-works.md: the
 * first one that matches decides.
 */
function decide(history, mode, observed) {
    return history.planned.desired === 'present'
        ? decidePresent(history, mode, observed)
        : decideAbsent(history, mode, observed);
}
function firstMatch(rules, situation) {
    for (const rule of rules) {
        const step = rule(situation);
        if (step)
            return step;
    }
    throw new Error('the last rule of a table always matches');
}
function waitFor(what) {
    return { do: 'wait', for: what };
}
const PRESENT_RULES = [
    resourceFailedPermanently, // P1
    recipientIsReady, // P2
    accessIsComing, // P3
    removedDuringRun, // P4
    removalIsUnderWay, // P5
    organizationMayBeRecipient, // P6
    nothingWasSentYet, // P6
    effectOfLastPostMayShow, // P7
    lastPostMayBeRepeated, // P8
    lastPostFailed, // P9
];
function resourceFailedPermanently({ activeRecord, observed, }) {
    if (!activeRecord || !hasTerminalError(activeRecord))
        return null;
    const reason = describeErrors(activeRecord, shareIn(observed));
    const failure = { cause: 'resource-error', reason, request: null };
    return { do: 'fail', failure };
}
function recipientIsReady({ activeRecord }) {
    return activeRecord && isReady(activeRecord) ? DONE : null;
}
function accessIsComing({ activeRecord, wait }) {
    if (!activeRecord)
        return null;
    return wait ? waitFor('status') : DONE;
}
function removedDuringRun({ inUse, observed, target, }) {
    const record = inUse === null ? null : observed.records.get(inUse);
    if (!record)
        return null;
    const failure = isActive(record)
        ? namesOtherAccount(record, target)
        : recipientRemoved(record);
    return { do: 'fail', failure };
}
function removalIsUnderWay({ endingRecord }) {
    return endingRecord ? waitFor('removal') : null;
}
/** A POST would add one more record at every run. */
function organizationMayBeRecipient({ target, observed, lastPost, }) {
    if (target.type !== 'organization' || lastPost)
        return null;
    const unnamed = [...observed.records.values()]
        .filter((record) => isActive(record) && record.accountId === null)
        .sort(oldestFirst);
    if (unnamed.length === 0)
        return null;
    return { do: 'fail', failure: possiblyOrganization(unnamed) };
}
function nothingWasSentYet({ lastPost }) {
    return lastPost ? null : CREATE;
}
function effectOfLastPostMayShow({ lastPost, ageMs, }) {
    const graceMs = lastPost && effectMayShow(lastPost) ? STALE_READ_MS : 0;
    return ageMs < graceMs ? waitFor('effect') : null;
}
function lastPostMayBeRepeated({ target, posts, lastPost, }) {
    // After a lost reply, the record of an organization looks like any other
    // that names no account.
    if (target.type === 'organization')
        return null;
    const mayRepeat = lastPost !== null && isRepeatable(lastPost);
    return mayRepeat && posts.length < MAX_WRITES ? CREATE : null;
}
function lastPostFailed({ target, lastPost }) {
    const result = lastPost?.result;
    // An accepted POST names the record in use, which rule P4 has decided.
    if (!result || result.outcome === 'accepted')
        return waitFor('effect');
    const { failure } = result.error;
    const isUnclear = target.type === 'organization' && result.outcome === 'unknown';
    return {
        do: 'fail',
        failure: isUnclear ? inconclusivePost(failure) : failure,
    };
}
function decidePresent(history, { wait, dryRun }, observed) {
    const { target } = history.planned;
    const { posts } = history;
    const records = recordsOf(history, observed);
    const activeRecord = records.find(isActive) ?? null;
    const endingRecord = records.find(isDisassociating) ?? null;
    const lostPost = posts.find(isUnknown);
    const appearedRecord = records.find(({ id }) => lostPost && !lostPost.knownIds.has(id));
    const inUse = activeRecord?.id ?? history.inUse ?? appearedRecord?.id ?? null;
    const lastPost = posts.at(-1) ?? null;
    const next = firstMatch(PRESENT_RULES, {
        target,
        wait,
        observed,
        activeRecord,
        endingRecord,
        inUse,
        posts,
        lastPost,
        ageMs: ageOf(lastPost, observed),
    });
    const wasAdded = posts.some(isAccepted) || Boolean(lostPost && inUse);
    const wouldAdd = dryRun && !activeRecord && next.do !== 'fail';
    const recordInUse = inUse === null ? null : observed.records.get(inUse);
    const recipient = activeRecord ?? recordInUse ?? endingRecord ?? records.at(-1) ?? null;
    return { next, inUse, recipient, changed: dryRun ? wouldAdd : wasAdded };
}
const REMOVAL_RULES = [
    recordIsRemoved, // A1
    recordIsBeingRemoved, // A2
    nothingWasDeletedYet, // A3
    acceptedDeleteIsEnough, // A4
    effectOfLastDeleteMayShow, // A5
    lastDeleteMayBeRepeated, // A6
    lastDeleteFailed, // A7
];
function recordIsRemoved({ record }) {
    return isDisassociated(record) ? DONE : null;
}
function recordIsBeingRemoved({ record, wait }) {
    if (!isDisassociating(record))
        return null;
    return wait ? waitFor('status') : DONE;
}
function nothingWasDeletedYet({ record, lastDelete, }) {
    return lastDelete ? null : { do: 'delete', recipientIds: [record.id] };
}
function acceptedDeleteIsEnough({ lastDelete, wait, }) {
    return lastDelete && isAccepted(lastDelete) && !wait ? DONE : null;
}
function effectOfLastDeleteMayShow({ ageMs }) {
    return ageMs < STALE_READ_MS ? waitFor('effect') : null;
}
function lastDeleteMayBeRepeated({ record, deletes, lastDelete, }) {
    if (!lastDelete)
        return null;
    const mayRepeat = isAccepted(lastDelete) || isRepeatable(lastDelete);
    const counted = deletes.filter((write) => !isTooEarly(write));
    return mayRepeat && counted.length < MAX_WRITES
        ? { do: 'delete', recipientIds: [record.id] }
        : null;
}
function lastDeleteFailed({ record, deletes, lastDelete, }) {
    const result = lastDelete?.result;
    const failure = result && result.outcome !== 'accepted'
        ? result.error.failure
        : stillActive(record, deletes.length);
    return { do: 'fail', failure };
}
/**
 * A conflict while the record is `associating`: the association has to end
 * before it can be removed, however often that is observed.
 */
function isTooEarly({ result, wasAssociating }) {
    return wasAssociating && result.outcome === 'conflict';
}
function decideRemoval(record, { deletes: all }, wait, observed) {
    const deletes = deletesOf(record.id, all);
    const lastDelete = deletes.at(-1) ?? null;
    const ageMs = ageOf(lastDelete, observed);
    return firstMatch(REMOVAL_RULES, {
        record,
        wait,
        deletes,
        lastDelete,
        ageMs,
    });
}
/** Is the end of a DELETE awaited that the run has sent for the target? */
function isBeingRemoved(history, { wait }, observed) {
    const sentFor = new Set(history.deletes.map(({ recipientId }) => recipientId));
    return recordsOf(history, observed)
        .filter(({ id }) => sentFor.has(id))
        .map((record) => decideRemoval(record, history, wait, observed))
        .some((step) => step.do === 'wait');
}
const ABSENT_RULES = [
    someRecordIsToBeDeleted,
    someRemovalFailed,
    someRemovalIsAwaited,
    recordNamesOtherAccount, // A8
    organizationCannotBeIdentified, // A8
    absenceIsConfirmed, // A9
    absenceIsNotConfirmedYet, // A9
];
function someRecordIsToBeDeleted({ steps }) {
    const recipientIds = steps.flatMap((step) => step.do === 'delete' ? step.recipientIds : []);
    return recipientIds.length > 0 ? { do: 'delete', recipientIds } : null;
}
function someRemovalFailed({ steps, history, observed, }) {
    // A list must show what came of every DELETE, so that the report is true for
    // every record.
    const isShown = history.deletes.every((write) => {
        const graceMs = isUnknown(write) ? STALE_READ_MS : 0;
        return ageOf(write, observed) >= graceMs;
    });
    return isShown ? (steps.find((step) => step.do === 'fail') ?? null) : null;
}
function someRemovalIsAwaited({ steps }) {
    const isAwaited = steps.some((step) => step.do === 'wait' || step.do === 'fail');
    return isAwaited ? waitFor('status') : null;
}
/** It was the target's before, so that nothing proves its removal. */
function recordNamesOtherAccount({ history, observed, }) {
    const { target } = history.planned;
    for (const id of formerRecordIds(history)) {
        const record = observed.records.get(id);
        if (record && isActive(record) && isOfAnother(record, target)) {
            return { do: 'fail', failure: namesOtherAccount(record, target) };
        }
    }
    return null;
}
/** Of an account with several records, one may be in use after another. */
function formerRecordIds({ planned, inUse, deletes }) {
    return [
        ...(inUse === null ? [] : [inUse]),
        ...deletes.map(({ recipientId }) => recipientId),
        ...(planned.unlistedRecords ?? []).map(({ id }) => id),
    ];
}
function organizationCannotBeIdentified({ history, records, observed, }) {
    const { target } = history.planned;
    if (target.type !== 'organization')
        return null;
    // A record with an account is another's where one of the organization's own
    // is known.
    const mayBeOwn = ({ accountId }) => records.length === 0 || accountId === null;
    const others = [...observed.records.values()]
        .filter(isActive)
        .filter(mayBeOwn);
    if (others.length === 0)
        return null;
    const failure = inconclusiveAbsence(others.sort(oldestFirst));
    return { do: 'fail', failure };
}
function absenceIsConfirmed({ history, records, observed, dryRun, }) {
    const wasFound = history.deletes.length > 0 || records.some(isDisassociating);
    const isConfirmed = observed.listSentMs - observed.firstSentMs >= STALE_READ_MS;
    return wasFound || isConfirmed || dryRun ? DONE : null;
}
function absenceIsNotConfirmedYet() {
    return waitFor('confirmation');
}
function decideAbsent(history, { wait, dryRun }, observed) {
    const allRecords = recordsOf(history, observed);
    const records = allRecords.filter((record) => isInScope(record, history));
    const steps = records.map((record) => decideRemoval(record, history, wait, observed));
    const next = firstMatch(ABSENT_RULES, {
        history,
        dryRun,
        observed,
        records,
        steps,
    });
    const recipient = mostActive(allRecords, history.deletes);
    const wasRemoved = history.deletes.some((write) => hasRemoved(write, records));
    const wouldRemove = dryRun && records.some(isActive) && next.do !== 'fail';
    return {
        next,
        inUse: recipient?.id ?? null,
        recipient,
        changed: dryRun ? wouldRemove : wasRemoved,
    };
}
/** With `exact`, only what the first list showed is removed. */
function isInScope({ id }, { planned }) {
    const { unlistedRecords } = planned;
    return !unlistedRecords || unlistedRecords.some((record) => record.id === id);
}
/**
 * Of several records the one with the most access, and among those one that
 * this run has written to.
 */
function mostActive(records, deletes) {
    const isWritten = ({ id }) => Number(deletes.some(({ recipientId }) => recipientId === id));
    const [first] = [...records].sort((a, b) => compareStages(a, b) || isWritten(b) - isWritten(a));
    return first ?? null;
}
function hasRemoved(write, records) {
    const isEnded = records.some((record) => record.id === write.recipientId && !isActive(record));
    return isAccepted(write) || (isUnknown(write) && isEnded);
}
// -------- writes and records
function isAccepted({ result }) {
    return result.outcome === 'accepted';
}
/**
 * May the write have been carried out, although its response does not say so?
 */
function isUnknown({ result }) {
    return result.outcome === 'unknown';
}
/**
 * May the effect of the write, or of a parallel one that it met, still show?
 */
function effectMayShow({ result }) {
    return result.outcome === 'unknown' || result.outcome === 'conflict';
}
function isRepeatable({ result }) {
    const { outcome } = result;
    if (outcome !== 'unknown' && outcome !== 'conflict')
        return false;
    return result.error.isRetryable;
}
/**
 * Milliseconds from the end of a write to the sending of the newest list; 0
 * without a write.
 */
function ageOf(write, { listSentMs }) {
    return write ? listSentMs - write.endedMs : 0;
}
/**
 * The records of a target, oldest first. The reply to a POST may be all that
 * names the record of an organization.
 */
function recordsOf({ planned: { target }, inUse }, { records, byAccount }) {
    const named = byAccount.get(target.id) ?? [];
    const used = inUse === null ? undefined : records.get(inUse);
    if (!used || named.includes(used) || isOfAnother(used, target))
        return named;
    return [...named, used].sort(oldestFirst);
}
/** An organization's record may name any account, or none. */
function isOfAnother({ accountId }, target) {
    const isNamed = accountId !== null && accountId !== target.id;
    return target.type === 'account' && isNamed;
}

;// CONCATENATED MODULE: ../.build/src/reconcile/polling.js
const SHORTEST_INTERVAL_MS = 1_000;
/** docs/how-it-works.md names it. */
const LONGEST_INTERVAL_MS = 15_000;
/** A twelfth of the time waited: a mean delay of about 4 %. */
const INTERVAL_SHARE = 12;
/** The last poll begins so long before the deadline that it can end. */
const LAST_POLL_MS = 2_000;
/** Milliseconds to wait before the next poll. */
function pauseMs(situation) {
    const { leftMs, retryAfterMs, lastListMs } = situation;
    const intervalMs = pollIntervalMs(situation.waitedMs, situation.random);
    // A large list would otherwise be read all the time.
    const wantedMs = Math.max(intervalMs, lastListMs);
    const lastPollMs = leftMs - LAST_POLL_MS;
    const beforeEndMs = lastPollMs > 0 ? Math.min(wantedMs, lastPollMs) : leftMs;
    return Math.max(beforeEndMs, retryAfterMs);
}
/**
 * Milliseconds between two polls: a share of the time waited so far, within
 * limits, ±10 %. `random` is from 0 to 1.
 */
function pollIntervalMs(waitedMs, random) {
    const shareMs = Math.max(waitedMs / INTERVAL_SHARE, SHORTEST_INTERVAL_MS);
    const baseMs = Math.min(shareMs, LONGEST_INTERVAL_MS);
    return Math.round(baseMs * (0.9 + 0.2 * random));
}

;// CONCATENATED MODULE: ../.build/src/reconcile/turns.js

/** Whose turn it is. The first rule that matches decides; without, it is. */
const TURN_RULES = [
    stepIsOver,
    writesAreStopped,
    serverAskedToWait,
    everythingIsBlocked,
    stepEndsFirst,
    listIsStale,
];
/**
 * Says why a write must not be sent now, or wait for the rate limit.
 * @returns null where it may
 */
function heldBackBy(situation) {
    for (const rule of TURN_RULES) {
        const heldBack = rule(situation);
        if (heldBack)
            return heldBack;
    }
    return null;
}
function stepIsOver({ isStepOver }) {
    return isStepOver ? { why: 'step-over' } : null;
}
function writesAreStopped({ stopped: failure, }) {
    return failure ? { why: 'stopped', failure } : null;
}
/** `Retry-After` of one write holds for the next: RFC 9110, section 10.2.3. */
function serverAskedToWait({ notBeforeMs, nowMs, }) {
    if (notBeforeMs === null || notBeforeMs <= nowMs)
        return null;
    return { why: 'retry-after', waitMs: notBeforeMs - nowMs };
}
/**
 * After a block of up to five minutes, the list is read again. One that ends
 * while the list is fresh is waited for: the list may have used up what was
 * left, and the next one would again.
 */
function everythingIsBlocked(situation) {
    const { isBlocked, waitMs } = situation.rateLimit;
    const isWaitedFor = situation.isFirstSinceList && isFreshAfter(situation);
    return isBlocked && !isWaitedFor ? { why: 'rate-limit', waitMs } : null;
}
function stepEndsFirst({ nowMs, endMs, rateLimit: { waitMs }, }) {
    return nowMs + waitMs > endMs ? { why: 'rate-limit', waitMs } : null;
}
/**
 * A list serves writes as long as a read may be behind a write. The first write
 * is guaranteed, however long reading the list took, and however long the rate
 * limit makes it wait: a list that no write follows would be read forever.
 */
function listIsStale(situation) {
    const { waitMs } = situation.rateLimit;
    if (isFreshAfter(situation) || situation.isFirstSinceList)
        return null;
    return waitMs > 0 ? { why: 'rate-limit', waitMs } : { why: 'stale-list' };
}
/** Does the list still serve writes once the rate limit allows one? */
function isFreshAfter({ nowMs, listReceivedMs, rateLimit: { waitMs }, }) {
    return nowMs + waitMs <= listReceivedMs + STALE_READ_MS;
}

;// CONCATENATED MODULE: ../.build/src/reconcile/reconciler.js










/** More would not be faster under the rate limit. */
const MAX_CONCURRENT_WRITES = 4;
const ACCEPTED = { outcome: 'accepted' };
/**
 * Brings the recipients of a share to the desired state: observes, decides for
 * every target from scratch, writes what is due, waits, and repeats.
 */
class Reconciler {
    #options;
    #targets;
    #observed;
    /** How far the listed targets are. */
    #additions = 'pending';
    /**
     * False while the plan is made, which is reported as a whole, and after an
     * internal error, which may come from the report.
     */
    #reportsProgress = false;
    #polls = 0;
    #failedPolls = 0;
    /** Why the last poll failed; null where it did not. */
    #pollError = null;
    /** Why no write can succeed any more: one of them has shown it. */
    #stopped = null;
    /** When a write, or the first list, was last sent. */
    #lastWriteMs;
    /** Until when Cloudflare asked to send no write. */
    #notBeforeMs = null;
    /** Has a write begun to wait for its turn since the newest list? */
    #hasWriteBegun = false;
    /** Has a write been sent, or nearly, since the newest list? */
    #hasWriteEnded = false;
    /** How often each write was sent, or nearly. */
    #attempts = new Map();
    /** Plans from the first list. Nothing is written before `run`. */
    constructor(options) {
        const { plan, observed, clock } = options;
        this.#options = options;
        this.#observed = observed;
        this.#lastWriteMs = observed.firstSentMs;
        // Reading the share may have taken long: no write is guaranteed by a list
        // of that age.
        const nowMs = clock.now();
        this.#hasWriteBegun = nowMs > observed.listReceivedMs + STALE_READ_MS;
        this.#targets = plan.targets.map((planned) => initialState(planned, observed.firstSentMs, nowMs));
        this.#decideAll();
    }
    /** Where each target stands now. */
    get targets() {
        return this.#targets;
    }
    isPending() {
        return this.#targets.some(isPending);
    }
    /**
     * Writes and polls until every target is done or failed, or the step is
     * over. Never rejects: what is known is reported after an internal error
     * too.
     */
    async run() {
        this.#reportsProgress = true;
        try {
            await this.#reconcile();
            return this.outcome();
        }
        catch (error) {
            return this.crashed(error);
        }
    }
    /** What is known after an internal error. What was done is in it. */
    crashed(error) {
        this.#reportsProgress = false;
        try {
            this.#decideAll();
        }
        catch {
            // The first error is the one to report.
        }
        return this.outcome({ type: 'crashed', error });
    }
    /** What is known now, as data. */
    outcome(ending = this.#endingNow()) {
        return {
            targets: [...this.#targets],
            refusal: this.#options.plan.refusal,
            observed: this.#observed,
            share: shareIn(this.#observed),
            polls: { polls: this.#polls, failedPolls: this.#failedPolls },
            lastPollFailure: this.#pollError?.failure ?? null,
            ending,
        };
    }
    #endingNow() {
        const { deadline } = this.#options;
        if (deadline.isCancelled())
            return { type: 'cancelled' };
        const isOver = deadline.closing.aborted && this.isPending();
        return { type: isOver ? 'timeout' : 'complete' };
    }
    async #reconcile() {
        const { deadline } = this.#options;
        while (this.isPending() && !deadline.closing.aborted) {
            const isBehind = await this.#writeDue();
            if (!this.isPending())
                return;
            if (!isBehind)
                await this.#pause();
            if (!deadline.closing.aborted)
                await this.#poll();
        }
        if (this.#isUnclear()) {
            await this.#pollOnceMore();
        }
        this.#failUnrecognizable();
    }
    /** Could a last list show what became of a write? */
    #isUnclear() {
        return this.#targets.some((state) => isPending(state) &&
            (state.posts.some(isUnknown) || state.deletes.some(isUnknown)));
    }
    // -------- deciding
    #decide(state) {
        const { inputs, plan } = this.#options;
        const decision = decide(state, inputs, this.#observed);
        return obstacleTo(decision, {
            state,
            refusal: plan.refusal,
            share: shareIn(this.#observed),
            stopped: this.#stopped,
            additions: this.#additions,
            isBeingRemoved: isBeingRemoved(state, inputs, this.#observed),
        });
    }
    /** Decides the listed targets first, because removals depend on them. */
    #decideAll() {
        this.#decideWhere(isListed);
        this.#additions = additionsOf(this.#targets);
        this.#decideWhere((state) => !isListed(state));
    }
    #decideWhere(isIncluded) {
        for (const [index, state] of this.#targets.entries()) {
            if (!isIncluded(state))
                continue;
            const decision = this.#decide(state);
            if (state.next.do === 'fail') {
                // The failure is final; what is observed of its record is not.
                const { recipient, inUse, changed } = decision;
                this.#update(index, { recipient, inUse, changed });
                continue;
            }
            const heldBack = isWriteDue(decision) ? state.heldBack : null;
            this.#update(index, { ...decision, heldBack });
        }
    }
    #update(index, change) {
        const from = this.#stateOf(index);
        const to = this.#withTimes(from, { ...from, ...change });
        this.#targets[index] = to;
        if (this.#reportsProgress)
            this.#options.progress.changed(from, to);
    }
    #withTimes(from, to) {
        const nowMs = this.#options.clock.now();
        const hasMoved = to.next.do !== from.next.do;
        const isOtherStatus = to.recipient?.status !== from.recipient?.status;
        return {
            ...to,
            decidedMs: hasMoved ? nowMs : from.decidedMs,
            statusSinceMs: isOtherStatus ? nowMs : from.statusSinceMs,
        };
    }
    #stateOf(index) {
        return this.#targets[index];
    }
    #failPending(failure) {
        // A removal that was not begun follows from the failure of another target.
        const isExplained = this.#targets.some((state) => isPending(state) && !isUnbegunRemoval(state));
        for (const [index, state] of this.#targets.entries()) {
            if (!isPending(state))
                continue;
            const failureOfTarget = isExplained && isUnbegunRemoval(state)
                ? notBegunAfterPoll(failure)
                : endedByPoll(failure, state, this.#observed);
            this.#update(index, { next: { do: 'fail', failure: failureOfTarget } });
        }
    }
    /**
     * An organization whose record may be there is not called "timed out": to run
     * again could add a second one.
     */
    #failUnrecognizable() {
        for (const [index, state] of this.#targets.entries()) {
            const failure = isPending(state) ? unrecognizable(state) : null;
            if (failure)
                this.#update(index, { next: { do: 'fail', failure } });
        }
    }
    // -------- writing
    /**
     * Sends the writes that are due. After a poll that failed, nothing is
     * decided or written before one succeeds.
     * @returns true when some could not be sent before their list was stale: the
     *   next list follows at once, and then they are sent
     */
    async #writeDue() {
        const writes = this.#pollError ? [] : this.#dueWrites();
        if (writes.length === 0)
            return false;
        const replies = [];
        const workers = Array.from({ length: MAX_CONCURRENT_WRITES }, () => this.#sendFrom(writes, replies));
        const ends = await Promise.allSettled(workers);
        this.#observed = observeRecords(this.#observed, replies);
        const failed = ends.find(({ status }) => status === 'rejected');
        if (failed)
            throw failed.reason;
        // First, because only this forgets why writes that were sent now had been
        // held back before.
        this.#decideAll();
        return isListTooOld(this.#targets) && this.#hasWriteEnded;
    }
    /**
     * Those that were sent least come first: near the rate limit, a list may
     * allow one write only, and one that never succeeds would be all of them.
     */
    #dueWrites() {
        const writes = this.#targets.flatMap(({ next }, index) => {
            if (next.do === 'create')
                return [{ index, recipientId: null }];
            if (next.do !== 'delete')
                return [];
            return next.recipientIds.map((recipientId) => ({ index, recipientId }));
        });
        return writes.sort((a, b) => this.#attemptsOf(a) - this.#attemptsOf(b));
    }
    #attemptsOf(write) {
        return this.#attempts.get(keyOf(write)) ?? 0;
    }
    /**
     * Sends one write after the other, until one is held back. An internal error
     * ends the other workers, too.
     */
    async #sendFrom(writes, replies) {
        try {
            for (let write = writes.shift(); write; write = writes.shift()) {
                const reply = await this.#send(write);
                if (reply.outcome === 'heldBack') {
                    const { heldBack } = reply;
                    for (const { index } of [write, ...writes.splice(0)]) {
                        this.#update(index, { heldBack });
                    }
                }
                else {
                    this.#record(write, reply, replies);
                }
            }
        }
        catch (error) {
            writes.length = 0;
            throw error;
        }
    }
    #send({ index, recipientId }) {
        const { share } = this.#options;
        const isFirstSinceList = !this.#hasWriteBegun;
        this.#hasWriteBegun = true;
        const turn = (rateLimit) => heldBackBy(this.#turnOf(isFirstSinceList, rateLimit));
        return recipientId === null
            ? share.createRecipient(this.#stateOf(index).planned.target, turn)
            : share.deleteRecipient(recipientId, turn);
    }
    #turnOf(isFirstSinceList, rateLimit) {
        const { clock, deadline } = this.#options;
        return {
            nowMs: clock.now(),
            rateLimit,
            listReceivedMs: this.#observed.listReceivedMs,
            isFirstSinceList,
            notBeforeMs: this.#notBeforeMs,
            endMs: deadline.writesEndMs(),
            isStepOver: deadline.closing.aborted,
            stopped: this.#stopped,
        };
    }
    /** Records what is known of a write that was sent, or nearly. */
    #record(write, reply, replies) {
        const { index, recipientId } = write;
        const nowMs = this.#options.clock.now();
        this.#hasWriteEnded = true;
        this.#attempts.set(keyOf(write), this.#attemptsOf(write) + 1);
        const result = reply.outcome === 'accepted' ? ACCEPTED : this.#learnFrom(reply.error);
        if (result.outcome === 'notProcessed') {
            const { failure } = result.error;
            const heldBack = { why: 'not-processed', failure };
            this.#update(index, { wasAttempted: true, heldBack });
            return;
        }
        this.#lastWriteMs = nowMs;
        const written = { endedMs: nowMs, result };
        const state = this.#stateOf(index);
        if (recipientId !== null) {
            // Another DELETE of the target may have been held back meanwhile.
            const deletes = [...state.deletes, this.#toDelete(recipientId, written)];
            this.#update(index, { wasAttempted: true, deletes });
            return;
        }
        const posts = [...state.posts, this.#toPost(state, written)];
        const recipient = reply.outcome === 'accepted' ? reply.recipient : null;
        if (recipient)
            replies.push(recipient);
        const inUse = recipient?.id ?? state.inUse;
        this.#update(index, { wasAttempted: true, posts, inUse });
    }
    #toPost({ planned }, written) {
        const records = this.#observed.byAccount.get(planned.target.id) ?? [];
        return { ...written, knownIds: new Set(records.map(({ id }) => id)) };
    }
    #toDelete(recipientId, written) {
        const status = this.#observed.records.get(recipientId)?.status;
        return {
            recipientId,
            ...written,
            wasAssociating: status === 'associating',
        };
    }
    /**
     * What a write that was not accepted means for the writes that follow it. One
     * that was not processed is rejected where Cloudflare asks to wait past the
     * end of the step.
     */
    #learnFrom(failed) {
        const { clock, deadline } = this.#options;
        const nowMs = clock.now();
        const leftMs = Math.max(0, deadline.writesEndMs() - nowMs);
        // It is a cancellation that leaves no time then, not the response.
        const isCancelled = deadline.isCancelled();
        const error = isCancelled ? failed : withoutRetryInTime(failed, leftMs);
        const notBeforeMs = nowMs + error.retryAfterMs;
        this.#notBeforeMs = Math.max(this.#notBeforeMs ?? 0, notBeforeMs);
        if (provesBadCredentials(error)) {
            this.#stopped ??= stoppedBy(error.failure);
        }
        else if (error.retryAfterMs > leftMs && !isCancelled) {
            this.#stopped ??= heldBackToTheEnd(error.failure);
        }
        return { outcome: error.outcome, error };
    }
    // -------- polling
    async #pause() {
        const { clock, deadline, random } = this.#options;
        const nowMs = clock.now();
        const { listSentMs, listReceivedMs } = this.#observed;
        const ms = pauseMs({
            waitedMs: nowMs - this.#lastWriteMs,
            random: random(),
            leftMs: deadline.endMs() - nowMs,
            retryAfterMs: this.#pollError?.retryAfterMs ?? 0,
            lastListMs: this.#hasWriteEnded ? 0 : listReceivedMs - listSentMs,
        });
        await clock.sleep(ms, deadline.closing);
    }
    #poll() {
        return this.#observeAndDecide(async () => {
            const isEnough = await this.#observeRecord();
            if (!isEnough)
                await this.#observeList();
        });
    }
    /** A last list, at the end of the step, which is not retried. */
    #pollOnceMore() {
        const { end } = this.#options.deadline;
        return this.#observeAndDecide(() => this.#observeList({ signal: end, maxAttempts: 1 }));
    }
    async #observeAndDecide(observe) {
        const { clock, deadline, progress } = this.#options;
        try {
            await observe();
            this.#polls++;
            this.#pollError = null;
            this.#decideAll();
        }
        catch (error) {
            if (!(error instanceof ApiError))
                throw error;
            this.#adoptRecord();
            this.#recordFailedPoll(error);
        }
        progress.polled(this.#targets, deadline.endMs() - clock.now());
    }
    /**
     * A record may have been read by its ID before the list failed. What it shows
     * is reported, and may be that the target has failed permanently. Only a list
     * shows that several targets are done, or that no other record is active.
     */
    #adoptRecord() {
        for (const [index, state] of this.#targets.entries()) {
            if (!isPending(state))
                continue;
            const decision = this.#decide(state);
            const { next, recipient, inUse } = decision;
            const isPermanent = failureOf(decision)?.cause === 'resource-error';
            const observed = { recipient, inUse };
            this.#update(index, isPermanent ? { ...observed, next } : observed);
        }
    }
    /**
     * Something readable was there before, so that a response that cannot be
     * read is a failed poll like any other.
     */
    #recordFailedPoll(error) {
        const { closing } = this.#options.deadline;
        // The end of the step has cut it short: that says nothing.
        if (error.failure.cause === 'timeout')
            return;
        this.#polls++;
        this.#failedPolls++;
        if (error.isRetryable || closing.aborted)
            this.#pollError = error;
        else
            this.#failPending(error.failure);
    }
    async #observeList(options) {
        const list = await this.#options.share.listRecipients(options);
        this.#observed = observeList(this.#observed, list);
        this.#hasWriteBegun = false;
        this.#hasWriteEnded = false;
    }
    /**
     * Polls the one record that is waited for.
     * @returns false where only a list can show what comes next
     */
    async #observeRecord() {
        const pending = this.#targets.filter(isPending);
        const [only] = pending;
        const recipient = only?.recipient;
        if (pending.length !== 1 || !only || !recipient)
            return false;
        const isOnTheWay = only.planned.desired === 'present' ? isActive : isDisassociating;
        if (!isOnTheWay(recipient))
            return false;
        const record = await this.#readRecord(recipient.id);
        if (!record)
            return false;
        this.#observed = observeRecords(this.#observed, [record]);
        // Several targets end on a list, however they end.
        const isOver = isReady(record) || hasTerminalError(record);
        return isOnTheWay(record) && !(isOver && this.#endsOnList());
    }
    #endsOnList() {
        return this.#targets.length > 1 || this.#options.inputs.state === 'exact';
    }
    /** @returns null after a 404: a stale read, for a record never disappears */
    async #readRecord(id) {
        try {
            return await this.#options.share.getRecipient(id);
        }
        catch (error) {
            const isMissing = error instanceof ApiError && error.failure.cause === 'not-found';
            if (isMissing)
                return null;
            throw error;
        }
    }
}
function keyOf({ index, recipientId }) {
    return `${index} ${recipientId ?? ''}`;
}
function isWriteDue({ next }) {
    return next.do === 'create' || next.do === 'delete';
}
/**
 * Do writes wait only for a newer list? One that was not processed has to wait
 * longer than that, or it would be repeated at once.
 */
function isListTooOld(targets) {
    return targets.some(isWaitingForList) && !targets.some(wasNotProcessed);
}
function wasNotProcessed(state) {
    return isWriteDue(state) && state.heldBack?.why === 'not-processed';
}
/**
 * Was a write held back because its list is too old, or would be in its turn?
 */
function isWaitingForList(state) {
    const why = isWriteDue(state) ? state.heldBack?.why : null;
    return why === 'stale-list' || why === 'rate-limit';
}

;// CONCATENATED MODULE: ../.build/src/report/failure-guide.js
/** Titles of annotations, and of the sections in docs/troubleshooting.md. */
const TITLES = {
    inputs: 'Invalid inputs: no request was sent',
    authentication: 'Authentication failed',
    'read-only': 'Credentials can only read',
    route: 'Account or API address not found',
    'not-found': 'Share not found',
    'share-state': 'Share does not allow this change',
    rejected: 'Request rejected by Cloudflare',
    conflict: 'Another change under way',
    'rate-limit': 'Rate limit reached',
    server: 'Cloudflare API error',
    blocked: 'Request blocked before the API',
    'invalid-response': 'Unexpected response from the API',
    'too-large': 'Response too large',
    'no-response': 'No complete response from Cloudflare',
    network: 'Connection to Cloudflare failed',
    proxy: 'Connection through the proxy failed',
    'certificate-untrusted': 'TLS certificate not trusted',
    'certificate-invalid': 'TLS certificate not valid',
    'proxy-certificate-invalid': 'Certificate of the proxy not valid',
    'resource-error': 'Shared resource failed permanently',
    removed: 'Recipient removed during the run',
    inconclusive: 'Recipient cannot be identified',
    refused: 'Plan rejected before any change',
    stopped: 'Stopped after another failure',
    timeout: 'Timed out',
    cancelled: 'Run cancelled',
    outputs: 'Outputs could not be written',
    internal: 'Internal error',
};
/** A run that writes has read the list. */
const WRITES = ['create', 'delete'];
/**
 * The credentials, or their headers, are wrong: nothing was read with them.
 * 1000 is "Invalid API Token" (with HTTP 401).
 */
const WRONG_CREDENTIALS = [1000, 6003, 6103, 6111, 9103, 9106, 9109, 10000];
/** Nothing of this kind may do it. */
const KIND_NOT_ACCEPTED = [1001, 10405];
/** Two rules: a dry run has changed nothing that could be kept. */
function runAgain(when, before) {
    return [
        { ...when, dryRun: true, hint: `${before} Run again.` },
        { ...when, hint: `${before} Run again: completed changes are kept.` },
    ];
}
const INTERNAL_HINT = 'Report it with the debug log: set the secret ACTIONS_STEP_DEBUG to true ' +
    'and run again. The log has what was done by then.';
/** Hints in the order in which they are considered. */
const RULES = [
    {
        cause: 'authentication',
        kinds: WRITES,
        codes: [10000],
        writeWasAccepted: false,
        credentials: 'token',
        topic: 'read-only',
        hint: 'The token can read this share but not change it. Use api-email and ' +
            'api-key, the only credentials that Cloudflare documents for this ' +
            'endpoint, or a token with edit permission.',
    },
    {
        cause: 'authentication',
        kinds: WRITES,
        codes: [10000],
        writeWasAccepted: false,
        topic: 'read-only',
        hint: 'The user of the key can read this share but not change it. Use ' +
            'the key of a user who can edit the shares of account-id.',
    },
    {
        cause: 'authentication',
        codes: KIND_NOT_ACCEPTED,
        credentials: 'token',
        hint: 'Cloudflare does not accept this kind of credentials here. Use a ' +
            'token of a user, or api-email and api-key.',
    },
    {
        cause: 'authentication',
        codes: KIND_NOT_ACCEPTED,
        hint: 'Cloudflare does not accept this kind of credentials here. Use an ' +
            'api-token.',
    },
    {
        cause: 'authentication',
        codes: [10001],
        hint: 'This code is often temporary. Run again, and check the ' +
            'credentials only if the error persists.',
    },
    {
        cause: 'authentication',
        kinds: WRITES,
        codes: WRONG_CREDENTIALS,
        writeWasAccepted: false,
        hint: 'The credentials could read earlier in this run. Check whether they ' +
            'may change this share, and whether they have been revoked or have ' +
            'expired.',
    },
    {
        cause: 'authentication',
        codes: WRONG_CREDENTIALS,
        wasRead: 'list',
        hint: 'The credentials worked earlier in this run. Check whether they have ' +
            'been revoked or have expired since.',
    },
    {
        cause: 'authentication',
        codes: WRONG_CREDENTIALS,
        wasRead: 'nothing',
        hint: 'Check that the secret is the right one, has not expired, and can ' +
            'read the shares of account-id.',
    },
    {
        cause: 'route',
        codes: [7000, 7003],
        wasRead: 'nothing',
        hint: 'Check account-id and api-url, and whether the credentials can see ' +
            'this account.',
    },
    ...runAgain({ cause: 'not-found', kinds: ['list'], codes: [1004], isShareListed: true }, 'Cloudflare lists this share as active, so this may be temporary.'),
    {
        cause: 'not-found',
        kinds: ['share', 'list'],
        codes: [1004],
        wasRead: 'nothing',
        hint: 'Check share-id, and that account-id owns this share.',
    },
    {
        cause: 'not-found',
        kinds: ['list'],
        codes: [1004],
        wasRead: 'list',
        hint: 'This run has read its list before. Check whether the share has been ' +
            'deleted since.',
    },
    {
        cause: 'share-state',
        hint: 'Check share-id: use an active share that targets accounts.',
    },
    {
        cause: 'conflict',
        kinds: WRITES,
        hint: 'Wait until the other change is complete, then run again. Let only ' +
            'one workflow change the share at a time (concurrency).',
    },
    {
        cause: 'rate-limit',
        hint: 'Raise timeout, or run fewer jobs at a time. The limit is per user: a ' +
            'separate token helps only if the account or another user owns it, ' +
            'such as a service user.',
    },
    ...runAgain({ cause: 'server' }, 'Check https://www.cloudflarestatus.com.'),
    {
        cause: 'blocked',
        hint: 'A firewall or proxy responded, not the API. Check for a rule that ' +
            'blocks the runner, then run again.',
    },
    ...runAgain({ cause: 'invalid-response', wasRead: 'list' }, 'The API responded properly before, so this may be temporary.'),
    {
        cause: 'invalid-response',
        wasRead: 'nothing',
        hint: 'Check api-url, and whether a proxy or captive portal responds ' +
            'instead of Cloudflare.',
    },
    {
        cause: 'too-large',
        wasRead: 'nothing',
        hint: 'Check api-url, and whether something other than Cloudflare responds.',
    },
    ...runAgain({ cause: 'no-response' }, 'Cloudflare was reached but sent no complete response.'),
    ...runAgain({ cause: 'network', wasRead: 'list' }, 'The connection worked before, so this may be temporary.'),
    {
        cause: 'network',
        wasRead: 'nothing',
        hint: 'Check that the runner can resolve and reach the host of api-url, ' +
            'or set HTTPS_PROXY.',
    },
    ...runAgain({ cause: 'proxy', wasRead: 'list' }, 'The connection worked before, so this may be temporary.'),
    {
        cause: 'proxy',
        wasRead: 'nothing',
        hint: 'Check the address and the rules of the proxy. If it requires a ' +
            'password, set HTTPS_PROXY to http://USERNAME:PASSWORD@HOST:PORT.',
    },
    {
        cause: 'certificate-untrusted',
        hint: 'If you trust the CA that issued it, such as the CA of a proxy that ' +
            'inspects TLS, set NODE_EXTRA_CA_CERTS to the path of its file.',
    },
    {
        cause: 'certificate-invalid',
        hint: 'Check the clock of the runner and api-url: the certificate is for ' +
            'another time, name or purpose.',
    },
    {
        cause: 'proxy-certificate-invalid',
        hint: 'Check the clock of the runner and the host in HTTPS_PROXY: the ' +
            'certificate is for another time, name or purpose.',
    },
    {
        cause: 'resource-error',
        hint: 'Fix the cause in the recipient account, then remove the recipient ' +
            'and add it again.',
    },
    {
        cause: 'removed',
        hint: 'Manage the recipients in one place only, and let only one workflow ' +
            'change the share at a time (concurrency). Then run again.',
    },
    {
        cause: 'inconclusive',
        hint: 'Check the recipients of the share in the Cloudflare dashboard ' +
            'before you run again.',
    },
    {
        cause: 'refused',
        refusedFor: 'unread-share',
        hint: 'Nothing was changed. The reason says why the share could not be ' +
            'read: fix that, then run again.',
    },
    {
        cause: 'refused',
        refusedFor: 'share',
        hint: 'Nothing was changed. Check share-id: use an active share that ' +
            'account-id owns and that targets accounts.',
    },
    {
        cause: 'refused',
        refusedFor: 'record',
        hint: 'Nothing was changed. Check the recipients of the share in the ' +
            'Cloudflare dashboard.',
    },
    {
        cause: 'refused',
        refusedFor: 'list',
        hint: 'Nothing was changed. Check share-id and the list. To remove every ' +
            'account that has access, set max-removals to a number instead of a ' +
            'percentage.',
    },
    {
        cause: 'refused',
        refusedFor: 'removals',
        hint: 'Nothing was changed. Check the list and share-id; raise ' +
            'max-removals only if the removals are intended.',
    },
    {
        cause: 'stopped',
        dryRun: true,
        hint: 'Fix the other failure and run again.',
    },
    {
        cause: 'stopped',
        hint: 'Fix the other failure and run again: completed changes are kept.',
    },
    {
        cause: 'timeout',
        dryRun: true,
        hint: 'Raise timeout (and timeout-minutes of the job), or run again.',
    },
    {
        cause: 'timeout',
        hint: 'Raise timeout (and timeout-minutes of the job), or run again to ' +
            'continue. Nothing was undone.',
    },
    {
        cause: 'cancelled',
        dryRun: true,
        hint: 'Run again.',
    },
    {
        cause: 'cancelled',
        hint: 'Run again to continue. Nothing was undone.',
    },
    {
        cause: 'internal',
        hint: INTERNAL_HINT,
    },
];
/** What to do about problems that are no failure of a target. */
const OTHER_HINTS = {
    inputs: 'Correct the inputs.',
    outputs: 'Check that GITHUB_OUTPUT names a writable file. The log has what ' +
        'was done.',
};
/** Chooses the title and the hint for a failure of this run. */
function adviceFor(failure, circumstances) {
    const rule = RULES.find((candidate) => matches(candidate, failure, circumstances));
    return {
        topic: rule?.topic ?? failure.cause,
        hint: rule?.hint ?? null,
    };
}
function matches(rule, { cause, request }, circumstances) {
    return (rule.cause === cause &&
        accepts(rule.kinds, request?.kind) &&
        accepts(rule.codes, request?.code) &&
        equalsIfGiven(rule.wasRead, circumstances.wasRead) &&
        equalsIfGiven(rule.writeWasAccepted, circumstances.writeWasAccepted) &&
        equalsIfGiven(rule.credentials, circumstances.credentials) &&
        equalsIfGiven(rule.refusedFor, circumstances.refusedFor) &&
        equalsIfGiven(rule.isShareListed, circumstances.isShareListed) &&
        equalsIfGiven(rule.dryRun, circumstances.dryRun));
}
/** A rule that names no values accepts all of them, and their absence. */
function accepts(values, value) {
    if (values === undefined)
        return true;
    return value !== null && value !== undefined && values.includes(value);
}
function equalsIfGiven(expected, value) {
    return expected === undefined || expected === value;
}
/**
 * The section of docs/troubleshooting.md for a topic; null where the runner
 * does not say where the action came from.
 */
function helpUrl(topic, docsUrl) {
    return docsUrl && `${docsUrl}/troubleshooting.md#${slug(TITLES[topic])}`;
}
/** The anchor that GitHub gives a heading. */
function slug(heading) {
    const words = heading.toLowerCase().replace(/[^\w\s-]/g, '');
    return words.replaceAll(' ', '-');
}

;// CONCATENATED MODULE: ../.build/src/report/result.js



/** In the order in which people read them. */
const KINDS = [
    'failed',
    'cancelled',
    'added',
    'removed',
    'waiting',
    'unchanged',
];
/** Above this many targets, single steps of a target are not shown. */
const FEW = 10;
/**
 * Did every target reach the desired state? A dry run succeeds if a run could.
 */
function result_isSuccess(result) {
    const { targets, ending, refusal } = result.outcome;
    const isOver = ending.type === 'complete' || ending.type === 'timeout';
    const isRefused = refusal !== null;
    const hasFailure = targets.some((state) => hasFailed(state, result.inputs));
    return isOver && !isRefused && !hasFailure;
}
/**
 * Is a target not where it should be, now that the run is over? A dry run
 * leaves pending what a run would do.
 */
function hasFailed(state, { dryRun }) {
    return state.next.do === 'fail' || (isPending(state) && !dryRun);
}
/** Are there so many targets that only a summary of each step is shown? */
function areMany(targets) {
    return targets.length > FEW;
}
function kindOf(state, result) {
    if (hasFailed(state, result.inputs)) {
        const cause = causeOf(state, result.outcome.ending);
        return cause === 'cancelled' ? 'cancelled' : 'failed';
    }
    if (state.changed) {
        return state.planned.desired === 'present' ? 'added' : 'removed';
    }
    return isWaiting(state, result.inputs) ? 'waiting' : 'unchanged';
}
/** Why a target failed; what is still pending failed because the run ended. */
function causeOf(state, ending) {
    const failure = failureOf(state);
    if (failure)
        return failure.cause;
    if (ending.type === 'cancelled')
        return 'cancelled';
    return ending.type === 'crashed' ? 'internal' : 'timeout';
}
/** Was the change accepted, or seen, but not awaited? */
function isWaiting({ next, recipient }, inputs) {
    if (next.do === 'wait')
        return true;
    const isUnderWay = recipient?.status === 'associating' ||
        recipient?.status === 'disassociating';
    return isUnderWay && !inputs.wait;
}
/** The targets of each kind, in the order of the plan. */
function byKind(result) {
    const groups = new Map(KINDS.map((kind) => [kind, []]));
    for (const state of result.outcome.targets) {
        groups.get(kindOf(state, result))?.push(state);
    }
    return groups;
}
/**
 * Did a run with `exact` not come to an account that it removes? Of an account
 * with several records, it may have come to some.
 */
function isRemovalNotBegun(state, inputs) {
    if (isListed(state) || !hasFailed(state, inputs))
        return false;
    const isStopped = failureOf(state)?.cause === 'stopped';
    return isStopped || isUnbegunRemoval(state);
}
/** Cloudflare does not find the share, but lists it as active. */
function isShareListed({ inputs, sharesOfOwner }) {
    return sharesOfOwner.some(({ id }) => id === inputs.shareId);
}
/**
 * Accounts that a run with `exact` certainly did not remove, because it ended,
 * or because Cloudflare carried out no request to remove a record of theirs.
 * Somebody may have removed them since.
 */
function accountsNotRemoved({ inputs, outcome }) {
    if (inputs.dryRun)
        return [];
    return outcome.targets.filter((state) => hasFailed(state, inputs) &&
        hasRecordNotRemoved(state, outcome.observed) &&
        causeOf(state, outcome.ending) !== 'refused');
}
/** An account can have several records, of which some have been removed. */
function hasRecordNotRemoved({ planned, deletes }, observed) {
    const records = planned.unlistedRecords ?? [];
    return records.some(({ id }) => {
        const record = observed?.records.get(id);
        const hasAccess = record?.accountId === planned.target.id && isActive(record);
        return hasAccess && deletesOf(id, deletes).every(wasNotCarriedOut);
    });
}
function wasNotCarriedOut({ result }) {
    return result.outcome === 'rejected' || result.outcome === 'conflict';
}
/** Accounts that a plan that was rejected as a whole would have removed. */
function accountsToRemove({ outcome }) {
    return outcome.targets.filter((state) => !isListed(state) && causeOf(state, outcome.ending) === 'refused');
}
/**
 * The last observed status: a published word, because people put outputs into
 * shell commands, or `unknown`.
 */
function statusOf(state, observed) {
    if (!observed || failureOf(state)?.cause === 'inconclusive')
        return 'unknown';
    const { recipient } = state;
    if (!recipient)
        return 'disassociated';
    return STATUSES.find((status) => status === recipient.status) ?? 'unknown';
}
/**
 * An active record of an account that `exact` removes, which the first list
 * did not show: it stays, so the account still has access.
 */
function lateRecord({ planned }, observed) {
    const { unlistedRecords } = planned;
    if (!unlistedRecords)
        return null;
    const ids = new Set(unlistedRecords.map(({ id }) => id));
    const records = observed.byAccount.get(planned.target.id) ?? [];
    return (records.find((record) => isActive(record) && !ids.has(record.id)) ?? null);
}
/**
 * From the first list to the end of a target, in milliseconds, not rounded. A
 * target that failed, and one of a dry run, has a duration too.
 */
function durationMs(state, nowMs) {
    const endMs = isPending(state) ? nowMs : state.decidedMs;
    return Math.max(0, endMs - state.startedMs);
}
/** The same in seconds, with one decimal. */
function secondsOf(state, nowMs) {
    return Math.round(durationMs(state, nowMs) / 100) / 10;
}

;// CONCATENATED MODULE: ../.build/src/report/wording.js






/** The titles of warnings: docs/troubleshooting.md lists them. */
const WARNING_TITLES = {
    tls: 'TLS verification stays on',
    slowPlan: 'Timeout too short for the plan',
    retried: 'Cloudflare is retrying a resource',
    duplicate: 'Account has more than one recipient',
    skipped: 'Recipients could not be read',
    late: 'Recipient appeared during the run',
    owner: 'Owner is a recipient',
    deployment: 'Deployment record could not be written',
    summary: 'Job summary could not be written',
};
// -------- names
/** `023e… (EMEA)`: an ID and, where the list has one, its label. */
function wording_nameOf({ id, label }) {
    return label === null ? id : `${id} (${label})`;
}
function nameOfState({ planned }) {
    return wording_nameOf(planned.target);
}
/** `account` or `organization`; a run has targets of one type. */
function nounOf(targets) {
    return targets[0]?.planned.target.type ?? 'account';
}
/** `Share "Baseline" (3fd8…), owner 699d…`. */
function shareAndOwner(share, inputs) {
    return `Share ${nameOfShare(share, inputs)}, owner ${inputs.accountId}`;
}
function nameOfShare(share, { shareId }) {
    return share?.name ? `"${share.name}" (${shareId})` : shareId;
}
// -------- the start of a run
/** `Sharing 3fd8… of account 699d… with 3 accounts; timeout 10m`. */
function startLine(inputs, notes) {
    const parts = [task(inputs), `timeout ${inputs.timeout}`];
    if (inputs.dryRun)
        parts.push('dry run');
    if (!inputs.wait)
        parts.push('without waiting');
    parts.push(...notes.fallbacks, ...describeNotes(notes));
    return parts.join('; ');
}
function task({ state, targets, shareId, accountId }) {
    const noun = targets[0]?.type ?? 'account';
    const who = plural(targets.length, noun);
    const share = `${shareId} of account ${accountId}`;
    if (state === 'absent')
        return `Removing ${who} from ${share}`;
    if (state === 'exact')
        return `Sharing ${share} with exactly ${who}`;
    return `Sharing ${share} with ${who}`;
}
function describeNotes({ disabledIds, repeatedIds }) {
    const notes = [];
    if (disabledIds > 0) {
        notes.push(`${plural(disabledIds, 'ID')} in comments not used`);
    }
    if (repeatedIds > 0) {
        notes.push(`${plural(repeatedIds, 'repeated ID')} used once`);
    }
    return notes;
}
const tlsVariableWarning = {
    title: WARNING_TITLES.tls,
    text: 'NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored: the action always ' +
        'verifies certificates.',
};
const emptyInputAdvice = 'An empty input often comes from a secret or variable that does ' +
    'not reach the job: check its name, the ' +
    "job's environment, and whether a fork or Dependabot started the workflow.";
/** `12 other accounts have access`; empty where there are none. */
function othersLine({ accounts, withoutAccount }) {
    const parts = [];
    if (accounts > 0) {
        const verb = accounts === 1 ? 'has' : 'have';
        parts.push(`${plural(accounts, 'other account')} ${verb} access`);
    }
    if (withoutAccount > 0) {
        const who = plural(withoutAccount, 'recipient');
        parts.push(`${who} without an account, possibly an organization`);
    }
    return parts.join(', and ');
}
/** Without the share, its status and its type have not been checked. */
function unreadShareLine(failure) {
    // It has two seconds more than the list: the step goes on.
    if (failure.cause === 'timeout')
        return 'The share could not be read in time.';
    return `The share could not be read: ${formatFailure(failure)}`;
}
function planOf(state, inputs) {
    const failure = failureOf(state);
    // A plan that was rejected as a whole still shows each change.
    if (failure && failure.cause !== 'refused') {
        const isCancelled = failure.cause === 'cancelled';
        const text = isCancelled ? 'not planned' : 'not possible';
        const detail = `: ${formatFailure(failure)}`;
        return { sign: '!', text, detail, group: text };
    }
    if (state.planned.desired === 'absent')
        return planRemoval(state);
    return planAddition(state, inputs);
}
/** `+ add`. */
function planLine(state, inputs) {
    const { sign, text, detail = '' } = planOf(state, inputs);
    return `${sign} ${text}${detail}`;
}
function planAddition(state, inputs) {
    const { recipient, planned } = state;
    if (recipient && isActive(recipient))
        return planKept(state, inputs);
    if (recipient && isDisassociating(recipient)) {
        const detail = ` after recipient ${recipient.id} is removed`;
        return { sign: '+', text: 'add', detail, group: 'to add' };
    }
    if (recipient) {
        const text = 'add again (was a recipient before)';
        return { sign: '+', text, group: 'to add' };
    }
    const text = planned.target.type === 'account' ? 'add' : 'add (no recipient names it)';
    return { sign: '+', text, group: 'to add' };
}
function planKept(state, { wait }) {
    const { recipient, next } = state;
    const retried = countRetried(state);
    const detail = retried > 0
        ? ` (Cloudflare is retrying ${plural(retried, 'resource')})`
        : '';
    const group = `already ${recipient?.status}`;
    // A plan that was rejected fails what it would have waited for.
    const isWaiting = next.do === 'wait' || next.do === 'fail';
    const rest = isWaiting && wait ? 'wait' : 'no change';
    return { sign: '=', text: `${group}: ${rest}`, detail, group };
}
function planRemoval({ recipient, next, planned }) {
    if (recipient && isActive(recipient)) {
        const when = planned.unlistedRecords ? ' after the additions' : '';
        const ids = next.do === 'delete' ? next.recipientIds : unlistedIds(planned);
        const who = nameRecipients([...new Set([recipient.id, ...ids])]);
        const detail = ` ${who} (${recipient.status})${when}`;
        return { sign: '-', text: 'remove', detail, group: 'to remove' };
    }
    if (recipient && isDisassociating(recipient)) {
        const group = 'already being removed';
        return { sign: '=', text: group, group };
    }
    const isConfirming = next.do === 'wait' && next.for === 'confirmation';
    const rest = isConfirming ? 'confirming for 10 s' : 'no change';
    return {
        sign: '=',
        text: `not a recipient: ${rest}`,
        group: 'without a recipient',
    };
}
/** `recipient c41f…`, or `recipients c41f…, 9b02…`. */
function nameRecipients(ids) {
    const noun = ids.length === 1 ? 'recipient' : 'recipients';
    return `${noun} ${listOf(ids, 20)}`;
}
function unlistedIds({ unlistedRecords }) {
    return (unlistedRecords ?? []).map(({ id }) => id);
}
/** `950 to add, 50 already associated`: the plan of many targets. */
function planCounts(targets, inputs) {
    const counts = new Map();
    for (const state of targets) {
        const { group } = planOf(state, inputs);
        counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    return [...counts]
        .map(([group, count]) => `${formatCount(count)} ${group}`)
        .join(', ');
}
/** The title of the plan of many targets, without what stays as it is. */
function changesTitle(count) {
    return count === 1 ? 'The change' : `All ${plural(count, 'change')}`;
}
function slowPlanWarning(writes, requiredMs, remainingMs) {
    return {
        title: WARNING_TITLES.slowPlan,
        text: `${plural(writes, 'write')} take at least ` +
            `${formatDuration(requiredMs)} at Cloudflare's published rate ` +
            'limit, ' +
            `and ${formatDuration(remainingMs)} of timeout are left. Raise ` +
            'timeout, or run again to continue.',
    };
}
// -------- what happens to a target
/** What a change means for a reader; empty where it means nothing. */
function changeLine(from, to, nowMs) {
    if (to.heldBack && isHeldBackAnew(from, to)) {
        return describeHeldBack(to.heldBack);
    }
    const written = describeNewWrite(from, to);
    if (written !== null)
        return written;
    const failure = failureOf(to);
    if (failure)
        return failureOf(from) ? '' : failedLine(failure);
    return describeStatusChange(from, to, nowMs);
}
/** Each list holds a write back again: another attempt or reason is news. */
function isHeldBackAnew(from, to) {
    if (to.heldBack === from.heldBack)
        return false;
    // What follows from it, a failure, has a line of its own.
    if (to.heldBack?.why === 'stopped')
        return false;
    const wasAttempted = to.heldBack?.why === 'not-processed';
    return wasAttempted || to.heldBack?.why !== from.heldBack?.why;
}
function failedLine(failure) {
    return `failed: ${formatFailure(failure)}`;
}
function describeStatusChange(from, to, nowMs) {
    const isNew = statusWord(to) !== statusWord(from);
    const isDone = to.next.do === 'done' && isPending(from);
    if (!isNew && !isDone)
        return '';
    const after = `after ${formatSeconds(nowMs - to.startedMs)}`;
    const status = `${statusWord(to)} ${after}`;
    if (!isDone || !hasStillAccess(to))
        return status;
    return isDeleted(to)
        ? `removal accepted, not awaited: still ${status}`
        : `removed, but recipient ${to.inUse}, which appeared later, is ${status}`;
}
function hasStillAccess({ planned, recipient }) {
    const isOver = planned.desired === 'absent' && recipient !== null;
    return isOver && isActive(recipient);
}
/** Did the run send a DELETE for the record that shows where it stands? */
function isDeleted({ recipient, deletes }) {
    return deletes.some(({ recipientId }) => recipientId === recipient?.id);
}
function statusWord({ recipient }) {
    return recipient?.status ?? 'not a recipient';
}
/** Null where nothing was written. */
function describeNewWrite(from, to) {
    const post = to.posts.at(-1);
    if (post && to.posts.length > from.posts.length) {
        return describeWrite(post.result, `added as recipient ${to.inUse}`);
    }
    const removal = to.deletes.at(-1);
    if (removal && to.deletes.length > from.deletes.length) {
        const { result, recipientId } = removal;
        return describeWrite(result, `removing recipient ${recipientId}`);
    }
    return null;
}
function describeWrite(result, accepted) {
    switch (result.outcome) {
        case 'accepted':
            return accepted;
        case 'unknown':
            return ('the request may have been carried out: ' +
                `${formatFailure(result.error.failure)}`);
        case 'conflict':
            return `another change is under way: ${formatFailure(result.error.failure)}`;
        case 'rejected':
            // What follows from it, a failure, has a line of its own.
            return '';
    }
}
/** Why a write was not carried out, and for how long. */
function describeHeldBack(heldBack) {
    switch (heldBack.why) {
        case 'not-processed':
            return `held back until the next list: ${describeNotProcessed(heldBack.failure)}`;
        case 'rate-limit':
            return (`held back for ${formatWait(heldBack.waitMs)}, to stay within the ` +
                'rate limit');
        case 'retry-after':
            return (`held back for ${formatWait(heldBack.waitMs)}, as requested by the ` +
                'response to an earlier write');
        case 'stale-list':
            return ('held back until the next list, because the last one is too old ' +
                'for a write');
        case 'stopped':
            return heldBack.failure.reason;
        case 'step-over':
            return 'not sent, because the step is about to end';
    }
}
/** The same when the run is over, and no list follows. */
function describeHeldBackAtEnd(heldBack) {
    return heldBack.why === 'not-processed'
        ? describeNotProcessed(heldBack.failure)
        : describeHeldBack(heldBack);
}
/** Only a write that was not processed has been sent. */
function describeHeldBackWrite(heldBack) {
    const which = heldBack.why === 'not-processed' ? 'last' : 'next';
    return `the ${which} write was ${describeHeldBackAtEnd(heldBack)}`;
}
function describeNotProcessed(failure) {
    return `not processed: ${formatFailure(failure)}`;
}
function delayLine(delay) {
    const wait = formatWait(delay.waitMs);
    switch (delay.why) {
        case 'rate-limit':
            return `Rate limit reached. Waiting ${wait}.`;
        case 'spacing':
            return ('Little of the rate limit is left: the action spreads its requests. ' +
                `The next one waits ${wait}.`);
        case 'retry':
            return (`${formatFailure(delay.error.failure)}; retrying in ` +
                `${formatSeconds(delay.waitMs)}`);
    }
}
function retriedResourceWarning(resource, state) {
    const { target } = state.planned;
    return {
        title: WARNING_TITLES.retried,
        text: `${asSentence(resource)} The run keeps waiting. First observed for ` +
            `${target.type} ${wording_nameOf(target)}.`,
    };
}
// -------- progress
/**
 * `412 of 950 associated, 12 failed, 9 m 29 s left`. Without waiting, what is
 * done is only accepted.
 */
function progressLine(targets, leftMs, { wait }) {
    const failed = targets.filter(({ next }) => next.do === 'fail').length;
    const held = targets.filter((state) => isPending(state) && state.heldBack).length;
    const parts = [
        ...progressOf(targets, 'present', wait ? 'associated' : 'added'),
        ...progressOf(targets, 'absent', 'removed'),
    ];
    if (failed > 0)
        parts.push(`${formatCount(failed)} failed`);
    if (held > 0)
        parts.push(`${formatCount(held)} held back`);
    parts.push(`${formatDuration(leftMs)} left`);
    const retried = targets.filter(isAwaitingResources);
    const retries = retried.length > 0
        ? `; Cloudflare is retrying ${resourcesOf(retried)}`
        : '';
    return `${parts.join(', ')}${retries}`;
}
/** Is it associated, and waited for only because of a resource? */
function isAwaitingResources(state) {
    return (isPending(state) &&
        retriedErrors(state).length > 0 &&
        state.recipient?.status === 'associated');
}
function resourcesOf(states) {
    return `resources of ${plural(states.length, nounOf(states))}`;
}
function progressOf(targets, desired, word) {
    const all = targets.filter(({ planned }) => planned.desired === desired);
    const done = all.filter((state) => state.next.do === 'done' || isAwaitingResources(state));
    if (all.length === 0)
        return [];
    return [`${formatCount(done.length)} of ${formatCount(all.length)} ${word}`];
}
/** `still associating after 35 s, 1 m 25 s left`: of a single target. */
function waitingLine(state, nowMs, leftMs) {
    const after = formatDuration(nowMs - state.startedMs);
    const left = formatDuration(leftMs);
    const retries = isAwaitingResources(state)
        ? `; Cloudflare is retrying ${plural(countRetried(state), 'resource')}`
        : '';
    return `${stillWaiting(state)} after ${after}, ${left} left${retries}`;
}
function stillWaiting(state) {
    if (state.next.do === 'wait')
        return WAITING[state.next.for](state);
    return state.heldBack ? 'still held back' : 'still pending';
}
const WAITING = {
    status: (state) => `still ${statusWord(state)}`,
    removal: () => 'still waiting for an earlier removal',
    effect: () => 'still checking the effect of the last write',
    confirmation: () => 'still confirming that there is no recipient',
    additions: () => 'still waiting for the additions',
};
// -------- the end
/** `39 of 1,000 accounts failed, 911 added, 50 unchanged`. */
function headline(result) {
    const { targets } = result.outcome;
    const all = plural(targets.length, nounOf(targets));
    const counts = [...byKind(result)]
        .map(([kind, states]) => ({ kind, count: states.length }))
        .filter(({ count }) => count > 0);
    const parts = counts.map(({ kind, count }, index) => {
        const word = wordOf(kind, result.inputs);
        if (counts.length === 1)
            return `${all} ${word}`;
        const total = index === 0 ? ` of ${all}` : '';
        return `${formatCount(count)}${total} ${word}`;
    });
    return `${prefixOf(result)}${parts.join(', ')}`;
}
function prefixOf({ outcome }) {
    const { targets, ending, refusal } = outcome;
    const isExplained = targets.some((state) => failureOf(state) === refusal);
    return refusal && !isExplained ? 'plan rejected: ' : PREFIXES[ending.type];
}
const PREFIXES = {
    complete: '',
    timeout: '',
    cancelled: 'cancelled: ',
    crashed: 'internal error: ',
};
/** `added`, `would be added`, `added, not awaited`. */
function wordOf(kind, inputs) {
    if (inputs.dryRun) {
        const isNotAwaited = kind === 'waiting' && !inputs.wait;
        return isNotAwaited
            ? 'under way, would not be awaited'
            : DRY_RUN_WORDS[kind];
    }
    const isAwaited = inputs.wait || (kind !== 'added' && kind !== 'removed');
    return isAwaited ? WORDS[kind] : `${WORDS[kind]} without waiting`;
}
const WORDS = {
    failed: 'failed',
    cancelled: 'not done',
    added: 'added',
    removed: 'removed',
    waiting: 'under way, not awaited',
    unchanged: 'unchanged',
};
const DRY_RUN_WORDS = {
    failed: 'would fail',
    cancelled: 'not planned',
    added: 'would be added',
    removed: 'would be removed',
    waiting: 'under way, would be awaited',
    unchanged: 'unchanged',
};
/** `3.2 s`, `5 requests`, `2 of them retries`. */
function costParts({ requests, retries, tookMs }) {
    const parts = [formatSeconds(tookMs), plural(requests, 'request')];
    if (retries === 1)
        parts.push('1 of them a retry');
    if (retries > 1)
        parts.push(`${formatCount(retries)} of them retries`);
    return parts;
}
function resultLine(result) {
    return `Result: ${headline(result)}; ${costParts(result.cost).join(', ')}`;
}
/**
 * What one target has come to, for the list at the end of the log; in a dry
 * run, its plan.
 */
function targetLine(kind, state, failure, { inputs, outcome }) {
    if (inputs.dryRun)
        return `${nameOfState(state)} ${planLine(state, inputs)}`;
    const word = failure ? failedLine(failure) : wordOf(kind, inputs);
    const late = lateWords(state, outcome.observed);
    const rest = failure ? '' : `${late} (${statusWord(state)})`;
    return `${nameOfState(state)}: ${word}${rest}`;
}
/** With `exact`: why the status of a removed account shows access. */
function lateWords(state, observed) {
    const late = observed && lateRecord(state, observed);
    return late ? ', but another recipient appeared' : '';
}
function causeCountLine(title, states, reason) {
    // A plan can be rejected although no target would change.
    const who = states.length === 0 ? [] : [plural(states.length, nounOf(states))];
    return [...who, title, reason].join(': ');
}
/** What the outputs are without; nothing where they are complete. */
function leftOutLines(leftOut) {
    const { targets, resources, recipientIds } = leftOut;
    const limit = 'GitHub accepts 1 MB of outputs for a job';
    const lines = [];
    if (targets > 0) {
        const count = plural(targets, 'target');
        lines.push(`The output recipients is without ${count}: ${limit}. The log has all of them.`);
    }
    if (resources > 0) {
        const count = plural(resources, 'target');
        lines.push(`The output recipients only counts the resources of ${count}, in resource_errors: ${limit}.`);
    }
    if (recipientIds > 0) {
        const count = plural(recipientIds, 'ID');
        lines.push(`The output recipient-id is empty, without ${count}: ${limit}.`);
    }
    return lines;
}
function moreFailuresLine(title, shown) {
    return (`${title}: ${shown} shown. The end of the log counts and lists all ` +
        'of them.');
}
// -------- the end of a target that is not done
/** Why a target that is still pending has failed. */
function describePending(state, result) {
    const { inputs, outcome } = result;
    return [
        END_WORDS[outcome.ending.type](inputs),
        ...describeSeen([state], result),
        ...describeConfirmation([state]),
        ...describeUnbegunRemovals([state]),
        ...describeAcceptedRemovals([state], outcome.observed),
        ...describeLastWrite(state, outcome.observed),
        ...describeRejections([state], outcome.observed),
        ...describeRetries(state, outcome.share),
        ...describeLastPoll(outcome),
    ].join('; ');
}
/** The same of several targets: what they have in common, and counts. */
function describeManyPending(states, result) {
    return [
        ...describeSeen(states, result),
        ...describeConfirmation(states),
        ...describeUnbegunRemovals(states),
        ...describeAcceptedRemovals(states, result.outcome.observed),
        ...describeLastWrites(states, result.outcome.observed),
        ...describeRejections(states, result.outcome.observed),
        ...describeManyRetries(states, result.outcome.share),
        ...describeLastPoll(result.outcome),
    ].join('; ');
}
function describeRetries(state, share) {
    const { recipient } = state;
    if (!recipient || retriedErrors(state).length === 0)
        return [];
    return [`Cloudflare is retrying ${describeErrors(recipient, share)}`];
}
function describeManyRetries(states, share) {
    const retried = states.filter((state) => retriedErrors(state).length > 0);
    const first = retried[0]?.recipient;
    if (!first)
        return [];
    const example = describeErrors(first, share);
    return [`Cloudflare is retrying ${resourcesOf(retried)}, such as ${example}`];
}
/**
 * Errors of resources that keep a target waiting: Cloudflare retries those of
 * an active recipient that are not terminal.
 */
function retriedErrors({ planned, recipient, }) {
    const isAwaited = planned.desired === 'present' && recipient !== null;
    if (!isAwaited || !isActive(recipient))
        return [];
    return recipient.errors.filter(({ terminal }) => !terminal);
}
/** Those that the record only counts are retried too, if the others are. */
function countRetried(state) {
    const { length } = retriedErrors(state);
    return length === 0 ? 0 : length + (state.recipient?.moreErrors ?? 0);
}
function describeLastPoll({ lastPollFailure }) {
    if (!lastPollFailure)
        return [];
    return [`the last poll failed: ${formatFailure(lastPollFailure)}`];
}
const END_WORDS = {
    complete: () => 'not done',
    timeout: ({ timeout }) => `not done before the timeout of ${timeout}`,
    cancelled: () => 'cancelled',
    crashed: () => 'not done because of an internal error',
};
/**
 * `18 polls, last status associating for 9 m 40 s`. Without a list, nothing is
 * known of a target.
 */
function describeSeen(states, { outcome, nowMs }) {
    if (!outcome.observed)
        return [];
    const statuses = describeStatuses(states, nowMs);
    return [`${describePolls(outcome.polls)}, ${statuses}`];
}
function describePolls({ polls, failedPolls }) {
    if (failedPolls === 0)
        return plural(polls, 'poll');
    if (failedPolls === polls)
        return plural(polls, 'failed poll');
    return `${plural(polls, 'poll')} (${formatCount(failedPolls)} of them failed)`;
}
function describeStatuses(states, nowMs) {
    const groups = new Map();
    for (const state of states) {
        const word = statusWord(state);
        const group = groups.get(word) ?? [];
        group.push(state);
        groups.set(word, group);
    }
    const texts = [...groups].map(([word, all]) => {
        const sinceMs = Math.min(...all.map(({ statusSinceMs }) => statusSinceMs));
        const time = formatDuration(nowMs - sinceMs);
        if (states.length === 1)
            return `${quoteStatus(word)} for ${time}`;
        return `${formatCount(all.length)} ${quoteStatus(word)} for up to ${time}`;
    });
    return `last status ${texts.join(', ')}`;
}
function quoteStatus(word) {
    return word === 'not a recipient' ? word : `\`${word}\``;
}
/**
 * The status is the one that is wanted: that it is not enough has to be said.
 */
function describeConfirmation(states) {
    const isAwaited = ({ next }) => next.do === 'wait' && next.for === 'confirmation';
    return states.some(isAwaited)
        ? ['a second list, ten seconds after the first, must confirm that']
        : [];
}
/** With `exact`: the status says nothing about why it was not removed. */
function describeUnbegunRemovals(states) {
    const { length } = states.filter(({ next }) => next.do === 'wait' && next.for === 'additions');
    if (length === 0)
        return [];
    const who = states.length === 1 ? '' : `${plural(length, 'account')} `;
    return [`${who}not removed, because the additions were not complete`];
}
/** Their statuses do not show yet that Cloudflare has accepted them. */
function describeAcceptedRemovals(states, observed) {
    if (!observed)
        return [];
    const accepted = states
        .flatMap((state) => lastDeletes(state, observed))
        .filter(({ result }) => result.outcome === 'accepted');
    if (accepted.length === 0)
        return [];
    const what = states.length === 1
        ? `the removal of ${nameRecipients(accepted.map(({ recipientId }) => recipientId))}`
        : plural(accepted.length, 'removal');
    return [`Cloudflare accepted ${what}`];
}
function describeLastWrite(state, observed) {
    const openDelete = observed && openDeleteOf(state, observed);
    const heldBack = state.heldBack
        ? [describeHeldBackWrite(state.heldBack)]
        : [];
    if (openDelete) {
        const { reason } = openDelete;
        return [`a removal may have been carried out: ${reason}`, ...heldBack];
    }
    return state.heldBack ? heldBack : describeLastResult(state);
}
function describeLastResult(state) {
    const last = lastResultOf(state);
    if (!last || last.outcome === 'accepted' || hasShownEffect(state))
        return [];
    const { reason } = last.error.failure;
    if (last.outcome === 'unknown') {
        return [`the last write may have been carried out: ${reason}`];
    }
    if (last.outcome === 'conflict') {
        return [`the last write met another change: ${reason}`];
    }
    return [`the last write was rejected: ${reason}`];
}
/** Is what the last write was for there: a record, or the end of it? */
function hasShownEffect({ planned, inUse, recipient }) {
    if (planned.desired === 'present')
        return inUse !== null;
    return recipient !== null && !isActive(recipient);
}
/** What a write that was not accepted did, or met. */
const WRITE_ENDS = {
    unknown: 'may have been carried out',
    conflict: 'met another change',
    rejected: 'met a rejection',
};
const MAX_REASONS = 3;
function describeLastWrites(states, observed) {
    const all = states.flatMap((state) => endOfLastWrite(state, observed) ?? []);
    const parts = Object.entries(WRITE_ENDS).flatMap(([outcome, words]) => {
        const alike = all.filter((end) => end.outcome === outcome);
        if (alike.length === 0)
            return [];
        const reasons = new Set(alike.map(({ reason }) => reason));
        const named = listOf([...reasons], MAX_REASONS);
        return [`${plural(alike.length, 'last write')} ${words}: ${named}`];
    });
    return [...parts, ...describeHeldBackWrites(states)];
}
function endOfLastWrite(state, observed) {
    const openDelete = observed && openDeleteOf(state, observed);
    if (openDelete)
        return { outcome: 'unknown', reason: openDelete.reason };
    if (state.heldBack || hasShownEffect(state))
        return null;
    const last = lastResultOf(state);
    if (!last || last.outcome === 'accepted')
        return null;
    return { outcome: last.outcome, reason: last.error.failure.reason };
}
/**
 * An account can have several records: the DELETE of one may have been
 * rejected while it is not known what came of another.
 */
function describeRejections(states, observed) {
    if (!observed)
        return [];
    const reasons = states
        .filter((state) => openDeleteOf(state, observed) !== null)
        .flatMap((state) => lastDeletes(state, observed))
        .flatMap(({ result }) => result.outcome === 'rejected' ? [result.error.failure.reason] : []);
    if (reasons.length === 0)
        return [];
    const named = listOf([...new Set(reasons)], MAX_REASONS);
    return [`${plural(reasons.length, 'removal')} met a rejection: ${named}`];
}
/**
 * How many were held back for each reason. What was not processed has reasons
 * of its own; of the others, the first one has its words.
 */
function describeHeldBackWrites(states) {
    const groups = new Map();
    for (const { heldBack } of states) {
        if (!heldBack)
            continue;
        const group = groups.get(heldBack.why) ?? [];
        group.push(heldBack);
        groups.set(heldBack.why, group);
    }
    return [...groups].map(([why, group]) => {
        const noun = why === 'not-processed' ? 'last write' : 'write';
        const writes = plural(group.length, noun);
        return `${writes} ${describeHeldBackGroup(group)}`;
    });
}
/** All of the group were held back for the same `why`. */
function describeHeldBackGroup(group) {
    const reasons = group.flatMap((heldBack) => heldBack.why === 'not-processed' ? [heldBack.failure.reason] : []);
    const [first] = group;
    const isOne = new Set(reasons).size < 2;
    if (first && isOne)
        return describeHeldBackAtEnd(first);
    return `not processed: ${listOf([...new Set(reasons)], MAX_REASONS)}`;
}
// -------- what an annotation adds to a reason
/** `Share "Baseline" (3fd8…), owner 699d…; account 023e…, recipient c41f….` */
function whereSentence(states, result) {
    const { inputs, outcome } = result;
    const share = shareAndOwner(outcome.share, inputs);
    if (states.length === 0)
        return `${share}.`;
    const noun = nounOf(states);
    const who = states.length === 1 ? noun : `${noun}s`;
    const only = states.length === 1 ? (states[0]?.inUse ?? null) : null;
    const recipient = only === null ? '' : `, recipient ${only}`;
    return `${share}; ${who} ${listOf(states.map(nameOfState), 20)}${recipient}.`;
}
/** `Shares of this account: "Baseline" (3fd8…), …`. */
function sharesSentence(result) {
    const { sharesOfOwner } = result;
    // The hint says that this share is among them.
    if (sharesOfOwner.length === 0 || isShareListed(result))
        return '';
    const names = sharesOfOwner.map(({ id, name }) => `"${name}" (${id})`);
    return `Shares of this account: ${listOf(names, 5)}.`;
}
/** Which accounts a run with `exact` did not remove. */
function notRemovedSentence(states) {
    if (states.length === 0)
        return '';
    const ids = states.map(({ planned }) => planned.target.id);
    return ('Not removed, as a list for a run with state: absent: ' +
        `${listOf(ids, 20)}.`);
}
function notRemovedTitle(count) {
    const who = plural(count, 'account');
    return `${who} not removed, as a list for a run with state: absent`;
}
/** As `recipient-account-id` accepts it. */
function listEntry({ planned }) {
    return planned.target.id;
}
/** Which accounts a plan that was rejected would have removed. */
function wouldLoseAccessSentence(states) {
    if (states.length === 0)
        return '';
    const names = listOf(states.map(nameOfState), 20);
    const who = plural(states.length, 'account');
    return `${who} would lose access: ${names}.`;
}
const everythingDone = 'Everything was done, and nothing was undone.';
/** Of a dry run. */
function planComplete(share) {
    return share
        ? 'The plan is complete.'
        : 'The plan is complete, but the share was not checked.';
}
// -------- warnings at the end
function duplicateWarning(used, others, name) {
    const who = nameRecipients(others.map(({ id }) => id));
    const isOlder = others.every((other) => isCreatedBefore(used, other));
    const why = isOlder ? 'is older and in use' : 'is in use';
    return {
        title: WARNING_TITLES.duplicate,
        text: `Remove ${who}: ${used.id} ${why}. Account ${name}.`,
    };
}
function isCreatedBefore(a, b) {
    const areDated = a.createdMs !== null && b.createdMs !== null;
    return areDated && Number(a.createdMs) < Number(b.createdMs);
}
function skippedWarning(count) {
    return {
        title: WARNING_TITLES.skipped,
        text: `${plural(count, 'recipient')} of ` +
            `${count === 1 ? 'another account' : 'other accounts'} could not be ` +
            'decoded and had no effect on this run.',
    };
}
/** `organizationId` as the share names it. */
function lateWarning(records, organizationId) {
    const isOne = records.length === 1;
    const who = plural(records.length, 'recipient');
    const names = listOf(records.map(nameOfRecord), 20);
    // The next plan is rejected because of a record that may be an organization.
    const unclear = records.filter(({ accountId }) => accountId === null || accountId === organizationId);
    const ids = unclear.map(({ id }) => id);
    const fix = unclear.length === 0
        ? `Run again to remove ${isOne ? 'it' : 'them'}.`
        : `An organization may have access through ${nameRecipients(ids)}: check the Cloudflare dashboard.`;
    return {
        title: WARNING_TITLES.late,
        text: `${who} that the first list did not show with access still ` +
            `${isOne ? 'has' : 'have'} access: ${names}. ${fix}`,
    };
}
function ownerWarning(records) {
    const who = nameRecipients(records.map(({ id }) => id));
    return {
        title: WARNING_TITLES.owner,
        text: 'The account that owns the share is a recipient of it. The action ' +
            `does not remove ${who}.`,
    };
}
function deploymentWarning(problem) {
    const fix = problem.lacksPermission
        ? ' Check that the job has the permission "deployments: write".'
        : '';
    return {
        title: WARNING_TITLES.deployment,
        text: `${asSentence(problem.message)} The share is not affected.${fix}`,
    };
}
function summaryWarning(message) {
    return { title: WARNING_TITLES.summary, text: asSentence(message) };
}

;// CONCATENATED MODULE: ../.build/src/report/progress-log.js






/** After so long without a line, the next poll writes one. */
const PROGRESS_MS = 15_000;
/** So many failures of a cause have a line of their own as they happen. */
const MAX_FAILURES = 20;
const MAX_HELD_BACK = 3;
/** So many resources that Cloudflare retries have an annotation. */
const MAX_RETRIED = 3;
/** Cloudflare's published rate limit. */
const LIMIT_REQUESTS = 1_200;
const LIMIT_WINDOW_MS = 300_000;
/** Opens the log of a run. */
function createProgressLog(sink, inputs, clock) {
    let share = null;
    let targets = inputs.targets;
    let overIds = new Set();
    /** Over when the plan was made, and ever since. */
    let overAtPlan = new Set();
    let writeWasAccepted = false;
    let lastLineMs = clock.now();
    const lineCounts = new Map();
    const retriedResources = new Set();
    function log(text) {
        sink.info(text);
        lastLineMs = clock.now();
    }
    function warn({ title, text }) {
        sink.annotate({ level: 'warning', title, text, link: null });
    }
    /** How often it has been called with that key, this call included. */
    function countLine(key) {
        const count = (lineCounts.get(key) ?? 0) + 1;
        lineCounts.set(key, count);
        return count;
    }
    function logPlan(all) {
        const lines = all.map((state) => ({
            text: `${nameOfState(state)} ${planLine(state, inputs)}`,
            isChange: planOf(state, inputs).sign !== '=',
        }));
        if (!areMany(all)) {
            for (const { text } of lines)
                log(text);
            return;
        }
        log(`Plan: ${planCounts(all, inputs)}`);
        // A dry run ends with the same lines: the report has them.
        const isReviewed = inputs.state === 'exact' && !inputs.dryRun;
        const changes = lines.filter(({ isChange }) => isChange);
        if (!isReviewed || changes.length === 0)
            return;
        sink.group(changesTitle(changes.length), changes.map(({ text }) => text));
    }
    function wasPending(state) {
        return !overAtPlan.has(progress_log_keyOf(state));
    }
    /** One failure or write of a target, where there are few of them. */
    function logStep(to, text) {
        const progress = targets.length > 1 && !isPending(to)
            ? ` (${overIds.size} of ${targets.length})`
            : '';
        // The annotation shows the failure of a single target.
        const isShownLater = targets.length === 1 && to.next.do === 'fail';
        if (!isShownLater)
            log(`${nameOfState(to)}: ${text}${progress}`);
    }
    /** The same where there are many: only what needs attention. */
    function logExcerpt(from, to, text) {
        const limit = excerptOf(from, to, {
            // Nothing changes before the list was read.
            wasRead: 'list',
            writeWasAccepted,
            credentials: inputs.credentials.type,
            refusedFor: null,
            isShareListed: false,
            dryRun: inputs.dryRun,
        });
        const line = `${nameOfState(to)}: ${text}`;
        const count = limit ? countLine(limit.key) : 0;
        if (!limit || count > limit.max)
            sink.debug(line);
        else
            log(line);
        if (limit && count === limit.max + 1 && limit.title) {
            log(moreFailuresLine(limit.title, limit.max));
        }
    }
    function warnOfRetriedResources(to) {
        if (to.next.do !== 'wait')
            return;
        const errors = retriedErrors(to).filter(({ resourceId }) => !retriedResources.has(resourceId));
        for (const { resourceId, error } of errors) {
            retriedResources.add(resourceId);
            const name = nameOfResource(resourceId, share);
            const warning = retriedResourceWarning(`${name}: ${error}`, to);
            // GitHub shows ten warnings: some are kept for what needs somebody.
            if (retriedResources.size <= MAX_RETRIED)
                warn(warning);
            else
                log(`${warning.title}: ${warning.text}`);
        }
    }
    return {
        start(notes, ignoresTlsVariable) {
            log(startLine(inputs, notes));
            if (ignoresTlsVariable)
                warn(tlsVariableWarning);
        },
        planned(all, observed, remainingMs) {
            share = shareIn(observed);
            targets = all;
            overIds = new Set(all.filter((state) => !isPending(state)).map(progress_log_keyOf));
            overAtPlan = new Set(overIds);
            log(shareAndOwner(share, inputs));
            const { shareReading } = observed;
            // A plan with `exact` is rejected for it, and says so.
            if (shareReading.type === 'failed' && inputs.state !== 'exact') {
                log(unreadShareLine(shareReading.failure));
            }
            logPlan(all);
            const others = othersLine(observed.others);
            if (others && inputs.state !== 'exact')
                log(others);
            const slow = slowPlan(all, inputs, remainingMs);
            if (slow)
                warn(slow);
        },
        changed(from, to) {
            writeWasAccepted ||= hasWritten(to);
            if (isPending(to)) {
                overIds.delete(progress_log_keyOf(to));
                overAtPlan.delete(progress_log_keyOf(to));
            }
            else
                overIds.add(progress_log_keyOf(to));
            const text = changeLine(from, to, clock.now());
            if (text && areMany(targets))
                logExcerpt(from, to, text);
            else if (text)
                logStep(to, text);
            warnOfRetriedResources(to);
        },
        polled(all, leftMs) {
            const isDue = clock.now() - lastLineMs >= PROGRESS_MS;
            if (!isDue || !all.some(isPending))
                return;
            const [only] = all;
            if (only && all.length === 1)
                log(waitingLine(only, clock.now(), leftMs));
            else
                log(progressLine(all.filter(wasPending), leftMs, inputs));
        },
        delayed(delay) {
            log(delayLine(delay));
        },
    };
}
/** A run has targets of one type, so an ID is enough. */
function progress_log_keyOf({ planned }) {
    return planned.target.id;
}
/** Which changes of many targets have a line, and how many of a key. */
function excerptOf(from, to, circumstances) {
    const failure = failureOf(to);
    if (!failure) {
        const heldBack = to.heldBack === from.heldBack ? null : to.heldBack;
        if (!heldBack)
            return null;
        return {
            key: `held back ${heldBack.why}`,
            max: MAX_HELD_BACK,
            title: null,
        };
    }
    // These end many targets at once: the report has one line with their count.
    const isOfRun = /^(stopped|timeout|cancelled|refused)$/.test(failure.cause);
    if (isOfRun)
        return null;
    const { topic } = adviceFor(failure, circumstances);
    return {
        key: failure.cause,
        // It says nothing about a single target.
        max: failure.cause === 'authentication' ? 1 : MAX_FAILURES,
        title: TITLES[topic],
    };
}
/** Null where the writes can fit into the time that is left. */
function slowPlan(targets, inputs, remainingMs) {
    const isRefused = targets.some((state) => failureOf(state)?.cause === 'refused');
    if (isRefused)
        return null;
    const writes = targets.filter((state) => {
        const { sign } = planOf(state, inputs);
        return sign === '+' || sign === '-';
    }).length;
    // The first ones may go at once, the others as fast as the window allows.
    const waiting = Math.max(0, writes - LIMIT_REQUESTS);
    const requiredMs = (waiting / LIMIT_REQUESTS) * LIMIT_WINDOW_MS;
    if (inputs.dryRun || requiredMs <= remainingMs)
        return null;
    return slowPlanWarning(writes, requiredMs, remainingMs);
}

;// CONCATENATED MODULE: ../.build/src/report/failures.js




/** Stands for the ID of the target in the reason of a group. */
const OWN_ID = 'ACCOUNT_ID';
const OWN_RECIPIENT = 'RECIPIENT_ID';
/**
 * Why a target has failed, and null where it has not. What is still pending at
 * the end of a run has failed because the run ended.
 */
function failureIn(state, result) {
    if (!hasFailed(state, result.inputs))
        return null;
    const failure = failureOf(state);
    if (failure)
        return failure;
    const cause = causeOf(state, result.outcome.ending);
    return { cause, reason: describePending(state, result), request: null };
}
/** The failures of a run: those of most targets first, what follows last. */
function groupFailures(result) {
    const { refusal } = result.outcome;
    const groups = groupTargets(result);
    const isExplained = groups.some(({ failure }) => failure === refusal);
    // A plan is rejected as a whole, even where no target would change.
    if (refusal && !isExplained) {
        groups.push(...describeGroups([{ failure: refusal, states: [] }], result));
    }
    // Found once for each group, because it takes all targets to find.
    const consequences = new Set(groups.filter((group) => isConsequence(group, result)));
    const rankOf = (group) => Number(consequences.has(group));
    return groups.sort((a, b) => rankOf(a) - rankOf(b) || b.states.length - a.states.length);
}
function groupTargets(result) {
    const groups = new Map();
    for (const state of result.outcome.targets) {
        const failure = failureIn(state, result);
        if (!failure)
            continue;
        const key = groupKey(failure, state);
        const group = groups.get(key) ?? { failure, states: [] };
        group.states.push(state);
        groups.set(key, group);
    }
    return describeGroups([...groups.values()], result);
}
/** Does another failure explain it? Removals of `exact` wait for additions. */
function isConsequence(group, result) {
    if (group.failure.cause === 'stopped')
        return true;
    const { inputs, outcome } = result;
    return (isUnbegun(group, result) &&
        outcome.targets.some((state) => isListed(state) && hasFailed(state, inputs)));
}
/** Did the run end before it came to these removals? */
function isUnbegun({ failure, states }, { inputs }) {
    return (isEndOfRun(failure) &&
        states.every((state) => isRemovalNotBegun(state, inputs)));
}
/** The groups that get an annotation. What was not attempted has none. */
function annotatedGroups(groups, result) {
    const attempted = groups.filter((group) => group.failure.cause !== 'stopped' && !isUnbegun(group, result));
    return attempted.length > 0 ? attempted : groups.slice(0, 1);
}
/** What advice depends on is the same for all: 20,000 groups ask once. */
function describeGroups(groups, result) {
    const circumstances = {
        wasRead: wasReadIn(result.outcome),
        writeWasAccepted: result.outcome.targets.some(hasWritten),
        credentials: result.inputs.credentials.type,
        refusedFor: result.outcome.refusal?.about ?? null,
        isShareListed: isShareListed(result),
        dryRun: result.inputs.dryRun,
    };
    return groups.map((group) => describeGroup(group, result, circumstances));
}
function describeGroup({ failure, states }, result, circumstances) {
    const [first] = states;
    const isSingle = states.length === 1 || !first;
    const advice = adviceFor(failure, circumstances);
    const reason = isSingle
        ? failure.reason
        : reasonOfSeveral(failure, states, result);
    return { advice, failure, reason, states };
}
function wasReadIn({ observed, share }) {
    if (observed)
        return 'list';
    return share ? 'share' : 'nothing';
}
function reasonOfSeveral(failure, states, result) {
    if (isEndOfRun(failure) && result.outcome.observed) {
        return describeManyPending(states, result);
    }
    const [first] = states;
    const isAboutFirst = first && failure.cause !== 'refused' && failure.cause !== 'stopped';
    return isAboutFirst ? withoutOwnIds(failure.reason, first) : failure.reason;
}
function groupKey(failure, state) {
    if (failure.cause === 'refused')
        return failure.cause;
    if (failure.cause === 'stopped')
        return `stopped ${failure.reason}`;
    if (isEndOfRun(failure)) {
        // A removal that was not begun gets no annotation.
        const { desired } = state.planned;
        return `${failure.cause} ${desired} ${isUnbegunRemoval(state)}`;
    }
    const reason = withoutOwnIds(failure.reason, state);
    const { kind = '', code = '' } = failure.request ?? {};
    return `${failure.cause} ${kind} ${code} ${reason}`;
}
/**
 * Is the target only not done? Then its reason says what was observed of it.
 */
function isEndOfRun({ cause }) {
    return cause === 'timeout' || cause === 'cancelled' || cause === 'internal';
}
function withoutOwnIds(reason, state) {
    const { target } = state.planned;
    const targetId = new RegExp(target.id, 'gi');
    const recipientId = state.inUse ?? state.recipient?.id;
    const neutral = reason.replace(targetId, OWN_ID);
    if (!recipientId)
        return neutral;
    const ownRecipient = new RegExp(`(?<![\\w-])${recipientId}(?![\\w-])`, 'g');
    return neutral.replace(ownRecipient, OWN_RECIPIENT);
}

;// CONCATENATED MODULE: ../.build/src/report/recipient-outputs.js




const LONG_TEXT = 500;
const SHORT_TEXT = 100;
/**
 * The targets of a run, in the order of the plan. Shortens texts first, then
 * leaves out resources, then whole targets.
 * @param maxLength of all of them as JSON, in UTF-16 code units
 */
function fitRecipients(result, maxLength) {
    const levels = [
        { maxText: LONG_TEXT, withResources: true },
        { maxText: SHORT_TEXT, withResources: true },
        { maxText: SHORT_TEXT, withResources: false },
    ];
    let recipients = [];
    for (const level of levels) {
        recipients = result.outcome.targets.map((state) => toRecipient(state, result, level));
        if (JSON.stringify(recipients).length <= maxLength)
            return recipients;
    }
    return leaveOut(recipients, result, maxLength);
}
/** Are its resources left out? */
function hasNoRoomForResources(recipient) {
    return recipient.resource_errors > 0 && recipient.resources.length === 0;
}
/** Keeps failed targets longest, then changed ones, each in the order given. */
function leaveOut(recipients, { outcome, inputs }, maxLength) {
    const entries = outcome.targets.map((state, index) => ({
        recipient: recipients[index],
        index,
        rank: hasFailed(state, inputs) ? 0 : 1 + Number(!state.changed),
    }));
    const byRank = [...entries].sort((a, b) => a.rank - b.rank);
    // The brackets, and a comma behind each.
    let length = 2;
    const kept = [];
    for (const entry of byRank) {
        length += JSON.stringify(entry.recipient).length + 1;
        if (length > maxLength)
            break;
        kept.push(entry);
    }
    return kept
        .sort((a, b) => a.index - b.index)
        .map(({ recipient }) => recipient);
}
function toRecipient(state, result, level) {
    const { planned, inUse, recipient, changed } = state;
    const { target } = planned;
    const failure = failureIn(state, result);
    const errors = recipient?.errors.length ?? 0;
    return {
        account_id: target.type === 'account' ? target.id : null,
        organization_id: target.type === 'organization' ? target.id : null,
        label: target.label,
        desired: planned.desired,
        recipient_id: inUse,
        status: statusOf(state, result.outcome.observed),
        changed,
        cause: failure?.cause ?? null,
        error: failure && cut(formatFailure(failure), level.maxText),
        resources: level.withResources
            ? recipient_outputs_resourcesOf(state, result, level.maxText)
            : [],
        resource_errors: errors + (recipient?.moreErrors ?? 0),
        created: recipient?.created || null,
        modified: recipient?.modified || null,
        seconds: secondsOf(state, result.nowMs),
    };
}
function recipient_outputs_resourcesOf({ recipient }, { outcome }, maxText) {
    const types = outcome.share?.resourceTypes;
    const errors = recipient?.errors ?? [];
    return errors.map(({ resourceId, error, terminal }) => ({
        resource_id: resourceId,
        resource_type: types?.get(resourceId) ?? null,
        error: cut(error, maxText),
        terminal,
    }));
}

;// CONCATENATED MODULE: ../.build/src/report/outputs.js



/** The names of the outputs: a test compares them with action.yml. */
const OUTPUT_NAMES = [
    'recipient-id',
    'status',
    'changed',
    'recipients',
];
/**
 * GitHub drops the outputs of a job above 1 MB, counted as UTF-16: two bytes
 * for each code unit.
 */
const MAX_LENGTH = 900_000 / 2;
/** Above it, `recipient-id` is empty: `recipients` has the IDs. */
const MAX_RECIPIENT_IDS = 2_000;
/** Of a run that is over before it knows anything about its targets. */
const emptyOutputs = {
    'recipient-id': '',
    status: 'unknown',
    changed: 'false',
    recipients: [],
};
/** Creates the outputs that action.yml declares. */
function createOutputs(result) {
    const { targets, observed } = result.outcome;
    const listed = targets.filter(isListed);
    const statuses = new Set(listed.map((state) => statusOf(state, observed)));
    const recipientId = recipientIds(listed);
    const recipients = fitRecipients(result, MAX_LENGTH - recipientId.length);
    return {
        outputs: {
            'recipient-id': recipientId,
            status: commonStatus([...statuses]),
            changed: targets.some(({ changed }) => changed) ? 'true' : 'false',
            recipients,
        },
        leftOut: {
            targets: targets.length - recipients.length,
            resources: recipients.filter(hasNoRoomForResources).length,
            recipientIds: recipientId === '' ? listed.filter(({ inUse }) => inUse).length : 0,
        },
    };
}
function recipientIds(listed) {
    if (listed.length > MAX_RECIPIENT_IDS)
        return '';
    return listed.map(({ inUse }) => inUse ?? '').join('\n');
}
function commonStatus(statuses) {
    return statuses.length > 1 ? 'mixed' : (statuses[0] ?? 'unknown');
}

;// CONCATENATED MODULE: ../.build/src/report/sink.js

/** An output could not be written, so a later step would have none. */
class OutputError extends Error {
}
/**
 * GitHub shows ten annotations of a level for a step, of 4,096 characters each.
 */
const MAX_ANNOTATIONS = 10;
const MAX_ANNOTATION = 4_096;
/** Masks all secrets, then opens the sink. */
function openSink(runner, sanitizer) {
    const { line, html } = sanitizer;
    for (const secret of sanitizer.secrets)
        runner.mask(secret);
    const shown = { warning: 0, error: 0 };
    function info(text) {
        runner.info(line(text));
    }
    function annotate(annotation) {
        const { level, title, text, link } = annotation;
        shown[level] += 1;
        const isShown = shown[level] <= MAX_ANNOTATIONS;
        const lines = [text].flat().map(line);
        const message = fit(lines.join('\n'), link, line);
        if (isShown)
            runner.annotate(level, line(title), message.text);
        // What GitHub does not show stands in the log.
        if (!isShown || message.isCut)
            info(oneLine(annotation));
    }
    function output(name, value) {
        try {
            runner.output(name, outputText(value, line));
        }
        catch (error) {
            throw new OutputError(`output ${name}: ${messageOf(error)}`);
        }
    }
    return {
        info,
        debug: (text) => runner.debug(line(text)),
        group: (title, lines) => runner.group(line(title), lines.map(line)),
        annotate,
        output,
        html,
        summary: (text) => runner.summary(text),
    };
}
/** The message of whatever was thrown. */
function messageOf(error) {
    return error instanceof Error ? error.message : String(error);
}
/** Shortens what is before the link, never the link. */
function fit(text, link, line) {
    const end = link === null ? '' : `\n${line(link)}`;
    const max = MAX_ANNOTATION - end.length;
    return { text: `${cut(text, max)}${end}`, isCut: text.length > max };
}
function oneLine({ title, text, link }) {
    const whole = [text].flat().join(' ');
    return [`${title}: ${whole}`, link].filter(Boolean).join(' ');
}
/**
 * Only values are made safe: a secret that is also a word of the keys must not
 * break the JSON.
 */
function outputText(value, line) {
    if (typeof value === 'string')
        return value.split('\n').map(line).join('\n');
    return JSON.stringify(value, (_, member) => typeof member === 'string' ? line(member) : member);
}

// EXTERNAL MODULE: ../.build/src/github/context.js
var context = __nccwpck_require__(698);
;// CONCATENATED MODULE: ../.build/src/report/summary.js
/*
 * The job summary: one block of HTML without empty lines, so that nothing in it
 * is read as Markdown.
 */






/** Below GitHub's 1 MiB, with room for what is always there. */
const MAX_BYTES = 1_000_000;
/** So many lines of each kind are shown without a click; the rest is folded. */
const MAX_UNFOLDED = 100;
const summary_MAX_REASONS = 3;
const MAX_REASON = 300;
const MAX_INPUT_MESSAGE = 2_000;
// -------- of a run
/**
 * Creates the job summary of a run.
 * @param areOutputsWritten without them, the step fails
 */
function createSummary(result, areOutputsWritten, toHtml) {
    const isGreen = areOutputsWritten && result_isSuccess(result);
    const head = [
        heading(result, isGreen, toHtml),
        areOutputsWritten ? '' : OUTPUTS_PARAGRAPH,
        shareParagraph(result, toHtml),
        causeTable(result, toHtml),
    ];
    const foot = [footer(result, toHtml)];
    const usedBytes = byteLength([...head, ...foot].join('\n'));
    const budget = { leftBytes: MAX_BYTES - usedBytes };
    const sections = [
        ...targetSections(result, toHtml, budget),
        notRemovedSection(result, toHtml, budget),
    ];
    const parts = [...head, ...sections, ...foot];
    return `${parts.filter((part) => part !== '').join('\n')}\n\n`;
}
const OUTPUTS_PARAGRAPH = `<p><strong>${TITLES.outputs}.</strong> ${OTHER_HINTS.outputs}</p>`;
function heading(result, isGreen, toHtml) {
    const { inputs, outcome } = result;
    const name = outcome.share?.name;
    const share = code(name ? `"${name}"` : inputs.shareId, toHtml);
    const mark = markOf(result, isGreen);
    return `<h3>${mark} Cloudflare share ${share}: ${headline(result)}</h3>`;
}
function markOf(result, isGreen) {
    if (result.outcome.ending.type === 'cancelled')
        return '🚫';
    if (!isGreen)
        return '❌';
    return result.inputs.dryRun ? '📋' : '✅';
}
/** Which share, whose, and how many others have access to it. */
function shareParagraph(result, toHtml) {
    const { inputs, outcome } = result;
    const share = `Share ${code(inputs.shareId, toHtml)}`;
    const owner = `owner ${code(inputs.accountId, toHtml)}`;
    const others = outcome.observed ? othersLine(outcome.observed.others) : '';
    const isWhole = inputs.state === 'exact' || others === '';
    const parts = [
        `${share}, ${owner}.`,
        isWhole ? '' : `${others}.`,
        toHtml(sharesSentence(result)),
    ];
    return `<p>${parts.filter((part) => part !== '').join(' ')}</p>`;
}
/** What failed, how often, and what to do about it: each advice once. */
function causeTable(result, toHtml) {
    const groups = groupFailures(result);
    if (groups.length === 0)
        return '';
    const lines = byAdvice(groups).map((all) => {
        const { topic, hint } = all[0].advice;
        const count = all.reduce((sum, { states }) => sum + states.length, 0);
        const what = `<strong>${TITLES[topic]}</strong>${reasons(all, toHtml)}`;
        const fix = [
            // The guide's own text, with an address that people copy.
            hint ?? '',
            ...pagesOf(all).map((page) => summary_link(page, 'Cloudflare documentation')),
            summary_link(helpUrl(topic, result.context.docsUrl), 'Troubleshooting'),
        ];
        const who = count === 0 ? 'none' : formatCount(count);
        const whatToDo = fix.filter((part) => part !== '').join(' ');
        return tableRow([what, number(who), whatToDo]);
    });
    const noun = nounOf(result.outcome.targets);
    const heads = ['What failed', `${capitalize(noun)}s`, 'What to do'];
    return table(heads, lines);
}
/** Groups with the same title and the same hint. */
function byAdvice(groups) {
    const alike = new Map();
    for (const group of groups) {
        const { topic, hint } = group.advice;
        const key = `${topic} ${hint}`;
        const same = alike.get(key);
        if (same)
            same.push(group);
        else
            alike.set(key, [group]);
    }
    return [...alike.values()];
}
function reasons(groups, toHtml) {
    const shown = groups.slice(0, summary_MAX_REASONS).map(({ reason }) => {
        return `<br>${toHtml(cutWithCount(reason, MAX_REASON))}`;
    });
    const more = groups.length - shown.length;
    const rest = more > 0 ? `<br>and ${plural(more, 'more reason')}` : '';
    return `${shown.join('')}${rest}`;
}
/** Pages that Cloudflare names for the reasons that are shown. */
function pagesOf(groups) {
    const pages = groups
        .slice(0, summary_MAX_REASONS)
        .map(({ failure }) => failure.request?.documentationUrl ?? null);
    return [...new Set(pages)].filter((page) => page !== null);
}
function targetSections(result, toHtml, budget) {
    const kinds = byKind(result);
    const of = (...wanted) => wanted.flatMap((kind) => kinds.get(kind) ?? []);
    const section = (title, states) => targetTable(title, states, result, toHtml, budget);
    const sections = (states, titleOfRest) => {
        const rest = states.slice(MAX_UNFOLDED);
        return [
            section('', states.slice(0, MAX_UNFOLDED)),
            section(titleOfRest(rest.length), rest),
        ];
    };
    const failed = byCause(of('failed', 'cancelled'), result);
    const changed = of('added', 'removed');
    const waiting = of('waiting');
    const more = (all, kind) => (count) => `${plural(count, `more ${nounOf(all)}`)} ${wordOf(kind, result.inputs)}`;
    const failedTitle = of('failed').length === 0
        ? more(failed, 'cancelled')
        : (count) => plural(count, 'more failure');
    return [
        ...sections(failed, failedTitle),
        ...sections(changed, (count) => plural(count, 'more change')),
        ...sections(waiting, more(waiting, 'waiting')),
        section(foldedTitle(of('unchanged'), result), of('unchanged')),
    ];
}
function foldedTitle(states, { inputs }) {
    const who = plural(states.length, nounOf(states));
    return `${who} ${wordOf('unchanged', inputs)}`;
}
/** The targets in the order of the groups of their failures. */
function byCause(states, result) {
    const inOrder = groupFailures(result).flatMap((group) => group.states);
    const wanted = new Set(states);
    return inOrder.filter((state) => wanted.has(state));
}
/** A table of targets, folded behind its title if it has one. */
function targetTable(title, states, result, toHtml, budget) {
    if (states.length === 0)
        return '';
    const columns = columnsFor(states, result, toHtml);
    const toLine = (state) => tableRow(columns.map(({ cell }) => cell(state)));
    const lines = fitLines(states, toLine, budget);
    const heads = columns.map(({ head }) => head);
    const more = states.length - lines.length;
    const rest = more > 0 ? `<p>And ${formatCount(more)} more, in the log.</p>` : '';
    const body = `${lines.length > 0 ? table(heads, lines) : ''}${rest}`;
    if (title === '')
        return body;
    return details(title, body);
}
/**
 * The columns for targets of one kind. Those that failed have their reason
 * where a narrow page shows it without scrolling, and no change.
 */
function columnsFor([first], result, toHtml) {
    if (!first)
        return [];
    const { dryRun } = result.inputs;
    const kind = kindOf(first, result);
    const hasReason = kind === 'failed' || kind === 'cancelled';
    const hasDuration = kind !== 'unchanged' && !dryRun;
    const change = {
        head: 'Change',
        cell: (state) => changeCell(state, result, toHtml),
    };
    const who = {
        head: capitalize(nounOf([first])),
        cell: (state) => whoCell(state, result, toHtml),
    };
    const why = {
        head: 'Reason',
        cell: (state) => reasonCell(state, result, toHtml),
    };
    const status = {
        head: 'Status',
        cell: (state) => statusCell(state, result),
    };
    const duration = {
        head: 'Duration',
        cell: (state) => number(durationOf(state, result)),
    };
    return [
        ...(hasReason && !dryRun ? [] : [change]),
        who,
        ...(hasReason ? [why] : []),
        status,
        ...(hasDuration ? [duration] : []),
    ];
}
/** `+ added`, `= no change`; in a dry run, what the plan is. */
function changeCell(state, result, toHtml) {
    if (result.inputs.dryRun) {
        const { sign, text } = planOf(state, result.inputs);
        return toHtml(`${sign} ${text}`);
    }
    if (state.changed)
        return changeWord(state, result);
    return kindOf(state, result) === 'waiting' ? '⏳ not awaited' : '= no change';
}
function reasonCell(state, result, toHtml) {
    const reason = failureIn(state, result)?.reason ?? '';
    return toHtml(cutWithCount(reason, MAX_REASON));
}
function changeWord(state, { inputs, outcome }) {
    const isAdded = state.planned.desired === 'present';
    const word = wordOf(isAdded ? 'added' : 'removed', inputs);
    const rest = lateWords(state, outcome.observed);
    return `${isAdded ? '+' : '-'} ${word}${rest}`;
}
/** An ID, linked to its dashboard where it is Cloudflare's, and its label. */
function whoCell({ planned: { target } }, { inputs }, toHtml) {
    const id = code(target.id, toHtml);
    const isLinked = target.type === 'account' &&
        inputs.apiUrl.startsWith('https://api.cloudflare.com/');
    const name = isLinked
        ? `<a href="https://dash.cloudflare.com/${target.id}">${id}</a>`
        : id;
    return target.label === null ? name : `${name} ${toHtml(target.label)}`;
}
function statusCell(state, { outcome }) {
    const status = statusOf(state, outcome.observed);
    const hasNone = state.recipient === null && status === 'disassociated';
    return hasNone ? 'not a recipient' : status;
}
function durationOf(state, { nowMs }) {
    const ms = durationMs(state, nowMs);
    return ms > 0 ? formatSeconds(ms) : '';
}
/** The accounts that a failed run with `exact` did not remove. */
function notRemovedSection(result, toHtml, budget) {
    const states = accountsNotRemoved(result);
    if (states.length === 0)
        return '';
    const lines = fitLines(states, (state) => toHtml(listEntry(state)), budget);
    const more = states.length - lines.length;
    const rest = more > 0 ? `\n<p>And ${formatCount(more)} more, in the log.</p>` : '';
    const title = notRemovedTitle(states.length);
    const list = `<pre>${lines.join('\n')}</pre>`;
    return details(toHtml(title), `${list}${rest}`);
}
/** As many lines as fit. The rest stands in the log. */
function fitLines(states, toLine, budget) {
    const lines = [];
    for (const state of states) {
        const text = toLine(state);
        const bytes = byteLength(text) + 1;
        if (bytes > budget.leftBytes)
            break;
        budget.leftBytes -= bytes;
        lines.push(text);
    }
    return lines;
}
function footer(result, toHtml) {
    const { event, actor } = result.context;
    const parts = [`cloudflare-share-recipient ${context/* VERSION */.x}`];
    const who = actor ? ` (${code(actor, toHtml)})` : '';
    if (event)
        parts.push(`triggered by ${code(event, toHtml)}${who}`);
    parts.push(...costParts(result.cost));
    return `<p><sub>${parts.join(' · ')}</sub></p>`;
}
// -------- of invalid inputs
/** Creates the job summary of a run with invalid inputs. */
function createInputSummary(errors, toHtml) {
    const items = errors.map(({ input, message }) => {
        const text = cutWithCount(message, MAX_INPUT_MESSAGE);
        return `<li>${code(input, toHtml)}: ${toHtml(text)}</li>`;
    });
    const isEmpty = errors.some((error) => error.isEmpty);
    const advice = isEmpty ? emptyInputAdvice : OTHER_HINTS.inputs;
    const list = `<ul>\n${items.join('\n')}\n</ul>`;
    return `<h3>❌ ${TITLES.inputs}</h3>\n${list}\n<p>${toHtml(advice)}</p>\n\n`;
}
// -------- HTML
function code(text, toHtml) {
    return `<code>${toHtml(text)}</code>`;
}
/** A link to an address that cannot hold markup; otherwise nothing. */
function summary_link(url, text) {
    const isPlain = url !== null && /^https:\/\/[\w./#?=&%-]+$/.test(url);
    return isPlain ? `<a href="${url.replaceAll('&', '&amp;')}">${text}</a>` : '';
}
/** A cell that is aligned to the right, as numbers are. */
function number(text) {
    return `<td align="right">${text}</td>`;
}
function table(heads, lines) {
    const head = heads.map((text) => `<th>${text}</th>`).join('');
    const body = lines.join('\n');
    return `<table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}
/** What people open with a click. */
function details(title, body) {
    return `<details><summary>${title}</summary>\n${body}\n</details>`;
}
function tableRow(cells) {
    const all = cells.map((text) => text.startsWith('<td') ? text : `<td>${text}</td>`);
    return `<tr>${all.join('')}</tr>`;
}
function capitalize(text) {
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
function byteLength(text) {
    return Buffer.byteLength(text);
}

;// CONCATENATED MODULE: ../.build/src/report/warnings.js



/** All warnings at the end of a run. */
function warningsOf(result) {
    const { observed } = result.outcome;
    if (!observed)
        return [];
    return [
        ...duplicates(result, observed),
        ...skippedRecords(result, observed),
        ...ownerRecords(result, observed),
        ...lateRecords(result, observed),
    ];
}
/**
 * Accounts with more than one active record, which parallel runs can cause. The
 * oldest is in use.
 */
function duplicates({ outcome }, { byAccount }) {
    return outcome.targets.flatMap(({ planned }) => {
        const { target, desired } = planned;
        if (target.type !== 'account' || desired !== 'present')
            return [];
        const records = byAccount.get(target.id) ?? [];
        const [used, ...others] = records.filter(isActive);
        if (!used || others.length === 0)
            return [];
        return [duplicateWarning(used, others, wording_nameOf(target))];
    });
}
function skippedRecords({ outcome }, { skipped }) {
    // The reason of the refusal says so.
    const isReason = outcome.refusal?.about === 'record';
    return skipped > 0 && !isReason ? [skippedWarning(skipped)] : [];
}
function ownerRecords({ inputs }, { byAccount }) {
    if (inputs.state !== 'exact')
        return [];
    const active = (byAccount.get(inputs.accountId) ?? []).filter(isActive);
    return active.length > 0 ? [ownerWarning(active)] : [];
}
/** With `exact`: active records that the first list did not show. */
function lateRecords({ inputs, outcome }, { records }) {
    // A run that was rejected has read no list but the first.
    if (inputs.state !== 'exact' || outcome.refusal)
        return [];
    const { targets } = outcome;
    const listed = new Set(targets.filter(isListed).map(({ planned }) => planned.target.id));
    const firstSeen = new Set(targets.flatMap(({ planned }) => (planned.unlistedRecords ?? []).map(({ id }) => id)));
    const isLate = (record) => isActive(record) &&
        !firstSeen.has(record.id) &&
        record.accountId !== inputs.accountId &&
        !listed.has(record.accountId ?? '');
    const late = [...records.values()].filter(isLate);
    return late.length > 0
        ? [lateWarning(late, outcome.share?.organizationId ?? null)]
        : [];
}

;// CONCATENATED MODULE: ../.build/src/report/report.js
/* What is reported when a run is over, on every exit path. */









/** Reports inputs that are not valid: nothing was sent. */
async function reportInvalidInputs(sink, context, errors, summary) {
    const isEmpty = errors.some((error) => error.isEmpty);
    const messages = errors.map(({ input, message }) => `${input}: ${message}`);
    const advice = isEmpty ? [emptyInputAdvice] : [];
    annotate(sink, context, 'inputs', [...messages, ...advice]);
    for (const { input, details } of errors) {
        if (details.length > 0)
            sink.group(`All problems of ${input}`, details);
    }
    if (summary) {
        await writeSummary(sink, () => createInputSummary(errors, sink.html));
    }
    setOutputs(sink, context, emptyOutputs);
}
/**
 * Reports an exception that nothing expects, where a run does not even have
 * targets.
 */
function reportCrash(sink, context, error) {
    explainCrash(sink, context, error);
    setOutputs(sink, context, emptyOutputs);
}
/**
 * Reports a run that is over: outputs, annotations, summary, and the last line
 * of the log. Never rejects.
 */
async function reportResult(sink, result) {
    const { context, inputs } = result;
    let areWritten = false;
    try {
        // First, because nothing that comes later may lose them.
        const { outputs, leftOut } = createOutputs(result);
        areWritten = setOutputs(sink, context, outputs);
        annotateFailures(sink, result);
        for (const warning of warningsOf(result))
            warn(sink, warning);
        logResults(sink, result);
        for (const text of leftOutLines(leftOut))
            sink.info(text);
        if (inputs.summary) {
            const create = () => createSummary(result, areWritten, sink.html);
            await writeSummary(sink, create);
        }
        sink.info(resultLine(result));
        return areWritten ? 'complete' : 'without-outputs';
    }
    catch (error) {
        if (areWritten)
            explainCrash(sink, context, error);
        else
            reportCrash(sink, context, error);
        return 'crashed';
    }
}
/** Reports a deployment record that could not be written. */
function reportDeploymentProblem(sink, problem) {
    warn(sink, deploymentWarning(problem));
}
// -------- annotations
function fail(sink, context, topic, sentences) {
    const text = sentences.filter((sentence) => sentence !== '').join(' ');
    annotate(sink, context, topic, text);
}
/** Several texts have a line each. */
function annotate(sink, { docsUrl }, topic, text) {
    const link = helpUrl(topic, docsUrl);
    sink.annotate({ level: 'error', title: TITLES[topic], text, link });
}
function warn(sink, { title, text }) {
    sink.annotate({ level: 'warning', title, text, link: null });
}
function annotateFailures(sink, result) {
    const { context, outcome } = result;
    const groups = groupFailures(result);
    const { ending } = outcome;
    if (ending.type === 'crashed')
        explainCrash(sink, context, ending.error);
    // The exception itself has been reported.
    const explained = annotatedGroups(groups, result).filter(({ failure }) => failure.cause !== 'internal');
    const notRemoved = notRemovedSentence(accountsNotRemoved(result));
    for (const [index, group] of explained.entries()) {
        const sentences = explain(group, result, index === 0 ? notRemoved : '');
        fail(sink, context, group.advice.topic, sentences);
    }
    if (ending.type === 'cancelled' && groups.length === 0) {
        const done = result.inputs.dryRun
            ? planComplete(outcome.share)
            : everythingDone;
        fail(sink, context, 'cancelled', [done]);
    }
}
/** Reason and fix first; then who is concerned, and what Cloudflare said. */
function explain(group, result, notRemoved) {
    const { advice, failure, reason, states } = group;
    const { request } = failure;
    const page = request?.documentationUrl ?? null;
    // Who would lose access is more than who would change.
    const isRejection = failure.cause === 'refused';
    return [
        asSentence(reason),
        advice.hint ?? '',
        isRejection
            ? wouldLoseAccessSentence(accountsToRemove(result))
            : notRemoved,
        failure.cause === 'not-found' ? sharesSentence(result) : '',
        whereSentence(isRejection ? [] : states, result),
        request ? `${request.detail}.` : '',
        page === null ? '' : `See ${page}`,
    ];
}
function explainCrash(sink, context, error) {
    fail(sink, context, 'internal', [
        asSentence(messageOf(error)),
        INTERNAL_HINT,
    ]);
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    for (const line of stack.split('\n'))
        sink.debug(line);
}
// -------- the log
function logResults(sink, result) {
    const { targets } = result.outcome;
    if (areMany(targets)) {
        for (const { advice, reason, states } of groupFailures(result)) {
            sink.info(causeCountLine(TITLES[advice.topic], states, reason));
        }
        const title = `All ${plural(targets.length, 'result')}`;
        sink.group(title, resultLines(result));
    }
    const notRemoved = accountsNotRemoved(result);
    if (notRemoved.length > 0) {
        sink.group(notRemovedTitle(notRemoved.length), notRemoved.map(listEntry));
    }
}
/** One line for each target, in the order of the summary. */
function resultLines(result) {
    const toLine = (kind, state) => targetLine(kind, state, failureIn(state, result), result);
    return [...byKind(result)].flatMap(([kind, states]) => states.map((state) => toLine(kind, state)));
}
// -------- outputs and summary
/** Sets every output; returns false where one could not be written. */
function setOutputs(sink, context, outputs) {
    try {
        for (const name of OUTPUT_NAMES)
            sink.output(name, outputs[name]);
        return true;
    }
    catch (error) {
        if (!(error instanceof OutputError))
            throw error;
        fail(sink, context, 'outputs', [`${error.message}.`, OTHER_HINTS.outputs]);
        return false;
    }
}
/** Best effort: neither its text nor its file may fail the run. */
async function writeSummary(sink, create) {
    try {
        await sink.summary(create());
    }
    catch (error) {
        warn(sink, summaryWarning(messageOf(error)));
    }
}

;// CONCATENATED MODULE: ../.build/src/report/sanitizer.js

const INPUTS = ['INPUT_API-TOKEN', 'INPUT_API-KEY', 'INPUT_GITHUB-TOKEN'];
const sanitizer_VARIABLES = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_API_KEY'];
/**
 * Replacing a shorter secret would hit ordinary words. The runner masks it all
 * the same.
 */
const SHORTEST_SECRET = 6;
/**
 * Control and format characters (bidirectional overrides, zero width), line and
 * paragraph separators.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Everything that HTML or Markdown could act on. */
const MARKUP = /[!-'*+/:-@[-^`{-~]/g;
/** What GitHub makes a link of, even where it is escaped. */
const AUTOLINK = /[@#](?=\w)|:(?=\/\/)|\bwww(?=\.)/gi;
/** Breaks such a link, and takes no room. */
const ZERO_WIDTH_SPACE = '\u200b';
/**
 * All secrets of a run, each once. It reads the environment and not the inputs,
 * so that a report of invalid inputs is safe too.
 */
function secretsIn(env, proxyPasswords) {
    const given = [...INPUTS, ...sanitizer_VARIABLES].map((name) => env[name] ?? '');
    const trimmed = [...given, ...proxyPasswords].map((text) => text.trim());
    return [...new Set(trimmed)].filter((text) => text !== '');
}
/** Creates the boundary for a run that has these secrets. */
function createSanitizer(secrets) {
    const forms = [...new Set(secrets.flatMap(formsOf))]
        .filter((form) => form.length >= SHORTEST_SECRET)
        // The longest first: the rest of a longer secret must not stay.
        .sort((a, b) => b.length - a.length);
    function redact(text) {
        return forms.reduce((rest, form) => rest.replaceAll(form, '***'), text);
    }
    // Flattened first, because replacing a character can complete a secret.
    function line(text) {
        return redact(flatten(text));
    }
    return {
        secrets,
        line,
        html: (text) => escapeMarkup(line(text)),
        clean(text, max) {
            const flat = flatten(redact(text)).replace(/\s+/g, ' ').trim();
            return cut(flat, max);
        },
    };
}
/**
 * The forms in which an API or a proxy repeats what it was sent. The runner
 * masks more of them.
 */
function formsOf(secret) {
    return [
        secret,
        flatten(secret),
        encodeURIComponent(secret.toWellFormed()),
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString('base64'),
        ...[0, 1, 2].flatMap((offset) => base64Within(secret, offset)),
    ];
}
/**
 * What base64 makes of a secret that begins `offset` bytes into a group of
 * three, as in `user:secret`: the characters that depend on the secret alone,
 * in both alphabets.
 */
function base64Within(secret, offset) {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
    const first = Math.ceil((offset * 8) / 6);
    const end = Math.floor((bytes.length * 8) / 6);
    return ['base64', 'base64url'].map((alphabet) => bytes.toString(alphabet).slice(first, end));
}
/**
 * The runner acts on `::command::` after leading spaces, on `##[command]`
 * anywhere, and splits lines at CR too.
 */
function flatten(text) {
    return text
        .toWellFormed()
        .replace(INVISIBLE, ' ')
        .replace(/#(?=#\[)/g, '# ')
        .replace(/^(\s*):(?=:)/, '$1: ');
}
function escapeMarkup(text) {
    return text
        .replace(AUTOLINK, `$&${ZERO_WIDTH_SPACE}`)
        .replace(MARKUP, (character) => `&#${character.charCodeAt(0)};`);
}

;// CONCATENATED MODULE: ../.build/src/main.js


















/** How long the names of shares for an advice may take. */
const ADVICE_MS = 2_000;
/**
 * One run: validate, observe, plan, reconcile, report.
 * @returns true when every target reached the desired state, false when the
 *   step has to fail
 */
async function main(world) {
    const { env, context, files, runner } = world;
    const sanitizer = createSanitizer(secretsIn(env, (0,proxy/* proxyPasswords */.PK)(env)));
    const sink = openSink(runner, sanitizer);
    const { clean } = sanitizer;
    try {
        const loaded = loadInputs({ env, files, clean });
        if (loaded.type === 'valid') {
            const { inputs, notes } = loaded;
            return await runStep(openRun(inputs, notes, world, sink, clean));
        }
        const { errors, summary } = loaded;
        await reportInvalidInputs(sink, context, errors, summary);
    }
    catch (error) {
        reportCrash(sink, context, error);
    }
    return false;
}
function openRun(inputs, notes, world, sink, clean) {
    const { context, http, clock, random, cancel } = world;
    const deadline = (0,src_clock/* startDeadline */.d)(clock, inputs.timeoutMs, cancel);
    const progress = createProgressLog(sink, inputs, clock);
    const client = new CloudflareClient({
        apiUrl: inputs.apiUrl,
        credentials: inputs.credentials,
        userAgent: context.userAgent,
        http,
        clock,
        deadline,
        random,
        clean,
        onDelay: progress.delayed,
    });
    return {
        inputs,
        notes,
        world,
        sink,
        deadline,
        progress,
        client,
        share: new ShareApi(client, inputs, clean),
        deployment: new DeploymentRecord({ inputs, context, http, clock }),
    };
}
/** The deployment record is finished on every path. */
async function runStep(run) {
    const startMs = run.world.clock.now();
    let result = null;
    let reported = 'crashed';
    let isGreen = false;
    try {
        run.progress.start(run.notes, ignoresTlsVariable(run.world.env));
        const outcome = await observeAndReconcile(run);
        result = await toResult(run, outcome, startMs);
        reported = await reportResult(run.sink, result);
        isGreen = reported === 'complete' && result_isSuccess(result);
        return isGreen;
    }
    finally {
        run.deadline.clear();
        const failed = run.deadline.isCancelled() ? 'error' : 'failure';
        const description = describeDeployment(result, reported);
        await finishDeployment(run, isGreen ? 'success' : failed, description);
    }
}
/** Never rejects: every exit path reports the same data. */
async function observeAndReconcile(run) {
    const { inputs, share, deadline } = run;
    const { clock } = run.world;
    try {
        const first = await observeFirst({ inputs, share, clock, deadline });
        if (first.type === 'read')
            return await reconcile(run, first.observed);
        const isCancelled = deadline.isCancelled();
        const failure = unreadRecipients(first.error.failure, isCancelled);
        const type = isCancelled ? 'cancelled' : 'complete';
        return unobservedOutcome(inputs, failure, first.share, clock.now(), {
            type,
        });
    }
    catch (error) {
        return unobservedOutcome(inputs, internalError(), null, clock.now(), {
            type: 'crashed',
            error,
        });
    }
}
async function reconcile(run, first) {
    const { inputs, deadline, progress, share, deployment } = run;
    const { clock, random } = run.world;
    const plan = planTargets(inputs, first);
    share.addTargets(plan.targets.map(({ target }) => target));
    const reconciler = new Reconciler({
        plan,
        observed: first,
        inputs,
        share,
        clock,
        deadline,
        random,
        progress,
    });
    try {
        const leftMs = deadline.endMs() - clock.now();
        progress.planned(reconciler.targets, first, leftMs);
    }
    catch (error) {
        return reconciler.crashed(error);
    }
    if (inputs.dryRun || !reconciler.isPending())
        return reconciler.outcome();
    deployment.start();
    return reconciler.run();
}
async function toResult(run, outcome, startMs) {
    const { inputs, notes, world, client } = run;
    const sharesOfOwner = await sharesForAdvice(run, outcome);
    const nowMs = world.clock.now();
    return {
        inputs,
        notes,
        context: world.context,
        outcome,
        sharesOfOwner,
        cost: { ...client.sent, tookMs: nowMs - startMs },
        nowMs,
    };
}
/** Names shares of the owner where the share does not exist: best effort. */
async function sharesForAdvice({ share, deadline, world }, { targets }) {
    const isMissing = targets.some(({ next }) => next.do === 'fail' && isShareNotFound(next.failure));
    if (!isMissing)
        return [];
    const late = new AbortController();
    void world.clock.sleep(ADVICE_MS).then(() => late.abort('late'));
    const signal = AbortSignal.any([deadline.closing, late.signal]);
    const found = await share.listOwnShares({ signal }).catch(asApiError);
    return found instanceof ApiError ? [] : found;
}
/** Code 1004 of the list is "unknown share" (observed). */
function isShareNotFound({ cause, request }) {
    return (cause === 'not-found' && request?.kind === 'list' && request.code === 1004);
}
/** Certificates are verified all the same. */
function ignoresTlsVariable(env) {
    return env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0';
}
async function finishDeployment({ deployment, sink }, state, description) {
    const problem = await deployment.finish(state, description);
    if (problem)
        reportDeploymentProblem(sink, problem);
}
function describeDeployment(result, reported) {
    if (!result || reported === 'crashed')
        return 'internal error';
    return reported === 'complete'
        ? headline(result)
        : `the outputs could not be written; ${headline(result)}`;
}


/***/ }),

/***/ 129:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   $n: () => (/* binding */ notPart),
/* harmony export */   Ay: () => (/* binding */ Blob),
/* harmony export */   Qq: () => (/* binding */ HttpClient),
/* harmony export */   ZH: () => (/* binding */ File),
/* harmony export */   fS: () => (/* binding */ FormData),
/* harmony export */   hd: () => (/* binding */ fetch)
/* harmony export */ });
/* unused harmony exports getExecOutput, Blob, blobFrom, blobFromSync, fileFrom, fileFromSync */
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

/** node-fetch asks whether a body is one of these; none ever is. */
class FormData {}
class File {}
class Blob {}

function notPart() {
  throw new Error(NOT_PART);
}




/***/ })

/******/ });
/************************************************************************/
/******/ // The module cache
/******/ var __webpack_module_cache__ = {};
/******/ 
/******/ // The require function
/******/ function __nccwpck_require__(moduleId) {
/******/ 	// Check if module is in cache
/******/ 	var cachedModule = __webpack_module_cache__[moduleId];
/******/ 	if (cachedModule !== undefined) {
/******/ 		return cachedModule.exports;
/******/ 	}
/******/ 	// Create a new module (and put it into the cache)
/******/ 	var module = __webpack_module_cache__[moduleId] = {
/******/ 		// no module.id needed
/******/ 		// no module.loaded needed
/******/ 		exports: {}
/******/ 	};
/******/ 
/******/ 	// Execute the module function
/******/ 	var threw = true;
/******/ 	try {
/******/ 		__webpack_modules__[moduleId](module, module.exports, __nccwpck_require__);
/******/ 		threw = false;
/******/ 	} finally {
/******/ 		if(threw) delete __webpack_module_cache__[moduleId];
/******/ 	}
/******/ 
/******/ 	// Return the exports of the module
/******/ 	return module.exports;
/******/ }
/******/ 
/******/ // expose the modules object (__webpack_modules__)
/******/ __nccwpck_require__.m = __webpack_modules__;
/******/ 
/************************************************************************/
/******/ /* webpack/runtime/asset-relocator-loader */
/******/ if (typeof __nccwpck_require__ !== 'undefined') __nccwpck_require__.ab = decodeURIComponent(new URL('.', import.meta.url).pathname).slice(import.meta.url.match(/^file:\/\/\/\w:/) ? 1 : 0, -1) + "/";
/******/ 
/******/ /* webpack/runtime/async module */
/******/ (() => {
/******/ 	var webpackQueues = typeof Symbol === "function" ? Symbol("webpack queues") : "__webpack_queues__";
/******/ 	var webpackExports = typeof Symbol === "function" ? Symbol("webpack exports") : "__webpack_exports__";
/******/ 	var webpackError = typeof Symbol === "function" ? Symbol("webpack error") : "__webpack_error__";
/******/ 	var resolveQueue = (queue) => {
/******/ 		if(queue && queue.d < 1) {
/******/ 			queue.d = 1;
/******/ 			queue.forEach((fn) => (fn.r--));
/******/ 			queue.forEach((fn) => (fn.r-- ? fn.r++ : fn()));
/******/ 		}
/******/ 	}
/******/ 	var wrapDeps = (deps) => (deps.map((dep) => {
/******/ 		if(dep !== null && typeof dep === "object") {
/******/ 			if(dep[webpackQueues]) return dep;
/******/ 			if(dep.then) {
/******/ 				var queue = [];
/******/ 				queue.d = 0;
/******/ 				dep.then((r) => {
/******/ 					obj[webpackExports] = r;
/******/ 					resolveQueue(queue);
/******/ 				}, (e) => {
/******/ 					obj[webpackError] = e;
/******/ 					resolveQueue(queue);
/******/ 				});
/******/ 				var obj = {};
/******/ 				obj[webpackQueues] = (fn) => (fn(queue));
/******/ 				return obj;
/******/ 			}
/******/ 		}
/******/ 		var ret = {};
/******/ 		ret[webpackQueues] = x => {};
/******/ 		ret[webpackExports] = dep;
/******/ 		return ret;
/******/ 	}));
/******/ 	__nccwpck_require__.a = (module, body, hasAwait) => {
/******/ 		var queue;
/******/ 		hasAwait && ((queue = []).d = -1);
/******/ 		var depQueues = new Set();
/******/ 		var exports = module.exports;
/******/ 		var currentDeps;
/******/ 		var outerResolve;
/******/ 		var reject;
/******/ 		var promise = new Promise((resolve, rej) => {
/******/ 			reject = rej;
/******/ 			outerResolve = resolve;
/******/ 		});
/******/ 		promise[webpackExports] = exports;
/******/ 		promise[webpackQueues] = (fn) => (queue && fn(queue), depQueues.forEach(fn), promise["catch"](x => {}));
/******/ 		module.exports = promise;
/******/ 		body((deps) => {
/******/ 			currentDeps = wrapDeps(deps);
/******/ 			var fn;
/******/ 			var getResult = () => (currentDeps.map((d) => {
/******/ 				if(d[webpackError]) throw d[webpackError];
/******/ 				return d[webpackExports];
/******/ 			}))
/******/ 			var promise = new Promise((resolve) => {
/******/ 				fn = () => (resolve(getResult));
/******/ 				fn.r = 0;
/******/ 				var fnQueue = (q) => (q !== queue && !depQueues.has(q) && (depQueues.add(q), q && !q.d && (fn.r++, q.push(fn))));
/******/ 				currentDeps.map((dep) => (dep[webpackQueues](fnQueue)));
/******/ 			});
/******/ 			return fn.r ? promise : getResult();
/******/ 		}, (err) => ((err ? reject(promise[webpackError] = err) : outerResolve(exports)), resolveQueue(queue)));
/******/ 		queue && queue.d < 0 && (queue.d = 0);
/******/ 	};
/******/ })();
/******/ 
/******/ /* webpack/runtime/define property getters */
/******/ (() => {
/******/ 	// define getter functions for harmony exports
/******/ 	__nccwpck_require__.d = (exports, definition) => {
/******/ 		for(var key in definition) {
/******/ 			if(__nccwpck_require__.o(definition, key) && !__nccwpck_require__.o(exports, key)) {
/******/ 				Object.defineProperty(exports, key, { enumerable: true, get: definition[key] });
/******/ 			}
/******/ 		}
/******/ 	};
/******/ })();
/******/ 
/******/ /* webpack/runtime/ensure chunk */
/******/ (() => {
/******/ 	__nccwpck_require__.f = {};
/******/ 	// This file contains only the entry chunk.
/******/ 	// The chunk loading function for additional chunks
/******/ 	__nccwpck_require__.e = (chunkId) => {
/******/ 		return Promise.all(Object.keys(__nccwpck_require__.f).reduce((promises, key) => {
/******/ 			__nccwpck_require__.f[key](chunkId, promises);
/******/ 			return promises;
/******/ 		}, []));
/******/ 	};
/******/ })();
/******/ 
/******/ /* webpack/runtime/get javascript chunk filename */
/******/ (() => {
/******/ 	// This function allow to reference async chunks
/******/ 	__nccwpck_require__.u = (chunkId) => {
/******/ 		// return url for filenames based on template
/******/ 		return "" + chunkId + ".index.js";
/******/ 	};
/******/ })();
/******/ 
/******/ /* webpack/runtime/hasOwnProperty shorthand */
/******/ (() => {
/******/ 	__nccwpck_require__.o = (obj, prop) => (Object.prototype.hasOwnProperty.call(obj, prop))
/******/ })();
/******/ 
/******/ /* webpack/runtime/import chunk loading */
/******/ (() => {
/******/ 	// no baseURI
/******/ 	
/******/ 	// object to store loaded and loading chunks
/******/ 	// undefined = chunk not loaded, null = chunk preloaded/prefetched
/******/ 	// [resolve, Promise] = chunk loading, 0 = chunk loaded
/******/ 	var installedChunks = {
/******/ 		792: 0
/******/ 	};
/******/ 	
/******/ 	var installChunk = (data) => {
/******/ 		var {ids, modules, runtime} = data;
/******/ 		// add "modules" to the modules object,
/******/ 		// then flag all "ids" as loaded and fire callback
/******/ 		var moduleId, chunkId, i = 0;
/******/ 		for(moduleId in modules) {
/******/ 			if(__nccwpck_require__.o(modules, moduleId)) {
/******/ 				__nccwpck_require__.m[moduleId] = modules[moduleId];
/******/ 			}
/******/ 		}
/******/ 		if(runtime) runtime(__nccwpck_require__);
/******/ 		for(;i < ids.length; i++) {
/******/ 			chunkId = ids[i];
/******/ 			if(__nccwpck_require__.o(installedChunks, chunkId) && installedChunks[chunkId]) {
/******/ 				installedChunks[chunkId][0]();
/******/ 			}
/******/ 			installedChunks[ids[i]] = 0;
/******/ 		}
/******/ 	
/******/ 	}
/******/ 	
/******/ 	__nccwpck_require__.f.j = (chunkId, promises) => {
/******/ 			// import() chunk loading for javascript
/******/ 			var installedChunkData = __nccwpck_require__.o(installedChunks, chunkId) ? installedChunks[chunkId] : undefined;
/******/ 			if(installedChunkData !== 0) { // 0 means "already installed".
/******/ 	
/******/ 				// a Promise means "currently loading".
/******/ 				if(installedChunkData) {
/******/ 					promises.push(installedChunkData[1]);
/******/ 				} else {
/******/ 					if(true) { // all chunks have JS
/******/ 						// setup Promise in chunk cache
/******/ 						var promise = import("./" + __nccwpck_require__.u(chunkId)).then(installChunk, (e) => {
/******/ 							if(installedChunks[chunkId] !== 0) installedChunks[chunkId] = undefined;
/******/ 							throw e;
/******/ 						});
/******/ 						var promise = Promise.race([promise, new Promise((resolve) => (installedChunkData = installedChunks[chunkId] = [resolve]))])
/******/ 						promises.push(installedChunkData[1] = promise);
/******/ 					}
/******/ 				}
/******/ 			}
/******/ 	};
/******/ 	
/******/ 	// no prefetching
/******/ 	
/******/ 	// no preloaded
/******/ 	
/******/ 	// no external install chunk
/******/ 	
/******/ 	// no on chunks loaded
/******/ })();
/******/ 
/************************************************************************/
/******/ 
/******/ // startup
/******/ // Load entry module and return exports
/******/ // This entry module used 'module' so it can't be inlined
/******/ var __webpack_exports__ = __nccwpck_require__(725);
/******/ __webpack_exports__ = await __webpack_exports__;
/******/ 
