import { createRequire as __WEBPACK_EXTERNAL_createRequire } from "module";
/******/ var __webpack_modules__ = ({

/***/ 613:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("assert");

/***/ }),

/***/ 896:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("fs");

/***/ }),

/***/ 611:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("http");

/***/ }),

/***/ 692:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("https");

/***/ }),

/***/ 278:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("net");

/***/ }),

/***/ 708:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:https");

/***/ }),

/***/ 877:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:v8");

/***/ }),

/***/ 857:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("os");

/***/ }),

/***/ 756:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("tls");

/***/ }),

/***/ 18:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("tty");

/***/ }),

/***/ 16:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("url");

/***/ }),

/***/ 23:
/***/ ((module) => {

module.exports = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("util");

/***/ }),

/***/ 74:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   d: () => (/* binding */ realClock),
/* harmony export */   y: () => (/* binding */ wholeMs)
/* harmony export */ });
/** For a timer that must not be early: Node cuts fractions off, and counts from when its loop last looked at the time. */
function wholeMs(ms) {
    return Math.ceil(ms) + 1;
}
const startMs = Date.now();
const startNs = process.hrtime.bigint();
/** Real time: the epoch taken once and the monotonic clock added, so that a corrected wall clock cannot stretch a wait. */
const realClock = {
    now: () => startMs + Number(process.hrtime.bigint() - startNs) / 1e6,
    sleep: (ms, signal) => new Promise((resolve) => {
        if (signal?.aborted)
            return resolve();
        const done = () => {
            clearTimeout(timer);
            signal?.removeEventListener('abort', done);
            resolve();
        };
        const timer = setTimeout(done, wholeMs(ms));
        signal?.addEventListener('abort', done, { once: true });
    }),
};


/***/ }),

/***/ 448:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  w: () => (/* binding */ TransportError),
  g: () => (/* binding */ openTransport)
});

;// CONCATENATED MODULE: external "node:http"
const external_node_http_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:http");
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
// EXTERNAL MODULE: ../.build/clock.js
var clock = __nccwpck_require__(74);
;// CONCATENATED MODULE: ../.build/cloudflare/transport.js



const REASONS = {
    deadline: 'no answer in time',
    cancelled: 'cancelled before it was answered',
    'too-large': 'the answer is too large',
    network: 'the connection failed',
    proxy: 'the proxy did not let the request through',
};
/** No answer, or none that may be used: `reason` says which limit was hit, `cause` what the network said. */
class TransportError extends Error {
    reason;
    /** HTTP status with which a proxy refused to connect; else 0. */
    status;
    constructor(reason, cause, status = 0) {
        super(REASONS[reason], { cause });
        this.reason = reason;
        this.status = status;
    }
}
/** A page of 100 recipients is far below this; what is above it is no answer of the API. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_SOCKETS = 4;
/**
 * Opens the one HTTP client of a run: one keep-alive agent for each proxy or direct route (no keep-alive any more once
 * a connection that was kept turned out to be dead), no redirects, a limit on time and size of every answer. Proxies
 * are chosen as the runner chooses them, from HTTPS_PROXY, HTTP_PROXY and NO_PROXY; loopback is always direct.
 * @returns the transport, and `close` to drop idle connections
 */
function openTransport() {
    const routes = new Map();
    let keepAlive = true;
    function routeTo(url) {
        const proxy = getProxyUrl(url)?.href;
        const key = `${url.protocol} ${proxy ?? ''} ${keepAlive}`;
        const route = routes.get(key) ?? openRoute(url, proxy, { keepAlive, maxSockets: MAX_SOCKETS });
        routes.set(key, route);
        return { key, route };
    }
    const transport = async ({ method, url, headers, body, deadlineMs, signal }) => {
        let request;
        let giveUp = (_) => { };
        let ended;
        let proxyStatus = 0;
        const end = (reason) => {
            ended ??= reason;
            // While an agent still looks for a socket, or when an upgrade was answered, it does not say that it is destroyed.
            request?.destroy();
            giveUp(new Error(reason));
        };
        const cancel = () => end('cancelled');
        const timer = setTimeout(end, (0,clock/* wholeMs */.y)(deadlineMs), 'deadline');
        signal.addEventListener('abort', cancel, { once: true });
        if (signal.aborted)
            cancel();
        const { key, route } = routeTo(new URL(url));
        try {
            const { agent, send } = await route;
            if (ended)
                throw new Error(ended);
            const answer = await new Promise((resolve, reject) => {
                giveUp = reject;
                request = send(url, { method, headers, agent }, resolve).on('error', reject);
                request.on('close', () => reject(new Error('the connection was closed before an answer')));
                request.on('proxyConnect', ({ statusCode }) => {
                    proxyStatus = statusCode;
                });
                request.end(body);
            });
            // Without a tunnel there was no TLS: what was said is the proxy's, also where it looks like an answer.
            if (proxyStatus !== 0 && proxyStatus !== 200)
                end('proxy');
            const text = await read(answer, () => end('too-large'));
            if (ended)
                throw new Error(ended);
            return { status: answer.statusCode ?? 0, headers: flat(answer), body: text };
        }
        catch (error) {
            // An agent never learns that it got no socket from a proxy, and after four of them waits for ever.
            if (!request?.socket && routes.get(key) === route)
                routes.delete(key);
            // Some servers close connections without a word; then a request that soon follows another is lost every time.
            if (request?.reusedSocket && !ended)
                keepAlive = false;
            request?.destroy();
            throw new TransportError(ended ?? 'network', ended ? undefined : error, proxyStatus);
        }
        finally {
            clearTimeout(timer);
            signal.removeEventListener('abort', cancel);
        }
    };
    const close = () => {
        for (const route of routes.values())
            route.then(({ agent }) => agent.destroy()).catch(() => { });
    };
    return { transport, close };
}
/** TLS and the proxy agent are loaded only where they are needed. */
async function openRoute(url, proxy, options) {
    const { default: https } = url.protocol === 'https:' ? await Promise.resolve(/* import() */).then(__nccwpck_require__.t.bind(__nccwpck_require__, 708, 19)) : { default: null };
    const send = https?.request ?? external_node_http_namespaceObject.request;
    if (proxy) {
        // Its debug output would show the password of the proxy.
        delete process.env['DEBUG'];
        const { HttpsProxyAgent } = await __nccwpck_require__.e(/* import() */ 181).then(__nccwpck_require__.bind(__nccwpck_require__, 181));
        return { agent: new HttpsProxyAgent(proxy, options), send };
    }
    return { agent: https ? new https.Agent(options) : new external_node_http_namespaceObject.Agent(options), send };
}
/** Takes an answer in by its events: to iterate over it would load several more modules at every start. */
function read(answer, tooLarge) {
    const chunks = [];
    let bytes = 0;
    if (Number(answer.headers['content-length']) > MAX_ANSWER_BYTES)
        tooLarge();
    return new Promise((resolve, reject) => {
        answer.on('data', (chunk) => {
            bytes += chunk.length;
            if (bytes <= MAX_ANSWER_BYTES)
                chunks.push(chunk);
            else
                tooLarge();
        });
        answer.on('end', () => resolve(Buffer.concat(chunks).toString()));
        answer.on('error', reject).on('close', () => reject(new Error('the answer was cut short')));
    });
}
function flat(answer) {
    const pairs = Object.entries(answer.headers);
    return Object.fromEntries(pairs.map(([name, value]) => [name, [value].flat().join(', ')]));
}


/***/ }),

/***/ 876:
/***/ ((__webpack_module__, __unused_webpack___webpack_exports__, __nccwpck_require__) => {

__nccwpck_require__.a(__webpack_module__, async (__webpack_handle_async_dependencies__, __webpack_async_result__) => { try {
/* harmony import */ var node_v8__WEBPACK_IMPORTED_MODULE_0__ = __nccwpck_require__(877);
/* harmony import */ var _clock_js__WEBPACK_IMPORTED_MODULE_1__ = __nccwpck_require__(74);
/* harmony import */ var _cloudflare_transport_js__WEBPACK_IMPORTED_MODULE_2__ = __nccwpck_require__(448);
/* harmony import */ var _main_js__WEBPACK_IMPORTED_MODULE_3__ = __nccwpck_require__(495);
/* harmony import */ var _report_runner_js__WEBPACK_IMPORTED_MODULE_4__ = __nccwpck_require__(561);





/** Nothing that is left over may hold the step once the story is told. */
const LEFTOVER_MS = 300;
// A run waits, it does not compute: optimised code and a nursery that grows would double the memory of a large fleet.
for (const flag of ['--no-opt', '--no-maglev', '--semi-space-growth-factor=1'])
    (0,node_v8__WEBPACK_IMPORTED_MODULE_0__.setFlagsFromString)(flag);
/**
 * Ends the process now. An exit waits for threads, and a name server that does not answer keeps one for up to a
 * minute; then another process takes the place of this one and only exits. (Windows has no such thing, and waits.)
 */
function end(code) {
    const isResolving = process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap');
    if (isResolving)
        process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${code})`], {});
    process.exit(code);
}
const cancel = new AbortController();
// On Windows the runner sends Ctrl+C, which is SIGINT to Node, and then Ctrl+Break.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGBREAK']) {
    process.on(signal, () => {
        if (cancel.signal.aborted)
            end(1);
        cancel.abort();
    });
}
// The story goes on, and so do the outputs, when nobody reads the log any more.
process.stdout.on('error', () => { });
const { transport, close } = (0,_cloudflare_transport_js__WEBPACK_IMPORTED_MODULE_2__/* .openTransport */ .g)();
const success = await (0,_main_js__WEBPACK_IMPORTED_MODULE_3__/* .main */ .i)({
    env: process.env,
    transport,
    clock: _clock_js__WEBPACK_IMPORTED_MODULE_1__/* .realClock */ .d,
    random: Math.random,
    runner: _report_runner_js__WEBPACK_IMPORTED_MODULE_4__/* .githubRunner */ .OA,
    cancel: cancel.signal,
});
const code = success ? 0 : 1;
process.exitCode = code;
close();
setTimeout(() => end(code), LEFTOVER_MS).unref();

__webpack_async_result__();
} catch(e) { __webpack_async_result__(e); } }, 1);

/***/ }),

/***/ 495:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  i: () => (/* binding */ main)
});

;// CONCATENATED MODULE: ../.build/cloudflare/errors.js
/** A request to Cloudflare that failed. The message names the request, and what Cloudflare said of it. */
class RequestError extends Error {
    /** The request, as messages name it. */
    request;
    /** What was said of it, by Cloudflare or the network. */
    said;
    why;
    status;
    retryable;
    ambiguous;
    retryAfterMs;
    stale;
    constructor(request, said, fields) {
        const short = excerpt(said, MAX_SAID);
        super(`${request}: ${short}`);
        this.name = 'RequestError';
        this.request = request;
        this.said = short;
        this.why = fields.cause;
        this.status = fields.status ?? 0;
        this.retryable = fields.retryable ?? false;
        this.ambiguous = fields.ambiguous ?? false;
        this.retryAfterMs = fields.retryAfterMs ?? null;
        this.stale = fields.stale ?? false;
    }
    /** Was the answer no usable one of the API? Asking again at once would bring the same. */
    get isMisshapen() {
        return this.why === 'unreadable' || this.why === 'too-large';
    }
}
/** Does the request change nothing? It is told by how messages name it: `GET …/recipients`. */
function isRead(request) {
    return request.startsWith('GET ');
}
/** What is longer is no message; and a thousand targets may have to tell it. */
const MAX_SAID = 4_000;
/**
 * Cuts what a server said, before anybody works on it. It is cut between two words: secrets have no blanks, so that
 * half of one never remains where it could not be recognised any more.
 * @param max longest result, in UTF-16 code units, the ellipsis not counted
 */
function excerpt(text, max) {
    if (text.length <= max)
        return text;
    let end = max;
    while (end > 0 && /\S/.test(text.charAt(end)))
        end--;
    // A copy, because a slice would keep the whole text in memory.
    return `${Buffer.from(text.slice(0, end).trimEnd()).toString()}…`;
}
const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/;
/**
 * Says why a request that got no answer failed.
 * @param error whatever the HTTP client threw
 * @returns the cause and one sentence made of the messages along the `cause` chain
 */
function describeNetworkError(error) {
    const messages = [];
    let code = '';
    for (let e = error, depth = 0; e instanceof Error && depth < 5; depth++) {
        const own = e;
        if (typeof own.code === 'string')
            code ||= own.code;
        const inner = Array.isArray(own.errors) ? own.errors.find((one) => one instanceof Error) : undefined;
        const message = e.message || code;
        if (message && !messages.some((known) => known.includes(message)))
            messages.push(message);
        e = e.cause ?? inner;
    }
    const said = messages.join(': ') || String(error);
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
        return { cause: 'dns', said };
    if (CERTIFICATE_CODE.test(code))
        return { cause: 'tls', said };
    return { cause: 'network', said };
}
/**
 * Reads `Retry-After`: whole seconds or an HTTP date (RFC 9110, section 10.2.3), which is compared with the `Date` of
 * the same answer where it has one, because the clock of a runner may be wrong.
 * @param headers of the answer, their names in lower case
 * @param nowMs the time now, milliseconds since the epoch
 * @returns milliseconds to wait, or null when there is nothing usable
 */
function parseRetryAfter(headers, nowMs) {
    const text = headers['retry-after']?.trim() ?? '';
    if (/^\d{1,9}$/.test(text))
        return Number(text) * 1000;
    const atMs = parseDate(text);
    return atMs === null ? null : Math.max(0, atMs - (parseDate(headers['date']) ?? nowMs));
}
function parseDate(text = '') {
    const atMs = /[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN;
    return Number.isNaN(atMs) ? null : atMs;
}

;// CONCATENATED MODULE: ../.build/cloudflare/pace.js

/** Published for user and account tokens: 1,200 requests in 5 minutes. */
const PUBLISHED_QUOTA = 1200;
const PUBLISHED_WINDOW_S = 300;
/** Below this share of the quota the requests are spread over what is left of the window. */
const LITTLE = 0.05;
/**
 * Reads `Ratelimit: "default";r=50;t=30` and `Ratelimit-Policy: "default";q=1200;w=300`.
 * @returns the tightest of the limits that are named, or null when none is
 */
function parseAllowance(headers) {
    const policies = new Map();
    for (const member of (headers['ratelimit-policy'] ?? '').split(',')) {
        const quota = parameter(member, 'q') ?? PUBLISHED_QUOTA;
        policies.set(policyName(member), { quota, windowS: parameter(member, 'w') ?? PUBLISHED_WINDOW_S });
    }
    const allowances = (headers['ratelimit'] ?? '').split(',').flatMap((member) => {
        const remaining = parameter(member, 'r');
        const reset = parameter(member, 't');
        if (remaining === null || reset === null)
            return [];
        const { quota = PUBLISHED_QUOTA, windowS = PUBLISHED_WINDOW_S } = policies.get(policyName(member)) ?? {};
        return [{ remaining, resetMs: Math.min(reset, windowS) * 1000, quota }];
    });
    return allowances.sort((a, b) => gapMs(b) - gapMs(a) || a.remaining - b.remaining)[0] ?? null;
}
function parameter(member, name) {
    const digits = new RegExp(`;\\s*${name}=(\\d{1,9})(?![\\d.])`).exec(member)?.[1];
    return digits === undefined ? null : Number(digits);
}
function policyName(member) {
    return member.split(';')[0]?.trim() ?? '';
}
/**
 * How long to keep between two requests: nothing while plenty is left, else the rest spread evenly.
 * @param leftMs milliseconds until nobody needs a request any more
 * @returns milliseconds
 */
function gapMs({ remaining, resetMs, quota }, leftMs = Number.POSITIVE_INFINITY) {
    if (remaining > quota * LITTLE)
        return 0;
    return Math.min(resetMs, leftMs) / (remaining + 1);
}
/**
 * Opens the pace of a run; all its requests must take their turn here.
 * @param slowing told once, when the requests begin to be spread
 */
function openPace(clock, slowing) {
    let allowance = null;
    let told = false;
    let lastMs = Number.NEGATIVE_INFINITY;
    let blockedUntilMs = Number.NEGATIVE_INFINITY;
    return {
        async turn(request, endMs, cancel) {
            for (;;) {
                const now = clock.now();
                const gap = allowance ? gapMs(allowance, endMs - now) : 0;
                const atMs = Math.max(blockedUntilMs, lastMs + gap);
                if (atMs <= now || cancel?.aborted) {
                    lastMs = now;
                    return;
                }
                if (atMs >= endMs) {
                    throw new RequestError(request, `not sent: Cloudflare's rate limit leaves no request for ${Math.ceil((atMs - now) / 1000)} s, longer than what is left of the timeout`, { cause: 'rate-limit' });
                }
                await clock.sleep(atMs - now, cancel);
            }
        },
        heed(answer) {
            const now = clock.now();
            allowance = parseAllowance(answer.headers) ?? allowance;
            if (allowance) {
                const gap = gapMs(allowance);
                if (gap > 0 && !told)
                    slowing(gap);
                told ||= gap > 0;
                if (allowance.remaining === 0)
                    blockedUntilMs = Math.max(blockedUntilMs, now + allowance.resetMs);
            }
            if (answer.status === 429) {
                const askedMs = parseRetryAfter(answer.headers, now) ?? 0;
                blockedUntilMs = Math.max(blockedUntilMs, now + askedMs);
            }
        },
        get blockedUntilMs() {
            return blockedUntilMs;
        },
    };
}

// EXTERNAL MODULE: ../.build/cloudflare/transport.js + 2 modules
var cloudflare_transport = __nccwpck_require__(448);
;// CONCATENATED MODULE: ../.build/cloudflare/http.js



/** One request may take this long, its answer included. */
const REQUEST_DEADLINE_MS = 10_000;
/** A write that is under way when the run is cancelled may still be answered for this long. */
const CANCEL_GRACE_MS = 600;
/** With the waits between them about half a minute, if the failures themselves come quickly. */
const READ_TRIES = 8;
/** The pauses between them last longer than reads lag. */
const WHOLE_TRIES = 6;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 8_000;
/** So old may the look be that a POST goes by. */
const LOOK_LASTS_MS = 10_000;
/** HTTP statuses of 500 and above that another try cannot change (design of Cloudflare's edge errors: 525, 526). */
const FINAL_SERVER_ERRORS = new Set([501, 505, 525, 526]);
/** Opens the conversation. Nothing is sent before the first `read` or `write`. */
function openHttp(options) {
    const { transport, clock, random, endMs, cancel, listener } = options;
    const pace = openPace(clock, listener.slowing);
    const headers = {
        accept: 'application/json',
        'user-agent': options.userAgent,
        ...(options.credentials.kind === 'token'
            ? { authorization: `Bearer ${options.credentials.token}` }
            : { 'x-auth-email': options.credentials.email, 'x-auth-key': options.credentials.key }),
    };
    const grace = new AbortController();
    /** Ends the waiting of writes: when the run is cancelled, and when Cloudflare has refused one of them. */
    const noWrites = new AbortController();
    const onCancel = () => {
        noWrites.abort();
        void clock.sleep(CANCEL_GRACE_MS).then(() => grace.abort());
    };
    cancel.addEventListener('abort', onCancel, { once: true });
    let requests = 0;
    let refused = null;
    let episode = null;
    async function send(method, path, body, { untilMs, sinceMs = Number.POSITIVE_INFINITY }) {
        const request = `${method} ${path.replace(/^\/accounts\/[^/]+(\/shares\/[^/]+(?=\/))?/, '…').replace(/\?.*/, '')}`;
        // The last look of a cancelled run must not be ended by that same cancel.
        const reads = untilMs !== undefined && cancel.aborted ? new AbortController().signal : cancel;
        await pace.turn(request, untilMs ?? endMs, method === 'GET' ? reads : noWrites.signal);
        if (method === 'POST' && pace.blockedUntilMs > sinceMs && clock.now() - sinceMs > LOOK_LASTS_MS) {
            const said = 'not sent, the rate limit has held it back for too long';
            throw new RequestError(request, said, { cause: 'rate-limit', stale: true });
        }
        if (refused && method !== 'GET') {
            throw notSent(request, 'stopped', `not sent, because Cloudflare refused another write: ${refused.message}`);
        }
        if (reads.aborted)
            throw notSent(request, 'cancelled', 'not sent, the run was cancelled');
        const leftMs = (untilMs ?? endMs) - clock.now();
        if (leftMs <= 0)
            throw notSent(request, 'timeout', 'not sent, the time of the step is up');
        requests++;
        const deadlineMs = Math.min(REQUEST_DEADLINE_MS, leftMs);
        try {
            const answer = await transport({
                method,
                url: options.apiUrl + path,
                headers: body ? { ...headers, 'content-type': 'application/json' } : headers,
                ...(body ? { body: JSON.stringify(body) } : {}),
                deadlineMs,
                signal: method === 'GET' ? reads : grace.signal,
            });
            pace.heed(answer);
            return openEnvelope(request, answer, clock.now());
        }
        catch (error) {
            if (error instanceof cloudflare_transport/* TransportError */.w)
                throw fromTransport(request, error, deadlineMs);
            if (error instanceof RequestError && error.why === 'credentials' && method !== 'GET') {
                refused ??= error;
                noWrites.abort();
            }
            throw error;
        }
    }
    /** Sends, and sends again while `mayRetry` says so, the server does not object, and there is time. */
    async function persist(attempt, signal, mayRetry, { untilMs = endMs, tries: most } = {}) {
        let last = null;
        for (let tries = 1;; tries++) {
            try {
                const result = await attempt();
                // Another request may have gone through meanwhile; that does not end what went wrong with this one.
                if (episode && tries > 1 && most === undefined) {
                    listener.recovered(episode.tries, clock.now() - episode.sinceMs);
                    episode = null;
                }
                return result;
            }
            catch (error) {
                if (!(error instanceof RequestError) || cancel.aborted)
                    throw error;
                // A try that the end of the step cut short, or did not let begin, says nothing of the cause; the one before
                // does. But a write that was cut short may have been carried out.
                const isCut = error.why === 'deadline' && clock.now() >= untilMs && isRead(error.request);
                if (last && (isCut || error.why === 'timeout'))
                    throw last;
                const leftMs = Math.max(untilMs - clock.now(), 0);
                const asked = error.retryAfterMs ?? 0;
                if (asked > 0 && asked >= leftMs)
                    throw waitsTooLong(error, asked, leftMs);
                if (!mayRetry(error, tries))
                    throw error;
                last = error;
                // What is asked for may be over already, by the clock of the runner.
                const waitMs = Math.min(Math.max(asked, backoffMs(tries, random())), leftMs);
                // Nobody misses a read that may be tried a few times only.
                if (most === undefined && waitMs < leftMs) {
                    if (!episode)
                        listener.retrying(error, waitMs);
                    episode = { sinceMs: episode?.sinceMs ?? clock.now(), tries: (episode?.tries ?? 1) + 1 };
                }
                await clock.sleep(waitMs, signal);
                if (cancel.aborted)
                    throw notSent(error.request, 'cancelled', `cancelled before it was tried again: ${error.said}`);
                if (clock.now() >= untilMs)
                    throw error;
            }
        }
    }
    return {
        read: (path, read = {}) => persist(() => send('GET', path, undefined, read), cancel, (error, tries) => {
            if (!error.retryable || error.isMisshapen)
                return false;
            // A token that is over its limit is blocked for five minutes, so only the timeout ends this.
            if (error.why === 'rate-limit' && read.tries === undefined)
                return true;
            return tries < (read.tries ?? READ_TRIES);
        }, read),
        whole: (reads, read = {}) => persist(reads, cancel, (error, tries) => error.why === 'incomplete' && tries < (read.tries ?? WHOLE_TRIES), read),
        write(method, path, body) {
            const sinceMs = clock.now();
            return persist(() => send(method, path, body, { sinceMs }), noWrites.signal, (error) => error.why === 'rate-limit' && error.retryable);
        },
        get requests() {
            return requests;
        },
    };
}
/**
 * How long to wait before the next try when the server does not say: doubling from half a second to eight.
 * @param tries tries so far, 1 or more
 * @param random a number from 0 to 1
 * @returns milliseconds
 */
function backoffMs(tries, random) {
    return Math.round(Math.min(FIRST_BACKOFF_MS * 2 ** (tries - 1), LONGEST_BACKOFF_MS) * (0.75 + 0.5 * random));
}
/**
 * Opens the envelope of an answer: `{success, errors, result, result_info}`, or at the edge a problem object
 * (RFC 9457) or a page of HTML.
 * @param request the request, for messages
 * @param nowMs the time now, for a `Retry-After` that is a date
 * @throws RequestError unless the answer is a 2xx that says `success: true`
 */
function openEnvelope(request, answer, nowMs) {
    const { status, headers } = answer;
    const ok = status >= 200 && status < 300;
    const isTooLarge = hasTooManyValues(answer.body);
    if (ok && isTooLarge)
        throw tooLarge(request);
    const body = isTooLarge ? null : parseObject(answer.body);
    if (ok && body?.['success'] === true) {
        const info = body['result_info'];
        return { request, result: body['result'], resultInfo: Object(info) };
    }
    const ray = headers['cf-ray'] ? `, cf-ray ${headers['cf-ray']}` : '';
    const said = `HTTP ${status}${saidByCloudflare(body)}${ray}`;
    if (status === 407) {
        return fail(request, `the proxy wants credentials, ${said}`, { cause: 'proxy', status });
    }
    if (status >= 300 && status < 400) {
        const to = headers['location'] ? ` to ${headers['location']}` : '';
        return fail(request, `answered with a redirect${to}, which is not followed, ${said}`, {
            cause: 'redirect',
            status,
        });
    }
    if (ok && body?.['success'] !== false) {
        const what = body ? 'an object that says nothing of success' : 'no JSON object';
        return fail(request, `answered with ${what}, ${said}`, {
            cause: 'unreadable',
            status,
            ambiguous: true,
            retryable: true,
        });
    }
    // A success by its status and a failure by its words may be either.
    if (ok)
        return fail(request, said, { cause: 'refused', status, ambiguous: true });
    const retryAfterMs = parseRetryAfter(headers, nowMs) ?? problemRetryAfterMs(body);
    const retryable = body?.['retryable'] !== false;
    if (status === 429)
        return fail(request, said, { cause: 'rate-limit', status, retryable, retryAfterMs });
    if (status === 408 || status >= 500) {
        const final = FINAL_SERVER_ERRORS.has(status);
        return fail(request, said, {
            cause: 'server',
            status,
            retryable: retryable && !final,
            ambiguous: !final,
            retryAfterMs,
        });
    }
    if (status === 401 || status === 403)
        return fail(request, said, { cause: 'credentials', status });
    // Of a write it is about the recipient: the list of the share was read before.
    if (status === 404 && isRead(request))
        return fail(request, said, { cause: 'not-found', status });
    return fail(request, said, { cause: 'refused', status });
}
function fail(...args) {
    throw new RequestError(...args);
}
/** More are no answer of the API. A parser may need fifty times as much memory for them as for their text. */
const MAX_VALUES = 200_000;
function hasTooManyValues(text) {
    let values = 0;
    for (const sign of ',[{') {
        for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1))
            if (++values > MAX_VALUES)
                return true;
    }
    return false;
}
function parseObject(text) {
    try {
        const value = JSON.parse(text);
        return typeof value === 'object' && value !== null && !Array.isArray(value)
            ? value
            : null;
    }
    catch {
        return null; // an answer that is not JSON is told apart by its status
    }
}
/** ` 10000 Authentication error` from the envelope, or ` bad gateway` from a problem object; empty where nothing was said. */
function saidByCloudflare(body) {
    if (!body)
        return '';
    const errors = Array.isArray(body['errors']) ? body['errors'].slice(0, 3) : [];
    const parts = errors.map((entry) => {
        const { code, message, source } = Object(entry);
        const pointer = Object(source).pointer;
        return [code, http_short(message), typeof pointer === 'string' ? `(${pointer})` : '']
            .filter(isShown)
            .join(' ');
    });
    if (parts.length === 0)
        parts.push([body['error_code'], http_short(body['title']), http_short(body['detail'])].filter(isShown).join(' '));
    const text = parts.filter(Boolean).join('; ');
    return text ? `, ${text}` : '';
}
/** So that what comes after it, the ray above all, is not cut away. */
function http_short(value) {
    return typeof value === 'string' ? excerpt(value, 1_000) : value;
}
function isShown(value) {
    return (typeof value === 'string' && value !== '') || typeof value === 'number';
}
function problemRetryAfterMs(body) {
    const seconds = body?.['retry_after'];
    return typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : null;
}
function fromTransport(request, error, deadlineMs) {
    const again = { retryable: true, ambiguous: true };
    switch (error.reason) {
        case 'cancelled':
            return new RequestError(request, 'cancelled before it was answered', {
                cause: 'cancelled',
                ambiguous: true,
            });
        case 'deadline':
            return new RequestError(request, `no answer within ${(deadlineMs / 1000).toFixed(1)} s`, {
                cause: 'deadline',
                ...again,
            });
        case 'too-large':
            return tooLarge(request);
        case 'proxy': {
            const { status } = error;
            const said = status === 407 ? 'wants credentials' : 'did not let the request through';
            return new RequestError(request, `the proxy ${said}, HTTP ${status}`, {
                cause: 'proxy',
                status,
                retryable: status >= 500,
            });
        }
        case 'network': {
            const { cause, said } = describeNetworkError(error.cause);
            // A certificate that is not trusted ended it before anything was sent, and will be no other the next time.
            return new RequestError(request, said, cause === 'tls' ? { cause } : { cause, ...again });
        }
    }
}
function tooLarge(request) {
    return new RequestError(request, 'the answer is too large to be one of the Shares API', {
        cause: 'too-large',
        ambiguous: true,
        retryable: true,
    });
}
function notSent(request, cause, said) {
    return new RequestError(request, said, { cause });
}
function waitsTooLong(error, askedMs, leftMs) {
    const left = Math.floor(leftMs / 1000);
    return new RequestError(error.request, `${error.said}; it asks to wait ${Math.ceil(askedMs / 1000)} s, and only ${left} s of the timeout are left`, { cause: error.why, status: error.status, ambiguous: error.ambiguous });
}

// EXTERNAL MODULE: ../.build/secrets.js
var secrets = __nccwpck_require__(165);
;// CONCATENATED MODULE: ../.build/inputs.js

/** Defaults of action.yml once more, for whoever starts the bundle without the runner; a test keeps them in step. */
const DEFAULTS = {
    state: 'present',
    wait: 'true',
    timeout: '10m',
    'dry-run': 'false',
    summary: 'true',
    environment: 'cloudflare-share',
    'api-url': 'https://api.cloudflare.com/client/v4',
};
/** More would not fit into the outputs of a job, and would take most of the rate limit of a token. */
const MAX_TARGETS = 1000;
const MAX_TIMEOUT_MS = 24 * 3_600_000;
const ID = /^[A-Za-z0-9_-]{1,32}$/;
const MAY_BE_EMPTY = 'If it comes from a secret or a variable: that is empty in a workflow started from a fork, ' +
    'and in a reusable workflow that is not called with `secrets: inherit`.';
/** Is `value` an id as Cloudflare writes them: 1 to 32 letters, digits, `_` or `-`? */
function isId(value) {
    return typeof value === 'string' && ID.test(value);
}
/** Cloudflare's ids of 32 hexadecimal digits are in lower case; in capitals one would be taken for another account. */
function asWritten(id) {
    return /^[0-9a-f]{32}$/i.test(id) ? id.toLowerCase() : id;
}
/** The value of an input as the runner hands it over, without blanks around it; empty where it is not given. */
function given(env, input) {
    return env[`INPUT_${input.toUpperCase()}`]?.trim() ?? '';
}
/**
 * Reads and checks every input at once.
 * @param env the environment of the process
 * @returns the inputs, or everything that is wrong with them; never both
 */
function readInputs(env) {
    const problems = [];
    const wrong = (input, message) => problems.push({ input, message });
    const value = (input) => given(env, input) || (DEFAULTS[input] ?? '');
    function id(input, variable) {
        const text = given(env, input) || (variable ? (env[variable]?.trim() ?? '') : '');
        if (!text) {
            const or = variable ? ` (or the environment variable ${variable})` : '';
            wrong(input, `is missing or blank: set it${or}. ${MAY_BE_EMPTY}`);
        }
        else if (!isId(text))
            wrong(input, notAnId(text));
        return asWritten(text);
    }
    function yes(input) {
        const text = value(input);
        if (!/^(true|True|TRUE|false|False|FALSE)$/.test(text)) {
            wrong(input, `is neither true nor false: ${quote(text)}. Write \`${input}: true\` or \`${input}: false\`.`);
        }
        return text.toLowerCase() === 'true';
    }
    const accountId = id('account-id', 'CLOUDFLARE_ACCOUNT_ID');
    const shareId = id('share-id');
    const { targets, repeated } = readTargets(env, accountId, wrong);
    const credentials = readCredentials(env, wrong);
    const state = value('state');
    if (state !== 'present' && state !== 'absent') {
        wrong('state', `is neither present nor absent: ${quote(state)}. Use present to add recipients, absent to remove them.`);
    }
    const wait = yes('wait');
    const dryRun = yes('dry-run');
    const summary = yes('summary');
    const timeoutMs = readTimeout(value('timeout'), wrong);
    const apiUrl = readApiUrl(value('api-url'), wrong);
    checkProxy(env, apiUrl, wrong);
    const environment = value('environment');
    if (environment.length > 255 || /\p{Cc}/u.test(environment)) {
        wrong('environment', 'is not the name of a GitHub environment: use at most 255 characters on one line.');
    }
    if ((0,secrets/* secretForms */.eo)(env).some((form) => form.length >= secrets/* SHORTEST_SECRET */.c3 && environment.includes(form))) {
        wrong('environment', 'has a secret in it, and would be shown to everybody who can read the repository.');
    }
    const githubToken = given(env, 'github-token') || null;
    if (githubToken && !isHeaderValue(githubToken))
        wrong('github-token', NOT_A_SECRET);
    if (problems.length > 0 || !credentials)
        return { problems };
    return {
        inputs: {
            accountId,
            shareId,
            targets,
            repeated,
            credentials,
            state: state,
            wait,
            timeoutMs,
            dryRun,
            summary,
            githubToken,
            environment,
            apiUrl,
        },
    };
}
const NOT_A_SECRET = 'has a blank, a line break, quotes around it, or a character that no HTTP header may hold: store the secret again, without quotes or a prefix.';
function isHeaderValue(text) {
    return /^[\x21-\x7e]+$/.test(text) && !/^(["']).*\1$/.test(text);
}
function quote(text) {
    return `"${text}"`; // whole: a secret in the wrong input is taken out where it is printed, half of one is not
}
function notAnId(text) {
    const length = text.length > 32 ? ` It has ${text.length} characters.` : '';
    return `is not a Cloudflare id: ${quote(text)}. An id is 1 to 32 letters, digits, "_" or "-".${length}`;
}
function readTargets(env, owner, wrong) {
    const organization = given(env, 'organization-id');
    const accounts = given(env, 'recipient-account-id');
    const none = { targets: [], repeated: [] };
    if (organization && accounts) {
        wrong('recipient-account-id', 'and `organization-id` are both given: a run has one kind of target, so remove one of them.');
        return none;
    }
    if (organization) {
        if (!isId(organization))
            wrong('organization-id', notAnId(organization));
        return { targets: [{ type: 'organization', id: asWritten(organization) }], repeated: [] };
    }
    const words = accounts
        .split(/\r\n|\r|\n/)
        .flatMap((line, index) => line.split(/[\s,]+/).map((id) => ({ id: asWritten(id), line: index + 1 })))
        .filter((word) => word.id);
    if (words.length === 0) {
        wrong('recipient-account-id', `is missing or blank, and so is \`organization-id\`: give exactly one of them. ${MAY_BE_EMPTY} ` +
            'Nothing is sent without a target, because Cloudflare would take that for the whole organization.');
        return none;
    }
    const lines = words[words.length - 1]?.line ?? 1;
    const seen = new Set();
    const repeated = new Set();
    for (const { id, line } of words) {
        if (seen.has(id)) {
            repeated.add(id);
            continue;
        }
        seen.add(id);
        const where = lines > 1 ? `(line ${line}) ` : '';
        if (!isId(id))
            wrong('recipient-account-id', where + notAnId(id));
        else if (id === owner) {
            wrong('recipient-account-id', `${where}is the account that owns the share, ${id}: it cannot be its own recipient.`);
        }
    }
    if (seen.size > MAX_TARGETS) {
        wrong('recipient-account-id', `has ${seen.size} accounts; one step takes at most ${MAX_TARGETS}. Split the list over several jobs with \`strategy.matrix\`.`);
    }
    return { targets: [...seen].map((id) => ({ type: 'account', id })), repeated: [...repeated] };
}
function readCredentials(env, wrong) {
    const token = given(env, 'api-token');
    const own = { email: given(env, 'api-email'), key: given(env, 'api-key') };
    const envToken = env['CLOUDFLARE_API_TOKEN']?.trim() ?? '';
    const email = own.email || (env['CLOUDFLARE_EMAIL']?.trim() ?? '');
    const key = own.key || (env['CLOUDFLARE_API_KEY']?.trim() ?? '');
    const pairGiven = own.email !== '' || own.key !== '';
    if (token && pairGiven) {
        wrong('api-token', 'and the legacy pair `api-email` / `api-key` are both given: use one kind of credentials, best the token.');
        return null;
    }
    if (token || (envToken && !pairGiven)) {
        if (isHeaderValue(token || envToken))
            return { kind: 'token', token: token || envToken };
        wrong('api-token', NOT_A_SECRET);
        return null;
    }
    if (!email && !key) {
        wrong('api-token', `is missing or blank: pass it from a secret (or set the environment variable CLOUDFLARE_API_TOKEN). ${MAY_BE_EMPTY}`);
        return null;
    }
    if (!email || !key) {
        const [missing, there, variable] = email
            ? ['api-key', 'api-email', 'CLOUDFLARE_API_KEY']
            : ['api-email', 'api-key', 'CLOUDFLARE_EMAIL'];
        wrong(missing, `is missing or blank while \`${there}\` is there (or its environment variable): give both (${variable} works too), or better an \`api-token\`. ${MAY_BE_EMPTY}`);
        return null;
    }
    if (!isHeaderValue(email))
        wrong('api-email', 'is not an e-mail address that an HTTP header may hold.');
    if (!isHeaderValue(key))
        wrong('api-key', NOT_A_SECRET);
    return { kind: 'key', email, key };
}
function readTimeout(text, wrong) {
    const match = /^(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?$/.exec(text);
    const [, h, m, s] = match ?? [];
    const ms = (Number(h ?? 0) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0)) * 1000;
    if (!match || ms === 0) {
        wrong('timeout', `is not a duration: ${quote(text)}. Write it with its unit, such as 90s, 10m or 1h30m.`);
    }
    else if (ms > MAX_TIMEOUT_MS)
        wrong('timeout', `is longer than a day: ${quote(text)}. Use 24h at most.`);
    return ms;
}
function readApiUrl(text, wrong) {
    const hint = 'Leave it out to use https://api.cloudflare.com/client/v4.';
    if (!URL.canParse(text)) {
        wrong('api-url', `is not an address. ${hint}`);
        return text;
    }
    const url = new URL(text);
    // An address is shown only where it can hold no password.
    if (url.username || url.password)
        wrong('api-url', `has credentials in it. Remove them. ${hint}`);
    else if (url.search || url.hash)
        wrong('api-url', `has a query or a fragment in it. Remove what follows the path. ${hint}`);
    else if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
        wrong('api-url', `is http on another host than loopback: your token would travel in the clear. Use https. ${hint}`);
    }
    else if (url.protocol !== 'https:' && url.protocol !== 'http:')
        wrong('api-url', `is not an https address. ${hint}`);
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
/** A proxy that cannot be used would be gone past by the library that reads its address, which nobody expects. */
function checkProxy(env, apiUrl, wrong) {
    const name = ['https_proxy', 'HTTPS_PROXY'].find((variable) => env[variable]);
    if (!name || !apiUrl.startsWith('https:') || isProxy(env[name] ?? ''))
        return;
    const how = 'Write it as http://host:port or http://user:password@host:port, the password URL-encoded';
    wrong(name, `(environment variable) is not the address of a proxy. ${how}; or unset it.`);
}
function isProxy(address) {
    const text = URL.canParse(address) || /^https?:\/\//.test(address) ? address : `http://${address}`;
    if (!URL.canParse(text))
        return false;
    const { protocol, username, password, pathname, search, hash } = new URL(text);
    // A password that is not URL-encoded may end the host too early, and the rest of it is then taken for a path.
    const isHost = pathname + search + hash === '/';
    return /^https?:$/.test(protocol) && isHost && isEncoded(username) && isEncoded(password);
}
/** Does every percent sign begin a character? */
function isEncoded(text) {
    return !text.includes('%') || (0,secrets/* decode */.D4)(text) !== text;
}
function isLoopback(host) {
    return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

;// CONCATENATED MODULE: ../.build/cloudflare/shares.js


/** The most that the API gives in one page. */
const PER_PAGE = 100;
/** For rows with so many resources that a hundred of them are too large an answer. */
const FEW_PER_PAGE = 10;
const MAX_PAGES = 1000;
/** More are no share; and they would not fit into memory. */
const MAX_ROWS = MAX_PAGES * PER_PAGE;
/** Names, statuses and errors are far shorter. */
const MAX_TEXT = 1_000;
/**
 * Opens the recipients of one share.
 * @param http sends the requests
 * @param accountId the account that owns the share
 * @param shareId the share
 */
function openShares(http, accountId, shareId) {
    const share = `/accounts/${accountId}/shares/${shareId}`;
    const recipients = `${share}/recipients`;
    const resourceTypes = new Map();
    const decode = (value, envelope, at) => decodeRecipient(value, envelope.request, at, resourceTypes);
    /** Pages are read one after the other, so what they count is compared with what they show. */
    async function allPages(perPage, options) {
        const rows = new Map();
        let counted = 0;
        for (let page = 1; page <= MAX_PAGES; page++) {
            const path = `${recipients}?include_resources=true&page=${page}&per_page=${perPage}`;
            const envelope = await http.read(path, options);
            const { request, resultInfo } = envelope;
            // Published as nullable, so null is an empty list; the count tells where it is not.
            const result = envelope.result === null ? [] : envelope.result;
            if (!Array.isArray(result))
                throw unreadable(request, '`result` is not a list');
            const before = rows.size;
            for (const [index, value] of result.entries()) {
                const row = decode(value, envelope, `result[${index}]`);
                rows.set(row.id, row);
            }
            if (rows.size > MAX_ROWS)
                throw unreadable(request, `the list has more than ${MAX_ROWS} rows`);
            const { total_pages: pages, total_count: count, per_page: given } = resultInfo;
            if (typeof count === 'number')
                counted = Math.max(counted, count);
            // A page that is not read would cost a second recipient, so whichever number says that there is more is believed.
            const isPromised = (typeof pages === 'number' && pages > page) || counted > rows.size;
            // After a full page there may be another, unless it is certain that all were shown.
            const isFull = result.length >= Math.min(perPage, typeof given === 'number' ? given : perPage);
            const mayFollow = isFull && count !== rows.size;
            const hasNew = rows.size > before;
            if (isPromised && !hasNew)
                throw incomplete(request, rows.size, counted);
            if (!isPromised && !(mayFollow && hasNew))
                return [...rows.values()];
        }
        throw unreadable('GET …/recipients', `the list does not end after ${MAX_PAGES} pages`);
    }
    return {
        async list(options) {
            try {
                return await http.whole(() => allPages(PER_PAGE, options), options);
            }
            catch (error) {
                if (!(error instanceof RequestError) || error.why !== 'too-large')
                    throw error;
                return await http.whole(() => allPages(FEW_PER_PAGE, options), options);
            }
        },
        async get(id, options) {
            const envelope = await http.read(`${recipients}/${id}?include_resources=true`, options);
            const row = decode(envelope.result, envelope, 'result');
            if (row.id !== id)
                throw unreadable(envelope.request, '`result.id` is another id than the one asked for');
            return row;
        },
        async create(target) {
            const body = target.type === 'account' ? { recipient_account_id: target.id } : { organization_id: target.id };
            const envelope = await http.write('POST', recipients, body);
            const row = decode(envelope.result, envelope, 'result');
            if (target.type === 'account' && row.accountId !== target.id) {
                throw unreadable(envelope.request, '`result.account_id` is another account than the one that was added');
            }
            return row;
        },
        async remove(id) {
            const envelope = await http.write('DELETE', `${recipients}/${id}`);
            const row = envelope.result == null ? null : decode(envelope.result, envelope, 'result');
            if (row && row.id !== id)
                throw unreadable(envelope.request, '`result.id` is another id than the one that was removed');
            return row;
        },
        async share(options) {
            const envelope = await http.read(`${share}?include_resources=true`, options);
            const value = record(envelope.result, envelope.request, 'result');
            for (const resource of Array.isArray(value['resources']) ? value['resources'] : []) {
                const { resource_id: id, resource_type: type } = Object(resource);
                if (typeof id === 'string' && typeof type === 'string')
                    resourceTypes.set(shares_text(id), shares_text(type));
            }
            return {
                name: shares_text(value['name']),
                status: shares_text(value['status']),
                targetType: shares_text(value['target_type']),
            };
        },
    };
}
function decodeRecipient(value, request, at, types) {
    const row = record(value, request, at);
    const { id, account_id: accountId, organization_id: organizationId, association_status: status } = row;
    if (!isId(id))
        throw unreadable(request, `\`${at}.id\` is not an id`);
    if (typeof status !== 'string' || status === '') {
        throw unreadable(request, `\`${at}.association_status\` is not a status`);
    }
    const resources = row['resources'] ?? [];
    if (!Array.isArray(resources))
        throw unreadable(request, `\`${at}.resources\` is not a list`);
    return {
        id,
        accountId: optionalId(accountId, request, `${at}.account_id`) ?? '',
        organizationId: optionalId(organizationId, request, `${at}.organization_id`),
        status: shares_text(status),
        created: shares_text(row['created']),
        modified: shares_text(row['modified']),
        resources: resources.flatMap((entry, index) => decodeResource(entry, request, `${at}.resources[${index}]`, types)),
    };
}
function decodeResource(value, request, at, types) {
    const { error, terminal, resource_id: id } = record(value, request, at);
    if (error === undefined || error === null || error === '')
        return [];
    if (typeof error !== 'string')
        throw unreadable(request, `\`${at}.error\` is not a text`);
    if (terminal !== undefined && terminal !== null && typeof terminal !== 'boolean') {
        throw unreadable(request, `\`${at}.terminal\` is neither true nor false`);
    }
    const name = shares_text(id) || '(without an id)';
    return [
        {
            id: name,
            error: shares_text(error),
            terminal: terminal === true,
            // Asked late: the share is read at the same time as the list, and may tell its types after it.
            get type() {
                return types.get(name) ?? null;
            },
        },
    ];
}
function optionalId(value, request, at) {
    if (value === undefined || value === null || value === '')
        return null;
    if (!isId(value))
        throw unreadable(request, `\`${at}\` is not an id`);
    return value;
}
function record(value, request, at) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw unreadable(request, `\`${at}\` is not an object`);
    }
    return value;
}
function shares_text(value) {
    return typeof value === 'string' ? excerpt(value, MAX_TEXT) : '';
}
/** Rows move between pages when one is added, or when a page comes from a server that lags; another try may fit together. */
function incomplete(request, shown, counted) {
    const said = counted > shown ? `${counted} recipients are counted` : 'more pages are announced';
    return new RequestError(request, `the pages do not fit together: ${said}, and ${shown} are shown`, {
        cause: 'incomplete',
        retryable: true,
    });
}
/**
 * The answer to a write may be garbled although the write was carried out, hence `ambiguous`; and as it says that it
 * was a success, the write is not sent again.
 */
function unreadable(request, what) {
    return new RequestError(request, `answered with something that is not the Shares API: ${what}`, {
        cause: 'unreadable',
        ambiguous: true,
        retryable: isRead(request),
    });
}

;// CONCATENATED MODULE: ../.build/github/deployment.js

const deployment_REQUEST_DEADLINE_MS = 5_000;
/** What is left for the last word once the run is cancelled. */
const HURRY_MS = 300;
const SILENT = { debug() { }, info() { }, warn() { }, error() { } };
/**
 * Begins to record the run as a GitHub deployment (REST API, "Deployments"), while the run goes on. It is best
 * effort: whatever fails is told through `failed` and changes nothing else. `@actions/github` is loaded only here.
 * @returns the record, or null where no `github-token` is given
 */
function recordDeployment(options) {
    const { env, inputs, transport, clock, cancel } = options;
    const { environment, githubToken } = inputs;
    if (!githubToken)
        return null;
    const token = githubToken;
    const [owner = '', repo = ''] = (env['GITHUB_REPOSITORY'] ?? '').split('/');
    const log_url = `${env['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${owner}/${repo}/actions/runs/${env['GITHUB_RUN_ID']}`;
    async function create() {
        // The package reads the event, which is not used here, and prints the name of a file that is missing.
        delete process.env['GITHUB_EVENT_PATH'];
        const { getOctokit } = await Promise.all(/* import() */[__nccwpck_require__.e(75), __nccwpck_require__.e(129)]).then(__nccwpck_require__.bind(__nccwpck_require__, 75));
        const octokit = getOctokit(token, {
            baseUrl: env['GITHUB_API_URL'] ?? 'https://api.github.com',
            log: SILENT,
            request: { fetch: fetchThrough(transport, cancel), log: SILENT },
        });
        const { data } = await octokit.rest.repos.createDeployment({
            owner,
            repo,
            ref: env['GITHUB_SHA'] ?? env['GITHUB_REF'] ?? '',
            task: inputs.state === 'present' ? 'share' : 'unshare',
            environment,
            description: `Cloudflare share ${inputs.shareId}`,
            auto_merge: false,
            required_contexts: [],
            payload: {
                account_id: inputs.accountId,
                share_id: inputs.shareId,
                state: inputs.state,
                recipients: inputs.targets.map((target) => target.id),
            },
        });
        const id = Object(data)['id'];
        // It becomes part of a path.
        if (!Number.isSafeInteger(id))
            throw new Error('GitHub answered with something that is not a deployment');
        return { rest: octokit.rest.repos, deployment_id: id };
    }
    async function report(state, description, request = {}) {
        const { rest, deployment_id } = await created;
        const status = {
            state,
            description: description.slice(0, 140),
            log_url,
            environment,
            auto_inactive: false,
        };
        await rest.createDeploymentStatus({ owner, repo, deployment_id, ...status, request });
    }
    let told = false;
    const tell = (error) => {
        if (!told)
            options.failed(describeNetworkError(error).said);
        told = true;
    };
    const created = create();
    const begun = report('in_progress', 'Waiting for Cloudflare').catch(tell);
    return {
        async finish(state, description, deadlineMs) {
            const [late, done] = [new AbortController(), new AbortController()];
            const endIn = (ms) => void clock.sleep(ms, done.signal).then(() => late.abort());
            const hurry = () => endIn(HURRY_MS);
            cancel.addEventListener('abort', hurry, { once: true });
            endIn(deadlineMs);
            const isLate = new Promise((resolve) => late.signal.addEventListener('abort', resolve));
            const request = { fetch: fetchThrough(transport, late.signal), log: SILENT };
            await Promise.race([begun.then(() => report(state, description, request)).catch(tell), isLate]);
            if (late.signal.aborted)
                tell(new Error('GitHub did not answer in time'));
            cancel.removeEventListener('abort', hurry);
            done.abort();
        },
    };
}
/** Lets Octokit use the one HTTP client of this action, with its deadlines, limits and proxies. */
function fetchThrough(transport, signal) {
    return async (url, init) => {
        const { method, headers, body } = init;
        const request = { method, url, headers, deadlineMs: deployment_REQUEST_DEADLINE_MS, signal };
        const answer = await transport(body === undefined ? request : { ...request, body });
        return new Response(answer.body || null, { status: answer.status, headers: answer.headers });
    };
}

;// CONCATENATED MODULE: ../.build/rows.js
/** Reads may lag writes, each by another time: what an answer shows may be that old, never older. Milliseconds. */
const LAG_MS = 10_000;
/** Does this row stand for a share in force, or one that may be? Statuses that are not published are taken for one. */
function isLive({ status }) {
    return status !== 'disassociating' && status !== 'disassociated';
}
/** Does its status say for sure that the share is in force, or will be? */
function isPublished({ status }) {
    return status === 'associating' || status === 'associated';
}
/** Of the rows of one target, the oldest that is live; one with a published status goes before one that nobody knows. */
function inForce(own) {
    return own.find(isPublished) ?? own.find(isLive);
}
/**
 * Finds the rows of a target. Cloudflare does not publish how an organization's row looks, so both fields are tried.
 * @returns for any target its rows, the oldest first; see `byAge`
 */
function ownRows(rows) {
    const groups = new Map();
    for (const row of rows) {
        const group = groups.get(row.accountId);
        if (group)
            group.push(row);
        else
            groups.set(row.accountId, [row]);
    }
    for (const group of groups.values())
        if (group.length > 1)
            group.sort(byAge);
    return ({ type, id }) => type === 'account'
        ? (groups.get(id) ?? [])
        : rows.filter((row) => (row.organizationId ?? row.accountId) === id).sort(byAge);
}
/** Oldest first; by their ids where the age is the same or not known, so that all runs find the same order. */
function byAge(a, b) {
    return Date.parse(a.created) - Date.parse(b.created) || (a.id < b.id ? -1 : 1);
}
/** Opens an empty memory. */
function openMemory() {
    const sightings = new Map();
    const renewals = new Map();
    function isPast(row, known, askedMs) {
        const renewal = renewals.get(row.id);
        if (renewal && askedMs - renewal.atMs < LAG_MS) {
            const isBefore = isLive(row) || renewal.isNew ? isOlder(row, renewal.row) : !isOlder(renewal.row, row);
            if (isBefore)
                return true;
        }
        if (!known)
            return false;
        const further = howFarGone(row) - howFarGone(known.row);
        if (further < 0 && askedMs - known.sinceMs < LAG_MS)
            return true;
        // What is worse than what was seen is believed, whatever its date says.
        if (further > 0 || row.resources.some(({ terminal }) => terminal))
            return false;
        return askedMs - known.seenMs < LAG_MS && isOlder(row, known.row);
    }
    return {
        see({ rows, id, askedMs, nowMs }) {
            const shown = new Set(rows.map((row) => row.id));
            for (const [known, sighting] of sightings) {
                if (shown.has(known) || (id !== null && id !== known))
                    continue;
                const missedMs = sighting.missedMs ?? askedMs;
                if (askedMs - missedMs >= LAG_MS)
                    sightings.delete(known);
                else
                    sightings.set(known, { ...sighting, missedMs });
            }
            for (const row of rows) {
                const known = sightings.get(row.id);
                if (isPast(row, known, askedMs))
                    continue;
                const isSame = known !== undefined && howFarGone(known.row) === howFarGone(row);
                const sinceMs = isSame ? known.sinceMs : nowMs;
                sightings.set(row.id, { row, seenMs: nowMs, sinceMs, missedMs: null });
            }
            return Array.from(sightings.values(), ({ row }) => row);
        },
        renew(row, isNew, nowMs) {
            sightings.delete(row.id);
            renewals.set(row.id, { row, isNew, atMs: nowMs });
        },
    };
}
/** Was it changed before the other was? False where that is not known. */
function isOlder(row, other) {
    return Date.parse(row.modified) < Date.parse(other.modified);
}
function howFarGone({ status }) {
    return ['disassociating', 'disassociated'].indexOf(status);
}

;// CONCATENATED MODULE: ../.build/settle.js
const PENDING = { kind: 'pending' };
const SETTLED = { kind: 'settled' };
/** Cloudflare's only documented resource error; see `resource-sharing_recipient_resource_error` in its API description. */
const ENTITLEMENT = /entitlement/i;
/**
 * Decides whether a recipient can use the share. `row` must come from an answer that was asked with
 * `include_resources=true`: without the resources, `associated` proves nothing.
 * Terminal resource errors are looked at first, whatever the status says.
 */
function judgePresent(row) {
    const terminal = terminalFailure(row);
    if (terminal)
        return { kind: 'failed', failure: terminal };
    if (row.status === 'disassociating' || row.status === 'disassociated') {
        const message = `the recipient is ${row.status}: somebody removed it while it was being waited for`;
        return { kind: 'failed', failure: { cause: 'removed', message } };
    }
    return row.status === 'associated' && row.resources.length === 0 ? SETTLED : PENDING;
}
/** Decides whether a recipient has lost the share. A row that is gone counts as `disassociated`. */
function judgeAbsent(row) {
    return row === null || row.status === 'disassociated' ? SETTLED : PENDING;
}
/** The failure that the terminal resource errors of a row amount to, or null when it has none. */
function terminalFailure(row) {
    const terminal = row.resources.filter((resource) => resource.terminal);
    const [first] = terminal;
    if (!first)
        return null;
    return {
        cause: ENTITLEMENT.test(first.error) ? 'entitlement' : 'terminal',
        message: describeErrors(terminal),
    };
}
/** More would make a message that nobody reads to its end. */
const MAX_DESCRIBED = 3;
/** `gateway-policy f174…: Recipient is missing necessary entitlement; … (and 4 more resources)`. */
function describeErrors(resources) {
    const said = resources
        .slice(0, MAX_DESCRIBED)
        .map(({ type, id, error }) => `${type ?? 'resource'} ${id}: ${error}`);
    const more = resources.length - said.length;
    return `${said.join('; ')}${more > 0 ? ` (and ${more} more resource${more > 1 ? 's' : ''})` : ''}`;
}
const SHORTEST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
/** A list costs a request a page, so a long one is read less often. */
const WAIT_PER_PAGE_MS = 400;
/**
 * When to look again: a fifth of the time already waited, between 1 s and 15 s, with ±10 % of jitter so that
 * jobs that were started together do not ask together. At the shortest wait the jitter only shortens: with a
 * round trip of 80 ms the end is then noticed within a second.
 * @param waitedMs milliseconds from the change that is being waited for to the look before
 * @param random a number from 0 to 1
 * @param pages how many requests a look costs
 * @returns milliseconds from the look before to the next one
 */
function nextLookMs(waitedMs, random, pages = 1) {
    const shortestMs = Math.max(SHORTEST_WAIT_MS, pages * WAIT_PER_PAGE_MS);
    const baseMs = Math.min(Math.max(waitedMs / 5, shortestMs), LONGEST_WAIT_MS);
    const spread = baseMs === SHORTEST_WAIT_MS ? 0.06 : 0.2;
    return Math.round(baseMs * (0.9 + spread * random));
}

;// CONCATENATED MODULE: ../.build/progress.js


/** Makes a look of the rows that are known, see `Memory` in `rows.ts`. */
function lookOf(rows, before, nowMs, askedMs) {
    const byId = new Map(rows.map((row) => [row.id, row]));
    return { rows, byId, own: ownRows(rows), before, nowMs, askedMs };
}
/** For so long a row that was accepted may be missing from answers. */
const MISSING_TOLERATED_MS = 30_000;
/** For so long a write without a clear answer is looked for before it is sent again. */
const UNSURE_MS = LAG_MS;
/** So long a row that a DELETE does not know is looked for: a read may lag, and one that misses it is to be confirmed. */
const GONE_MS = 3 * LAG_MS;
/** A write is sent at most so often, each time after a look. */
const MAX_WRITES = 3;
const HOLD_MS = 15_000;
/** Is nothing left to do or to wait for? */
function isDone({ step }) {
    return step === 'settled' || step === 'accepted' || step === 'failed';
}
/** The association status that was seen last; `disassociated` where there is no record, empty where nobody could look. */
function statusOf({ row, looked }) {
    return row?.status ?? (looked ? 'disassociated' : '');
}
function begin(p, step, nowMs, more = {}) {
    const next = { ...p, failure: null, endedMs: null, ...more, step, sinceMs: nowMs };
    return isDone(next) ? { ...next, endedMs: nowMs } : next;
}
/** It failed for good. */
function failed(p, failure, nowMs) {
    return begin(p, 'failed', nowMs, { failure });
}
function judged(p, verdict, nowMs) {
    if (verdict.kind === 'failed')
        return failed(p, verdict.failure, nowMs);
    return verdict.kind === 'settled' ? begin(p, 'settled', nowMs) : p;
}
/** Does the plan write anything for it? */
function willChange({ step }) {
    return step === 'create' || step === 'clear' || step === 'remove';
}
/** For a dry run: what would be changed counts as changed. */
function foretold(p) {
    return { ...p, changed: willChange(p) };
}
/** A write is about to be sent. */
function sent(p, nowMs) {
    return { ...p, writes: p.writes + 1, sinceMs: nowMs };
}
/**
 * Cloudflare accepted the write. What it began is waited for from when the write was sent.
 * @param row the row in its reply, where it has one; it was answered without resources, so it settles nothing
 */
function accepted(p, row, nowMs) {
    const known = { row, id: row?.id ?? p.id, changed: true, acceptedMs: nowMs };
    if (p.want === 'present') {
        const failure = row && terminalFailure(row);
        if (failure)
            return begin(p, 'failed', nowMs, { ...known, failure });
        const next = begin(p, p.wait ? 'associate' : 'accepted', nowMs, known);
        return { ...next, sinceMs: p.sinceMs };
    }
    // A DELETE is soft: what it leaves is a row that is disassociating, also when the reply does not show it.
    const left = row ?? (p.row && { ...p.row, status: 'disassociating' });
    const next = begin(p, p.wait ? 'disassociate' : 'accepted', nowMs, { ...known, row: left });
    return { ...next, sinceMs: p.sinceMs };
}
function leaving(p, nowMs) {
    const next = judged(p, judgeAbsent(p.row), nowMs);
    return isDone(next) || p.wait ? next : begin(next, 'accepted', nowMs);
}
/** The write failed: unless that is certain, what is to be believed is told by the next look. */
function unanswered(p, error, nowMs) {
    const failure = { cause: error.why, message: error.message };
    const isUnsent = !error.ambiguous && (error.why === 'timeout' || error.why === 'cancelled' || error.stale);
    if (isUnsent)
        return { ...p, writes: p.writes - 1 };
    if (error.ambiguous) {
        const patienceMs = Math.max(UNSURE_MS, error.retryAfterMs ?? 0);
        return begin(p, 'unsure', nowMs, {
            failure,
            maybeWritten: true,
            mayWriteAgain: error.retryable,
            patienceMs,
        });
    }
    if (error.why !== 'refused')
        return failed(p, failure, nowMs);
    const isMissing = error.status === 404 && p.want === 'absent';
    if (p.want === 'absent' && p.row?.status === 'associating' && !isMissing) {
        return begin(p, 'hold', nowMs, { failure });
    }
    // What Cloudflare answers to a duplicate is not published, so a refusal may mean that another run was faster;
    // a conflict does for sure, though reads may lag. And a row that is not found may not be there any more.
    const patienceMs = isMissing ? GONE_MS : p.maybeWritten || error.status === 409 ? UNSURE_MS : 0;
    return begin(p, 'unsure', nowMs, { failure, mayWriteAgain: false, patienceMs });
}
function gone(p, nowMs) {
    const row = p.row && { ...p.row, status: 'disassociated' };
    return begin(p, 'settled', nowMs, { changed: p.changed || p.maybeWritten, row });
}
/** What a look says about one target. */
function looked(p, look) {
    const { nowMs } = look;
    const row = rowInUse(p, look);
    switch (p.step) {
        case 'associate':
            return row ? lookedAt(p, row, look) : lookedInVain(p, look);
        case 'settled':
        case 'accepted':
            // Cloudflare pushes again what is added to a share later, so what was usable may not be any more; and what
            // was removed may be there again.
            if (p.want === 'present')
                return row ? lookedAt(p, row, look) : lookedInVain(p, look);
            return row && isLive(row) && p.step === 'settled' ? begin(p, 'remove', nowMs, { row }) : p;
        case 'disassociate':
            return row ? leaving({ ...p, row }, nowMs) : gone(p, nowMs);
        case 'create': // held back for long by the rate limit
        case 'clear':
            return cleared(p, look);
        case 'hold':
            if (!row)
                return gone(p, nowMs);
            if (!isLive(row))
                return leaving(begin(p, 'disassociate', nowMs, { row }), nowMs);
            if (row.status === 'associating' && nowMs - p.sinceMs < HOLD_MS)
                return { ...p, row };
            return begin(p, 'remove', nowMs, { row });
        case 'unsure':
            return p.want === 'present' ? lookedForPost(p, look) : lookedForDelete(p, row, look);
        default:
            return p;
    }
}
/** Goes on with a row that was found; whatever found it was asked with resources, so it may settle at once. */
function associate(p, row, nowMs, ours = false) {
    const changed = p.changed || ours;
    const next = begin(p, 'associate', nowMs, { id: row.id, row, changed, acceptedMs: ours ? nowMs : null });
    const verdict = judgePresent(row);
    if (verdict.kind === 'pending' && !p.wait)
        return begin(next, 'accepted', nowMs);
    return judged(next, verdict, nowMs);
}
/**
 * The row to go by. Where somebody else added the same account at the same time there are two, and everybody uses
 * the older.
 */
function rowInUse(p, { byId, own }) {
    const used = byId.get(p.id ?? '') ?? null;
    const current = used ?? p.row;
    if (p.want === 'absent' || p.target.type !== 'account' || !current)
        return used;
    const mine = own(p.target);
    const all = mine.includes(current) ? mine : [...mine, current].sort(byAge);
    const oldest = all.find((row) => row === current || isPublished(row));
    return oldest === current ? used : (oldest ?? null);
}
function lookedAt(p, row, { nowMs }) {
    const verdict = judgePresent(row);
    const next = { ...p, id: row.id, row };
    if (verdict.kind === 'pending' && p.step === 'settled') {
        return begin(next, p.wait ? 'associate' : 'accepted', nowMs);
    }
    const isAsBefore = verdict.kind === p.step || (verdict.kind === 'pending' && p.step === 'accepted');
    return isAsBefore ? next : judged(next, verdict, nowMs);
}
function lookedInVain(p, { nowMs, askedMs }) {
    if (p.acceptedMs !== null && askedMs - p.acceptedMs < MISSING_TOLERATED_MS)
        return p;
    const message = `recipient ${p.id} is no longer in Cloudflare's answers`;
    return failed(p, { cause: 'vanished', message }, nowMs);
}
/** An account may have several rows of the past, and somebody may have added a new one: all of them are looked at. */
function cleared(p, look) {
    const { nowMs } = look;
    const own = look.own(p.target);
    const live = inForce(own);
    if (live)
        return associate(p, live, nowMs);
    const leaving = own.find((row) => row.status === 'disassociating');
    if (leaving)
        return { ...p, step: 'clear', id: leaving.id, row: leaving };
    return begin(p, 'create', nowMs, { id: null, row: own.at(-1) ?? p.row });
}
function lookedForPost(p, look) {
    const { rows, before, nowMs } = look;
    const own = look.own(p.target);
    const isLate = isPatienceOver(p, look);
    // A new row that is leaving may be somebody else's, and ours may show later.
    const found = inForce(own) ?? own.find((row) => isLate && !before.has(row.id));
    if (found)
        return associate(p, found, nowMs, p.maybeWritten);
    if (p.target.type === 'account' || !p.maybeWritten)
        return notFound(p, look);
    // Somebody else may have added a row at the same time, so all that turn up in that time are looked at together.
    if (!isLate)
        return p;
    const fresh = rows.filter((row) => !before.has(row.id) && row.organizationId === null);
    const [only] = fresh;
    if (only && fresh.length === 1)
        return associate(p, only, nowMs, true);
    const saw = fresh.length === 0 ? 'no new row' : `${fresh.length} new rows (${fresh.map((row) => row.id).join(', ')})`;
    const message = `${p.failure?.message}; the list shows ${saw}, which does not tell whether the organization was added`;
    return failed(p, { cause: 'inconclusive', message }, nowMs);
}
function lookedForDelete(p, row, look) {
    const { nowMs } = look;
    if (!row)
        return gone(p, nowMs);
    if (isLive(row))
        return notFound({ ...p, row }, look);
    return leaving(begin(p, 'disassociate', nowMs, { row, changed: p.changed || p.maybeWritten }), nowMs);
}
/** The write has not shown its effect: go on looking, then send it again or give up. */
function notFound(p, look) {
    const failure = p.failure ?? { cause: 'internal', message: 'a write failed without a reason' };
    if (!isPatienceOver(p, look))
        return p;
    if (!p.mayWriteAgain || p.writes >= MAX_WRITES)
        return failed(p, failure, look.nowMs);
    return begin(p, p.want === 'present' ? 'create' : 'remove', look.nowMs);
}
/** Was the look asked for when the write had been looked for long enough? An answer that is late shows no more for it. */
function isPatienceOver(p, { askedMs }) {
    return askedMs - p.sinceMs >= p.patienceMs;
}

;// CONCATENATED MODULE: ../.build/plan.js


/**
 * Decides for every target what has to happen, from the rows that are there.
 * @returns the targets in the order given; one with several live rows to remove is there once a row
 */
function plan(inputs, found) {
    const rowsOf = ownRows(found.rows);
    return inputs.targets.flatMap((target) => {
        const own = rowsOf(target);
        const start = { ...unplanned(inputs, target, found.nowMs), looked: true, row: own.at(-1) ?? null };
        return inputs.state === 'present' ? [planPresent(start, own, found)] : planAbsent(start, own, found);
    });
}
/** A target of which nothing is known yet. */
function unplanned(inputs, target, nowMs) {
    return {
        target,
        want: inputs.state,
        wait: inputs.wait,
        step: 'create',
        looked: false,
        id: null,
        row: null,
        changed: false,
        writes: 0,
        startedMs: nowMs,
        sinceMs: nowMs,
        acceptedMs: null,
        endedMs: null,
        failure: null,
        maybeWritten: false,
        patienceMs: 0,
        mayWriteAgain: false,
    };
}
function planPresent(start, own, { share, nowMs }) {
    if (share?.status === 'deleting' || share?.status === 'deleted') {
        return failed(start, { cause: 'share-deleting', message: `the share is ${share.status}` }, nowMs);
    }
    const live = inForce(own);
    if (live)
        return associate(start, live, nowMs);
    if (share?.targetType === 'organization' && start.target.type === 'account') {
        const message = 'the share is targeted at an organization, so no single account can be added to it';
        return failed(start, { cause: 'share-organization', message }, nowMs);
    }
    const leaving = own.find((row) => row.status === 'disassociating');
    return leaving ? { ...start, step: 'clear', id: leaving.id, row: leaving } : start;
}
function planAbsent(start, own, { rows, nowMs }) {
    const isOrganization = start.target.type === 'organization';
    const due = own.some((row) => isDoubtful(start.target, row)) ? [] : removals(start, own, nowMs);
    if (due.length > 0)
        return due;
    const others = rows.filter((row) => row.status !== 'disassociated');
    if (isOrganization && others.length > 0) {
        const saw = others
            .slice(0, 5)
            .map((row) => `${row.id} (account ${row.accountId || 'unknown'}, ${row.status})`);
        const more = others.length > 5 ? ` and ${others.length - 5} more` : '';
        const message = `no row of the organization was recognised without doubt, and ${saw.join(', ')}${more} may be it: nothing was removed`;
        return [failed(start, { cause: 'inconclusive', message }, nowMs)];
    }
    return [{ ...start, step: 'settled', id: start.row?.id ?? null, endedMs: nowMs }];
}
/** Should the row of an account tell the organization that it belongs to, it is not the organization's own. */
function isDoubtful({ type, id }, { accountId }) {
    return type === 'organization' && accountId !== '' && accountId !== id;
}
/** One for each row that is in the share still: a live one is removed, one that is leaving is waited for. */
function removals(start, own, nowMs) {
    return own
        .filter((row) => row.status !== 'disassociated')
        .map((row) => {
        if (isLive(row))
            return { ...start, step: 'remove', id: row.id, row };
        const step = start.wait ? 'disassociate' : 'accepted';
        return { ...start, step, id: row.id, row, endedMs: start.wait ? null : nowMs };
    });
}
/**
 * What there is to remove besides `all`: rows that an earlier look did not show because it lagged, or because
 * somebody has added them since.
 */
function newcomers(all, { own, nowMs }) {
    const known = new Set(all.map(({ id }) => id));
    const targets = new Map(all.map((p) => [p.target, p]));
    return [...targets].flatMap(([target, { want, wait, startedMs }]) => {
        if (want === 'present')
            return [];
        const start = { ...unplanned({ state: want, wait }, target, startedMs), looked: true, sinceMs: nowMs };
        return removals(start, own(target).filter((row) => !known.has(row.id) && !isDoubtful(target, row)), nowMs);
    });
}
/** The live rows that should not be: of every account with more than one, the oldest is the one in use. */
function duplicates(targets, rows) {
    const rowsOf = ownRows(rows.filter(isPublished));
    return targets.flatMap((target) => {
        const [used, ...others] = target.type === 'account' ? rowsOf(target) : [];
        return used && others.length > 0 ? [{ target, used, others }] : [];
    });
}

;// CONCATENATED MODULE: ../.build/report/hints.js
const README = 'https://github.com/OWNER/cloudflare-share-recipient#';
const DOCS = 'https://developers.cloudflare.com/';
/** One hint for each cause, in one place. */
const HINTS = {
    credentials: {
        title: 'Cloudflare refused the credentials',
        text: 'The token is wrong, expired, or not allowed to edit shares of the account that owns the share. Check that the secret reaches this job, and give the token the permissions that the README names.',
        link: `${README}permissions`,
    },
    'not-found': {
        title: 'The share was not found',
        text: 'The account that owns the share, or the share itself, is not known under these ids, or the token may not see it. Compare account-id and share-id with the dashboard.',
        link: `${README}troubleshooting`,
    },
    refused: {
        title: 'Cloudflare refused the change',
        text: 'Often the recipient is not in the same Cloudflare Organization as the owner of the share, or its id is wrong. Correct the id, or add the account to the organization, and run again.',
        link: `${README}troubleshooting`,
    },
    'rate-limit': {
        title: 'The rate limit is used up',
        text: 'Cloudflare allows 1,200 requests in 5 minutes for everything that uses this token, then it blocks the token for 5 minutes. Raise timeout, run fewer jobs at a time, or use a token of its own for this workflow.',
        link: `${DOCS}fundamentals/api/reference/limits/`,
    },
    server: {
        title: 'Cloudflare has an error',
        text: 'The error is on the side of Cloudflare and lasted longer than the retries. Look at https://www.cloudflarestatus.com and run again: a run picks up what an earlier one began.',
        link: `${README}troubleshooting`,
    },
    network: {
        title: 'Cloudflare could not be reached',
        text: 'The connection failed, also when it was tried again. Check that the runner may connect to the host of api-url, directly or through HTTPS_PROXY.',
        link: `${README}self-hosted-runners-and-proxies`,
    },
    dns: {
        title: 'The host name could not be resolved',
        text: 'The runner does not find the host of api-url. Check its spelling and the DNS of the runner; behind a proxy, set HTTPS_PROXY.',
        link: `${README}self-hosted-runners-and-proxies`,
    },
    tls: {
        title: 'The certificate is not trusted',
        text: 'Something between the runner and Cloudflare shows a certificate that Node does not trust, as inspecting proxies do. Put the private authority into a file, and its path into NODE_EXTRA_CA_CERTS.',
        link: `${README}self-hosted-runners-and-proxies`,
    },
    proxy: {
        title: 'The proxy did not let the request through',
        text: 'Where it answered 407, put its user and password into HTTPS_PROXY (http://user:password@host:port); else allow the host of api-url in the proxy, or except it with NO_PROXY.',
        link: `${README}self-hosted-runners-and-proxies`,
    },
    deadline: {
        title: 'Cloudflare did not answer in time',
        text: 'A connection was made or tried, but the answer did not come, also when it was asked for again. Check the network of the runner and run again: a run picks up what an earlier one began.',
        link: `${README}troubleshooting`,
    },
    unreadable: {
        title: 'The answer is not one of the Shares API',
        text: 'Something else answered, such as a proxy or a captive portal, or api-url points to another service. Check api-url, then run again.',
        link: `${README}troubleshooting`,
    },
    incomplete: {
        title: 'The list of recipients is incomplete',
        text: 'Its pages did not fit together, also when they were read again, and what is not seen could be added twice. Somebody may be changing the share; run again.',
        link: `${README}troubleshooting`,
    },
    'too-large': {
        title: 'The answer is too large',
        text: 'It is larger than 4 MiB or has more than 200,000 values, also with ten recipients a page. Something else answered, such as a proxy or a captive portal; or recipients have more resources than this action can take, then open an issue.',
        link: `${README}limits`,
    },
    redirect: {
        title: 'The API answered with a redirect',
        text: 'A redirect is not followed, because the token would travel with it. Check api-url.',
        link: `${README}troubleshooting`,
    },
    terminal: {
        title: 'A shared resource failed for good',
        text: 'Cloudflare has given up on this resource in the account of the recipient and will not try again. Mend the cause there, remove the recipient (state: absent) and add it again.',
        link: `${README}troubleshooting`,
    },
    entitlement: {
        title: 'The recipient lacks an entitlement',
        text: 'The plan of the recipient account does not include what is shared. Have the product added to its contract, then remove the recipient (state: absent) and add it again.',
        link: `${README}troubleshooting`,
    },
    removed: {
        title: 'The recipient was removed meanwhile',
        text: 'Another workflow or person removed it while this run waited. Make sure that only one run works on a share at a time (concurrency:), then run again.',
        link: `${README}many-accounts`,
    },
    vanished: {
        title: 'The recipient is no longer listed',
        text: 'The row was there and then it was not. Look at the share in the dashboard, then run again.',
        link: `${README}troubleshooting`,
    },
    inconclusive: {
        title: 'It cannot be told whether the organization has the share',
        text: 'Cloudflare does not publish how the row of an organization looks, and a guess could add it twice or remove another. Look at the recipients of the share in the dashboard before you run again.',
        link: `${README}targets`,
    },
    'share-deleting': {
        title: 'The share is being deleted',
        text: 'Nobody can be added to a share that is going away. Use the id of the share that replaces it.',
        link: `${README}troubleshooting`,
    },
    'share-organization': {
        title: 'The share is targeted at an organization',
        text: 'All accounts of the organization have it already, unless they are excluded. Use a share with target type account for single accounts.',
        link: `${README}targets`,
    },
    stopped: {
        title: 'Not finished, because the credentials were refused',
        text: 'Another write of this run was refused with 401 or 403, which stops all. Mend the credentials and run again: what was done is found and kept.',
        link: `${README}permissions`,
    },
    timeout: {
        title: 'The time was up',
        text: 'Nothing was undone, so Cloudflare may still finish it. Run again to go on waiting, or raise timeout; a shared Gateway policy may take up to two minutes to appear.',
        link: `${README}how-it-decides`,
    },
    cancelled: {
        title: 'Cancelled',
        text: 'Nothing was undone. Run again to go on from here.',
        link: `${README}how-it-decides`,
    },
    runner: {
        title: 'The outputs could not be written',
        text: 'The runner names a file for them in GITHUB_OUTPUT, which is missing, not writable, or on a full disk. The log says what was done in the share; mend the runner and run again.',
        link: `${README}self-hosted-runners-and-proxies`,
    },
    internal: {
        title: 'The action has a bug',
        text: 'Please report it with the debug log (set the secret ACTIONS_STEP_DEBUG to true and run again).',
        link: `${README}support`,
    },
};

;// CONCATENATED MODULE: ../.build/report/outputs.js

/** GitHub takes 1 MB of outputs for a whole job, and counts two bytes for a UTF-16 code unit. */
const MAX_RECIPIENTS = 450_000;
/**
 * Makes the outputs. A target with several rows, which only a removal has, is told as one.
 * @param all every target, in the order given
 * @param nowMs the time now, for those that are not done
 */
function outputsOf(all, nowMs, say) {
    const groups = byTarget(all);
    const statuses = new Set(groups.map(groupStatus));
    return {
        'recipient-id': groups.map((group) => group[0]?.id ?? '').join('\n'),
        status: statuses.size > 1 ? 'mixed' : say([...statuses][0] ?? '', 64),
        changed: all.some((p) => p.changed) ? 'true' : 'false',
        recipients: recipients(groups, nowMs, say),
    };
}
/** The rows of each target, those that this run changed first; the targets in the order given. */
function byTarget(all) {
    const groups = new Map();
    for (const p of all) {
        const group = groups.get(p.target.id);
        if (group)
            group.push(p);
        else
            groups.set(p.target.id, [p]);
    }
    for (const group of groups.values())
        group.sort((a, b) => Number(b.changed) - Number(a.changed));
    return [...groups.values()];
}
/** The status of a target with several rows is that of the first which is not gone yet. */
function groupStatus(group) {
    return statusOf(group.find((p) => statusOf(p) !== 'disassociated') ?? group[0]);
}
function recipients(groups, nowMs, say) {
    // Long reasons of a thousand recipients are shortened rather than lost: the log has them whole.
    for (const limit of [400, 150, 60]) {
        const list = groups.map((group) => recipientOf(group, nowMs, limit, say));
        if (JSON.stringify(list).length <= MAX_RECIPIENTS)
            return list;
    }
    return groups.map((group) => ({ ...recipientOf(group, nowMs, 60, say), resources: [] }));
}
function recipientOf(group, nowMs, limit, say) {
    const [first] = group;
    const failure = group.find((p) => isDone(p) && p.failure)?.failure;
    const { target, id, row, startedMs } = first;
    const endMs = group.reduce((latest, p) => Math.max(latest, p.endedMs ?? nowMs), 0);
    return {
        recipient: target.id,
        type: target.type,
        id,
        status: say(groupStatus(group), 64),
        changed: group.some((p) => p.changed),
        error: failure ? say(failure.message, limit) : null,
        resources: (row?.resources ?? []).map((resource) => ({
            resource_id: say(resource.id, 64),
            resource_type: resource.type && say(resource.type, 64),
            error: say(resource.error, limit),
            terminal: resource.terminal,
        })),
        created: say(row?.created ?? '', 40) || null,
        modified: say(row?.modified ?? '', 40) || null,
        seconds: Math.round((endMs - startedMs) / 100) / 10,
    };
}

// EXTERNAL MODULE: ../.build/report/text.js
var report_text = __nccwpck_require__(236);
;// CONCATENATED MODULE: ../.build/report/result.js




/** How a target ended. A dry run leaves planned what is not done. */
function outcomeOf(group) {
    if (group.some((p) => p.step === 'failed'))
        return 'failed';
    if (group.some((p) => !isDone(p)))
        return 'planned';
    return group.some((p) => p.step === 'accepted') ? 'accepted' : 'settled';
}
/** `Baseline policies (3fd8…)`, or the id alone where the name is not known. */
function shareName({ share, inputs }) {
    return share?.name ? `"${share.name}" (${inputs.shareId})` : inputs.shareId;
}
/** What a plan means for one row, in a sign and a few words. */
function planSign(p) {
    if (p.step === 'create' || p.step === 'clear')
        return '+ to be added';
    if (p.step === 'remove')
        return '- to be removed';
    return p.step === 'failed' ? '! not possible' : `= no change`;
}
/**
 * What one row would become, for a plan: a sign and a sentence.
 * @param brief without the id of its row, its status and its failure, for where those stand beside it
 */
function planned(p, brief = false) {
    const who = `${p.target.type} ${p.target.id}`;
    const row = p.id && !brief ? `, recipient ${p.id}` : '';
    switch (p.step) {
        case 'create':
            if (p.row)
                return `+ share with ${who} (it had the share before)`;
            return p.target.type === 'account'
                ? `+ share with ${who}`
                : `+ share with ${who}; no row of it was recognised, so an earlier one could not be looked for`;
        case 'clear':
            return `+ share with ${who}, when its earlier recipient ${p.id} is disassociated`;
        case 'remove':
            return `- remove ${who}${row}${brief ? '' : `, ${statusOf(p)}`}`;
        case 'failed':
            return `! cannot ${p.want === 'present' ? 'share with' : 'remove'} ${who}${brief ? '' : `: ${p.failure?.message}`}`;
        default:
            return `= already ${statusOf(p)} ${who}${row}`;
    }
}
/** The failures of a run, those with the same reason together. */
function failuresOf(all) {
    const groups = new Map();
    for (const { failure, step, target } of all) {
        if (step !== 'failed' || !failure)
            continue;
        // Each answer has a ray and a time of its own, which must not keep equal reasons apart.
        const reason = `${failure.cause} ${failure.message.replace(/, cf-ray \S+/, '').replace(/(?<![\d.])[\d.]+ s\b/g, '')}`;
        const group = groups.get(reason) ?? { failure, targets: [] };
        if (!group.targets.includes(target.id))
            group.targets.push(target.id);
        groups.set(reason, group);
    }
    return [...groups.values()];
}
/** A title in the middle of a sentence: only a name keeps its capital. */
function inSentence(title) {
    return title.startsWith('Cloudflare') ? title : title.slice(0, 1).toLowerCase() + title.slice(1);
}
/** One sentence on how it ended, for the closing line and the heading of the summary. */
function headline(result) {
    const groups = byTarget(result.all);
    const { state, dryRun } = result.inputs;
    const unit = result.inputs.targets[0]?.type ?? 'account';
    const bad = groups.filter((group) => outcomeOf(group) === 'failed');
    const of = groups.length === 1 ? `the ${unit}` : `${bad.length} of ${(0,report_text/* count */.U9)(groups.length, unit)}`;
    if (bad.length > 0) {
        const cancelled = bad.some((group) => group.some((p) => p.failure?.cause === 'cancelled'));
        if (cancelled && groups.length === 1)
            return 'Cancelled';
        if (cancelled)
            return `Cancelled: ${groups.length - bad.length} of ${(0,report_text/* count */.U9)(groups.length, unit)} done`;
        const titles = new Set(failuresOf(result.all).map(({ failure }) => HINTS[failure.cause].title));
        const why = titles.size === 1 ? `: ${inSentence([...titles][0] ?? '')}` : '';
        return dryRun ? `Plan: a run would fail for ${of}${why}` : `Failed for ${of}${why}`;
    }
    if (result.isCancelled)
        return `Cancelled when ${dryRun ? 'the plan was ready' : 'everything was done'}`;
    const changed = groups.filter((group) => group.some((p) => p.changed)).length;
    const verb = state === 'present' ? 'added' : 'removed';
    if (dryRun)
        return `Plan: ${changed} of ${(0,report_text/* count */.U9)(groups.length, unit)} would be ${verb}`;
    const rest = groups.length - changed;
    const restText = state === 'present' ? `${rest} had it before` : `${rest} did not have it`;
    const parts = [changed > 0 ? `${changed} ${verb}` : '', rest > 0 ? restText : '']
        .filter(Boolean)
        .join(', ');
    const waiting = groups.some((group) => outcomeOf(group) === 'accepted');
    if (waiting)
        return `Accepted for ${(0,report_text/* count */.U9)(groups.length, unit)}, not waited for (${parts})`;
    const can = groups.length === 1 ? 'has' : 'have';
    return state === 'present'
        ? `${(0,report_text/* count */.U9)(groups.length, unit)} ${can} the share (${parts})`
        : `${(0,report_text/* count */.U9)(groups.length, unit)} no longer ${can} the share (${parts})`;
}

// EXTERNAL MODULE: ../.build/report/runner.js + 11 modules
var report_runner = __nccwpck_require__(561);
;// CONCATENATED MODULE: ../.build/report/summary.js





/** GitHub takes 1 MiB for a step; what is over it would cost the whole summary. */
const MAX_SUMMARY = 1_000_000;
/** Up to here one table shows them all. */
const MAX_IN_ONE_TABLE = 50;
/** Different messages that are shown for one cause. */
const MAX_REASONS = 5;
const MARKS = {
    settled: '✅ done',
    accepted: '⏳ accepted',
    planned: '⏳ planned',
    failed: '❌ failed',
};
/**
 * Makes the job summary: one block of HTML without blank lines, so that nothing in it is read as Markdown.
 * @param duplicates accounts with more than one live recipient, to be warned of
 * @returns HTML of less than 1 MiB
 */
function summaryOf(result, duplicates, say) {
    for (const limit of [300, 60]) {
        const code = (value) => `<code>${(0,report_text/* html */.qy)(say(value, limit))}</code>`;
        const text = render({ result, duplicates, code });
        if (Buffer.byteLength(text) < MAX_SUMMARY)
            return text;
    }
    return `<h3>${headline(result)}</h3>\n\n`;
}
function render(page) {
    const { result, duplicates, code } = page;
    const groups = byTarget(result.all);
    const failed = groups.filter((group) => outcomeOf(group) === 'failed');
    const rest = groups.filter((group) => outcomeOf(group) !== 'failed');
    const open = rest.some((group) => outcomeOf(group) !== 'settled');
    const mark = failed.length > 0 || result.isCancelled ? '❌' : result.inputs.dryRun ? '📋' : open ? '⏳' : '✅';
    const parts = [`<h3>${mark} ${headline(result)}</h3>`, facts(page)];
    if (groups.length <= MAX_IN_ONE_TABLE)
        parts.push(table(groups, page));
    else {
        parts.push(`<p>${counts([...failed, ...rest], result)}</p>`);
        if (failed.length > 0)
            parts.push(table(failed, page));
        const title = failed.length > 0 ? `The other ${(0,report_text/* count */.U9)(rest.length, 'recipient')}` : 'All recipients';
        if (rest.length > 0)
            parts.push(`<details><summary>${title}</summary>${table(rest, page)}</details>`);
    }
    for (const { target, used, others } of duplicates.slice(0, 10)) {
        const ids = others.map((row) => code(row.id)).join(', ');
        parts.push(`<p>⚠️ Warning: account ${code(target.id)} has more than one live recipient: ${code(used.id)} is the oldest and was used; also there: ${ids}.</p>`);
    }
    parts.push(advice(page));
    return `${parts.filter(Boolean).join('\n')}\n\n`;
}
function facts({ result: { inputs, share, trigger, tookMs, requests }, code }) {
    const link = dashboard(inputs.apiUrl, inputs.accountId);
    const name = code(share?.name || inputs.shareId);
    const id = share?.name ? ` (${code(inputs.shareId)})` : '';
    const who = trigger.actor ? ` (${code(trigger.actor)})` : '';
    const run = [
        trigger.event ? `Triggered by ${code(trigger.event)}${who}` : '',
        (0,report_text/* seconds */.YA)(tookMs),
        (0,report_text/* count */.U9)(requests, 'request'),
    ];
    return `<p>Share ${link ? `<a href="${link}">${name}</a>` : name}${id} of account ${code(inputs.accountId)}<br>${run.filter(Boolean).join(' · ')}</p>`;
}
/** Cloudflare publishes no address for a share's own page, so this is the page of the account that owns it. */
function dashboard(apiUrl, accountId) {
    return apiUrl.startsWith('https://api.cloudflare.com/') ? `https://dash.cloudflare.com/${accountId}` : '';
}
/** `❌ 4 failed · ✅ 47 done, added · ✅ 9 done, unchanged`, for those who will not count the rows. */
function counts(groups, { inputs }) {
    const numbers = new Map();
    for (const group of groups) {
        const what = outcomeOf(group) === 'failed'
            ? MARKS.failed
            : inputs.dryRun
                ? planSign(firstOf(group))
                : `${MARKS[outcomeOf(group)]}, ${changeOf(group)}`;
        numbers.set(what, (numbers.get(what) ?? 0) + 1);
    }
    return [...numbers].map(([what, n]) => what.replace(' ', ` ${n} `)).join(' · ');
}
function changeOf(group) {
    if (!group.some((p) => p.changed))
        return 'unchanged';
    return group[0].want === 'present' ? 'added' : 'removed';
}
/** The row that stands for a target: the one that failed, if any. */
function firstOf(group) {
    return group.find((p) => p.step === 'failed') ?? group[0];
}
/** The whole reason would make the table wider than the page; it is under "What to do". */
function reasonOf(group, code) {
    const failure = group.find((p) => p.step === 'failed')?.failure;
    if (failure)
        return HINTS[failure.cause].title;
    const retried = group[0].row?.resources ?? [];
    return retried.length > 0 ? code(describeErrors(retried)) : '';
}
function table(groups, { result: { inputs }, code }) {
    const withReasons = groups.some((group) => reasonOf(group, code));
    const heads = inputs.dryRun ? ['Plan', 'Status'] : ['Recipient', 'Outcome', 'Status', 'Change', 'Time'];
    if (withReasons)
        heads.push('Reason');
    const rows = groups.map((group) => {
        const [first] = group;
        const endMs = group.reduce((latest, p) => Math.max(latest, p.endedMs ?? p.startedMs), 0);
        const status = group.every((p) => p.row === null && p.looked)
            ? 'no record'
            : code(groupStatus(group) || 'not known');
        const cells = inputs.dryRun
            ? [code(planned(firstOf(group), true)), status]
            : [
                code(first.target.id),
                MARKS[outcomeOf(group)],
                status,
                changeOf(group),
                (0,report_text/* seconds */.YA)(endMs - first.startedMs),
            ];
        if (withReasons)
            cells.push(reasonOf(group, code));
        return `<tr>${cells.map((text) => `<td>${text}</td>`).join('')}</tr>`;
    });
    const head = heads.map((text) => `<th>${text}</th>`).join('');
    return `<table><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`;
}
function advice({ result, code }) {
    const groups = failuresOf(result.all);
    const items = [...new Set(groups.map(({ failure }) => failure.cause))].map((cause) => {
        const { title, text, link } = HINTS[cause];
        const alike = groups.filter(({ failure }) => failure.cause === cause);
        const said = alike.slice(0, MAX_REASONS).map(({ failure, targets }) => {
            const whose = targets.length > 3 ? (0,report_text/* count */.U9)(targets.length, 'recipient') : targets.map(code).join(', ');
            return `${whose}: ${code(failure.message)}<br>`;
        });
        if (alike.length > MAX_REASONS)
            said.push(`and ${(0,report_text/* count */.U9)(alike.length - MAX_REASONS, 'more reason')}, see the log<br>`);
        return `<li><strong>${title}</strong><br>${said.join('')}${text} <a href="${link}">More</a></li>`;
    });
    return items.length > 0 ? `<h4>What to do</h4>\n<ul>\n${items.join('\n')}\n</ul>` : '';
}

;// CONCATENATED MODULE: ../.build/report/report.js








const HEARTBEAT_MS = 30_000;
/** Retries that took longer than this are worth a warning. */
const LONG_RETRY_MS = 30_000;
/** Up to so many targets every step of each is a line; above it only where each one ends. */
const FEW = 10;
/**
 * Opens the report, and masks every secret before anything else is printed.
 * @param runner the ways out
 * @param secrets every form of every secret, the longest first
 */
function openReport(runner, secrets, clock) {
    const redact = (0,report_text/* redactor */.$p)(secrets);
    const out = (0,report_runner/* safely */.vm)(runner, redact);
    for (const secret of secrets)
        out.mask(secret);
    const say = (0,report_text/* sayer */.BF)(redact);
    let lastLineMs = clock.now();
    let savedIds = 0;
    let ids = 0;
    let done = 0;
    let last = [];
    const seen = [];
    function print(text) {
        out.print(text);
        lastLineMs = clock.now();
    }
    /** @returns why it was not possible */
    function setOutputs(all) {
        try {
            for (const [name, value] of Object.entries(outputsOf(all, clock.now(), say)))
                out.output(name, value);
            return null;
        }
        catch (error) {
            if (error instanceof report_runner/* OutputError */.u7)
                return error;
            throw error;
        }
    }
    /** An id must not be lost when the runner dies; written at eight times as many each time, file and memory stay small. */
    function saveIds(all) {
        if (ids < Math.max(1, savedIds * 8))
            return;
        savedIds = ids;
        setOutputs(all); // those at the end decide
    }
    return {
        refuse(problems) {
            const failed = setOutputs([]);
            const list = problems.map(({ input, message }) => say(`\`${input}\` ${message}`));
            for (const text of list)
                print(`- ${text}`);
            const title = `${(0,report_text/* count */.U9)(problems.length, 'input')} to mend, nothing was sent`;
            out.annotate('error', title, list.map((text, index) => `(${index + 1}) ${text}`).join(' '));
            if (failed)
                throw failed;
        },
        opening(inputs) {
            const who = (0,report_text/* count */.U9)(inputs.targets.length, inputs.targets[0]?.type ?? 'account');
            const { shareId, state, dryRun, timeoutMs } = inputs;
            const what = state === 'present' ? `Sharing ${shareId} with ${who}` : `Removing ${who} from share ${shareId}`;
            print(say(`${what}${dryRun ? ' (dry run, nothing is changed)' : ''}; timeout ${(0,report_text/* duration */.p0)(timeoutMs)}.`));
            if (inputs.repeated.length > 0) {
                print(say(`Given more than once, done once: ${inputs.repeated.join(', ')}.`));
            }
            if (inputs.credentials.kind === 'key') {
                out.annotate('warning', 'Legacy API key', 'A Global API key may do everything that its user may do. Use an api-token with the permissions that the README names.');
            }
        },
        plan(all, share, whole) {
            if (share?.name)
                print(say(`The share is "${share.name}".`));
            if (whole || all.length <= FEW)
                for (const p of all)
                    print(say(planned(p)));
            else {
                const counts = new Map();
                for (const p of all)
                    counts.set(planSign(p), (counts.get(planSign(p)) ?? 0) + 1);
                print([...counts].map(([what, n]) => `${what}: ${n}`).join(', '));
            }
            ids = all.filter((p) => p.id).length;
            done = all.filter(isDone).length;
            last = all;
            saveIds(all);
        },
        moved(from, to, all) {
            last = all;
            const after = (0,report_text/* seconds */.YA)(clock.now() - to.startedMs);
            const text = movement(from, to, after);
            ids += Number(to.id !== null) - Number(from.id !== null);
            done += Number(isDone(to)) - Number(isDone(from));
            const howMany = all.length > 1 && isDone(to) ? ` (${done} of ${all.length} done)` : '';
            const few = all.length <= FEW || isDone(to) || to.step === 'unsure';
            // A single target that failed is told by its annotation.
            const told = all.length === 1 && to.step === 'failed';
            if (text && !told)
                (few ? print : out.debug)(say(`${to.target.type} ${to.target.id}: ${text}${howMany}`));
            const retried = newlyRetried(from, to);
            if (retried) {
                const message = `${to.target.type} ${to.target.id}: ${retried}. Cloudflare keeps trying, and so the run keeps waiting.`;
                out.annotate('warning', 'Cloudflare retries a resource', say(message));
            }
            saveIds(all);
        },
        heartbeat(all, endMs) {
            const now = clock.now();
            if (now - lastLineMs < HEARTBEAT_MS)
                return;
            const pending = all.filter((p) => !isDone(p));
            if (pending.length === 0)
                return;
            const oldest = Math.min(...pending.map((p) => p.startedMs));
            const failed = all.filter((p) => p.step === 'failed').length;
            const who = pending.length === 1
                ? `${pending[0]?.target.id} (${pending[0] && statusOf(pending[0])})`
                : `${pending.length} of ${all.length}`;
            print(say(`Still waiting for ${who}, for ${(0,report_text/* duration */.p0)(now - oldest)}${failed ? `; ${failed} failed` : ''}; ${(0,report_text/* duration */.p0)(endMs - now)} of the timeout left.`));
        },
        duplicates(found) {
            for (const duplicate of found) {
                if (seen.some((known) => known.target.id === duplicate.target.id))
                    continue;
                seen.push(duplicate);
                const ids = duplicate.others.map((row) => row.id).join(', ');
                out.annotate('warning', 'More than one recipient for an account', say(`Account ${duplicate.target.id} has more than one live recipient in the share: ${duplicate.used.id} is the oldest and is used, also there: ${ids}. It was added more than once at the same time; remove the others by hand.`));
            }
        },
        retrying(error, waitMs) {
            print(say(`${error.message}; trying again in ${(0,report_text/* seconds */.YA)(waitMs)}`));
        },
        recovered(tries, tookMs) {
            const text = `Answered again after ${(0,report_text/* count */.U9)(tries, 'try').replace('trys', 'tries')} in ${(0,report_text/* seconds */.YA)(tookMs)}`;
            if (tookMs > LONG_RETRY_MS)
                out.annotate('warning', 'Retries took long', text);
            else
                print(text);
        },
        slowing(gapMs) {
            print(`Little of Cloudflare's rate limit is left: going on with one request every ${(0,report_text/* seconds */.YA)(gapMs)}.`);
        },
        notRecorded(message) {
            const text = `GitHub's deployment record could not be written: ${message}. If GitHub refused it, give the job the permission "deployments: write".`;
            out.annotate('warning', 'No deployment record', say(text));
        },
        async finish(result) {
            const failed = setOutputs(result.all);
            annotateFailures(result);
            adoptedNotice(result);
            if (result.inputs.summary) {
                try {
                    await out.summary(summaryOf(result, seen, say));
                }
                catch (error) {
                    out.annotate('warning', 'No job summary', say(`The job summary could not be written: ${error.message}`));
                }
            }
            print(say(`${headline(result)}; ${(0,report_text/* seconds */.YA)(result.tookMs)}, ${(0,report_text/* count */.U9)(result.requests, 'request')}.`));
            if (failed)
                throw failed;
        },
        crash(error) {
            const { message, stack } = error instanceof Error ? error : new Error(String(error));
            const { title, text } = HINTS[error instanceof report_runner/* OutputError */.u7 ? 'runner' : 'internal'];
            out.annotate('error', title, say(`${message}. ${text}`));
            for (const text of (stack ?? '').split('\n'))
                out.debug(text);
            try {
                setOutputs(last);
            }
            catch {
                // What went wrong is told; what comes of it is not told again.
            }
        },
    };
    function annotateFailures(result) {
        const groups = failuresOf(result.all);
        if (result.isCancelled && groups.length === 0) {
            const { title, link } = HINTS.cancelled;
            out.annotate('error', title, `${say(`Share ${shareName(result)}: ${headline(result)}.`)} ${link}`);
        }
        const shown = groups.length > 10 ? groups.slice(0, 9) : groups;
        for (const { failure, targets } of shown) {
            const { title, text, link } = HINTS[failure.cause];
            const names = targets.length > 20
                ? `${targets.slice(0, 20).join(', ')} and ${targets.length - 20} more`
                : targets.join(', ');
            const who = `${result.inputs.targets[0]?.type ?? 'account'}${targets.length > 1 ? 's' : ''} ${names}`;
            const ids = idsOf(result.all, targets);
            out.annotate('error', title, `${say(`Share ${shareName(result)}, ${who}${ids}: ${failure.message}.`, 3000)} ${text} ${link}`);
        }
        const hidden = groups.slice(shown.length);
        if (hidden.length > 0) {
            const names = hidden.flatMap((group) => group.targets);
            out.annotate('error', `${(0,report_text/* count */.U9)(hidden.length, 'more reason')}`, say(`These failed as well, for reasons that the log and the output recipients tell: ${names.join(', ')}`));
        }
    }
    function adoptedNotice({ all, inputs }) {
        const adopted = all.filter((p) => p.want === 'present' && p.id && !p.changed && (p.step === 'settled' || p.step === 'accepted'));
        if (adopted.length === 0 || inputs.dryRun)
            return;
        const names = adopted
            .slice(0, 5)
            .map((p) => `${p.target.id} (recipient ${p.id})`)
            .join(', ');
        const more = adopted.length > 5 ? ` and ${adopted.length - 5} more` : '';
        out.annotate('notice', 'Had the share before', say(`Nothing was added for ${names}${more}: an earlier run or somebody else did it.`));
    }
}
function idsOf(all, targets) {
    const id = targets.length === 1 ? all.find((p) => p.target.id === targets[0])?.id : null;
    return id ? ` (recipient ${id})` : '';
}
/** What a move means, for the log; null where the reader could not use it. */
function movement(from, to, after) {
    if (to.step !== from.step) {
        switch (to.step) {
            case 'failed':
                return `failed after ${after}: ${to.failure?.message}`;
            case 'settled':
                return `${statusOf(to)} after ${after}`;
            case 'accepted':
                return `accepted, ${statusOf(to)}, not waited for`;
            case 'associate':
                if (from.step === 'settled')
                    return `not usable any more, ${statusOf(to)}`;
                return `${to.changed ? 'added' : 'found'} as recipient ${to.id}, ${statusOf(to)}`;
            case 'clear':
                return `has an earlier recipient ${to.id}, ${statusOf(to)}; waiting before it is added`;
            case 'disassociate':
                return `removal of recipient ${to.id} accepted, ${statusOf(to)}`;
            case 'unsure':
                return `${to.failure?.message}; looking whether it was done before anything is sent again`;
            case 'hold':
                return `not removed while it is associating (${to.failure?.message}); waiting`;
            case 'create':
                return from.step === 'clear'
                    ? 'the earlier recipient is disassociated, adding the account anew'
                    : 'not in the list, adding it again';
            default:
                return 'still there, removing it again';
        }
    }
    if (statusOf(to) === statusOf(from))
        return null;
    const failing = to.row?.resources.length ?? 0;
    return `${statusOf(to)} after ${after}${failing > 0 ? `, but ${(0,report_text/* count */.U9)(failing, 'resource')} not yet usable` : ''}`;
}
/** The resources that Cloudflare has begun to retry since `from`; empty when there is none. */
function newlyRetried(from, to) {
    if (to.step !== 'associate')
        return '';
    const known = new Set(from.row?.resources.map(({ id }) => id));
    return describeErrors((to.row?.resources ?? []).filter(({ id, terminal }) => !terminal && !known.has(id)));
}

;// CONCATENATED MODULE: ../.build/version.js
/** The version that is being run. A test keeps it in step with package.json and CHANGELOG.md. */
const VERSION = '1.0.0';

;// CONCATENATED MODULE: ../.build/trigger.js


/** What started the workflow, from the runner's default variables. */
function readTrigger(env) {
    const name = env['GITHUB_EVENT_NAME'] ?? '';
    const event = name === 'release' ? `release ${env['GITHUB_REF_NAME'] ?? ''}`.trim() : name;
    return { event, actor: env['GITHUB_ACTOR'] ?? '' };
}
/**
 * Names the run to Cloudflare, whose audit log shows it: `cloudflare-share-recipient/1.0.0 (owner/repo; run 42)`.
 * What a header may not hold is left out.
 */
function userAgent(env) {
    const word = (text) => (0,report_text/* plain */.pj)(text ?? '', 140).replace(/[^\w./-]/g, '');
    const repository = word(env['GITHUB_REPOSITORY']);
    const run = word(env['GITHUB_RUN_ID']);
    const parts = [repository, run && `run ${run}`].filter(Boolean).join('; ');
    return `cloudflare-share-recipient/${VERSION}${parts ? ` (${parts})` : ''}`;
}

;// CONCATENATED MODULE: ../.build/change.js


/** More would not be faster under the rate limit, and would make a fault in the middle harder to look up. */
const WRITERS = 4;
/**
 * Sends what is due: a POST for every `create`, a DELETE for every `remove`, at most four at a time, each once.
 * @param all every target; entries are replaced through `update` as they move
 * @returns why the run has to stop, when Cloudflare refused the credentials; else null
 */
async function change(all, run, update) {
    const due = all.flatMap((p, index) => (p.step === 'create' || p.step === 'remove' ? [index] : []));
    let stop = null;
    async function writer() {
        for (let index = due.shift(); index !== undefined && !stop && !run.isOver(); index = due.shift()) {
            const p = sent(all[index], run.clock.now());
            try {
                const row = p.step === 'create' ? await run.shares.create(p.target) : await run.shares.remove(p.id ?? '');
                update(index, accepted(p, row, run.clock.now()));
            }
            catch (error) {
                if (!(error instanceof RequestError))
                    throw error;
                update(index, unanswered(p, error, run.clock.now()));
                // All that is due was found by the same look; a new one comes first.
                if (error.stale)
                    due.length = 0;
                if (error.why === 'credentials') {
                    stop = {
                        cause: 'stopped',
                        message: `not finished, because Cloudflare refused another write: ${error.message}`,
                    };
                }
            }
        }
    }
    await Promise.all(Array.from({ length: WRITERS }, writer));
    return stop;
}

;// CONCATENATED MODULE: ../.build/wait.js








/** An answer of the wrong shape may be a hiccup of something in between; more of them, over ten seconds, are not. */
const MISSHAPEN_TOLERATED = 2;
/** A look with less time than this would only end in a deadline that says nothing of Cloudflare. */
const SHORTEST_LOOK_MS = 250;
/** So long before the end of the step a last look begins, lest something that has just settled is not noticed. */
const LAST_MOMENT_MS = 2_000;
/** For the last look of a run: the runner kills 10 s after a cancel, and users expect less than two. */
const LAST_LOOK_CANCELLED_MS = 900;
const LAST_LOOK_MS = 3_000;
/**
 * Carries a plan out: writes what is due, looks until everything has settled, and writes again where a look
 * shows that it is needed.
 * @param planned the targets as planned
 * @param rows the rows that were there before anything was written
 * @returns the targets, all of them done
 */
async function carryOut(planned, rows, run) {
    const { clock, cancel, endMs, report } = run;
    const before = new Set(rows.map((row) => row.id));
    const memory = openMemory();
    memory.see({ rows, id: null, askedMs: clock.now(), nowMs: clock.now() });
    const all = [...planned];
    // A removal takes every row of an account, so there is nothing to warn of.
    const targets = [...new Set(all.filter((p) => p.want === 'present').map((p) => p.target))];
    const update = (index, next) => {
        const previous = all[index];
        all[index] = next;
        if (previous.step === 'create' && next.row)
            memory.renew(next.row, !before.has(next.row.id), clock.now());
        if (next !== previous)
            report.moved(previous, next, all);
    };
    const lookAt = (seen, askedMs, judge = looked) => {
        const nowMs = clock.now();
        const look = lookOf(memory.see({ ...seen, askedMs, nowMs }), before, nowMs, askedMs);
        report.duplicates(duplicates(targets, look.rows));
        for (const [index, p] of all.entries())
            update(index, judge(p, look));
        if (judge === looked)
            for (const p of newcomers(all, look))
                all.push(p);
    };
    let stop = null;
    let lastError = null;
    /** When answers of the wrong shape came, since the last good one. */
    let misshapenMs = [];
    let pages = 1;
    let lookedMs = 0;
    while (true) {
        stop = await change(all, run, update);
        const pending = all.filter((p) => !isDone(p));
        if (stop || pending.length === 0 || run.isOver())
            break;
        const sinceMs = pending.reduce((latest, p) => Math.max(latest, p.sinceMs), 0);
        const fromMs = Math.max(lookedMs, sinceMs);
        const waitMs = nextLookMs(fromMs - sinceMs, run.random(), pages);
        // Looks are timed from start to start; a slow answer must not leave the server without a pause.
        const pauseMs = Math.max(fromMs + waitMs - clock.now(), waitMs / 2);
        await clock.sleep(fitted(pauseMs, endMs - clock.now()), cancel);
        if (run.isOver())
            break;
        lookedMs = clock.now();
        try {
            const seen = await look(all, run);
            pages = Math.ceil(seen.rows.length / PER_PAGE);
            lookAt(seen, lookedMs);
            lastError = null;
            misshapenMs = [];
        }
        catch (error) {
            if (!(error instanceof RequestError))
                throw error;
            if (error.isMisshapen)
                misshapenMs.push(clock.now());
            const [firstMs = clock.now()] = misshapenMs;
            const isNoHiccup = misshapenMs.length > MISSHAPEN_TOLERATED && clock.now() - firstMs >= UNSURE_MS;
            if (!run.isOver() && (!error.retryable || isNoHiccup)) {
                stop = { cause: error.why, message: error.message };
                break;
            }
            lastError = error;
        }
        report.heartbeat(all, endMs);
    }
    // After a look that failed for good there is none; but a write that was refused says nothing of another one.
    if (all.some(isMaybeWritten) && (!stop || stop.cause === 'stopped')) {
        const askedMs = clock.now();
        const untilMs = askedMs + (cancel.aborted ? LAST_LOOK_CANCELLED_MS : LAST_LOOK_MS);
        try {
            lookAt({ rows: await run.shares.list({ tries: 1, untilMs }), id: null }, askedMs, lastLooked);
        }
        catch (error) {
            if (!(error instanceof RequestError))
                throw error;
            lastError = error;
        }
    }
    for (const [index, p] of all.entries()) {
        if (!isDone(p))
            update(index, failed(p, unfinished(p, run, stop, lastError), clock.now()));
    }
    return all;
}
/** A pause that leaves time for the look after it: shorter where that would come too late, all the rest where none can. */
function fitted(pauseMs, leftMs) {
    const lastMs = leftMs - LAST_MOMENT_MS;
    if (pauseMs > lastMs && lastMs > 2 * SHORTEST_LOOK_MS)
        return lastMs;
    return pauseMs + SHORTEST_LOOK_MS < leftMs ? pauseMs : leftMs;
}
function isMaybeWritten({ step, maybeWritten }) {
    return step === 'unsure' && maybeWritten;
}
/** What the last look finds of a write is told, but a run that is over is neither made a success by it nor begun anew. */
function lastLooked(p, look) {
    if (!isMaybeWritten(p))
        return p;
    const next = looked(p, look);
    if (next.step === 'unsure' || next.step === 'create' || next.step === 'remove')
        return p;
    if (next.step === 'failed')
        return next;
    return { ...next, step: p.want === 'present' ? 'associate' : 'disassociate', endedMs: null };
}
/**
 * One target is asked for by its id. Several, those that are done among them, and one whose row is not known for
 * sure, are found in the list.
 */
async function look(all, { shares }) {
    const [only] = all;
    const inList = only?.step === 'unsure' || only?.step === 'clear';
    if (all.length === 1 && only?.id && !inList) {
        const row = await shares.get(only.id).catch(missing);
        // That an account has lost the share is relied on, so the list has to agree, and to show no other row of it.
        const isOver = only.want === 'absent' && (!row || row.status === 'disassociated');
        if (!isOver)
            return { rows: row ? [row] : [], id: only.id };
    }
    return { rows: await shares.list(), id: null };
}
function missing(error) {
    if (error instanceof RequestError && error.why === 'not-found')
        return null;
    throw error;
}
/** Why a target that is not done has failed: what ended the run, and what is known of the target. */
function unfinished(p, run, stop, lastError) {
    const errors = p.row?.resources ?? [];
    const details = [
        `last seen ${statusOf(p)}`,
        errors.length > 0 ? `Cloudflare was still retrying ${describeErrors(errors)}` : '',
        p.step === 'unsure' && p.failure
            ? `${p.maybeWritten ? 'a write got no clear answer and may have been carried out' : 'a write was refused'} (${p.failure.message})`
            : '',
        lastError ? `the last look failed (${lastError.message})` : '',
    ];
    const known = details.filter(Boolean).join('; ');
    if (stop)
        return { cause: stop.cause, message: `${stop.message}; ${known}` };
    if (run.cancel.aborted)
        return { cause: 'cancelled', message: `cancelled: ${known}` };
    const wanted = p.want === 'present' ? 'associated' : 'disassociated';
    return { cause: 'timeout', message: `not ${wanted} within ${(0,report_text/* duration */.p0)(run.timeoutMs)}: ${known}` };
}

;// CONCATENATED MODULE: ../.build/main.js












/** The share's name is worth a moment, not a wait: the list that was read at the same time grows old. */
const SHARE_MS = 3_000;
/** For the last word to GitHub: the runner kills 10 s after a cancel, and users expect less than two. */
const RECORD_DEADLINE_MS = { over: 300, done: 5_000 };
/**
 * One run: read the inputs, look, plan, change, wait, report. It does not throw.
 * @returns true when every target is as wanted, false when the step has to fail
 */
async function main(world) {
    const report = openReport(world.runner, (0,secrets/* secretForms */.eo)(world.env), world.clock);
    try {
        const read = readInputs(world.env);
        if ('inputs' in read)
            return await run(read.inputs, world, report);
        report.refuse(read.problems);
    }
    catch (error) {
        report.crash(error);
    }
    return false;
}
async function run(inputs, world, report) {
    const { env, clock, cancel } = world;
    const startMs = clock.now();
    const endMs = startMs + inputs.timeoutMs;
    const isOver = () => cancel.aborted || clock.now() >= endMs;
    const http = openHttp({ ...world, ...inputs, userAgent: userAgent(env), endMs, listener: report });
    const shares = openShares(http, inputs.accountId, inputs.shareId);
    report.opening(inputs);
    let share = null;
    let all;
    let record = null;
    try {
        const named = shares.share({ tries: 2, untilMs: startMs + SHARE_MS }).catch(notTold);
        const look = await Promise.all([shares.list(), named]);
        share = look[1];
        const planned = plan(inputs, { rows: look[0], share, nowMs: clock.now() });
        report.plan(planned, share, inputs.dryRun);
        if (inputs.state === 'present')
            report.duplicates(duplicates(inputs.targets, look[0]));
        if (inputs.dryRun)
            all = planned.map(foretold);
        else {
            if (planned.some(willChange))
                record = recordDeployment({ ...world, inputs, failed: report.notRecorded });
            all = await carryOut(planned, look[0], { ...world, ...inputs, shares, report, endMs, isOver });
        }
    }
    catch (error) {
        if (!(error instanceof RequestError))
            throw error;
        const late = isOver() && error.why === 'deadline' ? 'timeout' : error.why;
        const failure = failureOf(error, cancel.aborted ? 'cancelled' : late);
        all = inputs.targets.map((target) => failed(unplanned(inputs, target, startMs), failure, clock.now()));
    }
    const isCancelled = cancel.aborted;
    const success = !isCancelled && all.every((p) => p.step !== 'failed' && (isDone(p) || inputs.dryRun));
    const tookMs = clock.now() - startMs;
    const trigger = readTrigger(env);
    const result = { inputs, share, all, trigger, requests: http.requests, tookMs, isCancelled };
    let state = isCancelled ? 'error' : 'failure';
    try {
        await report.finish(result);
        if (success)
            state = 'success';
    }
    finally {
        await record?.finish(state, headline(result), RECORD_DEADLINE_MS[isOver() ? 'over' : 'done']);
    }
    return success && !cancel.aborted;
}
/** The share could not be read, which only means that it is told by its id. */
function notTold(error) {
    if (error instanceof RequestError)
        return null;
    throw error;
}
function failureOf(error, cause) {
    const { message } = error;
    return {
        cause,
        message: cause === error.why ? message : `${cause === 'timeout' ? 'the time was up' : cause}: ${message}`,
    };
}


/***/ }),

/***/ 561:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {


// EXPORTS
__nccwpck_require__.d(__webpack_exports__, {
  u7: () => (/* binding */ OutputError),
  OA: () => (/* binding */ githubRunner),
  vm: () => (/* binding */ safely)
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
function toCommandProperties(annotationProperties) {
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
    command_issueCommand('error', toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}
/**
 * Adds a warning issue
 * @param message warning issue message. Errors will be converted to string via toString()
 * @param properties optional properties to add to the annotation.
 */
function warning(message, properties = {}) {
    command_issueCommand('warning', toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}
/**
 * Adds a notice issue
 * @param message notice issue message. Errors will be converted to string via toString()
 * @param properties optional properties to add to the annotation.
 */
function notice(message, properties = {}) {
    command_issueCommand('notice', toCommandProperties(properties), message instanceof Error ? message.toString() : message);
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
// EXTERNAL MODULE: ../.build/report/text.js
var report_text = __nccwpck_require__(236);
;// CONCATENATED MODULE: ../.build/report/runner.js


/** The runner of GitHub Actions, as `@actions/core` speaks with it. */
const githubRunner = {
    mask: core_setSecret,
    print: info,
    debug: core_debug,
    annotate: (level, title, message) => ({ notice: notice, warning: warning, error: error })[level](message, { title }),
    output: setOutput,
    summary: async (html) => {
        await summary.addRaw(html).write();
    },
};
/** The outputs could not be written, so that a later step would go by none. */
class OutputError extends Error {
}
/** GitHub shows ten annotations of a kind for a step, of 4,096 characters each. */
const MAX_ANNOTATIONS = 10;
const MAX_ANNOTATION = 4000;
/**
 * Puts the safety in front of a runner: what passes is on one line, is no workflow command, and has no secret.
 * @param runner what writes
 * @param redact takes the secrets out
 */
function safely(runner, redact) {
    const annotations = { notice: 0, warning: 0, error: 0 };
    // Taking a control character out may complete a secret.
    const safe = (text) => redact((0,report_text/* line */.n8)(redact(text)));
    const safeOutput = (value) => {
        if (typeof value === 'string')
            return value.split('\n').map(safe).join('\n');
        // Only values are redacted: what hits a name or a quote would leave something that is no JSON.
        return (0,report_text/* line */.n8)(JSON.stringify(value, (_, inner) => (typeof inner === 'string' ? redact(inner) : inner)));
    };
    return {
        mask: (secret) => runner.mask(secret),
        print: (text) => runner.print(safe(text)),
        debug: (text) => runner.debug(safe(text)),
        annotate(level, title, message) {
            const text = safe(message).slice(0, MAX_ANNOTATION).toWellFormed();
            if (++annotations[level] <= MAX_ANNOTATIONS)
                runner.annotate(level, safe(title), text);
            else
                runner.print(safe(`${title}: ${message}`));
        },
        output(name, value) {
            const text = safeOutput(value);
            try {
                runner.output(name, text);
            }
            catch (error) {
                throw new OutputError(`The output ${name} could not be set: ${error.message}`);
            }
        },
        summary: (html) => runner.summary(redact(html)),
    };
}


/***/ }),

/***/ 236:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   $p: () => (/* binding */ redactor),
/* harmony export */   BF: () => (/* binding */ sayer),
/* harmony export */   U9: () => (/* binding */ count),
/* harmony export */   YA: () => (/* binding */ seconds),
/* harmony export */   n8: () => (/* binding */ line),
/* harmony export */   p0: () => (/* binding */ duration),
/* harmony export */   pj: () => (/* binding */ plain),
/* harmony export */   qy: () => (/* binding */ html)
/* harmony export */ });
/* harmony import */ var _secrets_js__WEBPACK_IMPORTED_MODULE_0__ = __nccwpck_require__(165);

/*
 * The one place that makes text safe. Whatever a server, a share or an input says is data: it must not run a
 * workflow command, forge a line, or become markup. `report/runner.ts` lets nothing out that has not been here.
 */
// A blank takes the place of each, so that what was apart is never joined to something new.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
const ANSI = /[\u001b\u009b](?:\[?[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)?/g;
/** Control, format (bidirectional overrides, zero width), line and paragraph separators. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/**
 * Makes a function that replaces every form of every secret. Where two overlap, one `***` takes the place of both,
 * so that no rest of either remains.
 * @param forms see `secretForms` in `secrets.ts`
 */
function redactor(forms) {
    const used = forms.filter((form) => form.length >= _secrets_js__WEBPACK_IMPORTED_MODULE_0__/* .SHORTEST_SECRET */ .c3);
    if (used.length === 0)
        return (text) => text;
    const any = new RegExp(used.map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'));
    return (text) => {
        if (!any.test(text))
            return text;
        const found = used.flatMap((form) => placesOf(form, text)).sort((a, b) => a.from - b.from);
        let [rest, done] = ['', 0];
        for (const { from, to } of found) {
            if (from >= done)
                rest += `${text.slice(done, from)}***`;
            done = Math.max(done, to);
        }
        return rest + text.slice(done);
    };
}
function placesOf(form, text) {
    const places = [];
    for (let from = text.indexOf(form); from >= 0; from = text.indexOf(form, from + 1))
        places.push({ from, to: from + form.length });
    return places;
}
/**
 * Makes the function that all foreign text goes through before it becomes part of ours. Secrets are taken out
 * before it is cut, which could leave half of one, and once more when its blanks have become single ones.
 */
function sayer(redact) {
    return (text, max = 800) => plain(redact(plain(redact(String(text)), Number.POSITIVE_INFINITY)), max);
}
/**
 * Makes one line that the runner prints and does not act on: it takes `::command::` after leading blanks, and
 * `##[command]` anywhere in a line, and it splits lines at CR too.
 * @returns the text on one line, its inner spacing kept
 */
function line(text) {
    return text
        .toWellFormed()
        .replace(ANSI, ' ')
        .replace(INVISIBLE, ' ')
        .replace(/#(?=#\[)/g, '# ')
        .replace(/^(\s*):(?=:)/, '$1: ');
}
/**
 * Makes foreign text fit into a sentence of ours: one line, single blanks, not too long.
 * @param text anything; what is no text is shown as JavaScript would
 * @param max longest result, in UTF-16 code units
 */
function plain(text, max = 400) {
    const flat = line(String(text)).replace(/\s+/g, ' ').trim();
    return flat.length <= max ? flat : `${flat.slice(0, max - 1).toWellFormed()}…`;
}
/**
 * Makes foreign text fit into the HTML of a summary: nothing in it is markup, link, mention or emoji code.
 * GitHub looks for mentions and links in the text of a page too, but not inside `<code>`: put it there.
 */
function html(text) {
    return plain(text, Number.POSITIVE_INFINITY).replace(/[!-'*+/:-@[-^`{-~]/g, (character) => `&#${character.charCodeAt(0)};`);
}
/** Milliseconds as people write a budget: `90s`, `10m`, `1h30m`. */
function duration(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    const parts = [
        [Math.floor(seconds / 3600), 'h'],
        [Math.floor((seconds % 3600) / 60), 'm'],
        [seconds % 60, 's'],
    ];
    return (parts
        .filter(([count]) => count > 0)
        .map(([count, unit]) => `${count}${unit}`)
        .join('') || '0s');
}
/** Milliseconds as a measured time: `0.4 s`, `12.3 s`, `4m5s`. */
function seconds(ms) {
    return ms < 100_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : duration(ms);
}
/** `1 account`, `3 accounts`. */
function count(n, one) {
    return `${n} ${one}${n === 1 ? '' : 's'}`;
}


/***/ }),

/***/ 165:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __nccwpck_require__) => {

/* harmony export */ __nccwpck_require__.d(__webpack_exports__, {
/* harmony export */   D4: () => (/* binding */ decode),
/* harmony export */   c3: () => (/* binding */ SHORTEST_SECRET),
/* harmony export */   eo: () => (/* binding */ secretForms)
/* harmony export */ });
const VARIABLES = [
    'INPUT_API-TOKEN',
    'INPUT_API-KEY',
    'INPUT_GITHUB-TOKEN',
    'CLOUDFLARE_API_TOKEN',
    'CLOUDFLARE_API_KEY',
];
const EMAILS = ['INPUT_API-EMAIL', 'CLOUDFLARE_EMAIL'];
const PROXIES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];
/** Shorter forms would hit ordinary words; no token or key of Cloudflare or GitHub is that short. */
const SHORTEST_SECRET = 6;
/** A part of a secret with blanks in it, such as "Bearer", may be an ordinary word too. */
const SHORTEST_WORD = 8;
/**
 * Collects everything that must never be shown, in the forms in which it could show: as it is, URL-encoded, in
 * base64, escaped for JSON or HTML. It works on any environment, so that even the report of a wrong input is free
 * of secrets.
 * @returns each form once, the longest first
 */
function secretForms(env) {
    const given = VARIABLES.map((name) => env[name] ?? '').filter((text) => text.trim());
    const emails = EMAILS.map((name) => env[name]?.trim() ?? '').filter(Boolean);
    const pairs = given.flatMap((text) => emails.map((email) => base64(`${email}:${text.trim()}`)));
    const secrets = [...given, ...pairs, ...PROXIES.flatMap((name) => proxySecrets(env[name]?.trim() ?? ''))];
    const derived = secrets
        .flatMap(spellings)
        .flatMap((text) => [text, text.toLowerCase(), ...encodings(text)]);
    const forms = [...secrets.flatMap((text) => [text, text.trim()]), ...derived.filter(isLong)];
    return [...new Set(forms)].filter(Boolean).sort((a, b) => b.length - a.length);
}
function isLong(text) {
    return text.length >= SHORTEST_SECRET;
}
/** The user and password of a proxy's address, read as `getProxyUrl` reads it, and the header that is made of them. */
function proxySecrets(address) {
    // As it was written, which the URL may write in another way; and all there is where it is no URL.
    const written = /^(?:[a-z][\w+.-]*:[\\/]*)?[^:@]*:(.+)@[^@]*$/i.exec(address)?.[1] ?? '';
    const url = [address, `http://${address}`].find((text) => URL.canParse(text) && new URL(text).username);
    if (!url)
        return [written];
    const { username, password } = new URL(url);
    const secret = password || username;
    const header = `${decode(username)}:${decode(password)}`;
    return [written, secret, decode(secret), header, base64(header)];
}
/** Decodes what a URL holds; what is no such code stays as it is. */
function decode(text) {
    try {
        return decodeURIComponent(text);
    }
    catch {
        return text;
    }
}
/** What of a secret could stand alone: without blanks or quotes around it, a line, a word. */
function spellings(secret) {
    const value = secret.trim();
    const lines = value.split(/[\r\n]+/).map((line) => line.trim());
    const words = value.split(/[\s,]+/).filter((word) => word.length >= SHORTEST_WORD);
    return [...new Set([value, value.replace(/^["'`]+|["'`]+$/g, ''), ...lines, ...words])];
}
function encodings(text) {
    const whole = text.toWellFormed();
    const url = encodeURIComponent(whole);
    const strict = url.replace(/[!'()*~]/g, (character) => `%${hex(character).toUpperCase()}`);
    const form = new URLSearchParams([['', whole]]).toString().slice(1);
    const urls = [
        url,
        strict,
        form,
        encodeURI(whole),
        encodeURIComponent(url),
        encodeURIComponent(base64(whole)),
    ];
    const json = JSON.stringify(whole).slice(1, -1);
    const html = (escaped) => whole.replace(/[&<>"']/g, escaped);
    return [
        ...urls.flatMap((one) => [one, one.replace(/%../g, (code) => code.toLowerCase())]),
        json,
        json.replaceAll('/', '\\/'),
        JSON.stringify(json).slice(1, -1),
        ...[/[<>&]/g, /[<>&']/g, /[<>&'/]/g].map((some) => json.replace(some, (one) => `\\u00${hex(one)}`)),
        ...['#39', '#x27', 'apos'].map((quote) => html((one) => `&${NAMES[one] ?? quote};`)),
        html((one) => (one === "'" ? one : `&${NAMES[one]};`)),
        html((one) => (/["']/.test(one) ? one : `&${NAMES[one]};`)),
        html((one) => `&#${one.charCodeAt(0)};`),
        html((one) => `&#x${hex(one)};`),
        base64(whole),
        ...base64Parts(whole),
    ];
}
const NAMES = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' };
function hex(character) {
    return character.charCodeAt(0).toString(16);
}
function base64(text) {
    return Buffer.from(text).toString('base64');
}
/**
 * What shows of a text inside the base64 of a longer one, such as `Bearer …`: three bytes make four characters, so
 * there are three ways to begin, and the characters at the ends that depend on its neighbours are left out.
 */
function base64Parts(text) {
    const bytes = Buffer.from(text);
    return [0, 1, 2].flatMap((before) => {
        const all = Buffer.concat([Buffer.alloc(before), bytes]);
        const part = all
            .toString('base64url')
            .slice(Math.ceil((before * 8) / 6), Math.floor((all.length * 8) / 6));
        return [part, part.replaceAll('-', '+').replaceAll('_', '/')];
    });
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
/******/ /* webpack/runtime/create fake namespace object */
/******/ (() => {
/******/ 	var getProto = Object.getPrototypeOf ? (obj) => (Object.getPrototypeOf(obj)) : (obj) => (obj.__proto__);
/******/ 	var leafPrototypes;
/******/ 	// create a fake namespace object
/******/ 	// mode & 1: value is a module id, require it
/******/ 	// mode & 2: merge all properties of value into the ns
/******/ 	// mode & 4: return value when already ns object
/******/ 	// mode & 16: return value when it's Promise-like
/******/ 	// mode & 8|1: behave like require
/******/ 	__nccwpck_require__.t = function(value, mode) {
/******/ 		if(mode & 1) value = this(value);
/******/ 		if(mode & 8) return value;
/******/ 		if(typeof value === 'object' && value) {
/******/ 			if((mode & 4) && value.__esModule) return value;
/******/ 			if((mode & 16) && typeof value.then === 'function') return value;
/******/ 		}
/******/ 		var ns = Object.create(null);
/******/ 		__nccwpck_require__.r(ns);
/******/ 		var def = {};
/******/ 		leafPrototypes = leafPrototypes || [null, getProto({}), getProto([]), getProto(getProto)];
/******/ 		for(var current = mode & 2 && value; typeof current == 'object' && !~leafPrototypes.indexOf(current); current = getProto(current)) {
/******/ 			Object.getOwnPropertyNames(current).forEach((key) => (def[key] = () => (value[key])));
/******/ 		}
/******/ 		def['default'] = () => (value);
/******/ 		__nccwpck_require__.d(ns, def);
/******/ 		return ns;
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
/******/ /* webpack/runtime/make namespace object */
/******/ (() => {
/******/ 	// define __esModule on exports
/******/ 	__nccwpck_require__.r = (exports) => {
/******/ 		if(typeof Symbol !== 'undefined' && Symbol.toStringTag) {
/******/ 			Object.defineProperty(exports, Symbol.toStringTag, { value: 'Module' });
/******/ 		}
/******/ 		Object.defineProperty(exports, '__esModule', { value: true });
/******/ 	};
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
