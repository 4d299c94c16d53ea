// Calls the API. To use it elsewhere, copy this file with session.js, encrypt.js and config.js.
//
//   const { call, form } = require('./request.js');
//   const password = await call({ path: '/v1/password' });
//   const linking = form();                       // one per form of a page
//   await linking.send({ path: '/v1/link', data, waiting });
//
// An error rejects with a Problem. This file handles:
//   - replies other than 2xx, which some clients pass to `success` and others to `fail`, with
//     or without their body; each becomes the same Problem;
//   - an ended session: it signs in once and repeats the call;
//   - BUSY and lost replies: it repeats the call with the same Idempotency-Key, so that nothing
//     is done twice. If the outcome stays unknown the code is RESULT_UNKNOWN.
const config = require('../config.js');
const session = require('./session.js');
const encrypt = require('./encrypt.js');

/**
 * @typedef {object} Problem
 * @property {string} code of the API, or NETWORK, TIMEOUT, UNREADABLE, DOMAIN, CANCELLED
 * @property {string} message Chinese, ready to show; may be empty
 * @property {number} status HTTP status; 0 without a reply
 * @property {{field: string, code: string, message: string}[]} fields
 * @property {string} requestId
 * @property {number} retryAfter seconds
 * @property {number} [remaining] attempts left
 * @property {string} [lockedUntil] RFC 3339
 * @property {{id: string, certify_id: string, certify_url: string, phone?: string}} [pending] the link that waits for a face verification, or for a code sent to the phone
 * @property {boolean} transferOffered the link can be transferred from another Alipay account
 * @property {boolean} faceFirstOffered the face can be verified before the password
 * @property {import('./transfers.js').Transfer} [transfer] the waiting transfer, with TRANSFER_WAITING
 */

/**
 * @typedef {object} Call
 * @property {string} path
 * @property {object|string} [data] the body of a POST; a string is sent unchanged; without it the call is a GET
 * @property {string} [key] Idempotency-Key
 * @property {Record<string, string>} [seal] passwords by the names of their plain
 *   fields; see encrypt.js
 * @property {(text: string) => void} [waiting] called with a text before a wait and with '' after it
 */

/** The longest automatic wait in seconds. */
const LONGEST_WAIT = 5;
const TRIES = 3;
const REPEATED = ['BUSY', 'TOO_MANY_REQUESTS', 'RESULT_UNKNOWN', 'NETWORK', 'TIMEOUT', 'UNREADABLE'];
const WAITS = { lost: '网络不给力，正在为您重试，请稍候…', busy: '办理的人较多，正在为您排队，请稍候…' };
const LOST = ['NETWORK', 'TIMEOUT', 'UNREADABLE'];

/** Alipay's error numbers of my.request. @type {Record<string, string>} */
const PLATFORM = {
  4: 'DOMAIN', 9: 'CANCELLED', 11: 'DOMAIN', 12: 'NETWORK', 13: 'TIMEOUT', 14: 'UNREADABLE', 20: 'BUSY',
};
/** Codes of replies whose body the client lost. @type {Record<string, string>} */
const BARE = { 401: 'SESSION_EXPIRED', 404: 'NOT_FOUND', 429: 'TOO_MANY_REQUESTS' };

/** @param {any} data @returns {any} an object; {} for any other value */
function bodyOf(data) {
  if (typeof data === 'string') {
    try {
      data = JSON.parse(data);
    } catch (e) {
      return {};
    }
  }
  return data && typeof data === 'object' ? data : {};
}

/**
 * Returns the same Problem for either callback. Without its body the outcome of a 5xx reply is
 * unknown.
 * @param {any} reply @param {any} body @returns {Problem}
 */
function problem(reply, body) {
  const status = body.status || reply.status || reply.statusCode || 0;
  const lost = status >= 500 ? 'RESULT_UNKNOWN' : BARE[status] || (status >= 300 ? 'INTERNAL' : 'UNREADABLE');
  const code = body.code || (status ? lost : PLATFORM[reply.error] || 'NETWORK');
  return {
    code,
    status,
    message: body.message || '',
    fields: body.errors || [],
    requestId: body.request_id || '',
    retryAfter: body.retry_after || 0,
    remaining: body.remaining_attempts,
    lockedUntil: body.locked_until,
    pending: body.pending,
    transferOffered: body.transfer_offered === true,
    faceFirstOffered: body.face_first_offered === true,
    transfer: body.transfer,
  };
}

/** Sends one request. @param {Call} o @returns {Promise<any>} data, or rejects with a Problem */
function once(o) {
  /** @type {Record<string, string>} */
  const headers = { 'content-type': 'application/json' };
  if (config.always200) headers['x-always-200'] = '1';
  if (session.token()) headers.authorization = 'Bearer ' + session.token();
  if (o.key) headers['idempotency-key'] = o.key;
  return new Promise((resolve, reject) => {
    const settle = (/** @type {any} */ reply) => {
      const body = bodyOf(reply.data);
      if (body.code === 'OK') resolve(body.data);
      else reject(problem(reply, body));
    };
    my.request({
      url: config.base + o.path,
      method: o.data ? 'POST' : 'GET',
      data: !o.data || typeof o.data === 'string' ? o.data : JSON.stringify(o.data),
      headers,
      dataType: 'json',
      timeout: config.timeout,
      success: settle,
      fail: settle,
    });
  });
}

/** @param {number} seconds */
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Opens a session. @returns {Promise<import('./session.js').SessionReply>} */
function signIn() {
  session.forget();
  return session.open((path, data) => repeated({ path, data }));
}

/** Reports whether to wait and repeat. @param {Problem} e @param {Call} o */
function mayRepeat(e, o) {
  if (!REPEATED.includes(e.code) || e.retryAfter > LONGEST_WAIT) return false;
  return !o.data || Boolean(o.key) || !LOST.concat('RESULT_UNKNOWN').includes(e.code);
}

/** @param {Call} o @returns {Promise<any>} */
async function repeated(o) {
  for (let n = 1; ; n++) {
    try {
      return await once(o);
    } catch (e) {
      if (n === TRIES || !mayRepeat(e, o)) throw settled(e, o);
      if (o.waiting) o.waiting(LOST.includes(e.code) ? WAITS.lost : WAITS.busy);
      await pause(Math.max(e.retryAfter, 1));
      if (o.waiting) o.waiting('');
    }
  }
}

/** Maps a lost reply to a POST to RESULT_UNKNOWN. @param {Problem} e @param {Call} o @returns {Problem} */
function settled(e, o) {
  return o.key && LOST.includes(e.code) ? Object.assign({}, e, { code: 'RESULT_UNKNOWN' }) : e;
}

/** @param {Call} o @returns {Promise<any>} the data of the reply */
async function call(o) {
  if (!session.token()) await signIn();
  try {
    return await repeated(o);
  } catch (e) {
    if (e.code !== 'SESSION_EXPIRED' && e.code !== 'SESSION_REQUIRED') throw e;
    await signIn();
    return repeated(o);
  }
}

let counter = 0;
/** Returns a key that is unique per citizen. It need not be secret. */
function newKey() {
  counter++;
  const chance = () => Math.random().toString(36).slice(2, 12);
  return [Date.now().toString(36), counter, chance(), chance()].join('-');
}

/** Returns the request body, with encrypted or plain passwords. @param {Call} o @returns {Promise<object|string>} */
async function wire(o) {
  if (!o.seal) return o.data || {};
  if (!config.encrypted) return Object.assign({}, o.data, o.seal);
  const ticket = await call({ path: '/v1/password/tickets', data: {}, waiting: o.waiting });
  return Object.assign({}, o.data, { encrypted: await encrypt.seal(ticket, o.seal) });
}

/**
 * Returns a form, which keeps its Idempotency-Key and encrypted passwords until it is answered
 * or changed, so that a second tap after a lost reply does nothing twice.
 */
function form() {
  let last = '';
  let key = '';
  /** @type {object|string} */
  let body = {};
  /** Forgets the request and its passwords: the next send is a new one. */
  const answered = () => {
    last = '';
    body = {};
  };
  return {
    forget: answered,
    /** @param {Call} o @param {boolean} [again] @returns {Promise<any>} */
    async send(o, again = false) {
      const now = JSON.stringify([o.path, o.data, o.seal]);
      if (now !== last) {
        body = await wire(o);
        key = newKey();
        last = now;
      }
      try {
        const reply = await call({ path: o.path, data: body, key, waiting: o.waiting });
        answered();
        return reply;
      } catch (e) {
        if (!REPEATED.includes(e.code)) answered();
        if (e.code === 'DECRYPT_FAILED' && !again) return this.send(o, true); // the ticket was expired or of a former session
        throw e;
      }
    },
  };
}

module.exports = { call, form, signIn };
