// Tests of 安全提醒 with a scripted server: a tap opens the panel, and pages promise a message
// only to subscribers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { callsTo, consents, ok, scripted } from './citizens.mjs';

const none = ok({ templates: ['t1'], state: 'none' });
const accepted = ok({ templates: ['t1'], state: 'accepted' });

function asked(phone) {
  return callsTo(phone, '/v1/subscriptions').filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body));
}

async function home(told, more) {
  const phone = scripted({ 'GET /v1/subscriptions': [none, accepted], ...told }, more);
  await phone.tap('我的密码');
  return phone;
}

test('after a binding the first page offers it, a tap asks Alipay, and the server is told', async () => {
  const panels = [];
  const phone = await home({}, { subscribe: async (templates, yes) => { panels.push([templates, yes]); } });
  assert.match(phone.text, /还没有开启安全提醒.*没有开启的，我们无法通知您/);
  await phone.tap('开启提醒');
  assert.deepEqual(panels, [[['t1'], true]]);
  assert.deepEqual(asked(phone), [{ template_id: 't1', accepted: true }]);
  assert.ok(!phone.sees('开启提醒'), phone.text);
});

test('who says no stays asked, and is promised nothing', async () => {
  const phone = await home({ 'GET /v1/subscriptions': [none, ok({ templates: ['t1'], state: 'rejected' })] });
  phone.says = false;
  await phone.tap('开启提醒');
  assert.deepEqual(asked(phone), [{ template_id: 't1', accepted: false }]);
  assert.ok(phone.sees('开启提醒'), phone.text);
});

test('nothing is offered where it is on, or not to be had', async () => {
  for (const told of [accepted, ok({ templates: [], state: 'none' })]) {
    const phone = await home({ 'GET /v1/subscriptions': told });
    assert.ok(!phone.sees('开启提醒'), phone.text);
  }
});

test('the consent to messages opens the panel as well', async () => {
  const panels = [];
  const phone = await home({
    'GET /v1/subscriptions': [none, none, accepted], 'GET /v1/consents': [consents({}, true), consents({ message: 'given' }, true)],
  }, { subscribe: async (templates, yes) => { panels.push([templates, yes]); } });
  await phone.tap('我的授权');
  assert.match(phone.text, /支付宝还没有开启提醒，目前收不到消息/);
  await phone.tap('同意：消息提醒');
  assert.deepEqual(panels, [[['t1'], true]]);
  assert.deepEqual(asked(phone), [{ template_id: 't1', accepted: true }]);
  assert.deepEqual(callsTo(phone, '/v1/consents').filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body).purpose), ['message']);
  assert.match(phone.text, /消息提醒.*已同意/);
});

test('Alipay asks only from a tap, for three templates at most, of one kind', async () => {
  const phone = await home({});
  const { my } = phone.program;
  const fails = (entityIds) => new Promise((resolve) => my.requestSubscribeMessage({ entityIds, success: () => resolve(0), fail: (e) => resolve(e.error) }));
  assert.equal(await fails(['t1']), 3);
  phone.program.gesture.on = true;
  assert.deepEqual([await fails([]), await fails(['a', 'b', 'c', 'd']), await fails(['a', 'b-once']), await fails(['a', 'b'])], [2, 2, 106002, 0]);
});

test('an open change is shown with when and where; a replaced one is named', async () => {
  const step = { id: 'c0', opened_at: '2026-01-05T01:30:00Z', channel: 'alipay', expires_at: '2026-01-05T01:45:00Z' };
  const phone = await home({
    'GET /v1/password': ok({ state: 'set', changed_at: null, remaining_attempts: 5, locked_until: null, channels: [], separate_channels: [], rules: [], open_change: step, open_reset: null }),
    'POST /v1/password/changes': ok({ id: 'c1', state: 'open', replaced: step }),
  });
  assert.match(phone.text, /有一笔密码修改还没有完成，2026年1月5日 09:30在支付宝开始/);
  await phone.tap('修改密码');
  phone.fill('证件号码', '99010119880416102X');
  phone.fill('原密码', 'x');
  await phone.tap('下一步');
  assert.match(phone.text, /您在2026年1月5日 09:30开始的另一次修改已取消/);
});

test('who was taken over from is told, and led to the freeze', async () => {
  const taken = { id: 'w1', done_at: '2026-01-05T01:30:00Z', freeze_until: '2026-01-12T01:30:00Z' };
  const phone = await home({
    'GET /v1/link': { status: 409, text: JSON.stringify({ status: 409, code: 'NOT_LINKED', message: 'x', request_id: 'r' }) },
    'GET /v1/link-transfers': ok({ own: null, against: null, taken }),
  });
  assert.match(phone.text, /已改绑到其他支付宝.*2026年1月5日 09:30.*2026年1月12日 09:30之前冻结密码/);
  await phone.tap('不是我，冻结密码');
  assert.equal(phone.route, 'freeze');
});

test('while the holder is being notified there is no time yet; one who cannot be notified ends it', async () => {
  const transferOf = (state) => ({ id: 'w1', state, requested_at: '2020-01-05T01:30:00Z', due_at: null, expires_at: '2999-01-13T01:30:00Z' });
  const unlinked = { status: 409, text: JSON.stringify({ status: 409, code: 'NOT_LINKED', message: 'x', request_id: 'r' }) };
  for (const [state, want] of [['waiting', /正在通知/], ['undeliverable', /无法通知原绑定的支付宝，不能在线改绑/]]) {
    const phone = await home({ 'GET /v1/link': unlinked, 'GET /v1/link-transfers': ok({ own: transferOf(state), against: null, taken: null }) });
    assert.match(phone.text, want);
    assert.ok(!phone.sees('完成改绑'), phone.text);
  }
});
