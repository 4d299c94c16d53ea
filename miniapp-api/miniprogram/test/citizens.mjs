// Helpers of the tests: people of a running demo, and the replies of a scripted server.
import { Citizen, transportTo } from '../runtime/node.mjs';

export const base = process.env.FUNDPASS_BASE;

/** How this run's phones receive errors. With HTTP 200 for every reply it makes no difference. */
export const mode = {
  errors: process.env.FUNDPASS_ERRORS ?? 'fail',
  client: process.env.FUNDPASS_CLIENT ?? 'ios',
  config: { always200: process.env.FUNDPASS_ALWAYS_200 === '1', encrypted: process.env.FUNDPASS_ENCRYPTED === '1' },
};

export async function post(path, body) {
  const reply = await fetch(base + path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  return reply.json();
}

/** Returns the demo's person with this name. */
export async function personOf(word) {
  const people = await (await fetch(`${base}/sim/people`)).json();
  return people.find(({ person }) => person === word);
}

/** Returns the result of my.getPhoneNumber for a person of the demo. */
const phoneNumberOf = (person) => async (allowed) => (await post('/sim/phone', { person, fault: allowed ? '' : 'refused' })).response;

/** Returns the phone of a person of the demo. */
export function phoneOf(person, more = {}) {
  return new Citizen({
    transport: transportTo(base),
    authCode: async () => (await post('/sim/auth-code', { person })).auth_code,
    phone: phoneNumberOf(person),
    subscribe: async (templates, accepted) => { await post('/sim/subscribe', { person, templates, accepted }); },
    ...mode,
    ...more,
  });
}

/** Opens 绑定 from the first page and fills in the form. */
export async function fillLink(phone, who, password = who.password) {
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  phone.fill('姓名', who.name);
  if (who.id_type !== '01') await phone.choose('证件类型', ['01', '02', '03'].indexOf(who.id_type));
  phone.fill('证件号码', who.id_number);
  phone.fill('个人账号（选填）', who.account_no);
  phone.fill('公积金密码', password);
  await phone.tap('确认绑定');
}

/** Completes the first page of a change from 我的密码. */
export async function fillOld(phone, who, password = who.password) {
  await phone.tap('修改密码');
  phone.fill('证件号码', who.id_number);
  phone.fill('原密码', password);
  await phone.tap('下一步');
}

export async function fillNew(phone, password, again = password) {
  phone.fill('新密码', password);
  phone.fill('确认新密码', again);
  await phone.tap('确认修改');
}

/** Returns a reply in the API's form. */
export function ok(data) {
  return { status: 200, text: JSON.stringify({ status: 200, code: 'OK', message: '成功', data, request_id: 'r-1' }) };
}

export function refusal(status, code, more = {}) {
  return { status, text: JSON.stringify({ status, code, message: `说明${code}`, request_id: 'r-1', ...more }) };
}

export const account = { name: '*三', id_type: '01', id_number: '9****************2', account_no: '****04', status: '01' };

export const password = {
  state: 'set', changed_at: null, remaining_attempts: 5, locked_until: null, channels: [], separate_channels: [],
  rules: [{ id: 'min-length', text: '密码至少8个字符', check: { min_length: 8 } }, { id: 'same', text: '不能与原密码相同', check: { server: true } }],
};

/** Returns GET /v1/consents of a centre that accepts every proof, with states by purpose. */
export function consents(states = {}, required = false, version = '1') {
  return ok({
    required,
    consents: ['link', 'certdoc', 'face', 'phone', 'message'].map((purpose) => ({
      purpose, version, text: `说明${purpose}${version}`, state: states[purpose] ?? 'none',
      given_at: states[purpose] ? '2026-01-05T01:30:00Z' : null, withdrawn_at: states[purpose] === 'withdrawn' ? '2026-01-06T01:30:00Z' : null,
    })),
  });
}

/** The answers of a healthy server. */
export const healthy = {
  'POST /v1/sessions': () => ok({ token: 'token', expires_in: 900, linked: true, account, initial_hint: '初始密码的说明。' }),
  'GET /v1/link': () => ok({ account, password_state: 'set' }),
  'POST /v1/link': () => ok({ account, password_state: 'set' }),
  'POST /v1/link/remove': () => ok({}),
  'GET /v1/link-transfers': () => ok({ own: null, against: null, taken: null }),
  'GET /v1/accounts': () => ok({ accounts: [{ id: 'a1', account_no: '****04', employer_no: '', status: '01', password_state: 'set', chosen: true }] }),
  'GET /v1/subscriptions': () => ok({ templates: ['t1'], state: 'accepted' }),
  'POST /v1/subscriptions': () => ok({ templates: ['t1'], state: 'accepted' }),
  'GET /v1/consents': () => consents(),
  'POST /v1/consents': () => ok({}),
  'POST /v1/consents/withdraw': () => ok({}),
  'GET /v1/password': () => ok(password),
  'POST /v1/password/changes': () => ok({ id: 'c1', state: 'open' }),
  'GET /v1/password/changes/c1': () => ok({ id: 'c1', state: 'open' }),
  'POST /v1/password/changes/c1/confirm': () => ok({ id: 'c1', state: 'done', changed_at: '2026-01-31T16:05:06.123456Z', sessions_ended: 2, notified: true }),
  'POST /v1/password/changes/c1/cancel': () => ok({ id: 'c1', state: 'cancelled' }),
  'POST /v1/password/resets': () => ok({ id: 'r1', certify_id: 'cert', certify_url: 'https://alipay.example/cert' }),
  'GET /v1/password/resets/r1': () => ok({ id: 'r1', state: 'passed' }),
  'POST /v1/password/resets/r1/confirm': () => ok({ id: 'r1', state: 'done', changed_at: '2026-02-01T01:00:00Z', sessions_ended: 0, notified: true }),
  'POST /v1/password/recoveries': () => ok({ id: 'v1', state: 'started', certify_id: 'cert', certify_url: 'https://alipay.example/cert', expires_at: '2999-01-01T00:00:00Z', rules: password.rules }),
  'GET /v1/password/recoveries/v1': () => ok({ id: 'v1', state: 'passed' }),
  'POST /v1/password/recoveries/v1/confirm': () => ok({ id: 'v1', state: 'done', changed_at: '2026-02-01T01:00:00Z', sessions_ended: 0, notified: false }),
  'GET /v1/events': () => ok({ events: [{ id: 'e1', at: '2026-02-01T01:00:00Z', kind: 'linked', text: '绑定公积金账户', channel: 'alipay' }] }),
  'POST /v1/freeze': () => ok({ state: 'frozen' }),
};

/**
 * Returns a phone with a scripted server. An answer is a reply, a function of the request, or a
 * list of which the last is repeated; 'timeout' and 'network' mean that there is no reply.
 * phone.calls has every request.
 */
export function scripted(told = {}, more = {}) {
  const answers = { ...healthy, ...told };
  const calls = [];
  const transport = async (request) => {
    const path = new URL(request.url).pathname;
    calls.push({ ...request, path });
    let answer = answers[`${request.method} ${path}`] ?? refusal(404, 'NOT_FOUND');
    if (Array.isArray(answer)) answer = answer.length > 1 ? answer.shift() : answer[0];
    if (typeof answer === 'function') answer = answer(request);
    if (typeof answer === 'string') throw answer;
    return answer;
  };
  let codes = 0;
  const phone = new Citizen({ transport, authCode: async () => `code-${++codes}`, ...mode, ...more });
  return Object.assign(phone, { calls });
}

/** Returns the requests to one path. */
export function callsTo(phone, path) {
  return phone.calls.filter((call) => call.path === path);
}
