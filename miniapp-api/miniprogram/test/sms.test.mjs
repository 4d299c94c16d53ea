// Tests of the code by SMS in 忘记密码, 找回密码 and 绑定, with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { bodies, keysOf, skip, who } from './binding.mjs';
import { callsTo, fillLink, fillNew, ok, password, refusal, scripted } from './citizens.mjs';

const sent = { id: 'r1', state: 'started', phone: '142******01' };

/** Opens 忘记密码 and requests a code. */
async function resetting(told = {}) {
  const phone = scripted({ 'POST /v1/password/resets': ok(sent), ...told });
  await phone.tap('我的密码');
  await phone.tap('忘记密码');
  await phone.tap('改用短信验证码');
  return phone;
}

test('a code instead of a face', async () => {
  const phone = await resetting();
  assert.deepEqual(bodies(callsTo(phone, '/v1/password/resets')), [{ proof: 'sms' }]);
  assert.match(phone.text, /验证码已发送到您在公积金中心预留的手机号142\*\*\*\*\*\*01，5分钟内有效。不要告诉任何人/);
  await phone.tap('下一步');
  assert.match(phone.text, /请输入短信验证码/);
  phone.fill('短信验证码', '012345');
  await phone.tap('下一步');
  assert.deepEqual(bodies(callsTo(phone, '/v1/password/resets/r1/code')), [{ code: '012345' }]);
  assert.ok(!phone.text.includes('012345'));
  await fillNew(phone, 'New-Maple-42');
  assert.match(phone.text, /新密码设置成功/);
});

test('a wrong code is cleared, and a spent one replaced', { skip }, async () => {
  const wrong = refusal(403, 'SMS_CODE_WRONG', { remaining_attempts: 2 });
  const phone = await resetting({
    'POST /v1/password/resets/r1/code': [wrong, refusal(410, 'SMS_CODE_GONE'), ok({ id: 'r1', state: 'passed' })],
    'POST /v1/password/resets': [ok(sent), refusal(429, 'SMS_CODE_LIMIT', { retry_after: 30 }), ok(sent)],
  });
  for (const told of [/说明SMS_CODE_WRONG/, /说明SMS_CODE_GONE/]) {
    phone.fill('短信验证码', '111111');
    await phone.tap('下一步');
    assert.match(phone.text, told);
    assert.equal(phone.find('短信验证码', ['input']).attrs.value, '');
  }
  await phone.tap('重新获取验证码');
  assert.match(phone.text, /说明SMS_CODE_LIMIT/);
  await phone.tap('重新获取验证码');
  assert.equal(keysOf(callsTo(phone, '/v1/password/resets')).size, 3, 'each is a request of its own');
  phone.fill('短信验证码', '222222');
  await phone.tap('下一步');
  assert.ok(phone.sees('确认修改'));
});

test('the ways lead to each other', { skip }, async () => {
  const phone = await resetting();
  await phone.tap('改用人脸验证');
  assert.ok(phone.sees('开始人脸验证') && phone.sees('我有柜台的重置码') && !phone.sees('下一步'));
  await phone.tap('我有柜台的重置码');
  assert.ok(!phone.sees('改用短信验证码'));
  const none = await resetting({ 'POST /v1/password/resets': refusal(409, 'NO_PHONE_ON_FILE') });
  assert.match(none.text, /说明NO_PHONE_ON_FILE/);
  assert.ok(none.sees('开始人脸验证'));
});

test('a centre that sends no SMS offers none', async () => {
  const phone = scripted({ 'GET /v1/password': ok({ ...password, sms_reset_offered: false }) });
  await phone.tap('我的密码');
  await phone.tap('忘记密码');
  assert.ok(phone.sees('开始人脸验证') && !phone.sees('改用短信验证码') && !phone.text.includes('短信'));
});

test('without a face the code is the first way', async () => {
  const phone = await (async () => {
    const p = scripted({ 'GET /v1/password': ok({ ...password, reset_offered: false }), 'POST /v1/password/resets': ok(sent) });
    await p.tap('我的密码');
    await p.tap('忘记密码');
    return p;
  })();
  assert.ok(!phone.sees('开始人脸验证') && !phone.text.includes('人脸'));
  await phone.tap('我有柜台的重置码');
  await phone.tap('改用短信验证码');
  await phone.tap('发送短信验证码');
  assert.ok(phone.sees('下一步') && phone.sees('我有柜台的重置码'));
  phone.fill('短信验证码', '012345');
  await phone.tap('下一步');
  assert.ok(phone.sees('确认修改'));
});

test('找回密码 by a code does not say whether there is a phone', async () => {
  const started = ok({ id: 'v1', state: 'started', expires_at: '2999-01-01T00:00:00Z', rules: [] });
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), 'POST /v1/password/recoveries': started });
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  await phone.tap('忘记密码？核验身份后绑定并重设');
  await phone.tap('改用短信验证码');
  assert.match(phone.text, /请输入姓名/);
  phone.fill('姓名', who.name);
  phone.fill('证件号码', who.id_number);
  await phone.tap('改用短信验证码');
  assert.match(phone.text, /如果信息无误并且预留了本人的手机号，验证码已发送到该手机号/);
  phone.fill('短信验证码', '012345');
  await phone.tap('下一步');
  phone.fill('新密码', 'New-Maple-42');
  phone.fill('确认新密码', 'New-Maple-42');
  await phone.tap('绑定并设置新密码');
  assert.match(phone.text, /已绑定，新密码设置成功/);
  assert.deepEqual(bodies(callsTo(phone, '/v1/password/recoveries')), [{ name: who.name, id_type: '01', id_number: who.id_number, proof: 'sms' }]);
});

const required = (fields, pending) => refusal(409, 'LINK_PROOF_REQUIRED', {
  errors: fields.map((field) => ({ field, code: 'PROOF_REQUIRED', message: `请核验${field}` })), pending,
});

test('a link that waits for a code', { skip }, async () => {
  const pending = { id: 'p1', phone: '142******01', expires_at: '2999-01-01T00:00:00Z' };
  const phone = scripted({
    'GET /v1/link': refusal(409, 'NOT_LINKED'), 'POST /v1/link': required(['sms'], pending), 'POST /v1/link/p1/confirm': [refusal(403, 'SMS_CODE_WRONG'), ok({})],
  });
  await fillLink(phone, who);
  assert.match(phone.text, /还差一步：输入短信验证码.*142\*\*\*\*\*\*01/);
  assert.ok(!phone.sees('改用人脸验证'));
  phone.fill('短信验证码', '111111');
  await phone.tap('完成绑定');
  assert.match(phone.text, /说明SMS_CODE_WRONG/);
  phone.fill('短信验证码', '012345');
  await phone.tap('完成绑定');
  assert.deepEqual(bodies(callsTo(phone, '/v1/link/p1/confirm')), [{ code: '111111' }, { code: '012345' }]);
  assert.match(phone.text, /绑定成功/);
});

test('a code beside a face is the citizen\'s choice', { skip }, async () => {
  const face = { id: 'p1', certify_id: 'c', certify_url: 'https://alipay.example/c', expires_at: '2999-01-01T00:00:00Z' };
  const code = { id: 'p2', phone: '142******01', expires_at: '2999-01-01T00:00:00Z' };
  const phone = scripted({
    'GET /v1/link': refusal(409, 'NOT_LINKED'), 'POST /v1/link': [required(['face', 'sms'], face), required(['sms'], code)], 'POST /v1/link/p2/confirm': ok({}),
  });
  await fillLink(phone, who);
  await phone.tap('改用短信验证码');
  assert.equal(bodies(callsTo(phone, '/v1/link').filter(({ method }) => method === 'POST'))[1].proof, 'sms');
  assert.ok(phone.sees('改用人脸验证'));
  phone.fill('短信验证码', '012345');
  await phone.tap('完成绑定');
  assert.match(phone.text, /绑定成功/);
});
