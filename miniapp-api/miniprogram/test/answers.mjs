// @ts-check
// The replies of a scripted server. The type check compares the data of a healthy one with openapi.yaml.

/** @typedef {import('./data.js').Data} Data */
/** @typedef {import('./contract.js').Purpose} Purpose */
/** @typedef {import('./contract.js').Consent['state']} ConsentState */

const PURPOSES = /** @type {const} */ (['link', 'certdoc', 'face', 'phone', 'message']);

/** Returns a reply in the API's form. @param {object} data */
export function ok(data) {
  return { status: 200, text: JSON.stringify({ status: 200, code: 'OK', message: '成功', data, request_id: 'r-1' }) };
}

/** Returns an error in the API's form. @param {number} status @param {string} code */
export function refusal(status, code, more = {}) {
  return { status, text: JSON.stringify({ status, code, message: `说明${code}`, request_id: 'r-1', ...more }) };
}

/** @type {Data['POST /v1/link']['account']} */
export const account = { name: '*三', id_type: '01', id_number: '9****************2', account_no: '****04', status: '01' };

/** @type {Data['GET /v1/password']} */
export const password = {
  state: 'set', changed_at: null, remaining_attempts: 5, locked_until: null, channels: [], separate_channels: [], reset_offered: true, sms_reset_offered: true, open_change: null, open_reset: null,
  rules: [{ id: 'min-length', text: '密码至少8个字符', check: { min_length: 8 } }, { id: 'same', text: '不能与原密码相同', check: { server: true } }],
};

/**
 * Returns GET /v1/consents of a centre that accepts every proof, with states by purpose.
 * @param {Partial<Record<Purpose, ConsentState>>} states
 */
export function consents(states = {}, required = false, version = '1') {
  return ok(consentsOf(states, required, version));
}

/**
 * @param {Partial<Record<Purpose, ConsentState>>} [states]
 * @returns {Data['GET /v1/consents']}
 */
function consentsOf(states = {}, required = false, version = '1') {
  return {
    required,
    consents: PURPOSES.map((purpose) => ({
      purpose, version, text: `说明${purpose}${version}`, state: states[purpose] ?? 'none',
      given_at: states[purpose] ? '2026-01-05T01:30:00Z' : null, withdrawn_at: states[purpose] === 'withdrawn' ? '2026-01-06T01:30:00Z' : null,
    })),
  };
}

const certify = { state: /** @type {const} */ ('started'), certify_id: 'cert', certify_url: 'https://alipay.example/cert', expires_at: '2999-01-01T00:00:00Z' };

/** @type {Partial<Data>} */
const data = {
  'POST /v1/sessions': { token: 'token', expires_in: 900, linked: true, account, initial_hint: '初始密码的说明。', sms_offered: true },
  'GET /v1/link': { account, password_state: 'set' },
  'POST /v1/link': { account, password_state: 'set' },
  'POST /v1/link/remove': {},
  'GET /v1/link-transfers': { own: null, against: null, taken: null },
  'GET /v1/accounts': { accounts: [{ id: 'a1', account_no: '****04', employer_no: '', status: '01', password_state: 'set', chosen: true }] },
  'GET /v1/subscriptions': { templates: ['t1'], state: 'accepted' },
  'POST /v1/subscriptions': { templates: ['t1'], state: 'accepted' },
  'GET /v1/consents': consentsOf(),
  'POST /v1/consents': consentsOf({ link: 'given' }).consents[0],
  'POST /v1/consents/withdraw': consentsOf({ link: 'withdrawn' }).consents[0],
  'GET /v1/password': password,
  'POST /v1/password/changes': { id: 'c1', state: 'open' },
  'GET /v1/password/changes/{id}': { id: 'c1', state: 'open' },
  'POST /v1/password/changes/{id}/confirm': { id: 'c1', state: 'done', changed_at: '2026-01-31T16:05:06.123456Z', sessions_ended: 2, notified: true },
  'POST /v1/password/changes/{id}/cancel': { id: 'c1', state: 'cancelled' },
  'POST /v1/password/resets': { id: 'r1', ...certify },
  'POST /v1/password/resets/{id}/code': { id: 'r1', state: 'passed' },
  'GET /v1/password/resets/{id}': { id: 'r1', state: 'passed' },
  'POST /v1/password/resets/{id}/confirm': { id: 'r1', state: 'done', changed_at: '2026-02-01T01:00:00Z', sessions_ended: 0, notified: true },
  'POST /v1/password/recoveries': { id: 'v1', ...certify, rules: password.rules },
  'POST /v1/password/recoveries/{id}/code': { id: 'v1', state: 'passed' },
  'GET /v1/password/recoveries/{id}': { id: 'v1', state: 'passed' },
  'POST /v1/password/recoveries/{id}/confirm': { id: 'v1', state: 'done', changed_at: '2026-02-01T01:00:00Z', sessions_ended: 0, notified: false },
  'GET /v1/events': { events: [{ id: 'e1', at: '2026-02-01T01:00:00Z', kind: 'linked', text: '绑定公积金账户', channel: 'alipay' }] },
  'POST /v1/freeze': { state: 'frozen' },
};

/** The answers of a healthy server by method and path, with the id of the data in place of {id}. */
export const healthy = Object.fromEntries(Object.entries(data)
  .map(([call, of]) => [call.replace('{id}', 'id' in of ? String(of.id) : ''), () => ok(of)]));
