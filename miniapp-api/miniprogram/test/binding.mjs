// Helpers of the tests of 绑定: a citizen who has submitted the form, and the server's further
// requirements.
import assert from 'node:assert/strict';
import { account, callsTo, fillLink, mode, ok, refusal, scripted } from './citizens.mjs';

export const who = { name: '林三', id_type: '01', id_number: '990101198804161027', account_no: '', password: 'Old-Maple-41' };
export const linked = ok({ account, password_state: 'set' });
export const skip = mode.errors === 'fail-bare' && 'needs the body';

export async function linking(told, more) {
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), ...told }, { phone: async (allowed) => (allowed ? 'SIGNED' : 'REFUSAL'), ...more });
  await fillLink(phone, who);
  return phone;
}

export const links = (phone) => callsTo(phone, '/v1/link').filter(({ method }) => method === 'POST');
export const bodies = (calls) => calls.map(({ body }) => JSON.parse(body));
export const keysOf = (calls) => new Set(calls.map(({ headers }) => headers['idempotency-key']));

/** Asserts that the form is as it was typed. */
export function typed(phone, password = who.password) {
  const value = (name) => phone.find(name, ['input']).attrs.value;
  assert.deepEqual([value('姓名'), value('证件号码'), value('公积金密码')], [who.name, who.id_number, password]);
}

export function bound(phone) {
  assert.equal(phone.route, 'home', phone.text);
  assert.match(phone.text, /^绑定成功/);
}

export const missing = (...purposes) => refusal(403, 'CONSENT_REQUIRED', { errors: purposes.map((field) => ({ field, code: 'CONSENT_REQUIRED', message: '请先阅读' })) });
export const asks = (fields, pending) => refusal(409, 'LINK_PROOF_REQUIRED', {
  errors: fields.map((field) => ({ field, code: 'PROOF_REQUIRED', message: `请${field}` })),
  ...(pending && { pending: { id: pending, certify_id: 'cert', certify_url: 'https://alipay.example/cert' } }),
});
