// Tests of what pages say and draw where it could contradict itself or hide the way on.
import assert from 'node:assert/strict';
import test from 'node:test';
import { fillNew, fillOld, ok, refusal, scripted } from './citizens.mjs';

const who = { name: '林三', id_type: '01', id_number: '990101198804161027', account_no: '', password: 'Old-Maple-41' };
const weak = refusal(422, 'PASSWORD_WEAK', { errors: [{ field: 'new_password', code: 'COMMON', message: '太常见' }] });

/** Returns whether the field of that label has a red border. */
const red = (phone, label) => phone.find(label, ['input']).attrs.class.includes('input-wrong');

test('a refused password: one message about it, and none once it is corrected', async () => {
  const phone = scripted({ 'POST /v1/password/changes/c1/confirm': weak });
  await phone.tap('我的密码');
  await fillOld(phone, who);
  await fillNew(phone, 'Harbor-1234');
  assert.match(phone.text, /太常见.*说明PASSWORD_WEAK/);
  assert.ok(red(phone, '新密码') && !red(phone, '确认新密码'));
  assert.ok(!phone.text.includes('连续的字符'), 'the refusal replaces the live check');
  phone.fill('新密码', 'New-Maple-42');
  assert.match(phone.text, /目前符合要求/);
  assert.ok(!phone.text.includes('说明PASSWORD_WEAK') && !red(phone, '新密码'), phone.text);
});

test('a message stays while another field is wrong', async () => {
  const errors = ['id_number', 'old_password'].map((field) => ({ field, code: 'INVALID', message: `${field}不对` }));
  const phone = scripted({ 'POST /v1/password/changes': refusal(400, 'BAD_REQUEST', { errors }) });
  await phone.tap('我的密码');
  await fillOld(phone, who);
  phone.fill('证件号码', '1');
  assert.ok(!red(phone, '证件号码') && red(phone, '原密码'));
  assert.match(phone.text, /请按提示修改后再提交/);
  phone.fill('原密码', '1');
  assert.ok(!phone.text.includes('请按提示修改后再提交'), phone.text);
});

test('a wrong old password marks both fields, of which either may be wrong', async () => {
  const phone = scripted({ 'POST /v1/password/changes': refusal(403, 'OLD_PASSWORD_WRONG') });
  await phone.tap('我的密码');
  await fillOld(phone, who);
  assert.ok(red(phone, '证件号码') && red(phone, '原密码'));
  phone.fill('原密码', 'x');
  assert.ok(!red(phone, '证件号码') && !red(phone, '原密码'));
  assert.match(phone.text, /说明OLD_PASSWORD_WRONG/);
});

test('a mask has at most four dots', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  assert.match(phone.text, /姓名 •三 证件号码 9••••2 个人账号 ••••04/);
});

test('what a citizen came for is above the offer of reminders', async () => {
  const phone = scripted({ 'GET /v1/subscriptions': ok({ templates: ['t1'], state: 'none' }) });
  await phone.tap('我的密码');
  assert.match(phone.text, /修改密码 您还没有开启安全提醒/);
});

test('after a rejection the page does not lead into the next one', async () => {
  for (const [state, primary] of [['rejected', false], ['undeliverable', false], ['expired', true]]) {
    const own = { id: 'w1', state, requested_at: '2026-01-05T01:30:00Z', due_at: null, expires_at: '2026-01-12T01:30:00Z' };
    const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), 'GET /v1/link-transfers': ok({ own, against: null, taken: null }) });
    await phone.tap('我的密码');
    assert.equal(phone.find('去绑定', ['button']).attrs.class.includes('primary'), primary, state);
  }
});
