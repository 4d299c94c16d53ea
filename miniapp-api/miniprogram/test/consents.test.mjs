// Tests of 我的授权 with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { callsTo, consents, mode, ok, refusal, scripted } from './citizens.mjs';

const skip = mode.errors === 'fail-bare' && 'needs the body';

async function reading(told) {
  const phone = scripted(told);
  await phone.tap('我的密码');
  await phone.tap('我的授权');
  assert.equal(phone.route, 'consents');
  return phone;
}

const posts = (phone, path) => callsTo(phone, path).filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body));

test('every purpose has its text, state and date', async () => {
  const phone = await reading({ 'GET /v1/consents': consents({ link: 'given', certdoc: 'outdated', face: 'withdrawn' }) });
  for (const text of [
    '绑定公积金账户 说明link1 ✓ 已同意 2026年1月5日 09:30', '说明certdoc1 说明内容已更新，请重新阅读', '说明face1 已撤回 2026年1月6日 09:30',
    '核对手机号 说明phone1 您还没有同意', '消息提醒 说明message1 您还没有选择，目前会发送提醒',
  ]) assert.ok(phone.text.includes(text), `${text} in ${phone.text}`);
  const can = (name) => phone.sees(name);
  assert.ok(can('撤回同意：绑定公积金账户') && !can('同意：绑定公积金账户'));
  assert.ok(can('撤回同意：核对姓名和证件号码') && can('同意：核对姓名和证件号码'));
  assert.ok(!can('撤回同意：人脸验证（刷脸）') && can('同意：人脸验证（刷脸）'));
  assert.ok(!can('撤回同意：核对手机号') && can('不要提醒：消息提醒') && can('同意：消息提醒'));
});

test('withdrawn, after a question, and given again', async () => {
  const given = consents({ face: 'given' });
  const phone = await reading({ 'GET /v1/consents': [given, consents({ face: 'withdrawn' }), given] });
  phone.says = false;
  await phone.tap('撤回同意：人脸验证（刷脸）');
  assert.equal(posts(phone, '/v1/consents/withdraw').length, 0);
  assert.match(phone.told[0], /撤回后，绑定时不再用这种方式核验/);
  phone.says = true;
  await phone.tap('撤回同意：人脸验证（刷脸）');
  assert.deepEqual(posts(phone, '/v1/consents/withdraw'), [{ purpose: 'face' }]);
  await phone.tap('同意：人脸验证（刷脸）');
  assert.deepEqual(posts(phone, '/v1/consents'), [{ purpose: 'face', version: '1' }]);
  assert.ok(phone.sees('撤回同意：人脸验证（刷脸）'));
});

test('messages end with a warning', async () => {
  const phone = await reading({});
  await phone.tap('不要提醒：消息提醒');
  assert.match(phone.told[0], /密码被修改时您可能无法及时知道。有其他支付宝申请改绑的，仍会通知您/);
  assert.deepEqual(posts(phone, '/v1/consents/withdraw'), [{ purpose: 'message' }]);
});

test('the consent to a link ends with the link', { skip }, async () => {
  const phone = await reading({ 'GET /v1/consents': consents({ link: 'given' }), 'POST /v1/consents/withdraw': refusal(409, 'CONSENT_IN_USE') });
  await phone.tap('撤回同意：绑定公积金账户');
  assert.match(phone.text, /说明link1 ✓ 已同意 \S+ \S+ 说明CONSENT_IN_USE 去解除绑定/, 'told beside its text');
  await phone.tap('去解除绑定');
  assert.equal(phone.route, 'unlink');
});

test('a text that has changed is shown before it counts', { skip }, async () => {
  const phone = await reading({ 'GET /v1/consents': [consents(), consents({}, false, '2')], 'POST /v1/consents': refusal(409, 'CONSENT_OUTDATED') });
  await phone.tap('同意：人脸验证（刷脸）');
  assert.match(phone.text, /说明face2 您还没有同意 说明CONSENT_OUTDATED/);
});

test('it is there without a link, and when the texts do not come', async () => {
  const phone = await reading({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), 'GET /v1/consents': ['network', 'network', 'network', consents()] });
  assert.match(phone.text, /网络不给力/);
  await phone.tap('再试一次');
  assert.match(phone.text, /说明link1/);
  await phone.tap('返回我的密码');
  assert.equal(phone.route, 'home');
});

test('a lost answer is repeated under its key', async () => {
  const phone = await reading({ 'POST /v1/consents': ['network', ok({})] });
  await phone.tap('同意：人脸验证（刷脸）');
  const keys = callsTo(phone, '/v1/consents').filter(({ method }) => method === 'POST').map(({ headers }) => headers['idempotency-key']);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
});
