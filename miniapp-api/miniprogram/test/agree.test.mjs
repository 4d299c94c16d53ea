// Tests of the consents of 绑定 with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { bodies, bound, keysOf, linked, linking, links, missing, skip, typed } from './binding.mjs';
import { callsTo, consents, ok, refusal, scripted } from './citizens.mjs';

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
