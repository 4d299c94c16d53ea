// The session with the API. It is opened silently with an auth code and kept in memory only.
// Alipay forbids my.getAuthCode on a first screen, so it is called when the citizen opens
// 我的密码.
let token = '';
/** @type {Promise<SessionReply>|null} */
let opening = null;

/** @typedef {{token: string, expires_in: number, linked: boolean, account: object|null}} SessionReply */

/** @returns {Promise<string>} an auth code, valid once */
function authCode() {
  return new Promise((resolve, reject) => {
    my.getAuthCode({
      scopes: 'auth_base',
      success: (r) => resolve(r.authCode),
      fail: () => reject({ code: 'AUTH_DENIED', message: '您已取消授权，无法办理', fields: [] }),
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
  forget() {
    token = '';
  },
};
