// Tests of 绑定 with a face or a phone number with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { asks, bodies, bound, keysOf, linked, linking, links, missing, skip, typed, who } from './binding.mjs';
import { callsTo, fillLink, ok, refusal, scripted } from './citizens.mjs';

test('a face: shown, confirmed, linked', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': asks(['face'], 'l1'), 'POST /v1/link/l1/confirm': linked });
  assert.match(phone.text, /还差一步：确认是您本人.*说明face1/);
  assert.ok(!phone.sees('改用手机号核对'));
  await phone.tap('开始人脸验证');
  assert.equal(callsTo(phone, '/v1/link/l1/confirm').length, 1);
  bound(phone);
});

test('who breaks off goes on with the verification there is', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': asks(['face'], 'l1'), 'POST /v1/link/l1/confirm': linked }, { face: '6001' });
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /您已取消人脸验证/);
  phone.face = '6002';
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /网络不给力，人脸验证没有完成/);
  assert.equal(links(phone).length, 1);
  phone.face = '9000';
  await phone.tap('开始人脸验证');
  bound(phone);
});

test('who fails begins a new one, which opens at once', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [asks(['face', 'phone'], 'l1'), asks(['face'], 'l2')], 'POST /v1/link/l2/confirm': linked }, { face: '4000' });
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /人脸验证未通过，请重试/);
  phone.face = '9000';
  await phone.tap('开始人脸验证');
  bound(phone);
  assert.equal(bodies(links(phone))[1].proof, 'face');
  assert.equal(keysOf(links(phone)).size, 2);
});

test('no more faces today: what is left is the phone', { skip }, async () => {
  const limit = refusal(429, 'LINK_PROOF_LIMIT', { retry_after: 9000 });
  const phone = await linking({ 'POST /v1/link': [asks(['face', 'phone'], 'l1'), limit, linked], 'POST /v1/phone': ok({}) }, { face: '4000' });
  await phone.tap('开始人脸验证');
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /说明LINK_PROOF_LIMIT/);
  assert.ok(!phone.sees('开始人脸验证'));
  await phone.tap('改用手机号核对');
  assert.ok(!phone.sees('改用人脸验证'));
  await phone.tap('授权手机号');
  bound(phone);
  const stuck = await linking({ 'POST /v1/link': limit });
  assert.match(stuck.text, /说明LINK_PROOF_LIMIT/);
  typed(stuck);
});

test('Alipay may need a moment, or say no', { skip }, async () => {
  const unproven = refusal(403, 'IDENTITY_NOT_PROVEN');
  const told = { 'POST /v1/link': asks(['face'], 'l1') };
  const slow = await linking({ ...told, 'POST /v1/link/l1/confirm': [unproven, linked] });
  await slow.tap('开始人脸验证');
  bound(slow);
  assert.equal(keysOf(callsTo(slow, '/v1/link/l1/confirm')).size, 2, 'a new question is a new key');
  const refused = await linking({ ...told, 'POST /v1/link/l1/confirm': unproven });
  await refused.tap('开始人脸验证');
  assert.match(refused.text, /说明IDENTITY_NOT_PROVEN/);
  assert.equal(callsTo(refused, '/v1/link/l1/confirm').length, 3);
  await refused.tap('开始人脸验证');
  assert.equal(links(refused).length, 2, 'that verification is over');
});

test('a link that waited too long begins again with what was typed', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [asks(['face'], 'l1'), linked], 'POST /v1/link/l1/confirm': refusal(410, 'LINK_GONE') });
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /^说明LINK_GONE/, 'told above the form');
  typed(phone);
  await phone.tap('确认绑定');
  bound(phone);
});

test('LINK_GONE of a link that was made', { skip }, async () => {
  const phone = await linking({
    'GET /v1/link': [refusal(409, 'NOT_LINKED'), linked],
    'POST /v1/link': asks(['face'], 'l1'), 'POST /v1/link/l1/confirm': refusal(410, 'LINK_GONE'),
  });
  await phone.tap('开始人脸验证');
  bound(phone);
});

test('a lost confirm is asked for, and repeated without another face', { skip }, async () => {
  const told = { 'POST /v1/link': asks(['face'], 'l1') };
  const done = await linking({ ...told, 'GET /v1/link': [refusal(409, 'NOT_LINKED'), linked], 'POST /v1/link/l1/confirm': 'timeout' });
  await done.tap('开始人脸验证');
  bound(done);
  const open = await linking({ ...told, 'POST /v1/link/l1/confirm': ['network', 'network', 'network', linked] });
  await open.tap('开始人脸验证');
  assert.match(open.text, /暂未收到办理结果/);
  await open.tap('再试一次');
  bound(open);
  assert.equal(keysOf(callsTo(open, '/v1/link/l1/confirm')).size, 1);
  assert.equal(links(open).length, 1);
});

test('a phone: authorised, sent as it is, then the link under a new key', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [asks(['phone']), linked], 'POST /v1/phone': ok({ phone: '199******01' }) });
  assert.match(phone.text, /还差一步：核对手机号.*说明phone1.*点“授权手机号”，即表示您已阅读并同意以上说明/);
  await phone.tap('授权手机号');
  const [sent] = callsTo(phone, '/v1/phone');
  assert.equal(sent.body, 'SIGNED');
  assert.ok(sent.headers['idempotency-key']);
  bound(phone);
  assert.equal(keysOf(links(phone)).size, 2);
  assert.deepEqual(bodies(links(phone))[0], bodies(links(phone))[1]);
});

test('who denies the phone number may think again', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [asks(['phone']), linked], 'POST /v1/phone': ok({}) });
  phone.says = false;
  await phone.tap('授权手机号');
  assert.match(phone.text, /没有取得手机号授权，手机号没有核对/);
  assert.equal(callsTo(phone, '/v1/phone').length, 0);
  phone.says = true;
  await phone.tap('授权手机号');
  bound(phone);
});

test('a phone number that Alipay or the server refuses', { skip }, async () => {
  const told = { 'POST /v1/link': asks(['phone']) };
  const failed = await linking(told, { phone: async () => { throw { error: 12, errorMessage: 'x' }; } });
  await failed.tap('授权手机号');
  assert.match(failed.text, /没有取得手机号授权/);
  const refused = await linking({ 'POST /v1/link': [asks(['phone']), linked], 'POST /v1/phone': [refusal(403, 'PHONE_REFUSED'), ok({})] });
  await refused.tap('授权手机号');
  assert.match(refused.text, /说明PHONE_REFUSED/);
  await refused.tap('再试一次');
  bound(refused);
});

test('a client that cannot authorise is told', { skip }, async () => {
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), 'POST /v1/link': asks(['phone', 'face']) });
  phone.program.my.canIUse = () => false;
  await fillLink(phone, who);
  assert.match(phone.text, /当前支付宝版本过低，不能授权手机号/);
  assert.ok(!phone.sees('授权手机号') && phone.sees('改用人脸验证'));
});

test('the phone number is not the one on file', { skip }, async () => {
  const told = { 'POST /v1/phone': ok({}) };
  const alone = await linking({ ...told, 'POST /v1/link': [asks(['phone']), refusal(403, 'LINK_REFUSED'), linked] });
  await alone.tap('授权手机号');
  assert.match(alone.text, /^说明LINK_REFUSED；也可能是支付宝绑定的手机号与公积金预留的不一致/);
  typed(alone, '');
  const beside = await linking({ ...told, 'POST /v1/link': [asks(['phone', 'face']), asks(['face'], 'l1')], 'POST /v1/link/l1/confirm': linked });
  await beside.tap('授权手机号');
  assert.match(beside.text, /手机号没有核验通过，可能与公积金预留的不一致。请改用人脸验证。/);
  assert.ok(!beside.sees('改用手机号核对'));
  await beside.tap('开始人脸验证');
  bound(beside);
});

test('where both would do the citizen chooses', { skip }, async () => {
  const faceFirst = await linking({ 'POST /v1/link': [asks(['face', 'phone'], 'l1'), linked], 'POST /v1/phone': ok({}) });
  await faceFirst.tap('改用手机号核对');
  await faceFirst.tap('授权手机号');
  bound(faceFirst);
  const phoneFirst = await linking({ 'POST /v1/link': [asks(['phone', 'face']), asks(['face'], 'l1')], 'POST /v1/link/l1/confirm': linked });
  await phoneFirst.tap('改用人脸验证');
  assert.equal(links(phoneFirst).length, 1, 'a verification is begun by a tap of its own');
  await phoneFirst.tap('开始人脸验证');
  assert.equal(bodies(links(phoneFirst))[1].proof, 'face');
  bound(phoneFirst);
});

test('a consent that is withdrawn meanwhile is asked for in its step', { skip }, async () => {
  const face = await linking({ 'POST /v1/link': asks(['face'], 'l1'), 'POST /v1/link/l1/confirm': [missing('face'), linked] }, { face: '6001' });
  await face.tap('开始人脸验证');
  face.face = '9000';
  await face.tap('开始人脸验证');
  await face.tap('同意，继续绑定');
  assert.match(face.text, /还差一步：确认是您本人/);
  const phone = await linking({ 'POST /v1/link': [asks(['phone']), linked], 'POST /v1/phone': [missing('phone'), ok({})] });
  await phone.tap('授权手机号');
  await phone.tap('同意，继续绑定');
  assert.match(phone.text, /还差一步：核对手机号.*说明phone1/);
  await phone.tap('授权手机号');
  bound(phone);
});

test('a proof that the page cannot ask for is named', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': asks(['iris']) });
  assert.match(phone.text, /说明LINK_PROOF_REQUIRED：请iris。本页暂不支持/);
  typed(phone);
});

test('back to the form: nothing is typed twice, and a new form begins anew', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [asks(['face', 'phone'], 'l1'), linked] });
  await phone.tap('返回修改');
  typed(phone);
  await phone.tap('确认绑定');
  bound(phone);
  assert.ok(!('proof' in bodies(links(phone))[1]));
});

test('a wrong password leads back, and only it is cleared', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [asks(['phone']), refusal(403, 'LINK_REFUSED')], 'POST /v1/phone': ok({}) });
  await phone.tap('授权手机号');
  typed(phone, '');
});

test('the password stays on its page', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': asks(['face', 'phone'], 'l1') });
  const { page } = phone.program;
  assert.equal(page.data.password, who.password);
  phone.program.my.navigateBack();
  await phone.program.quiet();
  assert.equal(page.data.password, '');
  assert.ok(phone.calls.every(({ path }) => !path.includes('Maple')));
});
