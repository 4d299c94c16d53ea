// Tests of 忘记密码 and 不是我 with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { keysOf } from './binding.mjs';
import { callsTo, fillLink, fillNew, mode, ok, refusal, scripted } from './citizens.mjs';

const bare = mode.errors === 'fail-bare';

async function verifying(told, face = '9000') {
  const phone = scripted(told, { face });
  await phone.tap('我的密码');
  await phone.tap('忘记密码');
  await phone.tap('开始人脸验证');
  return phone;
}

const state = (s) => ok({ id: 'r1', state: s });

test('a proven citizen sets a new password', async () => {
  const phone = await verifying();
  await fillNew(phone, 'New-Maple-42');
  assert.equal(phone.route, 'result');
  assert.match(phone.text, /新密码设置成功/);
  const [confirm] = callsTo(phone, '/v1/password/resets/r1/confirm');
  assert.deepEqual(JSON.parse(confirm.body), { new_password: 'New-Maple-42', new_password_again: 'New-Maple-42' });
});

for (const [face, text] of [['6001', /您已取消人脸验证/], ['6002', /网络不给力/], ['4000', /人脸验证未通过/], ['whatever', /人脸验证未通过/]]) {
  test(`the phone says ${face}`, async () => {
    const phone = await verifying({}, face);
    assert.match(phone.text, text);
    assert.ok(phone.sees('开始人脸验证'));
    assert.equal(callsTo(phone, '/v1/password/resets/r1').length, 0);
  });
}

test('who broke off goes on with the verification there is', async () => {
  const phone = await verifying({}, '6001');
  phone.face = '9000';
  await phone.tap('开始人脸验证');
  assert.ok(phone.sees('确认修改'));
  assert.equal(callsTo(phone, '/v1/password/resets').length, 1);
  const closed = await verifying({}, { error: 4 });
  assert.match(closed.text, /网络不给力/, 'nothing was verified');
  closed.face = '9000';
  await closed.tap('开始人脸验证');
  assert.equal(callsTo(closed, '/v1/password/resets').length, 1);
  const failed = await verifying({}, '4000');
  failed.face = '9000';
  await failed.tap('开始人脸验证');
  assert.equal(callsTo(failed, '/v1/password/resets').length, 2);
  assert.equal(keysOf(callsTo(failed, '/v1/password/resets')).size, 2, 'the failed one is not repeated');
});

test('a reset code is the other way', { skip: bare }, async () => {
  const wrong = refusal(403, 'RESET_CODE_WRONG');
  const phone = scripted({ 'POST /v1/password/resets': [wrong, ok({ id: 'r1', state: 'passed' })] });
  await phone.tap('我的密码');
  await phone.tap('忘记密码');
  await phone.tap('我有柜台的重置码');
  await phone.tap('使用重置码');
  assert.match(phone.text, /请输入重置码/);
  phone.fill('柜台发放的重置码', 'AAAA-BBBB');
  await phone.tap('使用重置码');
  assert.match(phone.text, /说明RESET_CODE_WRONG/);
  assert.equal(phone.find('柜台发放的重置码', ['input']).attrs.value, '');
  phone.fill('柜台发放的重置码', 'CCCC-DDDD');
  await phone.tap('使用重置码');
  await fillNew(phone, 'New-Maple-42');
  assert.match(phone.text, /新密码设置成功/);
  assert.deepEqual(JSON.parse(callsTo(phone, '/v1/password/resets')[1].body), { code: 'CCCC-DDDD' });
});

test('the phone\'s word is only a hint', async () => {
  const phone = await verifying({ 'GET /v1/password/resets/r1': state('failed') });
  assert.match(phone.text, /人脸验证未通过/);
  assert.ok(!phone.sees('确认修改'));
});

test('Alipay may need a moment', async () => {
  const phone = await verifying({ 'GET /v1/password/resets/r1': [state('started'), state('passed')] });
  assert.ok(phone.sees('确认修改'));
  const slow = await verifying({ 'GET /v1/password/resets/r1': state('started') });
  assert.ok(slow.sees('开始人脸验证'));
  assert.equal(callsTo(slow, '/v1/password/resets/r1').length, 3);
});

for (const [status, code] of [[429, 'RESET_LIMIT'], [403, 'IDENTITY_NOT_PROVEN'], [502, 'ALIPAY_UNAVAILABLE']]) {
  test(`${code} at the start`, { skip: bare }, async () => {
    const phone = await verifying({ 'POST /v1/password/resets': refusal(status, code) });
    assert.match(phone.text, new RegExp(`说明${code}`));
  });
}

test('RESET_GONE asks whether it is done', { skip: bare }, async () => {
  const gone = { 'POST /v1/password/resets/r1/confirm': refusal(410, 'RESET_GONE') };
  const done = await verifying({ ...gone, 'GET /v1/password/resets/r1': [state('passed'), state('done')] });
  await fillNew(done, 'New-Maple-42');
  assert.match(done.text, /新密码设置成功/);
  const expired = await verifying({ ...gone, 'GET /v1/password/resets/r1': [state('passed'), state('expired')] });
  await fillNew(expired, 'New-Maple-42');
  assert.match(expired.text, /说明RESET_GONE/);
  assert.ok(expired.sees('忘记密码，去重置'));
});

test('a lost confirm is asked for', async () => {
  const phone = await verifying({ 'POST /v1/password/resets/r1/confirm': 'timeout', 'GET /v1/password/resets/r1': [state('passed'), state('done')] });
  await fillNew(phone, 'New-Maple-42');
  assert.match(phone.text, /新密码设置成功/);
});

test('不是我 freezes and forgets the session', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  await phone.tap('不是我操作的');
  phone.says = false;
  await phone.tap('立即冻结');
  assert.equal(callsTo(phone, '/v1/freeze').length, 0);
  phone.says = true;
  await phone.tap('立即冻结');
  assert.match(phone.text, /密码已冻结/);
  await phone.tap('返回我的密码');
  assert.equal(callsTo(phone, '/v1/sessions').length, 2);
});

test('不是我 after a change', async () => {
  const phone = await verifying();
  await fillNew(phone, 'New-Maple-42');
  await phone.tap('不是我修改的');
  assert.equal(phone.route, 'freeze');
});

test('sealed passwords: no plain one on the wire, one ticket a form', async () => {
  const ticket = { ticket: 'T-1', kid: 'k', alg: 'RSA-OAEP-256', expires_in: 900, public_key: await publicKey() };
  const phone = scripted({ 'POST /v1/password/tickets': ok(ticket) }, { config: { encrypted: true } });
  await phone.tap('我的密码');
  await phone.tap('忘记密码');
  await phone.tap('开始人脸验证');
  await fillNew(phone, 'New-Maple-42');
  assert.match(phone.text, /新密码设置成功/);
  const [confirm] = callsTo(phone, '/v1/password/resets/r1/confirm');
  assert.deepEqual(Object.keys(JSON.parse(confirm.body)), ['encrypted']);
  assert.ok(phone.calls.every(({ body }) => !String(body).includes('Maple')));
});

test('a ticket that is too old is replaced once', { skip: bare }, async () => {
  const key = await publicKey();
  const ticket = (name) => ok({ ticket: name, kid: 'k', alg: 'RSA-OAEP-256', expires_in: 900, public_key: key });
  const failed = refusal(422, 'DECRYPT_FAILED');
  const told = { 'POST /v1/password/tickets': [ticket('T-1'), ticket('T-2'), ticket('T-3')], 'POST /v1/link': [failed, ok({})], 'GET /v1/link': refusal(409, 'NOT_LINKED') };
  const who = { name: '林三', id_type: '01', id_number: '1', account_no: '', password: 'Old-Maple-41' };
  const phone = scripted(told, { config: { encrypted: true } });
  await fillLink(phone, who);
  assert.match(phone.text, /^绑定成功/);
  const sent = callsTo(phone, '/v1/link').filter(({ method }) => method === 'POST');
  assert.deepEqual(sent.map(({ body }) => JSON.parse(body).encrypted.ticket), ['T-1', 'T-2']);
  assert.notEqual(sent[0].headers['idempotency-key'], sent[1].headers['idempotency-key']);
  const stubborn = scripted({ ...told, 'POST /v1/password/tickets': ticket('T'), 'POST /v1/link': failed }, { config: { encrypted: true } });
  await fillLink(stubborn, who);
  assert.equal(callsTo(stubborn, '/v1/link').filter(({ method }) => method === 'POST').length, 2);
});

async function publicKey() {
  const { generateKeyPairSync } = await import('node:crypto');
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
}
