// 绑定 with consents and further proofs, before a server that does as told.
import assert from 'node:assert/strict';
import test from 'node:test';
import { account, callsTo, consents, fillLink, mode, ok, refusal, scripted } from './citizens.mjs';

const who = { name: '林三', id_type: '01', id_number: '990101198804161027', account_no: '', password: 'Old-Maple-41' };
const linked = ok({ account, password_state: 'set' });
const skip = mode.errors === 'fail-bare' && 'needs the body';

async function linking(told, more) {
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), ...told }, { phone: async (allowed) => (allowed ? 'SIGNED' : 'REFUSAL'), ...more });
  await fillLink(phone, who);
  return phone;
}

const links = (phone) => callsTo(phone, '/v1/link').filter(({ method }) => method === 'POST');
const bodies = (calls) => calls.map(({ body }) => JSON.parse(body));
const keysOf = (calls) => new Set(calls.map(({ headers }) => headers['idempotency-key']));

/** The form is as it was typed. */
function typed(phone, password = who.password) {
  const value = (name) => phone.find(name, ['input']).attrs.value;
  assert.deepEqual([value('姓名'), value('证件号码'), value('公积金密码')], [who.name, who.id_number, password]);
}

function bound(phone) {
  assert.deepEqual(phone.told.slice(-1), ['绑定成功'], phone.text);
  assert.equal(phone.route, 'home');
}

const missing = (...purposes) => refusal(403, 'CONSENT_REQUIRED', { errors: purposes.map((field) => ({ field, code: 'CONSENT_REQUIRED', message: '请先阅读' })) });
const asks = (fields, pending) => refusal(409, 'LINK_PROOF_REQUIRED', {
  errors: fields.map((field) => ({ field, code: 'PROOF_REQUIRED', message: `请${field}` })),
  ...(pending && { pending: { id: pending, certify_id: 'cert', certify_url: 'https://alipay.example/cert' } }),
});

test('recorded: the texts stand beside the form, and submitting is the consent', async () => {
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED') });
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  for (const text of ['说明link1', '说明certdoc1', '说明face1']) assert.ok(phone.text.includes(text), text);
  for (const text of ['说明phone1', '说明message1']) assert.ok(!phone.text.includes(text), text);
  assert.match(phone.text, /点“确认绑定”，即表示您已阅读并同意以上说明。/);
  assert.ok(phone.nodes().every(({ tag }) => tag !== 'switch' && tag !== 'checkbox'), 'nothing is ticked beforehand');
  assert.ok(!phone.text.includes('同意：'));
});

test('recorded: nothing else is called', async () => {
  const phone = await linking({});
  bound(phone);
  assert.equal(callsTo(phone, '/v1/consents').length, 1);
});

test('nothing is sent before the texts could be read', async () => {
  const phone = await linking({ 'GET /v1/consents': ['network', 'network', 'network', 'network', 'network', 'network', consents()] });
  assert.equal(links(phone).length, 0);
  assert.match(phone.text, /网络不给力/);
  await phone.tap('再试一次');
  assert.match(phone.text, /说明link1/);
  assert.equal(links(phone).length, 0);
  await phone.tap('确认绑定');
  bound(phone);
});

test('recorded: what was withdrawn has a control', { skip }, async () => {
  const phone = await linking({
    'GET /v1/consents': [consents({ certdoc: 'withdrawn' }), consents({ certdoc: 'given' })],
    'POST /v1/link': linked,
  });
  bound(phone);
  const again = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), 'GET /v1/consents': [consents({ certdoc: 'withdrawn' }), consents({ certdoc: 'given' })] });
  await again.tap('我的密码');
  await again.tap('去绑定');
  assert.match(again.text, /已撤回 2026年1月6日 09:30/);
  assert.match(again.text, /您撤回过的要另点“同意”/);
  await again.tap('同意：核对姓名和证件号码');
  assert.match(again.text, /✓ 已同意 2026年1月5日 09:30/);
  assert.ok(!again.text.includes('您撤回过的'));
});

test('required: each text has its own control, and none is given beforehand', { skip }, async () => {
  const given = { link: 'given' };
  const phone = await linking({ 'GET /v1/consents': [consents({}, true), consents(given, true)] });
  assert.equal(links(phone).length, 0, 'sent without consent');
  assert.match(phone.text, /请先阅读，再决定是否同意.*说明link1/);
  await phone.tap('不同意');
  assert.match(phone.text, /^您没有同意“绑定公积金账户”的说明，还不能在这里绑定/);
  assert.match(phone.text, /“绑定公积金账户”必须同意；其他的是核验方式，至少同意一种/);
  for (const name of ['绑定公积金账户', '核对姓名和证件号码', '人脸验证（刷脸）', '核对手机号']) assert.ok(phone.sees(`同意：${name}`), name);
  assert.ok(!phone.sees('同意：消息提醒') && !phone.text.includes('即表示您已阅读'));
  await phone.tap('同意：绑定公积金账户');
  assert.deepEqual(bodies(callsTo(phone, '/v1/consents').filter(({ method }) => method === 'POST')), [{ purpose: 'link', version: '1' }]);
  assert.ok(!phone.sees('同意：绑定公积金账户') && phone.sees('同意：人脸验证（刷脸）'));
  typed(phone);
  await phone.tap('确认绑定');
  bound(phone);
});

test('required: what the form is sent without is asked for first', { skip }, async () => {
  const phone = await linking({ 'GET /v1/consents': [consents({}, true), consents({ link: 'given' }, true)], 'POST /v1/link': [missing('certdoc', 'face'), linked] });
  await phone.tap('同意，继续绑定');
  assert.match(phone.text, /请先阅读，再决定是否同意.*说明certdoc1/);
  await phone.tap('同意，继续绑定');
  bound(phone);
  assert.deepEqual(bodies(callsTo(phone, '/v1/consents').filter(({ method }) => method === 'POST')).map(({ purpose }) => purpose), ['link', 'certdoc']);
});

test('required: a text that has changed is read again', { skip }, async () => {
  const phone = await linking({
    'GET /v1/consents': [consents({}, true, '1'), consents({}, true, '2'), consents({ link: 'given' }, true, '2')],
    'POST /v1/consents': [refusal(409, 'CONSENT_OUTDATED'), ok({})],
  });
  await phone.tap('不同意');
  await phone.tap('同意：绑定公积金账户');
  assert.match(phone.text, /说明link2/);
  assert.match(phone.text, /说明CONSENT_OUTDATED/);
  assert.ok(!phone.sees('再试一次'), 'the new text would be agreed to unread');
  await phone.tap('同意：绑定公积金账户');
  const versions = bodies(callsTo(phone, '/v1/consents').filter(({ method }) => method === 'POST')).map(({ version }) => version);
  assert.deepEqual(versions, ['1', '2']);
});

test('CONSENT_REQUIRED shows the text, and goes on under a new key', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [missing('certdoc'), linked] });
  assert.match(phone.text, /请先阅读，再决定是否同意.*说明certdoc1/);
  assert.ok(!phone.text.includes('说明link1'));
  await phone.tap('同意，继续绑定');
  assert.deepEqual(bodies(callsTo(phone, '/v1/consents').filter(({ method }) => method === 'POST')), [{ purpose: 'certdoc', version: '1' }]);
  bound(phone);
  assert.equal(keysOf(links(phone)).size, 2);
});

test('who does not agree is asked for another proof, then sent back to the form', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [missing('face', 'phone'), missing('link', 'face')] });
  assert.match(phone.text, /说明face1/);
  await phone.tap('不同意');
  assert.match(phone.text, /说明phone1/);
  await phone.tap('不同意');
  assert.match(phone.text, /^您没有同意任何一种核验方式，还不能在这里绑定/);
  assert.equal(callsTo(phone, '/v1/consents').filter(({ method }) => method === 'POST').length, 0);
  typed(phone);
  await phone.tap('确认绑定');
  assert.match(phone.text, /说明link1/);
  await phone.tap('不同意');
  assert.match(phone.text, /您没有同意“绑定公积金账户”的说明/);
});

test('CONSENT_OUTDATED in the step shows the new text', { skip }, async () => {
  const phone = await linking({
    'POST /v1/link': [missing('face'), linked],
    'GET /v1/consents': [consents(), consents(), consents({}, false, '2')],
    'POST /v1/consents': [refusal(409, 'CONSENT_OUTDATED'), ok({})],
  });
  await phone.tap('同意，继续绑定');
  assert.match(phone.text, /说明face2.*说明CONSENT_OUTDATED/);
  await phone.tap('同意，继续绑定');
  bound(phone);
});

test('the texts cannot be read when they are asked for', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': missing('face'), 'GET /v1/consents': [consents(), 'network'] });
  assert.match(phone.text, /网络不给力/);
  typed(phone);
});

test('a purpose of a newer server is told', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': missing('iris') });
  assert.match(phone.text, /说明CONSENT_REQUIRED/);
  typed(phone);
});

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
