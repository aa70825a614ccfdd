import { createRequire as __WEBPACK_EXTERNAL_createRequire } from "module";
/******/ var __webpack_modules__ = ({

/***/ 896:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("fs");

/***/ }),

/***/ 857:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("os");

/***/ }),

/***/ 481:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  BH: () => (/* binding */ LAST_LIST_MS),
  db: () => (/* binding */ startDeadline),
  ml: () => (/* binding */ systemClock)
});

;// CONCATENATED MODULE: external "node:timers/promises"
const promises_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:timers/promises");
;// CONCATENATED MODULE: ../.build/clock.js

/** Monotonic time: a corrected system clock cannot stretch or cut a wait. */
const systemClock = {
    now: () => performance.timeOrigin + performance.now(),
    sleep: (ms, signal) => (0,promises_namespaceObject.setTimeout)(Math.max(0, Math.ceil(ms)), undefined, { signal }).catch(() => { }),
};
/**
 * Writes end this long before the step does, so that a list can still show what
 * became of them.
 */
const LAST_LIST_MS = 1_000;
/** What a cancellation leaves. Users expect less than two seconds. */
const CANCELLED_MS = 1_800;
/**
 * Starts the budget of the step. `cancel` is aborted when the runner cancels
 * the step.
 */
function startDeadline(clock, timeoutMs, cancel) {
    const [closing, writes, end] = [
        new AbortController(),
        new AbortController(),
        new AbortController(),
    ];
    const cleared = new AbortController();
    let endMs = clock.now() + timeoutMs;
    const run = async () => {
        await clock.sleep(endMs - LAST_LIST_MS - clock.now(), AbortSignal.any([cancel, cleared.signal]));
        if (cancel.aborted)
            endMs = Math.min(endMs, clock.now() + CANCELLED_MS);
        closing.abort();
        await clock.sleep(endMs - LAST_LIST_MS - clock.now(), cleared.signal);
        writes.abort();
        await clock.sleep(endMs - clock.now(), cleared.signal);
        end.abort();
    };
    void run();
    return {
        /** @returns milliseconds since the epoch */
        endMs: () => endMs,
        isCancelled: () => cancel.aborted,
        /**
         * Aborted by a cancellation, or one second before the end: nothing new
         * begins, and reads stop.
         */
        closing: closing.signal,
        /**
         * Aborted one second before the end: writes that still wait for a response
         * stop.
         */
        writes: writes.signal,
        /** Aborted at the end. */
        end: end.signal,
        /** Stops the timers. */
        clear: () => cleared.abort(),
    };
}


/***/ }),

/***/ 271:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  u: () => (/* binding */ createHttpClient)
});

;// CONCATENATED MODULE: external "node:http"
const external_node_http_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:http");
;// CONCATENATED MODULE: external "node:https"
const external_node_https_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:https");
;// CONCATENATED MODULE: external "node:net"
const external_node_net_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:net");
;// CONCATENATED MODULE: external "node:tls"
const external_node_tls_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:tls");
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
const validateHeaderName = typeof external_node_http_namespaceObject.validateHeaderName === 'function' ?
	external_node_http_namespaceObject.validateHeaderName :
	name => {
		if (!/^[\^`\-\w!#$%&'*+.|~]+$/.test(name)) {
			const error = new TypeError(`Header name must be a valid HTTP token [${name}]`);
			Object.defineProperty(error, 'code', {value: 'ERR_INVALID_HTTP_TOKEN'});
			throw error;
		}
	};

/* c8 ignore next 9 */
const validateHeaderValue = typeof external_node_http_namespaceObject.validateHeaderValue === 'function' ?
	external_node_http_namespaceObject.validateHeaderValue :
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
	const hostIPVersion = (0,external_node_net_namespaceObject.isIP)(hostIp);

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
		const send = (parsedURL.protocol === 'https:' ? external_node_https_namespaceObject : external_node_http_namespaceObject).request;
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

;// CONCATENATED MODULE: ../.build/cloudflare/http-client.js





/** A list that is larger is read in pages; see `shares.ts`. */
const MAX_RESPONSE_MIB = 16;
const CONNECTION_OPTIONS = {
    keepAlive: true,
    /**
     * Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise switch
     * verification off.
     */
    rejectUnauthorized: true,
    /** A TCP handshake may take longer than Node's default of 250 ms. */
    autoSelectFamilyAttemptTimeout: 5_000,
};
/**
 * Creates the one HTTP client of a run. It keeps connections alive, follows no
 * redirect and limits time and size.
 */
function createHttpClient(proxyFor) {
    const agents = new Map();
    function agentFor(url) {
        const proxy = proxyFor(url);
        const key = proxy?.href ?? url.protocol;
        const { Agent } = url.protocol === 'https:' ? external_node_https_namespaceObject : external_node_http_namespaceObject;
        const agent = agents.get(key) ??
            (proxy ? new TunnelAgent(proxy) : new Agent(CONNECTION_OPTIONS));
        agents.set(key, agent);
        return agent;
    }
    return async ({ url, timeoutMs, signal, ...init }) => {
        const timeout = AbortSignal.timeout(timeoutMs);
        const recorded = {};
        try {
            const response = await fetch(url, {
                ...init,
                agent: recordErrors(agentFor(new URL(url)), recorded),
                redirect: 'manual',
                size: MAX_RESPONSE_MIB * 1024 * 1024,
                signal: AbortSignal.any([signal, timeout]),
            });
            const body = await response.text();
            // With its listeners, V8 keeps every exchange until a major collection:
            // 40 MiB more after 1,000 requests.
            response.body?.removeAllListeners();
            return {
                status: response.status,
                headers: Object.fromEntries(response.headers),
                body,
            };
        }
        catch (error) {
            const cause = (recorded.error ?? error);
            const over = {
                code: 'ABORTED',
                message: 'no response before the step ended',
                isSent: true,
            };
            const late = {
                code: 'TIMEOUT',
                message: `no response within ${timeoutMs / 1000} s`,
                isSent: true,
            };
            const reported = signal.aborted
                ? over
                : timeout.aborted
                    ? late
                    : describe(cause);
            return {
                status: cause.status ?? 0,
                headers: {},
                body: '',
                error: reported,
            };
        }
    };
}
function describe(error) {
    const { code = '', errors = [error], type } = error;
    const tooLarge = {
        code: 'TOO_LARGE',
        message: `more than ${MAX_RESPONSE_MIB} MiB`,
        isSent: true,
    };
    if (type === 'max-size')
        return tooLarge;
    const message = errors.map((attempt) => attempt.message).join('; ');
    const isConnected = errors.every(({ syscall }) => syscall !== 'connect' && syscall !== 'getaddrinfo');
    return { code, message, isSent: isConnected };
}
/**
 * node-fetch keeps only a message; the error itself names every address and
 * carries the proxy's status.
 */
function recordErrors(agent, recorded) {
    const addRequest = (request, ...rest) => {
        request.once('error', (error) => Object.assign(recorded, { error }));
        agent.addRequest(request, ...rest);
    };
    return Object.assign(Object.create(agent), { addRequest });
}
/**
 * Connects through a proxy with CONNECT (RFC 9110, section 9.3.6). Node limits
 * the size of the proxy's response.
 */
class TunnelAgent extends external_node_https_namespaceObject.Agent {
    #proxy;
    constructor(proxy) {
        super(CONNECTION_OPTIONS);
        this.#proxy = proxy;
    }
    createConnection(options, connected) {
        const { protocol, hostname, port, username, password } = this.#proxy;
        const authority = `${(0,external_node_net_namespaceObject.isIPv6)(`${options.host}`) ? `[${options.host}]` : options.host}:${options.port}`;
        const credentials = Buffer.from(decodeURIComponent(`${username}:${password}`)).toString('base64');
        const request = (protocol === 'https:' ? external_node_https_namespaceObject : external_node_http_namespaceObject).request({
            ...CONNECTION_OPTIONS,
            agent: false,
            host: hostname.replace(/^\[|\]$/g, ''),
            port: port || (protocol === 'https:' ? 443 : 80),
            method: 'CONNECT',
            path: authority,
            headers: {
                host: authority,
                ...(username ? { 'proxy-authorization': `Basic ${credentials}` } : {}),
            },
        });
        const fail = (error, more = {}) => connected(Object.assign(error, { syscall: 'connect', ...more }), undefined);
        request.once('error', fail);
        request.once('connect', ({ statusCode: status = 0 }, socket) => {
            if (status === 200)
                return connected(null, external_node_tls_namespaceObject.connect({ ...options, socket }));
            socket.destroy();
            // Without TLS, nothing shows that a response is Cloudflare's.
            const more = { code: 'PROXY_REJECTED', status };
            fail(new Error(`the proxy rejected the connection with HTTP ${status}`), more);
        });
        request.end();
    }
}


/***/ }),

/***/ 837:
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
/** Reads the default variables of the runner. */
function readGitHubContext(env) {
    const variable = (name) => env[`GITHUB_${name}`] ?? '';
    const [owner = '', repo = ''] = variable('REPOSITORY').split('/');
    const server = variable('SERVER_URL') || 'https://github.com';
    const run = toHeader([
        variable('REPOSITORY'),
        variable('RUN_ID') && `run ${variable('RUN_ID')}`,
    ]);
    const event = variable('EVENT_NAME');
    return {
        /** `release v1.2.0`, `workflow_dispatch`, … */
        event: event === 'release' ? `release ${variable('REF_NAME')}` : event,
        actor: variable('ACTOR'),
        owner,
        repo,
        ref: variable('SHA') || variable('REF'),
        runUrl: `${server}/${owner}/${repo}/actions/runs/${variable('RUN_ID')}`,
        apiUrl: variable('API_URL') || 'https://api.github.com',
        summaryPath: variable('STEP_SUMMARY'),
        docsUrl: docsUrl(server, variable('ACTION_REPOSITORY'), variable('ACTION_REF')),
        /**
         * `cloudflare-share-recipient/1.0.0 (owner/repo; run 42)`, which
         * Cloudflare's audit log shows.
         */
        userAgent: `cloudflare-share-recipient/${VERSION}${run && ` (${run})`}`,
    };
}
function toHeader(parts) {
    const safe = parts.map((part) => part.slice(0, 140).replace(/[^\w ./-]/g, ''));
    return safe.filter(Boolean).join('; ');
}
/**
 * Where this action's documentation is; null for an action that was checked out
 * (`uses: ./`).
 */
function docsUrl(server, repository, ref) {
    const isValid = /^https:\/\/[\w.:-]+ [\w.-]+\/[\w.-]+ [\w./-]+$/.test(`${server} ${repository} ${ref}`);
    return isValid ? `${server}/${repository}/blob/${ref}/docs` : null;
}


/***/ }),

/***/ 876:
/***/ ((__webpack_module__, __unused_webpack___webpack_exports__, __nccwpck_require__) => {

__nccwpck_require__.a(__webpack_module__, async (__webpack_handle_async_dependencies__, __webpack_async_result__) => { try {
/* harmony import */ var _clock_js__WEBPACK_IMPORTED_MODULE_0__ = __nccwpck_require__(481);
/* harmony import */ var _cloudflare_http_client_js__WEBPACK_IMPORTED_MODULE_1__ = __nccwpck_require__(271);
/* harmony import */ var _github_context_js__WEBPACK_IMPORTED_MODULE_5__ = __nccwpck_require__(837);
/* harmony import */ var _inputs_js__WEBPACK_IMPORTED_MODULE_2__ = __nccwpck_require__(60);
/* harmony import */ var _main_js__WEBPACK_IMPORTED_MODULE_3__ = __nccwpck_require__(558);
/* harmony import */ var _report_runner_js__WEBPACK_IMPORTED_MODULE_4__ = __nccwpck_require__(179);






const cancel = new AbortController();
// On Windows the runner sends Ctrl+C, which is SIGINT to Node, and then
// Ctrl+Break.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK']) {
    process.on(signal, () => cancel.signal.aborted ? process.exit(1) : cancel.abort());
}
// A log that nobody reads any more must not end the run.
process.stdout.on('error', () => { });
const context = (0,_github_context_js__WEBPACK_IMPORTED_MODULE_5__/* .readGitHubContext */ .L)(process.env);
const success = await (0,_main_js__WEBPACK_IMPORTED_MODULE_3__/* .main */ .i)({
    env: process.env,
    context,
    http: (0,_cloudflare_http_client_js__WEBPACK_IMPORTED_MODULE_1__/* .createHttpClient */ .u)((url) => (0,_inputs_js__WEBPACK_IMPORTED_MODULE_2__/* .proxyFor */ .iJ)(url, process.env)),
    clock: _clock_js__WEBPACK_IMPORTED_MODULE_0__/* .systemClock */ .ml,
    random: Math.random,
    runner: (0,_report_runner_js__WEBPACK_IMPORTED_MODULE_4__/* .githubRunner */ .OA)(context.summaryPath),
    cancel: cancel.signal,
});
process.exitCode = success ? 0 : 1;
// A connection that hangs, such as one to a proxy, must not hold the step.
setTimeout(() => process.exit(), 300).unref();

__webpack_async_result__();
} catch(e) { __webpack_async_result__(e); } }, 1);

/***/ }),

/***/ 60:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  eQ: () => (/* binding */ isId),
  FY: () => (/* binding */ isSafeUrl),
  iJ: () => (/* binding */ proxyFor),
  Ko: () => (/* binding */ readInputs)
});

// UNUSED EXPORTS: DEFAULTS

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
;// CONCATENATED MODULE: ../.build/recipient-list.js
const MAX_RECIPIENTS = 1000;
/**
 * What YAML makes of an unquoted ID that looks like a number: `1.2e+31`,
 * `Infinity`, or too few digits.
 */
const YAML_NUMBER = /^(\d+(\.\d+)?e[+-]?\d+|\.?inf(inity)?|\d{1,31})$/i;
/**
 * Reads the input `recipient-account-id`: IDs separated by commas, spaces or
 * newlines, a JSON array, or a YAML-style list, with quotes around an ID and `#
 * comments`. The owner of the share cannot be its own recipient.
 * @returns the IDs in lower case and in the order given, each once, and what is
 *   wrong with them
 */
function parseRecipientList(text, owner) {
    const failed = (problem) => ({ ids: [], problems: [problem] });
    const entries = text.trim().startsWith('[')
        ? parseJson(text)
        : parseLines(text);
    if (!entries)
        return failed('expected a JSON array of account IDs, got invalid JSON. Check quotes and commas.');
    if (entries.length === 0) {
        const got = text.trim() ? 'an empty list' : 'nothing';
        return failed(`expected account IDs, got ${got}. Set this input, or \`organization-id\`.`);
    }
    const byId = new Map();
    for (const entry of entries)
        byId.set(entry.text.toLowerCase(), byId.get(entry.text.toLowerCase()) ?? entry);
    const ids = [...byId.keys()];
    if (ids.length > MAX_RECIPIENTS) {
        return failed(`expected at most 1,000 account IDs, got ${ids.length}. Split them with \`strategy.matrix\`.`);
    }
    const problems = ids.flatMap((id) => {
        const entry = byId.get(id);
        const isOwner = id === owner &&
            `expected other accounts than the owner, got "${entry.text}". Remove it.`;
        const problem = isOwner || accountIdProblem(entry.text);
        return problem
            ? [entry.line ? `line ${entry.line}: ${problem}` : problem]
            : [];
    });
    return { ids, problems };
}
/**
 * Says why a text is not the ID of an account, 32 hexadecimal digits, and how
 * to fix it; null for an account ID.
 */
function accountIdProblem(text) {
    if (/^[0-9a-f]{32}$/i.test(text))
        return null;
    if (!text)
        return 'expected 32 hexadecimal digits, got nothing. Set this input.';
    const got = `expected 32 hexadecimal digits, got "${text}"`;
    if (YAML_NUMBER.test(text))
        return `${got}. YAML turned the ID into a number: put it in quotes.`;
    return `${got} (length ${text.length}). Copy the account ID from the Cloudflare dashboard.`;
}
function parseJson(text) {
    try {
        const values = JSON.parse(text);
        const toText = (value) => typeof value === 'string' ? value.trim() : JSON.stringify(value);
        return values.map((value) => ({ text: toText(value), line: null }));
    }
    catch {
        return null;
    }
}
function parseLines(text) {
    const lines = text.trim().split(/\r\n|\r|\n/);
    return lines.flatMap((line, index) => line
        .replace(/#.*/, '')
        .replace(/^\s*-\s+(?=\S)/, '')
        .split(/[\s,]+/)
        .map((word) => ({
        text: word.replace(/^(["'])(.*)\1$/, '$2'),
        line: lines.length > 1 ? index + 1 : null,
    }))
        .filter((entry) => entry.text !== ''));
}

;// CONCATENATED MODULE: ../.build/inputs.js


/**
 * The defaults of action.yml, for a start of the bundle without the runner. A
 * test compares the two.
 */
const DEFAULTS = {
    state: 'present',
    wait: 'true',
    timeout: '10m',
    'dry-run': 'false',
    summary: 'true',
    environment: 'cloudflare-share',
    'api-url': 'https://api.cloudflare.com/client/v4',
};
const PROXY = 'http://USERNAME:PASSWORD@HOST:PORT';
const MAX_TIMEOUT_MS = 24 * 3_600_000;
/** Why a secret cannot become an HTTP header. Its text is never shown. */
const SECRET_PROBLEMS = [
    [/[\r\n]/, 'one with a line break'],
    [/^bearer\s/i, 'one with the prefix "Bearer"'],
    [/^(["']).*\1$/, 'one in quotes'],
    [
        /[^\x21-\x7e]/,
        'one with a space or another character that no HTTP header may hold',
    ],
];
/**
 * Is `value` an ID as the Shares API writes them? Checked before it becomes
 * part of a path or an output.
 */
function isId(value) {
    return (typeof value === 'string' &&
        /^(?=.*[A-Za-z0-9])[A-Za-z0-9_-]{1,32}$/.test(value));
}
/**
 * Reads and validates all inputs at once. With any error, the inputs must not
 * be used.
 */
function readInputs(env) {
    const errors = [];
    const fallbacks = [];
    const given = (input) => env[`INPUT_${input.toUpperCase()}`]?.trim() ?? '';
    const value = (input) => given(input) || (DEFAULTS[input] ?? '');
    const add = (input, message, isEmpty = false) => errors.push({ input, message, isEmpty });
    function check(isValid, input, expected, text, fix) {
        const got = text ? `"${text}"` : 'nothing';
        if (!isValid)
            add(input, `expected ${expected}, got ${got}. ${fix}`, text === '');
    }
    function valueOrVariable(input, variable) {
        const other = given(input) ? '' : (env[variable]?.trim() ?? '');
        if (other)
            fallbacks.push(`${input} from ${variable}`);
        return given(input) || other;
    }
    function boolean(input) {
        const text = value(input);
        check(/^(true|false)$/i.test(text), input, 'true or false', text, 'Correct this input.');
        return text.toLowerCase() !== 'false';
    }
    function id(input) {
        const text = given(input);
        check(isId(text), input, 'up to 32 letters, digits, "_" and "-"', text, 'Copy the ID from Cloudflare.');
        return text;
    }
    function owner() {
        const text = valueOrVariable('account-id', 'CLOUDFLARE_ACCOUNT_ID');
        const problem = accountIdProblem(text);
        if (problem)
            add('account-id', problem, text === '');
        return text.toLowerCase();
    }
    function targets(accountId) {
        const accounts = given('recipient-account-id');
        const organization = given('organization-id');
        const isOne = accounts === '' || organization === '';
        if (!isOne)
            add('organization-id', 'expected this or `recipient-account-id`, got both. Remove one of them.');
        if (organization)
            return [{ type: 'organization', id: id('organization-id') }];
        const { ids, problems } = parseRecipientList(accounts, accountId);
        for (const problem of problems)
            add('recipient-account-id', problem, accounts === '');
        return ids.map((account) => ({ type: 'account', id: account }));
    }
    function secret(input, text) {
        const problem = SECRET_PROBLEMS.find(([pattern]) => pattern.test(text))?.[1];
        if (problem)
            add(input, `expected the bare secret, got ${problem}. Store the secret again.`);
        return text;
    }
    function credentials() {
        const isPair = given('api-email') !== '' || given('api-key') !== '';
        const isBoth = isPair && given('api-token') !== '';
        if (isBoth)
            add('api-token', 'expected one kind of credentials, got two. Remove `api-email` and `api-key`.');
        // A token takes precedence over a pair that comes from the environment.
        const token = isPair
            ? given('api-token')
            : valueOrVariable('api-token', 'CLOUDFLARE_API_TOKEN');
        if (token)
            return { authorization: `Bearer ${secret('api-token', token)}` };
        const email = valueOrVariable('api-email', 'CLOUDFLARE_EMAIL');
        const key = valueOrVariable('api-key', 'CLOUDFLARE_API_KEY');
        if (!email && !key)
            check(false, 'api-token', 'a token', '', 'Pass it from a secret.');
        else if (!email)
            check(false, 'api-email', 'an address for `api-key`', '', 'Better, use `api-token`.');
        else if (!key)
            check(false, 'api-key', 'a key for `api-email`', '', 'Better, use `api-token`.');
        return {
            'x-auth-email': secret('api-email', email),
            'x-auth-key': secret('api-key', key),
        };
    }
    function timeoutMs() {
        const text = value('timeout');
        const [, h, m, s] = /^(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?$/.exec(text) ?? [];
        const ms = (Number(h ?? 0) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0)) * 1000;
        const isValid = ms > 0 && ms <= MAX_TIMEOUT_MS;
        check(isValid, 'timeout', 'a duration up to 24h such as 90s, 10m or 1h30m', text, 'Write it with units.');
        return ms;
    }
    function apiUrl() {
        const text = value('api-url');
        const url = URL.canParse(text) ? new URL(text) : null;
        const isBare = url !== null &&
            url.search + url.hash + url.username + url.password === '';
        // Neither address is shown, because it may hold a password.
        const expected = 'expected https (http only on loopback), no credentials, query or fragment';
        if (!isBare || !isSafeUrl(url))
            add('api-url', `${expected}, got something else. Correct this input.`);
        else if (!canUseProxy(url))
            add('HTTPS_PROXY', `expected ${PROXY}, got something else. URL-encode the password.`);
        return `${url?.origin}${url?.pathname}`.replace(/\/+$/, '');
    }
    function canUseProxy(url) {
        try {
            proxyFor(url, env);
            return true;
        }
        catch {
            return false;
        }
    }
    const state = value('state');
    const isState = state === 'present' || state === 'absent';
    check(isState, 'state', 'present or absent', state, 'Use present to add, absent to remove.');
    const accountId = owner();
    const inputs = {
        accountId,
        shareId: id('share-id'),
        /** In the order given, each once. */
        targets: targets(accountId),
        /**
         * Headers with an API token, or with the legacy pair of e-mail address and
         * Global API key.
         */
        credentials: credentials(),
        state: state === 'absent' ? 'absent' : 'present',
        wait: boolean('wait'),
        /** As it was given. */
        timeout: value('timeout'),
        timeoutMs: timeoutMs(),
        dryRun: boolean('dry-run'),
        summary: boolean('summary'),
        githubToken: secret('github-token', given('github-token')),
        environment: value('environment'),
        /** Without a slash at the end. */
        apiUrl: apiUrl(),
        /**
         * Empty inputs and the variables used instead: `api-token from
         * CLOUDFLARE_API_TOKEN`.
         */
        fallbacks,
        ignoresTlsVariable: env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0',
    };
    return { inputs, errors };
}
/**
 * May a token be sent there? Only over https, or over http to the machine
 * itself.
 */
function isSafeUrl({ protocol, hostname }) {
    const isLoopback = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(hostname);
    return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}
/**
 * Chooses the proxy as the runner does: `https_proxy` or `HTTPS_PROXY`, but
 * none for loopback and `NO_PROXY`. Throws TypeError or URIError where the
 * variable holds no address of a proxy.
 */
function proxyFor(url, env) {
    const address = (env['https_proxy'] || env['HTTPS_PROXY'] || '').trim();
    if (!address || url.protocol !== 'https:' || checkBypass(url))
        return null;
    const proxy = new URL(/^[a-z][a-z\d+.-]*:\/\//i.test(address) ? address : `http://${address}`);
    // A password that is not URL-encoded can end the host too early; the rest of
    // it then looks like a path.
    const isProxy = /^https?:$/.test(proxy.protocol) &&
        `${proxy.pathname}${proxy.search}${proxy.hash}` === '/';
    if (!isProxy)
        throw new TypeError('not the address of a proxy');
    decodeURIComponent(`${proxy.username}${proxy.password}`);
    return proxy;
}


/***/ }),

/***/ 558:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  i: () => (/* binding */ main)
});

// EXTERNAL MODULE: ../.build/clock.js + 1 modules
var _build_clock = __nccwpck_require__(481);
;// CONCATENATED MODULE: ../.build/cloudflare/rate-limiter.js
/**
 * 5 % of the published 1,200 requests in 5 minutes; below it, requests are
 * spread over what is left of the window.
 */
const LITTLE = 60;
const WINDOW_S = 300;
/**
 * Keeps the requests of a run inside the rate limit, which everything with the
 * same token shares.
 */
class RateLimiter {
    /**
     * Cloudflare rejects every request until then; milliseconds since the epoch.
     */
    blockedUntilMs = Number.NEGATIVE_INFINITY;
    #allowance = null;
    #windowEndMs = Number.NEGATIVE_INFINITY;
    #lastMs = Number.NEGATIVE_INFINITY;
    /**
     * Asks to send a request now. @returns 0 if it may be sent, otherwise the
     * milliseconds to wait before asking again
     */
    request(nowMs, endMs) {
        const waitMs = Math.max(this.blockedUntilMs, this.#lastMs + this.gapMs(nowMs, endMs - nowMs)) - nowMs;
        if (waitMs <= 0)
            this.#lastMs = nowMs;
        return Math.max(0, waitMs);
    }
    /**
     * Milliseconds between two requests while little of the limit is left, with
     * `leftMs` until the step ends; otherwise 0.
     */
    gapMs(nowMs, leftMs) {
        return this.#allowance && nowMs < this.#windowEndMs
            ? spacingMs(this.#allowance, leftMs)
            : 0;
    }
    /** Learns from a response how much of the limit is left. */
    recordResponse({ status, headers }, nowMs) {
        const allowance = parseAllowance(headers);
        if (allowance)
            [this.#allowance, this.#windowEndMs] = [
                allowance,
                nowMs + allowance.resetMs,
            ];
        const resetMs = allowance?.remaining === 0 ? allowance.resetMs : 0;
        const retryMs = status === 429 ? (parseRetryAfter(headers, nowMs) ?? 0) : 0;
        this.blockedUntilMs = Math.max(this.blockedUntilMs, nowMs + Math.max(resetMs, retryMs));
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
        resetMs: Math.min(Number(seconds), WINDOW_S) * 1000,
    }));
    return (allowances.sort((a, b) => spacingMs(b) - spacingMs(a) || a.remaining - b.remaining)[0] ?? null);
}
/**
 * Reads `Retry-After` (seconds or an HTTP date: RFC 9110, section 10.2.3) and
 * `retry-after-ms`, in milliseconds. A date is compared with the `Date` of the
 * same response, because the clock of the runner or of the server may be wrong.
 */
function parseRetryAfter(headers, nowMs) {
    const [exact = '', text = ''] = [
        headers['retry-after-ms'],
        headers['retry-after'],
    ];
    if (DECIMAL.test(exact))
        return Number(exact);
    if (DECIMAL.test(text))
        return Number(text) * 1000;
    const atMs = parseHttpDate(text);
    return atMs === null
        ? null
        : Math.max(0, atMs - (parseHttpDate(headers['date']) ?? nowMs));
}
const DECIMAL = /^\d{1,9}(\.\d+)?$/;
/**
 * All three forms of RFC 9110, section 5.6.7. One has no time zone, and
 * `Date.parse` would read it as local time.
 */
function parseHttpDate(text = '') {
    const atMs = Date.parse(/(GMT|UTC|[+-]\d{4})$/i.test(text) ? text : `${text} GMT`);
    return /[a-z]{3}/i.test(text) && !Number.isNaN(atMs) ? atMs : null;
}

;// CONCATENATED MODULE: ../.build/cloudflare/api-error.js

/**
 * Bad or insufficient credentials, whatever the status: observed codes of
 * Cloudflare's API gateway.
 */
const AUTHENTICATION = [
    6003, 6103, 6111, 9103, 9106, 9109, 10000, 10001, 10405,
];
const INVALID_CERTIFICATE = /^(CERT_(HAS_EXPIRED|NOT_YET_VALID)|ERR_TLS_CERT_ALTNAME_INVALID)$/;
const MAX_PAGE = 16_384;
/** The first row that matches decides. */
const TABLE = [
    { error: /^ABORTED$/, is: ['interrupted', false, 'unknown'] },
    { error: /^TOO_LARGE$/, is: ['too-large', false, 'unknown'] },
    // A proxy that requires a password, or has a rule against the host, says the
    // same the next time.
    { error: /^PROXY_REJECTED$/, below: 500, is: ['proxy', false, 'rejected'] },
    { error: /^PROXY_REJECTED$/, is: ['proxy', true, 'not-sent'] },
    {
        error: INVALID_CERTIFICATE,
        is: ['certificate-invalid', false, 'rejected'],
    },
    {
        error: /CERT|SELF_SIGNED|UNABLE_TO_/,
        is: ['certificate-untrusted', false, 'rejected'],
    },
    { error: /^HPE_/, is: ['invalid-response', true, 'unknown'] },
    { error: /./, is: ['network', true, 'unknown'] },
    { status: [429], is: ['rate-limit', true, 'not-sent'] },
    { below: 300, is: ['invalid-response', true, 'unknown'] },
    { below: 400, is: ['invalid-response', false, 'rejected'] },
    {
        below: 500,
        codes: AUTHENTICATION,
        is: ['authentication', false, 'rejected'],
    },
    // "No route for the URI": a wrong account or address.
    { below: 500, codes: [7003], is: ['not-found', false, 'rejected'] },
    { status: [409], is: ['rejected', true, 'conflict'] },
    { status: [408, 425], is: ['server', true, 'unknown'] },
    {
        status: [401, 403],
        body: 'unexplained',
        is: ['authentication', false, 'rejected'],
    },
    { below: 500, body: 'foreign', is: ['blocked', true, 'unknown'] },
    // A write is about a recipient: the share is known by then.
    { status: [404], method: 'GET', is: ['not-found', false, 'rejected'] },
    { below: 500, is: ['rejected', false, 'rejected'] },
    { status: [501, 505, 525, 526], is: ['server', false, 'rejected'] },
    { is: ['server', true, 'unknown'] },
];
/** A request to Cloudflare that failed. */
class ApiError extends Error {
    /**
     * What Cloudflare, or the network, said: `1017 Recipient is not in the
     * organization`.
     */
    reason;
    /**
     * The request, its status and its `cf-ray`: `POST …/recipients, HTTP 400,
     * cf-ray 8f1e…`.
     */
    detail;
    is;
    constructor(reason, detail, classification) {
        super(`${reason} (${detail})`);
        this.reason = reason;
        this.detail = detail;
        this.is = { retryAfterMs: 0, ...classification };
    }
}
/**
 * For `catch`: makes an ApiError a value, and leaves everything else an
 * exception.
 */
function asApiError(error) {
    if (error instanceof ApiError)
        return error;
    throw error;
}
/**
 * Says what it means that a request, such as `POST …/recipients`, did not
 * succeed.
 */
function toApiError(request, response, nowMs, clean) {
    const { status, headers, error } = response;
    const body = parseObject(response.body);
    const [failure, mayRetry, outcome] = classify(request, response, body);
    const retryable = mayRetry && body?.['retryable'] !== false;
    const retryAfterMs = parseRetryAfter(headers, nowMs) ??
        (Number(body?.['retry_after']) || 0) * 1000;
    // What was not sent is decided again, if that can help.
    const unsent = retryable ? 'not-sent' : 'rejected';
    const isSent = outcome !== 'not-sent' && error?.isSent !== false;
    const is = {
        failure,
        retryable,
        outcome: isSent ? outcome : unsent,
        retryAfterMs,
    };
    if (error)
        return new ApiError(clean(error.message, 1_000), request, is);
    const said = body
        ? describeBody(body, clean)
        : describePage(response.body, clean);
    const location = headers['location'] && `redirect to ${clean(headers['location'], 200)}`;
    const silent = status < 300
        ? 'the response is not one of the Shares API'
        : `HTTP ${status} without a reason`;
    const reason = said || location || silent;
    const ray = headers['cf-ray']
        ? `cf-ray ${clean(headers['cf-ray'], 64)}`
        : 'not from Cloudflare (no cf-ray)';
    return new ApiError(reason, `${request}, HTTP ${status}, ${ray}`, is);
}
function classify(request, response, body) {
    const codes = codesIn(body);
    const isEnvelope = typeof body?.['success'] === 'boolean' || Array.isArray(body?.['errors']);
    const kind = body && codes.length === 0 ? 'unexplained' : isEnvelope ? null : 'foreign';
    const row = TABLE.find(({ error, status, below, method, ...row }) => (!error
        ? !response.error
        : error.test(response.error?.code || 'NETWORK') && response.error) &&
        (!status || status.includes(response.status)) &&
        (!below || response.status < below) &&
        (!row.codes || row.codes.some((code) => codes.includes(code))) &&
        (!row.body || row.body === kind) &&
        (!method || request.startsWith(`${method} `)));
    return row.is;
}
/** @returns the object, or null where the text is not a JSON object */
function parseObject(text) {
    try {
        const value = JSON.parse(text);
        return typeof value === 'object' && !Array.isArray(value) ? value : null;
    }
    catch {
        return null;
    }
}
/**
 * The first entries of a list in a body. `messages` may hold plain text; what
 * is no object becomes an empty one.
 */
function entries(value) {
    if (!Array.isArray(value))
        return [];
    return value
        .slice(0, 5)
        .map((entry) => typeof entry === 'string' ? { message: entry } : Object(entry));
}
/**
 * All codes of the errors and of their `error_chain`, and that of a problem
 * object (RFC 9457).
 */
function codesIn(body) {
    const errors = entries(body?.['errors']);
    const all = [
        ...errors,
        ...errors.flatMap(({ error_chain: chain }) => entries(chain)),
    ];
    return [...all.map(({ code }) => code), body?.['error_code']].filter((code) => typeof code === 'number');
}
function describeBody(body, clean) {
    const part = (value) => /string|number/.test(typeof value) ? clean(`${value}`, 300) : '';
    const sentence = (...values) => values.map(part).filter(Boolean).join(' ');
    const errors = entries(body['errors']).map(({ code, message, source, error_chain: chain }) => {
        const causes = entries(chain).map((cause) => sentence(cause['code'], cause['message']));
        const details = [...causes, part(Object(source).pointer)].filter(Boolean);
        return [
            sentence(code, message),
            ...details.map((detail) => `(${detail})`),
        ].join(' ');
    });
    const messages = entries(body['messages']).map(({ code, message }) => sentence(code, message));
    const problem = sentence(body['error_code'], body['title'], body['detail']);
    return [...errors, ...messages, problem].filter(Boolean).join('; ');
}
/**
 * The title of an HTML page: what a firewall or a proxy says. It is cut by
 * `clean`, after secrets are removed.
 */
function describePage(text, clean) {
    const title = /<title[^>]*>(.*?)<\/title/is
        .exec(text.slice(0, MAX_PAGE))?.[1]
        ?.trim();
    return title ? `page "${clean(title, 200)}"` : '';
}

;// CONCATENATED MODULE: ../.build/cloudflare/client.js



const REQUEST_TIMEOUT_MS = 10_000;
/** With the waits between them, about 30 seconds. */
const MAX_ATTEMPTS = 8;
/**
 * A response that cannot be read may be a hiccup of something in between; three
 * are not.
 */
const MAX_INVALID_RESPONSES = 3;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 8_000;
/**
 * Creates the client of a run. Sends nothing before the first `read` or
 * `write`.
 */
function createClient(options) {
    const { http, clock, deadline, random, clean, onDelay } = options;
    const limiter = new RateLimiter();
    const sent = { requests: 0, retries: 0 };
    let announcedMs = Number.NEGATIVE_INFINITY;
    /** @returns true while Cloudflare rejects every request */
    function announceBlock(waitMs) {
        if (limiter.blockedUntilMs <= clock.now())
            return false;
        if (limiter.blockedUntilMs > announcedMs)
            onDelay('rate-limit', waitMs);
        announcedMs = limiter.blockedUntilMs;
        return true;
    }
    /** Waits until the rate limit allows a request. */
    async function waitForTurn(request, byMs, signal) {
        for (;;) {
            const waitMs = limiter.request(clock.now(), deadline.endMs());
            if (signal.aborted)
                throw notSent('interrupted', request, 'the step is over');
            const held = waitMs > 0
                ? `allows no request for another ${seconds(waitMs)}`
                : 'held it back too long';
            if (clock.now() + waitMs > byMs())
                throw notSent('rate-limit', request, `the rate limit ${held}`);
            if (waitMs === 0)
                return;
            announceBlock(waitMs);
            await clock.sleep(waitMs, signal);
        }
    }
    async function send(method, path, body, byMs, signal) {
        const request = `${method} ${shorten(path)}`;
        await waitForTurn(request, byMs, signal);
        sent.requests++;
        const sentMs = clock.now();
        const response = await http({
            method,
            url: options.apiUrl + path,
            headers: {
                accept: 'application/json',
                'user-agent': options.userAgent,
                ...options.credentials,
                ...(body && { 'content-type': 'application/json' }),
            },
            body: body && JSON.stringify(body),
            timeoutMs: REQUEST_TIMEOUT_MS,
            signal,
        });
        limiter.recordResponse(response, clock.now());
        const isSuccess = response.status >= 200 && response.status < 300 && !response.error;
        const envelope = isSuccess ? parseObject(response.body) : null;
        if (envelope?.['success'] !== true)
            throw toApiError(request, response, clock.now(), clean);
        return {
            request,
            sentMs,
            result: envelope['result'],
            resultInfo: Object(envelope['result_info']),
        };
    }
    /**
     * Waits before the next attempt. Throws the error where no attempt can help,
     * or fit.
     */
    async function backOff(error, attempt, maxAttempts, signal) {
        const nowMs = clock.now();
        const leftMs = deadline.endMs() - _build_clock/* LAST_LIST_MS */.BH - nowMs;
        const { failure, retryable, retryAfterMs } = error.is;
        if (retryAfterMs > Math.max(0, leftMs)) {
            const reason = `${error.reason}; Cloudflare asks to wait ${seconds(retryAfterMs)}, ${seconds(leftMs)} are left`;
            throw new ApiError(reason, error.detail, {
                ...error.is,
                retryable: false,
            });
        }
        const most = failure === 'invalid-response'
            ? Math.min(maxAttempts, MAX_INVALID_RESPONSES)
            : maxAttempts;
        // A token over its limit is blocked for five minutes, so only the timeout
        // ends this.
        const isLast = attempt >= most && (failure !== 'rate-limit' || maxAttempts === 1);
        const limitedMs = Math.max(limiter.blockedUntilMs - nowMs, limiter.gapMs(nowMs, leftMs));
        const waitMs = Math.max(backoffMs(attempt, random()), retryAfterMs, limitedMs);
        if (!retryable || isLast || waitMs > leftMs)
            throw error;
        if (!announceBlock(waitMs) && attempt === 1)
            onDelay(error, waitMs);
        sent.retries++;
        await clock.sleep(waitMs, signal);
        if (signal.aborted)
            throw error;
    }
    return {
        /** Counts what was sent so far. */
        sent: sent,
        /**
         * GET, retried with backoff while that may help. An ApiError that `decode`
         * throws is retried like any other.
         */
        async read(path, decode, options = {}) {
            const { signal = deadline.closing, maxAttempts = MAX_ATTEMPTS } = options;
            let last = null;
            for (let attempt = 1;; attempt++) {
                try {
                    return decode(await send('GET', path, null, deadline.endMs, signal));
                }
                catch (error) {
                    if (!(error instanceof ApiError))
                        throw error;
                    // An attempt that the end of the step cut short says nothing; the one
                    // before it does.
                    if (last && error.is.failure === 'interrupted')
                        throw last;
                    await backOff(error, attempt, maxAttempts, signal);
                    last = error;
                }
            }
        },
        /**
         * POST or DELETE, sent at most once, and not later than `sendByMs`
         * (milliseconds since the epoch) says just before.
         */
        write: (method, path, body, sendByMs) => send(method, path, body, sendByMs, deadline.writes),
    };
}
/** `/accounts/A/shares/S/recipients/R?x=y` becomes `…/recipients/R`. */
function shorten(path) {
    return path
        .replace(/^\/accounts\/[^/]+(\/shares\/[^/]+(?=\/))?/, '…')
        .replace(/\?.*/, '');
}
/**
 * Milliseconds before the next attempt: doubling from half a second to eight,
 * ±25 %. `random` is from 0 to 1.
 */
function backoffMs(attempt, random) {
    const baseMs = Math.min(FIRST_BACKOFF_MS * 2 ** (attempt - 1), LONGEST_BACKOFF_MS);
    return Math.round(baseMs * (0.75 + 0.5 * random));
}
function seconds(ms) {
    return `${Math.max(0, Math.ceil(ms / 1000))} s`;
}
function notSent(failure, request, reason) {
    return new ApiError(reason, `${request}, not sent`, {
        failure,
        retryable: false,
        outcome: 'not-sent',
    });
}

// EXTERNAL MODULE: ../.build/inputs.js + 2 modules
var _build_inputs = __nccwpck_require__(60);
;// CONCATENATED MODULE: ../.build/cloudflare/shares.js


/**
 * The published statuses; see `resource-sharing_recipient_association_status`
 * in Cloudflare's API description.
 */
const STATUSES = [
    'associating',
    'associated',
    'disassociating',
    'disassociated',
];
/** The most that the API gives in one page. */
const PER_PAGE = 100;
/** More are no share, and would not fit into memory. */
const MAX_RECORDS = 100_000;
const MAX_ERRORS = 20;
const MAX_TEXT = 300;
/**
 * Opens the recipients of one share. Lists leave out the accounts that the run
 * is not about.
 */
function openShares(client, { accountId, shareId, targets }, clean) {
    const ids = new Set(targets.map(({ id }) => id));
    // The record of an organization may name no account, so all are kept.
    const isRelevant = (id) => targets[0]?.type === 'organization' || ids.has(id);
    const sharePath = `/accounts/${accountId}/shares/${shareId}`;
    const recipientsPath = `${sharePath}/recipients`;
    /**
     * Set once a whole list has turned out to be larger than a response may be.
     */
    let isPaged = false;
    async function list(options) {
        const records = new Map();
        const seen = new Set();
        let pageSize = isPaged ? PER_PAGE : null;
        let firstSentMs = null;
        let nulls = 0;
        const decode = ({ request, sentMs, result, resultInfo }) => {
            // Published as nullable. Read once more, because a null by mistake would
            // hide a recipient.
            if (result === null && ++nulls === 1)
                throw invalid(request, '`result` is null');
            if (result !== null && !Array.isArray(result))
                throw invalid(request, '`result` is not a list');
            const page = (result ?? []).map((value, index) => decodeRecipient(value, request, `result[${index}]`, clean, isRelevant));
            if (seen.size + page.length > MAX_RECORDS)
                throw invalid(request, 'the list does not end');
            return { sentMs, page, size: resultInfo['per_page'] };
        };
        for (let number = 1;; number++) {
            const paging = pageSize === null ? '' : `&page=${number}&per_page=${pageSize}`;
            const path = `${recipientsPath}?include_resources=true${paging}`;
            const { sentMs, page, size } = await client.read(path, decode, options);
            firstSentMs ??= sentMs;
            const before = seen.size;
            for (const { id } of page)
                seen.add(id);
            for (const record of page)
                if (isRelevant(record.accountId))
                    records.set(record.id, record);
            // Asked without `page`, the server sends everything, unless it says how
            // large its page is and fills it.
            pageSize ??= typeof size === 'number' && size > 0 ? size : null;
            const isLast = pageSize === null || page.length < pageSize || seen.size === before;
            if (isLast)
                return { records: [...records.values()], sentMs: firstSentMs };
        }
    }
    return {
        list: (options = {}) => list(options).catch((error) => {
            if (!(error instanceof ApiError) ||
                error.is.failure !== 'too-large' ||
                isPaged)
                throw error;
            isPaged = true;
            return list(options);
        }),
        get: (recipientId) => client.read(`${recipientsPath}/${recipientId}?include_resources=true`, ({ request, result }) => {
            const record = decodeRecipient(result, request, 'result', clean);
            if (record.id !== recipientId)
                throw invalid(request, '`result.id` is not the ID that was asked for');
            return record;
        }),
        /**
         * Adds one recipient. A body without a target would share with the caller's
         * whole organization.
         */
        async create({ type, id }, sendByMs) {
            const body = type === 'account'
                ? { recipient_account_id: id }
                : { organization_id: id };
            const { request, result } = await client.write('POST', recipientsPath, body, sendByMs);
            const record = decodeRecipient(result, request, 'result', clean);
            const isOther = type === 'account' && record.accountId !== id;
            if (isOther)
                throw invalid(request, '`result.account_id` is not the account that was added');
            return record;
        },
        /**
         * Starts to remove one recipient. The reply proves nothing: the next list
         * decides.
         */
        delete: (recipientId, sendByMs) => client
            .write('DELETE', `${recipientsPath}/${recipientId}`, null, sendByMs)
            .then(() => null),
        share: (options) => client.read(`${sharePath}?include_resources=true`, (envelope) => decodeShare(envelope, clean), options),
    };
}
function decodeShare({ request, result }, clean) {
    const { name, resources } = toObject(result, request, 'result');
    /** Kind of each resource, such as `gateway-policy`, by its ID. */
    const resourceTypes = new Map();
    const entries = Array.isArray(resources) ? resources.map(Object) : [];
    for (const entry of entries)
        resourceTypes.set(shares_text(entry.resource_id, clean), shares_text(entry.resource_type, clean));
    return { name: shares_text(name, clean), resourceTypes };
}
function decodeRecipient(value, request, at, clean, isRelevant = (_) => true) {
    const check = (isValid, what) => {
        if (!isValid)
            throw invalid(request, `${at}: ${what}`);
    };
    const { id, account_id: accountId, association_status: status, ...record } = toObject(value, request, at);
    check((0,_build_inputs/* isId */.eQ)(id), '`id` is not an ID');
    check(!accountId || (0,_build_inputs/* isId */.eQ)(accountId), '`account_id` is not an ID');
    check(typeof status === 'string' && status !== '', '`association_status` is not a status');
    const resources = (isRelevant(`${accountId}`) && record['resources']) || [];
    check(Array.isArray(resources), '`resources` is not a list');
    const entries = resources.map((entry) => toObject(entry, request, `${at}.resources`));
    const errors = entries.filter(({ error }) => (error ?? '') !== '');
    const isTyped = ({ error, terminal = false }) => typeof error === 'string' &&
        (terminal === null || typeof terminal === 'boolean');
    check(errors.every(isTyped), 'an entry of `resources` is not a resource error');
    errors.sort((a, b) => Number(b['terminal'] ?? 0) - Number(a['terminal'] ?? 0));
    const dates = {
        created: toDate(record['created']),
        modified: toDate(record['modified']),
    };
    return {
        id: id,
        /** Empty where the record names no account. */
        accountId: `${accountId || ''}`,
        /**
         * One of `STATUSES`, or in quotes a word that is not published: cleaned, it
         * could look like one that is.
         */
        status: STATUSES.find((published) => published === status) ??
            `"${clean(status, 64)}"`,
        ...dates,
        /**
         * Milliseconds since the epoch; NaN where the date is missing or cannot be
         * read.
         */
        createdMs: Date.parse(dates.created),
        modifiedMs: Date.parse(dates.modified),
        /** Resources with an outstanding error, terminal ones first, at most 20. */
        errors: errors.slice(0, MAX_ERRORS).map((entry) => ({
            resourceId: shares_text(entry['resource_id'], clean) || 'without an ID',
            error: shares_text(entry['error'], clean),
            terminal: entry['terminal'] === true,
        })),
        /** Resources with an outstanding error beyond those. */
        moreErrors: Math.max(0, errors.length - MAX_ERRORS),
    };
}
/** Only what looks like a date; anything else could be text that does harm. */
function toDate(value) {
    return typeof value === 'string' && /^[\d:.TZ+-]{1,40}$/.test(value)
        ? value
        : '';
}
function shares_text(value, clean) {
    return typeof value === 'string' ? clean(value, MAX_TEXT) : '';
}
function toObject(value, request, at) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject)
        throw invalid(request, `${at} is not an object`);
    return value;
}
/** A write may have been carried out although its response cannot be read. */
function invalid(request, what) {
    const is = {
        failure: 'invalid-response',
        retryable: true,
        outcome: 'unknown',
    };
    return new ApiError(`the response is not one of the Shares API: ${what}`, request, is);
}

;// CONCATENATED MODULE: ../.build/github/deployment.js

/** Everything after the deadline together takes at most three seconds. */
const FINISH_MS = 2_000;
const deployment_REQUEST_TIMEOUT_MS = 5_000;
const SILENT = { debug() { }, info() { }, warn() { }, error() { } };
/**
 * Starts to record the run as a GitHub deployment (REST API, "Deployments"):
 * best effort, and only with a token.
 */
function recordDeployment(options) {
    const { inputs, context, http, clock, onRecordError } = options;
    const { owner, repo, ref, runUrl, apiUrl } = context;
    const { accountId, shareId, state, targets, environment, githubToken } = inputs;
    if (!githubToken)
        return null;
    const stop = new AbortController();
    /**
     * The action's HTTP client, with its limits and proxies, as Octokit calls it.
     */
    async function fetch(url, { method, headers, body = null }) {
        const limits = { timeoutMs: deployment_REQUEST_TIMEOUT_MS, signal: stop.signal };
        const response = await http({ method, url, headers, body, ...limits });
        if (response.error)
            throw new Error(response.error.message);
        return new Response(response.body || null, response);
    }
    async function create() {
        if (!(0,_build_inputs/* isSafeUrl */.FY)(new URL(apiUrl)))
            throw new Error('GITHUB_API_URL is not https');
        const { getOctokit } = await __nccwpck_require__.e(/* import() */ 75).then(__nccwpck_require__.bind(__nccwpck_require__, 75));
        const request = { fetch, log: SILENT };
        const { rest } = getOctokit(githubToken, {
            baseUrl: apiUrl,
            log: SILENT,
            request,
        });
        const { data } = await rest.repos.createDeployment({
            owner,
            repo,
            ref,
            task: state === 'present' ? 'share' : 'unshare',
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
        const id = Number(Object(data).id);
        // It becomes part of a path.
        if (!Number.isSafeInteger(id))
            throw new Error('GitHub did not respond with a deployment');
        const common = {
            owner,
            repo,
            deployment_id: id,
            log_url: runUrl,
            environment,
            auto_inactive: false,
        };
        return (status, description) => rest.repos.createDeploymentStatus({
            ...common,
            state: status,
            description,
        });
    }
    const started = create().then(async (setStatus) => {
        await setStatus('in_progress', 'Waiting for Cloudflare');
        return setStatus;
    });
    // `finish` reports it.
    started.catch(() => { });
    return async (status, description) => {
        void clock.sleep(FINISH_MS).then(() => stop.abort());
        await started
            .then((setStatus) => setStatus(status, description))
            .catch((error) => onRecordError(error.message));
    };
}

;// CONCATENATED MODULE: ../.build/reconcile/readiness.js
/**
 * What a message describes of a record's resources, beyond which it only
 * counts.
 */
const MAX_DESCRIBED = 3;
/**
 * 0 while the share is in force or will be, unknown statuses included; 1
 * `disassociating`; 2 `disassociated`.
 */
function stage({ status }) {
    if (status === 'disassociated')
        return 2;
    return status === 'disassociating' ? 1 : 0;
}
function isActive(record) {
    return stage(record) === 0;
}
/**
 * Has Cloudflare given up on a resource? Checked before the status; the API
 * description calls it `terminal`.
 */
function hasTerminalError({ errors }) {
    return errors.some(({ terminal }) => terminal);
}
/**
 * Can the recipient use everything in the share?
 * @param record from a response to a request with `include_resources=true`;
 *   otherwise `associated` proves nothing
 */
function isReady({ status, errors }) {
    return status === 'associated' && errors.length === 0;
}
/**
 * `gateway-policy f174…: Recipient is missing necessary entitlement; … (and 4
 * more)`.
 */
function describeErrors(record, types = new Map()) {
    const relevant = record.errors.filter(({ terminal }) => terminal === hasTerminalError(record));
    const described = relevant
        .slice(0, MAX_DESCRIBED)
        .map(({ resourceId, error }) => `${types.get(resourceId) || 'resource'} ${resourceId}: ${error}`);
    const more = record.errors.length + record.moreErrors - described.length;
    return `${described.join('; ')}${more > 0 ? ` (and ${more} more)` : ''}`;
}

;// CONCATENATED MODULE: ../.build/reconcile/observations.js

/**
 * How far a read may be behind a write, in milliseconds; see "Consistency" in
 * docs/how-it-works.md.
 */
const STALE_READ_MS = 10_000;
/** @param share null where it could not be read */
function firstObservations({ records, sentMs }, share) {
    return {
        share,
        ...merge(new Map(), records),
        /** When the first list was sent, milliseconds since the epoch. */
        firstSentMs: sentMs,
        /** When the newest list was sent, milliseconds since the epoch. */
        listSentMs: sentMs,
    };
}
/** Adds what a response shows; a whole list also says when it was sent. */
function observe(known, seen) {
    const { records = [], sentMs = known.listSentMs } = seen;
    return { ...known, ...merge(known.records, records), listSentMs: sentMs };
}
/**
 * Merges monotonically, because a read may be stale: a record never disappears.
 * Of two observations of one record the later `modified` wins; where that is
 * equal or missing, the one further along active, `disassociating`,
 * `disassociated`; where that is equal too, the later read.
 */
function merge(known, seen) {
    const records = new Map(known);
    for (const record of seen) {
        const old = records.get(record.id);
        if (!old || !isStale(record, old))
            records.set(record.id, record);
    }
    const byAccount = new Map();
    for (const record of [...records.values()].sort(oldestFirst)) {
        byAccount.set(record.accountId, byAccount.get(record.accountId) ?? []);
        byAccount.get(record.accountId)?.push(record);
    }
    return { records: records, byAccount };
}
function isStale(record, known) {
    const laterMs = record.modifiedMs - known.modifiedMs;
    return laterMs ? laterMs < 0 : stage(record) < stage(known);
}
/**
 * By ID where the age is equal or unknown, so that parallel runs choose the
 * same record.
 */
function oldestFirst(a, b) {
    return a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1);
}
/**
 * Accounts with more than one active record, which parallel runs can cause; the
 * oldest, which is in use, first.
 */
function findDuplicates({ targets, state }, observed) {
    const accounts = targets.filter(({ type }) => type === 'account' && state === 'present');
    const active = accounts.map(({ id }) => (observed?.byAccount.get(id) ?? []).filter(isActive));
    return active.filter(({ length }) => length > 1);
}

;// CONCATENATED MODULE: ../.build/reconcile/decide.js


const MAX_WRITES = 3;
/**
 * Compares the desired with the observed state of a target. Evaluated after
 * every poll, from scratch; the letters refer to the decision tables in
 * docs/how-it-works.md.
 */
function decide(history, desired, observed) {
    const decideState = desired.state === 'present' ? decidePresent : decideAbsent;
    return decideState(history, desired, observed);
}
function decidePresent(history, { wait, dryRun }, observed) {
    const { target, writes } = history;
    const { share } = observed;
    const own = recordsOf(history, observed);
    const active = own.find(isActive);
    const uncertain = writes.find(isUnknown);
    const appeared = own.find(({ id }) => uncertain && !uncertain.known.has(id));
    const inUse = active?.id ?? history.inUse ?? appeared?.id ?? null;
    const recipient = active ?? observed.records.get(inUse ?? '') ?? own.at(-1) ?? null;
    const isAdded = writes.some(isAccepted) || Boolean(uncertain && inUse);
    const changed = dryRun ? !active : isAdded;
    const known = { inUse, recipient, changed, deletions: [], failure: null };
    const act = (action) => ({ ...known, action });
    const fail = (failure) => ({
        ...act('fail'),
        changed: changed && !dryRun,
        failure,
    });
    if (active && hasTerminalError(active)) {
        return fail({
            cause: 'resource-error',
            reason: describeErrors(active, share?.resourceTypes),
        }); // P1
    }
    if (active)
        return act(isReady(active) || !wait ? 'done' : 'wait'); // P2, P3
    if (inUse)
        return fail({
            cause: 'removed',
            reason: `recipient ${inUse} is ${recipient?.status}`,
        }); // P4
    const ending = own.find((record) => stage(record) === 1);
    if (ending)
        return { ...act('wait'), recipient: ending }; // P5
    const last = writes.at(-1);
    if (!last?.error)
        return act('create'); // P6
    const graceMs = isOpen(last) ? STALE_READ_MS : 0;
    if (observed.listSentMs - last.endedMs < graceMs)
        return act('wait'); // P7
    const mayRepeat = isOpen(last) && last.error.is.retryable && writes.length < MAX_WRITES;
    if (target.type === 'account' && mayRepeat)
        return act('create'); // P8
    if (target.type === 'account' || !isUnknown(last))
        return fail(failureOf(last.error)); // P9
    const reason = `the list does not show whether the organization was added after ${last.error.reason}`;
    return fail({ cause: 'inconclusive', reason, detail: last.error.detail });
}
function decideAbsent(history, desired, observed) {
    const { target, writes } = history;
    const own = recordsOf(history, observed);
    const due = own.map((record) => decideRemoval(record, writes, desired.wait, observed.listSentMs));
    const isEnded = (id) => own.some((record) => record.id === id && !isActive(record));
    const isRemoved = (write) => isAccepted(write) || (isUnknown(write) && isEnded(write.recipientId));
    const isWritten = ({ id }) => writes.some(({ recipientId }) => recipientId === id);
    const byStage = [...own].sort((a, b) => stage(a) - stage(b) || Number(isWritten(b)) - Number(isWritten(a)));
    const recipient = byStage[0] ?? null;
    const known = {
        inUse: recipient?.id ?? null,
        recipient,
        changed: desired.dryRun ? own.some(isActive) : writes.some(isRemoved),
        deletions: own
            .filter((_, index) => due[index] === 'delete')
            .map(({ id }) => id),
        failure: due.find((one) => typeof one === 'object') ?? null,
    };
    if (known.deletions.length > 0)
        return { ...known, action: 'delete', failure: null };
    const isListed = writes.every(({ endedMs }) => endedMs <= observed.listSentMs);
    if (known.failure && isListed)
        return { ...known, action: 'fail' };
    if (due.includes('wait'))
        return { ...known, action: 'wait', failure: null };
    const others = [...observed.records.values()]
        .filter(isActive)
        .sort(oldestFirst);
    if (target.type === 'organization' && own.length === 0 && others.length > 0) {
        const ids = others
            .slice(0, 5)
            .map(({ id, accountId }) => `${id} (account ${accountId || 'unknown'})`);
        const reason = `no recipient is known to be the organization; it may be one of ${ids.join(', ')}`;
        return {
            ...known,
            action: 'fail',
            failure: { cause: 'inconclusive', reason },
        }; // A8
    }
    const isConfirmed = observed.listSentMs - observed.firstSentMs >= STALE_READ_MS;
    const isStarted = writes.length > 0 || own.some((record) => stage(record) === 1);
    return {
        ...known,
        action: isStarted || isConfirmed || desired.dryRun ? 'done' : 'wait',
    }; // A1, A9
}
/** What is due for one record that has to go. */
function decideRemoval(record, writes, wait, listSentMs) {
    const own = writes.filter(({ recipientId }) => recipientId === record.id);
    const last = own.at(-1);
    if (stage(record) === 2)
        return 'done'; // A1
    if (stage(record) === 1)
        return wait ? 'wait' : 'done'; // A2
    if (!last)
        return 'delete'; // A3
    if (isAccepted(last) && !wait)
        return 'done'; // A4
    if (listSentMs - last.endedMs < STALE_READ_MS)
        return 'wait'; // A5
    const mayRepeat = isAccepted(last) || (isOpen(last) && last.error?.is.retryable);
    if (mayRepeat && own.filter(({ isCounted }) => isCounted).length < MAX_WRITES)
        return 'delete'; // A6
    const reason = `recipient ${record.id} is still ${record.status} after ${own.length} requests to remove it`;
    return last.error
        ? failureOf(last.error)
        : { cause: 'rejected', reason }; // A7
}
function isAccepted({ error }) {
    return error === null;
}
/**
 * May the write have been carried out, although its response does not say so?
 */
function isUnknown({ error }) {
    return error?.is.outcome === 'unknown';
}
/** May the effect of the write, or of a parallel one, still show? */
function isOpen(write) {
    return isUnknown(write) || write.error?.is.outcome === 'conflict';
}
/** Is something due, or waited for? */
function isPending({ action }) {
    return action !== 'done' && action !== 'fail';
}
/** `reason (detail)`, for the log and the outputs. */
function formatFailure({ reason, detail }) {
    return detail ? `${reason} (${detail})` : reason;
}
/**
 * The failure of a request. One that the end of the step cut short has timed
 * out.
 */
function failureOf({ is: { failure }, reason, detail, }) {
    return {
        cause: failure === 'interrupted' ? 'timeout' : failure,
        reason,
        detail,
    };
}
/**
 * The records of a target, oldest first. An organization's record may name no
 * account; then the POST's reply names it.
 */
function recordsOf({ target, inUse }, { records, byAccount }) {
    const own = byAccount.get(target.id) ?? [];
    const used = records.get(inUse ?? '');
    return used && !own.includes(used) ? [...own, used].sort(oldestFirst) : own;
}

;// CONCATENATED MODULE: ../.build/reconcile/reconciler.js




/** More would not be faster under the rate limit. */
const MAX_CONCURRENT_WRITES = 4;
const SHORTEST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 15_000;
/**
 * The last poll begins this long before the deadline, so that a response can
 * still arrive.
 */
const LAST_POLL_MS = 2_000;
/**
 * Brings the recipients of a share to the desired state. It plans from the
 * first list and writes nothing before `run`.
 */
function createReconciler(first, share, options) {
    const { inputs, shares, clock, deadline, random, onChange, onPoll } = options;
    let observed = firstObservations(first, share);
    const states = inputs.targets.map((target) => {
        const decision = decide({ target, inUse: null, writes: [] }, inputs, observed);
        const endedMs = isPending(decision) ? null : first.sentMs;
        return {
            target,
            writes: [],
            unsent: null,
            ...decision,
            startedMs: first.sentMs,
            endedMs,
        };
    });
    /** Set when the credentials were rejected: no other write can succeed. */
    let stopped = null;
    let lastWriteMs = first.sentMs;
    let pollError = null;
    function update(index, next) {
        const from = states[index];
        const to = { ...from, ...next };
        states[index] = {
            ...to,
            endedMs: isPending(to) ? null : (from.endedMs ?? clock.now()),
        };
        onChange(from, states[index]);
    }
    function decideAll() {
        for (const [index, state] of states.entries()) {
            if (state.action === 'fail')
                continue;
            const decision = decide(state, inputs, observed);
            const isStopped = stopped &&
                (decision.action === 'create' || decision.action === 'delete');
            update(index, isStopped
                ? { ...decision, action: 'fail', failure: stopped }
                : decision);
        }
    }
    /**
     * Sends one write and records what is known of its outcome. Returns the
     * record in the reply to a POST.
     */
    async function write(index, recipientId) {
        const { target } = states[index];
        const sendByMs = () => stopped ? Number.NEGATIVE_INFINITY : observed.listSentMs + STALE_READ_MS;
        const sending = recipientId
            ? shares.delete(recipientId, sendByMs)
            : shares.create(target, sendByMs);
        const result = await sending.catch(asApiError);
        const error = result instanceof ApiError ? result : null;
        const unsent = error?.is.outcome === 'not-sent' ? error : null;
        update(index, { unsent });
        if (unsent)
            return [];
        if (error?.is.failure === 'authentication') {
            const reason = `not attempted, because authentication failed for another write: ${error.reason}`;
            stopped ??= { cause: 'stopped', reason, detail: error.detail };
        }
        lastWriteMs = clock.now();
        const isMoving = observed.records.get(recipientId ?? '')?.status === 'associating';
        const isCounted = error?.is.outcome !== 'conflict' || !isMoving;
        const { writes, inUse } = states[index];
        const sent = {
            recipientId,
            endedMs: lastWriteMs,
            error,
            isCounted,
            known: observed.records,
        };
        const created = result instanceof ApiError ? null : result;
        update(index, { writes: [...writes, sent], inUse: created?.id ?? inUse });
        // The reply has no resources, so `associated` in it proves nothing.
        return created ? [{ ...created, status: 'associating' }] : [];
    }
    /**
     * @returns true when some writes have waited so long that their list is
     * stale: poll at once, then send them
     */
    async function writeDue() {
        const due = states.flatMap(({ action, deletions }, index) => {
            if (action === 'create')
                return [{ index, id: null }];
            return action === 'delete'
                ? deletions.map((id) => ({ index, id }))
                : [];
        });
        const replies = [];
        const isFresh = () => clock.now() < observed.listSentMs + STALE_READ_MS;
        async function worker() {
            while (due.length > 0 &&
                !stopped &&
                !deadline.closing.aborted &&
                isFresh()) {
                const { index, id } = due.shift();
                replies.push(...(await write(index, id)));
            }
        }
        await Promise.all(Array.from({ length: MAX_CONCURRENT_WRITES }, worker));
        observed = observe(observed, { records: replies });
        return due.length > 0 && !stopped && !states.some(({ unsent }) => unsent);
    }
    /**
     * Polls the one record that is waited for. Returns false where only the list
     * can show what comes next.
     */
    async function pollRecord() {
        const [only] = states;
        const expected = inputs.state === 'present' ? 0 : 1;
        const known = observed.records.get(only?.recipient?.id ?? '');
        if (states.length > 1 || !known || stage(known) !== expected)
            return false;
        const record = await shares.get(known.id).catch((error) => {
            // A stale read, perhaps: a record never disappears.
            if (error instanceof ApiError && error.is.failure === 'not-found')
                return null;
            throw error;
        });
        if (!record)
            return false;
        observed = observe(observed, { records: [record] });
        return stage(record) === expected;
    }
    async function poll(options) {
        try {
            const isEnough = !options && (await pollRecord());
            if (!isEnough)
                observed = observe(observed, await shares.list(options));
            pollError = null;
            decideAll();
        }
        catch (error) {
            if (!(error instanceof ApiError))
                throw error;
            const { failure, retryable } = error.is;
            // The client has retried a response that it cannot read, so it is no
            // hiccup.
            const isLasting = failure !== 'interrupted' &&
                (!retryable || failure === 'invalid-response');
            if (isLasting)
                fail(failureOf(error));
            else if (failure !== 'interrupted')
                pollError = error;
        }
        onPoll(states);
    }
    /** Fails what is left, and says what is known of each target. */
    function fail({ reason, ...failure }) {
        for (const [index, state] of states.entries()) {
            if (!isPending(state))
                continue;
            const known = describePending(state, share, pollError);
            const detail = failure.detail ??
                (pollError ?? state.unsent ?? state.writes.at(-1)?.error)?.detail;
            update(index, {
                action: 'fail',
                failure: { ...failure, reason: `${reason}; ${known}`, detail },
            });
        }
    }
    return {
        /** One for each target, in the order given. */
        states: states,
        observed: () => observed,
        isPending: () => states.some(isPending),
        /**
         * Writes and polls until every target is done or failed, or the step is
         * over.
         */
        async run() {
            while (states.some(isPending) && !deadline.closing.aborted) {
                // After a poll that failed, nothing is decided or written before one
                // succeeds.
                const isBehind = !pollError && (await writeDue());
                if (!pollError)
                    decideAll();
                if (!states.some(isPending))
                    return;
                const lastMs = deadline.endMs() - LAST_POLL_MS - clock.now();
                const intervalMs = pollIntervalMs(clock.now() - lastWriteMs, random());
                const waitMs = lastMs > 0
                    ? Math.min(intervalMs, lastMs)
                    : deadline.endMs() - clock.now();
                const retryMs = Math.max(waitMs, pollError?.is.retryAfterMs ?? 0);
                await clock.sleep(isBehind ? 0 : retryMs, deadline.closing);
                if (!deadline.closing.aborted)
                    await poll();
            }
            // A list can still show what became of a write whose outcome is unknown.
            const isUnclear = states.some((state) => isPending(state) && state.writes.some(isUnknown));
            if (isUnclear)
                await poll({ signal: deadline.end, maxAttempts: 1 });
            const wanted = inputs.state === 'present' ? 'associated' : 'disassociated';
            if (deadline.isCancelled())
                fail({ cause: 'cancelled', reason: 'cancelled' });
            else
                fail({
                    cause: 'timeout',
                    reason: `not ${wanted} before the timeout of ${inputs.timeout}`,
                });
        },
    };
}
/**
 * Milliseconds before the next poll: a fifth of the time waited so far, at
 * least 1 s, at most 15 s, ±10 %.
 */
function pollIntervalMs(waitedMs, random) {
    const baseMs = Math.min(Math.max(waitedMs / 5, SHORTEST_INTERVAL_MS), LONGEST_INTERVAL_MS);
    return Math.round(baseMs * (0.9 + 0.2 * random));
}
/** The state of a target when the recipients could not be read at all. */
function failedState(target, failure, nowMs) {
    const nothing = {
        writes: [],
        unsent: null,
        inUse: null,
        recipient: null,
        changed: false,
        deletions: [],
    };
    return {
        target,
        ...nothing,
        action: 'fail',
        failure,
        startedMs: nowMs,
        endedMs: nowMs,
    };
}
/** Says what is known of a target that is not done. */
function describePending(state, share, pollError) {
    const { recipient, writes, unsent } = state;
    const last = writes.at(-1);
    const parts = [`last observed status: ${recipient?.status ?? 'no record'}`];
    const errors = recipient
        ? describeErrors(recipient, share?.resourceTypes)
        : '';
    if (errors)
        parts.push(`Cloudflare is retrying ${errors}`);
    const what = last && isUnknown(last) ? 'may have been carried out' : 'was rejected';
    if (unsent)
        parts.push(`the last write was not processed: ${unsent.reason}`);
    else if (last?.error)
        parts.push(`the last write ${what}: ${last.error.reason}`);
    if (pollError)
        parts.push(`the last poll failed: ${pollError.reason}`);
    return parts.join('; ');
}

;// CONCATENATED MODULE: ../.build/report/failure-guide.js
/** Titles of annotations, and of the sections in docs/troubleshooting.md. */
const TITLES = {
    inputs: 'Invalid inputs: no request was sent',
    authentication: 'Authentication failed',
    'not-found': 'Share or account not found',
    rejected: 'Request rejected by Cloudflare',
    'rate-limit': 'Rate limit reached',
    server: 'Cloudflare API error',
    blocked: 'Request blocked before the API',
    'invalid-response': 'Unexpected response from the API',
    'too-large': 'Response too large',
    network: 'Connection to Cloudflare failed',
    proxy: 'Proxy rejected the connection',
    'certificate-untrusted': 'TLS certificate not trusted',
    'certificate-invalid': 'TLS certificate not valid',
    'resource-error': 'Shared resource failed permanently',
    removed: 'Recipient removed during the run',
    inconclusive: 'Organization cannot be identified',
    stopped: 'Stopped after authentication failure',
    timeout: 'Timed out',
    cancelled: 'Run cancelled',
    outputs: 'Outputs could not be written',
    internal: 'Internal error',
};
/** How to fix each of them. */
const FIXES = {
    inputs: 'Correct the inputs.',
    authentication: 'Check that the secret reaches this job, and can edit the shares of account-id.',
    'not-found': 'Compare account-id and share-id with the dashboard, and check that the token can see them.',
    rejected: 'Check that the recipient exists, in the same Cloudflare Organization as account-id.',
    'rate-limit': 'Raise timeout, run fewer jobs at a time, or use a dedicated token for this workflow.',
    server: 'Check https://www.cloudflarestatus.com and run again: completed changes are kept.',
    blocked: 'A firewall or proxy responded. Check for rules that block the runner, then run again.',
    'invalid-response': 'Check api-url, and whether a proxy or captive portal responds instead of Cloudflare.',
    'too-large': 'Check api-url, and whether something other than Cloudflare responds.',
    network: 'Check that the runner can resolve and reach the host of api-url, or set HTTPS_PROXY.',
    proxy: 'Allow the host of api-url in the proxy. For HTTP 407, use http://USERNAME:PASSWORD@HOST:PORT.',
    'certificate-untrusted': 'If a proxy inspects TLS, set NODE_EXTRA_CA_CERTS to the path of its CA file.',
    'certificate-invalid': 'It is expired, not yet valid or for another name. Check the clock and api-url.',
    'resource-error': 'Fix the cause in the recipient account, then remove the recipient and add it again.',
    removed: 'Let only one workflow change the share at a time (concurrency), then run again.',
    inconclusive: 'Check the recipients of the share in the Cloudflare dashboard before you run again.',
    stopped: 'Fix the credentials and run again: completed changes are kept.',
    timeout: 'Run again to continue waiting, or raise timeout. Nothing was undone.',
    cancelled: 'Run again to continue. Nothing was undone.',
    outputs: 'Check that GITHUB_OUTPUT names a writable file. The log shows what was done.',
    internal: 'Report it with the debug log: set the secret ACTIONS_STEP_DEBUG to true and run again.',
};
/**
 * The section of docs/troubleshooting.md for a failure; null where the runner
 * does not say where the action came from.
 */
function helpUrl(cause, docsUrl) {
    return docsUrl && `${docsUrl}/troubleshooting.md#${slug(TITLES[cause])}`;
}
/** The anchor that GitHub gives a heading. */
function slug(heading) {
    const words = heading.toLowerCase().replace(/[^\w\s-]/g, '');
    return words.replaceAll(' ', '-');
}

;// CONCATENATED MODULE: ../.build/report/outputs.js


/**
 * GitHub accepts 1 MB of outputs for a whole job; the log has what does not
 * fit.
 */
const MAX_RESOURCES = 200;
const MANY = 100;
/**
 * Creates the outputs that action.yml declares. `nowMs` ends the time of
 * targets that are not done.
 */
function createOutputs(result, nowMs) {
    const { states } = result;
    const statuses = new Set(states.map((state) => statusOf(state, result)));
    return {
        'recipient-id': states.map(({ inUse }) => inUse ?? '').join('\n'),
        status: statuses.size > 1 ? 'mixed' : ([...statuses][0] ?? 'unknown'),
        changed: String(states.some(({ changed }) => changed)),
        recipients: states.map((state) => toRecipient(state, result, nowMs)),
    };
}
/**
 * The last observed status: a published word, because people put outputs into
 * shell commands, or `unknown`.
 */
function statusOf({ recipient }, { observed }) {
    if (!recipient)
        return observed ? 'disassociated' : 'unknown';
    return STATUSES.find((status) => status === recipient.status) ?? 'unknown';
}
function toRecipient(state, result, nowMs) {
    const { target, inUse, recipient, changed, failure, startedMs, endedMs } = state;
    const maxText = result.states.length > MANY ? 100 : 500;
    const errors = recipient?.errors.slice(0, Math.floor(MAX_RESOURCES / result.states.length)) ?? [];
    const shorten = (text) => text.length > maxText ? `${text.slice(0, maxText - 1)}…` : text;
    return {
        account_id: target.type === 'account' ? target.id : null,
        organization_id: target.type === 'organization' ? target.id : null,
        recipient_id: inUse,
        status: statusOf(state, result),
        changed,
        error: failure && shorten(formatFailure(failure)),
        resources: errors.map(({ resourceId, error, terminal }) => ({
            resource_id: resourceId,
            resource_type: result.observed?.share?.resourceTypes.get(resourceId) ?? null,
            error: shorten(error),
            terminal,
        })),
        created: recipient?.created || null,
        modified: recipient?.modified || null,
        seconds: Math.round(((endedMs ?? nowMs) - startedMs) / 100) / 10,
    };
}

;// CONCATENATED MODULE: ../.build/report/result.js


/**
 * Did every target reach the desired state? A dry run succeeds if a run could.
 */
function isSuccess({ states, inputs, isCancelled }) {
    const isFine = ({ action }) => action === 'done' || (inputs.dryRun && action !== 'fail');
    return !isCancelled && states.every(isFine);
}
/** The failures of a run, each with all targets that it concerns. */
function groupFailures(states) {
    const groups = new Map();
    for (const state of states) {
        if (state.action !== 'fail' || !state.failure)
            continue;
        const key = `${state.failure.cause} ${state.failure.reason}`;
        groups.set(key, groups.get(key) ?? { failure: state.failure, states: [] });
        groups.get(key)?.states.push(state);
    }
    return [...groups.values()];
}
/** `1 of 3 accounts failed`: how the run ended. */
function headline({ states, inputs, isCancelled }) {
    const noun = states[0]?.target.type ?? 'account';
    const all = plural(states.length, noun);
    const failed = states.filter(({ action }) => action === 'fail').length;
    const changed = states.filter((state) => state.changed).length;
    const verb = inputs.state === 'present' ? 'added' : 'removed';
    if (isCancelled)
        return `cancelled with ${states.length - failed} of ${all} done`;
    if (failed > 0)
        return `${failed} of ${all} ${inputs.dryRun ? 'would fail' : 'failed'}`;
    if (inputs.dryRun)
        return `${changed} of ${all} would be ${verb}`;
    const done = changed > 0 &&
        `${plural(changed, noun)} ${verb}${inputs.wait ? '' : ', not awaited'}`;
    const rest = changed < states.length &&
        `${plural(states.length - changed, noun)} unchanged`;
    return [done, rest].filter(Boolean).join(', ');
}
/**
 * What a run does for a target, from its first observation: a sign and a few
 * words.
 */
function describePlan(state, { state: desired, wait }) {
    const { action, recipient, failure, target } = state;
    const isEnding = recipient !== null && stage(recipient) === 1;
    if (failure)
        return `! not possible: ${formatFailure(failure)}`;
    if (action === 'delete')
        return `- remove recipient ${recipient?.id} (${recipient?.status})`;
    if (desired === 'absent')
        return isEnding
            ? '= already being removed'
            : '= not a recipient: no change';
    if (recipient && isActive(recipient)) {
        return `= already ${recipient.status}: ${action === 'wait' && wait ? 'wait' : 'no change'}`;
    }
    if (isEnding)
        return `+ add after recipient ${recipient.id} is removed`;
    if (recipient)
        return '+ add again (was a recipient before)';
    return target.type === 'account'
        ? '+ add'
        : '+ add (whether it is a recipient already cannot be observed)';
}
/** Milliseconds as a measured time: `0.4 s`, `12.3 s`, `245 s`. */
function formatSeconds(ms) {
    return `${(Math.max(0, ms) / 1000).toFixed(ms < 100_000 ? 1 : 0)} s`;
}
/** `1 account`, `3 accounts`. */
function plural(count, noun) {
    return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
/** `a, b, c and 4 more`. */
function listOf(names, max) {
    const more = names.length - max;
    return more > 0
        ? `${names.slice(0, max).join(', ')} and ${more} more`
        : names.join(', ');
}
/** What the run took: `3.2 s`, `5 requests`, `1 of them retries`. */
function describeCost({ cost: { requests, retries, tookMs }, }) {
    const retried = retries > 0 ? [`${retries} of them retries`] : [];
    return [formatSeconds(tookMs), plural(requests, 'request'), ...retried];
}

// EXTERNAL MODULE: ../.build/report/runner.js + 12 modules
var report_runner = __nccwpck_require__(179);
// EXTERNAL MODULE: ../.build/github/context.js
var context = __nccwpck_require__(837);
;// CONCATENATED MODULE: ../.build/report/sanitize.js
const INPUTS = ['INPUT_API-TOKEN', 'INPUT_API-KEY', 'INPUT_GITHUB-TOKEN'];
const VARIABLES = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_API_KEY'];
const PROXIES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];
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
/** Works on any environment, so that a report of invalid inputs is safe too. */
function createSanitizer(env) {
    const given = [...INPUTS, ...VARIABLES].map((name) => env[name]?.trim() ?? '');
    const passwords = PROXIES.flatMap((name) => proxyPasswords(env[name]?.trim() ?? ''));
    const secrets = [...new Set([...given, ...passwords])].filter(Boolean);
    const forms = [...new Set(secrets.flatMap(formsOf))]
        .filter((form) => form.length >= SHORTEST_SECRET)
        .sort((a, b) => b.length - a.length);
    const redact = (text) => forms.reduce((rest, form) => rest.replaceAll(form, '***'), text);
    return {
        /** For the runner to mask. */
        secrets,
        /** Replaces secrets with `***`. */
        redact,
        /**
         * Makes text from outside fit into a sentence: one line of at most `max`
         * UTF-16 code units, without secrets.
         */
        clean(text, max) {
            const flat = toLine(redact(text)).replace(/\s+/g, ' ').trim();
            return flat.length <= max
                ? flat
                : `${flat.slice(0, max - 1).toWellFormed()}…`;
        },
        /**
         * Makes one line that the runner prints and does not act on. Removing a
         * character can complete a secret.
         */
        line: (text) => redact(toLine(text)),
    };
}
/**
 * The runner masks more encodings; these are the ones in which an API or a
 * proxy repeats what it was sent.
 */
function formsOf(secret) {
    const [json, base64] = [
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString('base64'),
    ];
    return [secret, encodeURIComponent(secret.toWellFormed()), json, base64];
}
/**
 * The password of a proxy, as written and decoded. A user name is no secret.
 */
function proxyPasswords(address) {
    const authority = address.replace(/^[a-z][\w+.-]*:\/\/+/i, '');
    const written = /^[^:@/]*:(.+)@/.exec(authority)?.[1] ?? '';
    try {
        return [written, decodeURIComponent(written)];
    }
    catch {
        return [written];
    }
}
/**
 * The runner acts on `::command::` after leading spaces, on `##[command]`
 * anywhere, and splits lines at CR too.
 */
function toLine(text) {
    return text
        .toWellFormed()
        .replace(INVISIBLE, ' ')
        .replace(/#(?=#\[)/g, '# ')
        .replace(/^(\s*):(?=:)/, '$1: ');
}
/**
 * Makes text fit into `<code>` in HTML: nothing in it is markup, and GitHub
 * makes no link or mention of it.
 */
function toHtml(text) {
    return toLine(text).replace(/[!-'*+/:-@[-^`{-~]/g, (character) => `&#${character.charCodeAt(0)};`);
}

;// CONCATENATED MODULE: ../.build/report/summary.js






/**
 * Enough for a person; the output `recipients` has all. Keeps the summary far
 * below GitHub's limit of 1 MiB.
 */
const MAX_ROWS = 200;
const MAX_REASONS = 10;
const code = (text) => `<code>${toHtml(text)}</code>`;
const list = (items) => `<ul>\n${items.map((item) => `<li>${item}</li>`).join('\n')}\n</ul>`;
/**
 * Creates the job summary: one block of HTML without empty lines, so that
 * nothing in it is read as Markdown.
 */
function createSummary(result) {
    const { inputs, observed, states } = result;
    const name = observed?.share?.name
        ? `"${observed.share.name}"`
        : inputs.shareId;
    const done = inputs.dryRun ? '📋' : '✅';
    const mark = result.isCancelled
        ? '🚫'
        : isSuccess(result)
            ? done
            : '❌';
    const failedFirst = [...states].sort((a, b) => Number(b.action === 'fail') - Number(a.action === 'fail'));
    const more = states.length - MAX_ROWS;
    const parts = [
        `<h3>${mark} Cloudflare share ${code(name)}: ${headline(result)}</h3>`,
        fixes(result),
        table(failedFirst.slice(0, MAX_ROWS), result),
        more > 0 && `<p>And ${more} more, see the output recipients.</p>`,
        footer(result),
    ];
    return `${parts.filter(Boolean).join('\n')}\n\n`;
}
/** Creates the job summary of a run with invalid inputs. */
function createInputSummary(errors, advice) {
    const items = errors.map(({ input, message }) => `${code(input)}: ${code(message)}`);
    return `<h3>❌ ${TITLES.inputs}</h3>\n${list(items)}\n<p>${advice || FIXES.inputs}</p>\n\n`;
}
/** How to fix what failed: each cause once, with its reasons. */
function fixes({ states, context }) {
    const all = groupFailures(states);
    const causes = [...new Set(all.map(({ failure }) => failure.cause))];
    const items = causes.map((cause) => {
        const groups = all.filter(({ failure }) => failure.cause === cause);
        const url = helpUrl(cause, context.docsUrl);
        const reasons = groups.slice(0, MAX_REASONS).map((group) => {
            const ids = group.states.map(({ target }) => target.id);
            return `<br>${code(formatFailure(group.failure))} for ${code(listOf(ids, 3))}`;
        });
        const more = groups.length - reasons.length;
        const rest = more > 0
            ? `<br>and ${plural(more, 'more reason')}, see the log`
            : '';
        const link = url ? ` <a href="${url}">Troubleshooting</a>` : '';
        return `<strong>${TITLES[cause]}.</strong> ${FIXES[cause]}${link}${reasons.join('')}${rest}`;
    });
    return items.length > 0 ? list(items) : '';
}
function table(states, result) {
    const { inputs } = result;
    const type = states[0]?.target.type === 'organization' ? 'Organization' : 'Account';
    const heads = inputs.dryRun
        ? ['Action', type, 'Current status']
        : [type, 'Result', 'Status', 'Recipient ID', 'Duration'];
    const rows = states.map((state) => {
        const { target, inUse, changed, startedMs, endedMs } = state;
        const isLinked = target.type === 'account' &&
            inputs.apiUrl.startsWith('https://api.cloudflare.com/');
        const id = code(target.id);
        const who = isLinked
            ? `<a href="https://dash.cloudflare.com/${target.id}">${id}</a>`
            : id;
        const status = statusOf(state, result);
        const duration = changed && endedMs !== null
            ? formatSeconds(endedMs - startedMs)
            : '';
        return inputs.dryRun
            ? [code(describePlan(state, inputs)), who, status]
            : [
                who,
                outcome(state, result),
                status,
                inUse ? code(inUse) : '',
                duration,
            ];
    });
    const row = (tag, cells) => `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
    const body = rows.map((cells) => row('td', cells)).join('\n');
    return `<table><thead>${row('th', heads)}</thead><tbody>\n${body}\n</tbody></table>`;
}
function outcome({ action, failure, changed }, { inputs }) {
    if (action === 'fail')
        return failure?.cause === 'cancelled'
            ? '🚫&nbsp;Cancelled'
            : '❌&nbsp;Failed';
    if (!changed)
        return '✅&nbsp;No&nbsp;change';
    const done = inputs.state === 'present' ? '✅&nbsp;Added' : '✅&nbsp;Removed';
    return inputs.wait ? done : '⏳&nbsp;Not&nbsp;awaited';
}
function footer(result) {
    const { event, actor } = result.context;
    const parts = [
        `cloudflare-share-recipient ${context/* VERSION */.x}`,
        event && `triggered by ${code(event)}${actor ? ` (${code(actor)})` : ''}`,
        ...describeCost(result),
    ];
    return `<p><sub>${parts.filter(Boolean).join(' · ')}</sub></p>`;
}

;// CONCATENATED MODULE: ../.build/report/report.js








const HEARTBEAT_MS = 30_000;
/**
 * Up to this many targets, every step of each is a line; above it, only the end
 * of each.
 */
const FEW = 10;
const NO_OUTPUTS = {
    'recipient-id': '',
    status: 'unknown',
    changed: 'false',
    recipients: [],
};
const EMPTY_ADVICE = 'An empty input often comes from a secret or variable that does not reach the job: check its name, the ' +
    "job's environment, and whether a fork or Dependabot started the workflow.";
const TLS_WARNING = 'NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored: the action always verifies certificates.';
const KEY_WARNING = 'A Global API key can do everything that its user can do. Use an api-token instead.';
const RECORD_FIX = 'Check that the job has the permission "deployments: write".';
/**
 * Opens the report of a run. Masks all secrets before anything else is printed.
 */
function openReport(runner, sanitizer, context, clock) {
    const sink = (0,report_runner/* openSink */.Aq)(runner, sanitizer);
    let lastLineMs = clock.now();
    let share = null;
    let total = 0;
    let over = 0;
    function log(text) {
        sink.info(text);
        lastLineMs = clock.now();
    }
    function warn(title, message) {
        sink.annotate('warning', title, message);
    }
    function fail(cause, ...messages) {
        const url = helpUrl(cause, context.docsUrl) ?? [];
        sink.annotate('error', TITLES[cause], ...messages.concat(url));
    }
    function setOutputs(outputs) {
        for (const [name, value] of Object.entries(outputs))
            sink.output(name, value);
    }
    async function writeSummary(html) {
        await sink
            .summary(html)
            .catch((error) => warn('Job summary could not be written', `${error.message}.`));
    }
    return {
        async invalidInputs({ summary }, errors) {
            const advice = errors.some(({ isEmpty }) => isEmpty) ? EMPTY_ADVICE : '';
            const lines = errors.map(({ input, message }) => `${input}: ${message}`);
            fail('inputs', ...lines.concat(advice || []));
            if (summary)
                await writeSummary(createInputSummary(errors, advice));
            setOutputs(NO_OUTPUTS);
        },
        start({ targets, shareId, state, timeout, dryRun, fallbacks, ...inputs }) {
            total = targets.length;
            const who = plural(total, targets[0]?.type ?? 'account');
            const what = state === 'present'
                ? `Sharing ${shareId} with ${who}`
                : `Removing ${who} from ${shareId}`;
            log([what, `timeout ${timeout}`, dryRun && 'dry run', ...fallbacks]
                .filter(Boolean)
                .join('; '));
            if (inputs.ignoresTlsVariable)
                warn('TLS verification stays on', TLS_WARNING);
            if ('x-auth-key' in inputs.credentials)
                warn('Legacy API key', KEY_WARNING);
        },
        plan(states, observedShare, inputs) {
            share = observedShare;
            over = states.filter((state) => !isPending(state)).length;
            if (share?.name)
                log(`Share name: "${share.name}"`);
            const print = total <= FEW || inputs.dryRun ? log : sink.debug;
            for (const state of states)
                print(`${state.target.id} ${describePlan(state, inputs)}`);
        },
        onDelay(reason, waitMs) {
            const wait = `Waiting ${Math.ceil(waitMs / 1000)} s, as requested by Cloudflare.`;
            if (reason === 'rate-limit')
                log(`Rate limit reached. ${wait}`);
            else
                log(`${reason.message}; retrying in ${formatSeconds(waitMs)}`);
        },
        onChange(from, to) {
            over += Number(isPending(from)) - Number(isPending(to));
            const text = describeChange(from, to, clock.now());
            const progress = total > 1 && !isPending(to) ? ` (${over} of ${total})` : '';
            const print = total <= FEW || !isPending(to) ? log : sink.debug;
            // The annotation shows the failure of a single target.
            if (text && (total > 1 || to.action !== 'fail'))
                print(`${to.target.id}: ${text}${progress}`);
            const isRetried = to.recipient &&
                to.recipient.errors.length > (from.recipient?.errors.length ?? 0);
            if (!isRetried || to.action !== 'wait')
                return;
            const errors = describeErrors(to.recipient, share?.resourceTypes);
            warn('Cloudflare is retrying a resource', `${errors}. The run keeps waiting. Account ${to.target.id}.`);
        },
        onPoll(states) {
            const pending = states.filter(isPending).length;
            if (clock.now() - lastLineMs < HEARTBEAT_MS || pending === 0)
                return;
            const failed = states.filter(({ action }) => action === 'fail').length;
            log(`Waiting for ${pending} of ${plural(total, 'target')}, ${failed} failed`);
        },
        onRecordError: (message) => warn('Deployment record could not be written', `${message}. ${RECORD_FIX}`),
        /** Annotations, summary, the last line and the outputs. */
        async finish(result) {
            const groups = groupFailures(result.states);
            for (const { failure, states } of groups)
                fail(failure.cause, explain(failure, states, result));
            if (result.isCancelled && groups.length === 0)
                fail('cancelled', `Everything was done. ${FIXES.cancelled}`);
            for (const [used, ...others] of findDuplicates(result.inputs, result.observed)) {
                const ids = others.map(({ id }) => id).join(', ');
                const message = `Remove ${ids}: ${used?.id} is older and in use. Account ${used?.accountId}.`;
                warn('Account has more than one recipient', message);
            }
            if (result.inputs.summary)
                await writeSummary(createSummary(result));
            log(`Result: ${headline(result)}; ${describeCost(result).join(', ')}`);
            setOutputs(createOutputs(result, clock.now()));
        },
        /** An exception that nothing expects, or outputs that cannot be written. */
        crash(error) {
            const { message, stack = '' } = error instanceof Error ? error : new Error(`${error}`);
            const cause = error instanceof report_runner/* OutputError */.u7 ? 'outputs' : 'internal';
            fail(cause, `${message}. ${FIXES[cause]}`);
            for (const line of stack.split('\n'))
                sink.debug(line);
            if (cause === 'internal')
                setOutputs(NO_OUTPUTS);
        },
    };
}
/** Reason and fix first; then the share, the recipients and the request. */
function explain(failure, states, { observed, inputs }) {
    const { cause, reason, detail } = failure;
    const ids = states.map(({ target }) => target.id);
    const recipient = states.length === 1 && states[0]?.inUse
        ? `, recipient ${states[0].inUse}`
        : '';
    const share = observed?.share?.name
        ? `"${observed.share.name}" (${inputs.shareId})`
        : inputs.shareId;
    const where = `Share ${share}, ${states[0]?.target.type} ${listOf(ids, 20)}${recipient}.`;
    return [`${reason}.`, FIXES[cause], where, detail && `${detail}.`]
        .filter(Boolean)
        .join(' ');
}
/**
 * What a change means for a reader of the log; empty where it means nothing.
 */
function describeChange(from, to, nowMs) {
    const after = `after ${formatSeconds(nowMs - to.startedMs)}`;
    const [status, before] = [to, from].map(({ recipient }) => recipient?.status ?? 'not a recipient');
    const write = to.writes.at(-1);
    if (to.unsent && to.unsent !== from.unsent)
        return `not processed: ${to.unsent.message}`;
    if (write && to.writes.length > from.writes.length) {
        if (isUnknown(write))
            return `${write.error?.message}; checking the recipients before another attempt`;
        if (write.error)
            return '';
        return write.recipientId
            ? `removing recipient ${write.recipientId}`
            : `added as recipient ${to.inUse}`;
    }
    if (to.action === 'fail')
        return to.failure && !from.failure
            ? `failed: ${formatFailure(to.failure)}`
            : '';
    return status !== before || (to.action === 'done' && isPending(from))
        ? `${status} ${after}`
        : '';
}

;// CONCATENATED MODULE: ../.build/main.js











/**
 * One run: validate, observe, plan, reconcile, report.
 * @returns true when every target reached the desired state, false when the
 *   step has to fail
 */
async function main(world) {
    const sanitizer = createSanitizer(world.env);
    const report = openReport(world.runner, sanitizer, world.context, world.clock);
    try {
        const { inputs, errors } = (0,_build_inputs/* readInputs */.Ko)(world.env);
        if (errors.length === 0)
            return await run(inputs, report, sanitizer, world);
        await report.invalidInputs(inputs, errors);
    }
    catch (error) {
        report.crash(error);
    }
    return false;
}
async function run(inputs, report, { clean }, world) {
    const { context, clock } = world;
    const startMs = clock.now();
    const deadline = (0,_build_clock/* startDeadline */.db)(clock, inputs.timeoutMs, world.cancel);
    const options = {
        ...world,
        ...inputs,
        inputs,
        clean,
        deadline,
        userAgent: context.userAgent,
    };
    const client = createClient({ ...options, ...report });
    const shares = openShares(client, inputs, clean);
    let states;
    let observed = null;
    let finishRecord = null;
    report.start(inputs);
    try {
        // The share adds its name and the kinds of its resources. It is read once,
        // and can be missing.
        const [list, result] = await Promise.all([
            shares.list(),
            shares.share({ maxAttempts: 1 }).catch(asApiError),
        ]);
        const share = result instanceof ApiError ? null : result;
        const reconciler = createReconciler(list, share, {
            ...options,
            ...report,
            shares,
        });
        report.plan(reconciler.states, share, inputs);
        if (!inputs.dryRun && reconciler.isPending()) {
            finishRecord = recordDeployment({ ...options, ...report });
            await reconciler.run();
        }
        states = reconciler.states;
        observed = reconciler.observed();
    }
    catch (error) {
        if (!(error instanceof ApiError))
            throw error;
        const cancelled = {
            cause: 'cancelled',
            reason: `cancelled; ${error.reason}`,
        };
        const failure = {
            ...failureOf(error),
            ...(deadline.isCancelled() ? cancelled : {}),
        };
        states = inputs.targets.map((target) => failedState(target, failure, clock.now()));
    }
    deadline.clear();
    const isCancelled = deadline.isCancelled();
    const cost = { ...client.sent, tookMs: clock.now() - startMs };
    const result = { inputs, context, states, observed, isCancelled, cost };
    const failed = isCancelled ? 'error' : 'failure';
    let outcome = failed;
    try {
        await report.finish(result);
        outcome = isSuccess(result) ? 'success' : failed;
    }
    finally {
        await finishRecord?.(outcome, headline(result));
    }
    return outcome === 'success';
}


/***/ }),

/***/ 179:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  u7: () => (/* binding */ OutputError),
  OA: () => (/* binding */ githubRunner),
  Aq: () => (/* binding */ openSink)
});

;// CONCATENATED MODULE: external "node:fs/promises"
const promises_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:fs/promises");
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
    issue('group', name);
}
/**
 * End an output group.
 */
function endGroup() {
    issue('endgroup');
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
;// CONCATENATED MODULE: ../.build/report/runner.js


/**
 * The runner of GitHub Actions. `summaryPath` is the value of
 * GITHUB_STEP_SUMMARY.
 */
function githubRunner(summaryPath) {
    return {
        mask: core_setSecret,
        info: info,
        debug: core_debug,
        annotate: (level, title, message) => ({ warning: warning, error: error })[level](message, { title }),
        output: setOutput,
        async summary(html) {
            // Opening a FIFO that nobody reads would never end.
            if ((await (0,promises_namespaceObject.stat)(summaryPath)).isFIFO())
                throw new Error('GITHUB_STEP_SUMMARY is a FIFO');
            await summary.addRaw(html).write();
        },
    };
}
/** The outputs could not be written, so a later step would have none. */
class OutputError extends Error {
}
/**
 * GitHub shows ten annotations of a level for a step, of 4,096 characters each.
 */
const MAX_ANNOTATIONS = 10;
const MAX_ANNOTATION = 4_000;
/**
 * Masks all secrets, then opens the sink: what passes is on one line, is no
 * workflow command and shows no secret.
 */
function openSink(runner, { secrets, redact, line }) {
    for (const secret of secrets)
        runner.mask(secret);
    const lines = (text) => text.split('\n').map(line).join('\n');
    const annotations = { warning: 0, error: 0 };
    // Only values are redacted: a secret that is also a word of the keys must not
    // break the JSON.
    const redactValue = (_, value) => typeof value === 'string' ? line(value) : value;
    return {
        info: (text) => runner.info(line(text)),
        debug: (text) => runner.debug(line(text)),
        annotate(level, title, ...messages) {
            const text = messages
                .map(line)
                .join('\n')
                .slice(0, MAX_ANNOTATION)
                .toWellFormed();
            if (++annotations[level] > MAX_ANNOTATIONS)
                runner.info(line(`${title}: ${messages.join(' ')}`));
            else
                runner.annotate(level, line(title), text);
        },
        /** Sets an output; a list of objects as JSON. Throws OutputError. */
        output(name, value) {
            const text = typeof value === 'string'
                ? lines(value)
                : JSON.stringify(value, redactValue);
            try {
                runner.output(name, text);
            }
            catch (error) {
                throw new OutputError(`output ${name}: ${error.message}`);
            }
        },
        summary: (html) => runner.summary(redact(html)),
    };
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
/******/ var __webpack_exports__ = __nccwpck_require__(876);
/******/ __webpack_exports__ = await __webpack_exports__;
/******/ 
