// The session with the API. It is opened silently with an auth code and kept in memory only.
// Alipay forbids my.getAuthCode on a first screen, so it is called only after a tap: every page
// but those that say so sends a newcomer to the start page (screen.js).
let token = '';
let entered = false;
let initialHint = '';
let smsOffered = false;
let resetByFace = true;
let resetBySMS = false;
/** @type {Promise<SessionReply>|null} */
let opening = null;

/** @typedef {{token: string, expires_in: number, linked: boolean, account: object|null, initial_hint?: string, sms_offered?: boolean}} SessionReply */

/** The codes for Alipay's errors. auth_base asks the citizen nothing, so most are the network. @type {Record<number, string>} */
const FAILED = { 11: 'AUTH_DENIED', 12: 'NETWORK', 13: 'TIMEOUT' };

/** @returns {Promise<string>} an auth code, valid once */
function authCode() {
  return new Promise((resolve, reject) => {
    my.getAuthCode({
      scopes: 'auth_base',
      success: (r) => resolve(r.authCode),
      fail: (e) => reject({ code: FAILED[e.error || 0] || 'AUTH_FAILED', message: '', fields: [] }),
    });
  });
}

/**
 * Opens a session. Concurrent calls share it. If Alipay rejects the auth code, it retries once
 * with a new one.
 * @param {(path: string, data: object) => Promise<SessionReply>} post
 * @returns {Promise<SessionReply>}
 */
function open(post) {
  if (opening) return opening;
  const attempt = async () => post('/v1/sessions', { auth_code: await authCode() });
  opening = attempt()
    .catch((e) => (e.code === 'AUTH_CODE_INVALID' ? attempt() : Promise.reject(e)))
    .then(
      (reply) => {
        opening = null;
        token = reply.token;
        initialHint = reply.initial_hint || '';
        smsOffered = Boolean(reply.sms_offered);
        return reply;
      },
      (e) => {
        opening = null;
        throw e;
      },
    );
  return opening;
}

module.exports = {
  open,
  token: () => token,
  /** Returns what the centre says of initial passwords, '' for nothing. */
  initialHint: () => initialHint,
  /** Reports whether the centre sends codes to the phone on file. */
  smsOffered: () => smsOffered,
  /** Keeps what can reset the password, as GET /v1/password says, and reports whether a face can. @param {{reset_offered?: boolean, sms_reset_offered?: boolean}} password */
  keepReset(password) {
    resetByFace = password.reset_offered !== false;
    resetBySMS = Boolean(password.sms_reset_offered);
    return resetByFace;
  },
  /** Reports that as far as it is known. */
  resetByFace: () => resetByFace,
  /** Reports whether a code to the phone on file can, as far as it is known. */
  resetBySMS: () => resetBySMS,
  /** Reports whether the citizen has tapped to come in. */
  entered: () => entered,
  enter() {
    entered = true;
  },
  forget() {
    token = '';
  },
};
