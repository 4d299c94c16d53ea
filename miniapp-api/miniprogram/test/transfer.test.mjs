// Tests of 改绑 with a scripted server, for the requester and the holder.
import assert from 'node:assert/strict';
import test from 'node:test';
import { asks, bodies, bound, keysOf, linked, linking, links, missing, typed, who } from './binding.mjs';
import { account, callsTo, fillLink, ok, refusal, scripted } from './citizens.mjs';

const taken = refusal(409, 'ALREADY_LINKED', { transfer_offered: true });
const transferOf = (state, due) => ({ id: 'w1', state, requested_at: '2020-01-05T01:30:00Z', due_at: due, expires_at: '2999-01-13T01:30:00Z' });
const waiting = transferOf('waiting', '2999-01-06T01:30:00.5Z');
const due = transferOf('waiting', '2020-01-06T01:30:00.5Z');
const waits = refusal(409, 'TRANSFER_WAITING', { transfer: waiting, retry_after: 9000 });
const own = (r) => ok({ own: r, against: null });
const against = (r) => ok({ own: null, against: r });
const unlinked = refusal(409, 'NOT_LINKED');

async function requesting(told) {
  const phone = scripted({ 'GET /v1/link': unlinked, ...told });
  await phone.tap('我的密码');
  return phone;
}

async function holding(told) {
  const phone = scripted({ 'GET /v1/link-transfers': [against(due), against(null)], 'POST /v1/link-transfers/w1/reject': ok({ id: 'w1', state: 'rejected' }), ...told });
  await phone.tap('我的密码');
  return phone;
}

test('the link is somebody else\'s: shown, requested under a new key, done', async () => {
  const phone = await linking({ 'POST /v1/link': [taken, linked] });
  assert.match(phone.text, /^该公积金账户已绑定其他支付宝.*改绑后，原支付宝将不能再使用/);
  await phone.tap('申请改绑');
  bound(phone);
  assert.deepEqual(bodies(links(phone)).map(({ transfer }) => transfer), [undefined, true]);
  assert.equal(keysOf(links(phone)).size, 2);
});

test('the holder can reject it: until when, what then, and the password goes', async () => {
  const phone = await linking({ 'POST /v1/link': [taken, waits], 'GET /v1/link-transfers': [own(null), own(waiting)] });
  await phone.tap('申请改绑');
  assert.match(phone.text, /^改绑申请已提交，请等待.*等待中.*2999年1月6日 09:30起.*2999年1月13日 09:30.*原绑定的支付宝可以拒绝。如被拒绝，请本人携带身份证件到柜台/);
  assert.equal(phone.program.page.data.password, '');
  await phone.tap('返回我的密码');
  assert.match(phone.text, /改绑申请 等待中/);
  assert.ok(!phone.sees('完成改绑') && !phone.sees('去绑定') && phone.sees('撤回申请'));
});

test('who does not want it, or types another account, requests nothing', async () => {
  const phone = await linking({ 'POST /v1/link': taken });
  await phone.tap('不改绑');
  assert.match(phone.text, /^没有申请改绑，原来的绑定没有变化/);
  typed(phone);
  await phone.tap('确认绑定');
  await phone.tap('申请改绑');
  await phone.tap('不改绑');
  await phone.tap('确认绑定');
  await phone.tap('申请改绑');
  phone.program.page.toForm();
  phone.fill('证件号码', '99010119880416102X');
  await phone.tap('确认绑定');
  assert.deepEqual(bodies(links(phone)).map(({ transfer }) => transfer), [undefined, undefined, true, undefined, true, undefined]);
});

test('a face is shown again for the transfer, which survives the way back to the form', async () => {
  const phone = await linking({
    'POST /v1/link': [asks(['face', 'phone'], 'l1'), asks(['face', 'phone'], 'l2'), asks(['face', 'phone'], 'l3')],
    'POST /v1/link/l1/confirm': taken, 'POST /v1/link/l3/confirm': waits,
  });
  await phone.tap('开始人脸验证');
  await phone.tap('申请改绑');
  assert.match(phone.text, /申请改绑要再验证一次人脸/);
  await phone.tap('返回修改');
  await phone.tap('确认绑定');
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /^改绑申请已提交/);
  assert.deepEqual(bodies(links(phone)).map(({ transfer }) => transfer), [undefined, true, true]);
});

test('a phone that was sent is enough for the transfer; refusals are told in the step', async () => {
  const phone = await linking({
    'POST /v1/link': [asks(['phone']), taken, refusal(429, 'TRANSFER_LIMIT'), refusal(403, 'TRANSFER_REJECTED'), missing('link'), linked], 'POST /v1/phone': ok({}),
  });
  await phone.tap('授权手机号');
  for (const code of ['TRANSFER_LIMIT', 'TRANSFER_REJECTED']) {
    await phone.tap('申请改绑');
    assert.ok(phone.text.includes(`说明${code}`) && phone.sees('不改绑'), phone.text);
  }
  await phone.tap('申请改绑');
  await phone.tap('同意，继续绑定');
  await phone.tap('申请改绑');
  bound(phone);
  assert.equal(bodies(links(phone)).pop().transfer, true);
});

test('not offered: the message', async () => {
  const phone = await linking({ 'POST /v1/link': refusal(409, 'ALREADY_LINKED') });
  assert.match(phone.text, /说明ALREADY_LINKED 返回我的密码/);
});

test('due: finished with one tap', async () => {
  const phone = await requesting({ 'GET /v1/link-transfers': own(due), 'GET /v1/link': [unlinked, linked], 'POST /v1/link-transfers/w1/confirm': linked });
  assert.match(phone.text, /改绑申请 可以完成/);
  await phone.tap('完成改绑');
  assert.match(phone.text, /^改绑成功/);
  assert.match(phone.text, /密码状态 正常/);
  assert.ok(!phone.text.includes('改绑申请'), 'what is done needs no words');
});

test('a consent that is asked for again is a step, and on from there', async () => {
  const phone = await requesting({ 'GET /v1/link-transfers': own(due), 'GET /v1/link': [unlinked, linked], 'POST /v1/link-transfers/w1/confirm': [missing('link'), missing('link'), linked] });
  await phone.tap('完成改绑');
  assert.match(phone.text, /^请先阅读，再决定是否同意.*说明link1/);
  await phone.tap('不同意');
  assert.match(phone.text, /您没有同意，改绑没有完成/);
  await phone.tap('完成改绑');
  await phone.tap('同意，继续绑定');
  assert.match(phone.text, /^改绑成功/);
  assert.deepEqual(bodies(callsTo(phone, '/v1/consents').filter(({ method }) => method === 'POST')), [{ purpose: 'link', version: '1' }]);
});

test('it ended meanwhile, was not due by the server\'s clock, or its answer was lost', async () => {
  for (const [code, status] of [['TRANSFER_REJECTED', 403], ['TRANSFER_GONE', 410]]) {
    const phone = await requesting({ 'GET /v1/link-transfers': [own(due), own(transferOf('rejected', due.due_at))], 'POST /v1/link-transfers/w1/confirm': refusal(status, code) });
    await phone.tap('完成改绑');
    assert.match(phone.text, new RegExp(`改绑申请 已被拒绝.*说明${code}`));
  }
  const early = await requesting({ 'GET /v1/link-transfers': own(due), 'POST /v1/link-transfers/w1/confirm': waits });
  await early.tap('完成改绑');
  assert.match(early.text, /说明TRANSFER_WAITING/);
  const lost = await requesting({ 'GET /v1/link-transfers': own(due), 'POST /v1/link-transfers/w1/confirm': ['network', 'network', 'network', linked], 'GET /v1/link': [unlinked, unlinked, linked] });
  await lost.tap('完成改绑');
  await lost.tap('再试一次');
  assert.match(lost.text, /^改绑成功/);
  assert.equal(keysOf(callsTo(lost, '/v1/link-transfers/w1/confirm')).size, 1);
  const done = await requesting({ 'GET /v1/link-transfers': own(due), 'POST /v1/link-transfers/w1/confirm': 'timeout', 'GET /v1/link': [unlinked, linked] });
  await done.tap('完成改绑');
  assert.match(done.text, /^改绑成功.*密码状态 正常/);
});

test('taken back, after a question', async () => {
  const phone = await requesting({ 'GET /v1/link-transfers': [own(waiting), own(transferOf('cancelled', waiting.due_at))], 'POST /v1/link-transfers/w1/cancel': refusal(410, 'TRANSFER_GONE') });
  phone.says = false;
  await phone.tap('撤回申请');
  assert.equal(callsTo(phone, '/v1/link-transfers/w1/cancel').length, 0);
  phone.says = true;
  await phone.tap('撤回申请');
  assert.match(phone.text, /改绑申请 已失效/);
  assert.ok(phone.sees('去绑定'));
});

test('every other end is told, and the way on', async () => {
  for (const [state, text] of [['rejected', /已被拒绝.*到柜台/], ['expired', /已过期.*可以重新绑定/]]) {
    const phone = await requesting({ 'GET /v1/link-transfers': own(transferOf(state, due.due_at)) });
    assert.match(phone.text, text);
    assert.ok(phone.sees('去绑定') && !phone.sees('完成改绑') && !phone.sees('撤回申请'));
  }
  const done = await requesting({ 'GET /v1/link-transfers': own(transferOf('done', due.due_at)) });
  assert.match(done.text, /^您还没有绑定公积金账户/);
});

test('the holder sees it first, and rejects it after a question', async () => {
  const phone = await holding({});
  assert.match(phone.text, /^有其他支付宝账号正在申请改绑您的公积金账户.*时间已到，对方随时可以完成改绑/);
  assert.ok(phone.sees('冻结密码'));
  phone.says = false;
  await phone.tap('不是我，拒绝改绑');
  assert.equal(callsTo(phone, '/v1/link-transfers/w1/reject').length, 0);
  phone.says = true;
  await phone.tap('不是我，拒绝改绑');
  assert.match(phone.text, /^改绑申请 已拒绝.*申请的人输对了您的公积金密码.*立即修改密码/);
  assert.ok(!phone.sees('不是我，拒绝改绑') && phone.sees('修改密码'));
});

test('a rejection whose answer was lost is repeated under its key', async () => {
  const phone = await holding({ 'GET /v1/link-transfers': [against(waiting), against(null)], 'POST /v1/link-transfers/w1/reject': ['network', 'network', 'network', ok({ id: 'w1', state: 'rejected' })] });
  assert.match(phone.text, /最早可改绑 2999年1月6日 09:30起/);
  await phone.tap('不是我，拒绝改绑');
  assert.ok(phone.sees('不是我，拒绝改绑'), phone.text);
  await phone.tap('再试一次');
  assert.match(phone.text, /^改绑申请 已拒绝/);
  assert.equal(keysOf(callsTo(phone, '/v1/link-transfers/w1/reject')).size, 1);
});

test('too late, or over', async () => {
  const late = await holding({ 'GET /v1/link': [ok({ account }), unlinked], 'POST /v1/link-transfers/w1/reject': refusal(409, 'NOT_LINKED') });
  await late.tap('不是我，拒绝改绑');
  assert.match(late.text, /可能已被改绑或解除。如非本人操作，请立即联系公积金中心/);
  assert.equal(late.route, 'home');
  const over = await holding({ 'POST /v1/link-transfers/w1/reject': refusal(410, 'TRANSFER_GONE') });
  await over.tap('不是我，拒绝改绑');
  assert.match(over.text, /这个改绑申请已经结束/);
  assert.ok(!over.sees('不是我，拒绝改绑'));
});

test('opened by a message, the freeze page asks Alipay for nothing before a tap', async () => {
  const phone = scripted({ 'GET /v1/link-transfers': [against(waiting), against(null)], 'POST /v1/link-transfers/w1/reject': ok({ id: 'w1', state: 'rejected' }) });
  phone.program.my.reLaunch({ url: '/pages/freeze/index?notice=n1' });
  await phone.program.quiet();
  assert.equal(phone.calls.length, 0);
  await phone.tap('查看改绑申请');
  assert.match(phone.text, /^有其他支付宝账号正在申请改绑.*正在申请的改绑会同时被拒绝/);
  assert.ok(!phone.sees('冻结密码') && phone.sees('立即冻结'));
  await phone.tap('不是我，拒绝改绑');
  await phone.tap('修改密码');
  assert.equal(phone.route, 'change');
});

test('the freeze page shows it at once to who is signed in, and freezes though it cannot', async () => {
  const phone = await holding({});
  await phone.tap('冻结密码');
  assert.equal(phone.route, 'freeze');
  const deaf = await holding({ 'GET /v1/link-transfers': [against(null), 'network', 'network', 'network', against(null)] });
  await deaf.tap('不是我操作的');
  assert.ok(deaf.sees('查看改绑申请'), deaf.text);
  await deaf.tap('查看改绑申请');
  assert.match(deaf.text, /^现在没有等待处理的改绑申请/);
  await deaf.tap('立即冻结');
  assert.match(deaf.text, /密码已冻结/);
  const lost = await holding({ 'GET /v1/link-transfers': against(null), 'POST /v1/freeze': refusal(409, 'NOT_LINKED') });
  await lost.tap('不是我操作的');
  await lost.tap('立即冻结');
  assert.match(lost.text, /可能已被改绑或解除/);
});

test('without anything of it nothing is shown', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  assert.ok(!/改绑|账户。/.test(phone.text), phone.text);
  const fresh = scripted({ 'GET /v1/link': unlinked });
  await fillLink(fresh, who);
  bound(fresh);
});
