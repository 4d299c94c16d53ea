// Tests of the pages' error handling with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { account, callsTo, fillLink, fillNew, fillOld, mode, ok, password, refusal, scripted } from './citizens.mjs';

const who = { name: '林三', id_type: '01', id_number: '990101198804161027', account_no: '', password: 'Old-Maple-41' };
const unlinked = { 'GET /v1/link': refusal(409, 'NOT_LINKED') };
const bare = mode.errors === 'fail-bare';

async function linking(told, more) {
  const phone = scripted({ ...unlinked, ...told }, more);
  await fillLink(phone, who);
  return phone;
}

async function confirming(told, more) {
  const phone = scripted(told, more);
  await phone.tap('我的密码');
  await fillOld(phone, who);
  await fillNew(phone, 'New-Maple-42');
  return phone;
}

const { table } = scripted().program.require('', '/lib/errors.js');
const OFFERS = { home: '返回我的密码', link: '去绑定', change: '重新开始', reset: '忘记密码，去重置', recover: '忘记密码？核验身份后重设', unlink: '去解除绑定', retry: '再试一次' };

for (const [code, behaviour] of Object.entries(table)) {
  test(`${code} on the link page`, { skip: bare && 'needs the body' }, async () => {
    const phone = await linking({ 'POST /v1/link': refusal(behaviour.does === 'login' ? 401 : 422, code, { retry_after: 9 }) });
    if (behaviour.does === 'go') return assert.equal(phone.route, behaviour.to);
    assert.equal(phone.route, 'link');
    assert.ok(phone.text.includes(`说明${code}`), phone.text);
    assert.equal(phone.text.includes('反馈编号 r-1'), Boolean(behaviour.report));
    const reset = behaviour.offer === 'reset' && code.startsWith('PASSWORD_'); // the reset page requires a link
    if (reset) assert.ok(!phone.sees(OFFERS.reset) && phone.sees(OFFERS.recover), phone.text);
    else if (behaviour.offer) assert.ok(phone.sees(OFFERS[behaviour.offer]), phone.text);
    const emptied = (behaviour.clear ?? []).includes('password');
    assert.equal(phone.find('公积金密码', ['input']).attrs.value, emptied ? '' : who.password);
    assert.equal(phone.find('证件号码', ['input']).attrs.value, who.id_number, 'the citizen types it again');
    assert.ok(!phone.find('确认绑定', ['button']).attrs.disabled);
  });
}

test('a code of a newer server is shown', { skip: bare }, async () => {
  const phone = await linking({ 'POST /v1/link': refusal(418, 'TEAPOT') });
  assert.match(phone.text, /说明TEAPOT 反馈编号 r-1/);
});

test('an ended session is opened anew and the call repeated, once', async () => {
  const phone = await linking({ 'POST /v1/link': [refusal(401, 'SESSION_EXPIRED'), ok({})] });
  assert.equal(callsTo(phone, '/v1/sessions').length, 2);
  const [first, second] = callsTo(phone, '/v1/link').filter(({ method }) => method === 'POST');
  assert.equal(first.headers['idempotency-key'], second.headers['idempotency-key']);
  const codes = callsTo(phone, '/v1/sessions').map(({ body }) => JSON.parse(body).auth_code);
  assert.deepEqual(codes, ['code-1', 'code-2'], 'an auth code is good once');
  const stubborn = await linking({ 'POST /v1/link': refusal(401, 'SESSION_EXPIRED') });
  assert.equal(callsTo(stubborn, '/v1/sessions').length, 2);
  assert.ok(stubborn.sees('返回我的密码'));
});

test('calls that come at once share a session', async () => {
  const phone = scripted();
  phone.program.gesture.ever = true;
  const { call } = phone.program.require('', '/lib/request.js');
  await Promise.all([call({ path: '/v1/link' }), call({ path: '/v1/password' }), call({ path: '/v1/events' })]);
  assert.equal(callsTo(phone, '/v1/sessions').length, 1);
});

test('an auth code that is refused is replaced once', { skip: bare }, async () => {
  const opened = ok({ token: 't', expires_in: 900, linked: false, account: null });
  const phone = scripted({ ...unlinked, 'POST /v1/sessions': [refusal(401, 'AUTH_CODE_INVALID'), opened] });
  await phone.tap('我的密码');
  assert.ok(phone.sees('去绑定'), phone.text);
});

test('a citizen who denies the authorisation may think again', async () => {
  const phone = scripted({}, { authCode: async () => { throw { error: 11 }; } });
  await phone.tap('我的密码');
  assert.match(phone.text, /您已取消授权/);
  assert.ok(phone.sees('再试一次'));
  for (const [error, text] of [[12, /网络不给力/], [3, /支付宝没有响应/]]) {
    const other = scripted({}, { authCode: async () => { throw { error }; } });
    await other.tap('我的密码');
    assert.match(other.text, text);
  }
});

test('no token is stored, and nothing is asked on the first screen', () => {
  const phone = scripted();
  assert.deepEqual(phone.calls, []);
  assert.equal(phone.program.my.getStorageSync({ key: 'token' }).data, null);
});

test('BUSY is waited for calmly, under one key', { skip: bare }, async () => {
  const phone = scripted({ ...unlinked, 'POST /v1/link': [refusal(503, 'BUSY', { retry_after: 2 }), refusal(503, 'BUSY', { retry_after: 2 }), ok({})] });
  const waits = [];
  const { paint } = phone.program;
  phone.program.paint = (page, tree) => {
    waits.push(page.data.wait);
    paint(page, tree);
  };
  await fillLink(phone, who);
  assert.ok(waits.includes('办理的人较多，正在为您排队，请稍候…'));
  const keys = callsTo(phone, '/v1/link').filter(({ method }) => method === 'POST').map(({ headers }) => headers['idempotency-key']);
  assert.equal(keys.length, 3);
  assert.ok(keys[0].length > 16, keys[0]);
  assert.equal(new Set(keys).size, 1);
  assert.match(phone.text, /^绑定成功/);
});

test('a long wait is the citizen\'s to decide', { skip: bare }, async () => {
  const phone = await linking({ 'POST /v1/link': [refusal(429, 'TOO_MANY_REQUESTS', { retry_after: 60 }), ok({})] });
  assert.equal(callsTo(phone, '/v1/link').filter(({ method }) => method === 'POST').length, 1);
  await phone.tap('再试一次');
  assert.match(phone.text, /^绑定成功/);
});

for (const [name, lost] of [['network', 'network'], ['timeout', 'timeout'], ['a gateway\'s page', { status: 502, text: '<html>' }]]) {
  test(`${name}: a lost confirm is repeated under its key`, async () => {
    const path = '/v1/password/changes/c1/confirm';
    const phone = await confirming({ [`POST ${path}`]: [lost, ok({ id: 'c1', state: 'done', changed_at: null, sessions_ended: 0 })] });
    assert.match(phone.text, /密码修改成功/);
    const calls = callsTo(phone, path);
    assert.equal(calls[0].headers['idempotency-key'], calls[1].headers['idempotency-key']);
    assert.equal(calls[0].body, calls[1].body);
  });

  test(`${name}: what stays unknown is asked for, never sent again`, async () => {
    const path = '/v1/password/changes/c1/confirm';
    const state = (s) => ok({ id: 'c1', state: s });
    const phone = await confirming({ [`POST ${path}`]: lost, 'GET /v1/password/changes/c1': [state('open'), state('done')] });
    assert.equal(phone.route, 'result');
    assert.match(phone.text, /密码修改成功/);
    assert.equal(callsTo(phone, path).length, 3);
  });
}

test('the result may stay unknown for a while', async () => {
  const lost = { 'POST /v1/password/changes/c1/confirm': 'network', 'GET /v1/password/changes/c1': 'network' };
  const phone = await confirming(lost);
  assert.match(phone.text, /正在确认结果.*请勿重复提交/);
  assert.match(phone.text, /网络不给力/);
  assert.ok(phone.sees('再查一次'));
});

test('a change that came to nothing says so', async () => {
  const phone = await confirming({ 'POST /v1/password/changes/c1/confirm': 'network', 'GET /v1/password/changes/c1': ok({ id: 'c1', state: 'expired' }) });
  assert.match(phone.text, /密码未修改.*请继续使用原密码/);
});

test('CHANGE_GONE asks whether it is done', { skip: bare }, async () => {
  const gone = { 'POST /v1/password/changes/c1/confirm': refusal(410, 'CHANGE_GONE') };
  const done = await confirming({ ...gone, 'GET /v1/password/changes/c1': ok({ id: 'c1', state: 'done' }) });
  assert.match(done.text, /密码修改成功/);
  const lost = await confirming({ ...gone, 'GET /v1/password/changes/c1': ok({ id: 'c1', state: 'expired' }) });
  assert.equal(lost.route, 'new');
  await lost.tap('重新开始');
  assert.equal(lost.route, 'change');
});

test('every broken rule is shown at once', { skip: bare }, async () => {
  const errors = ['甲', '乙'].map((message) => ({ field: 'new_password', code: 'X', message }));
  const phone = await confirming({ 'POST /v1/password/changes/c1/confirm': refusal(422, 'PASSWORD_WEAK', { errors }) });
  assert.match(phone.text, /甲；乙/);
});

test('what the phone can check is not sent', async () => {
  const phone = await confirming();
  assert.equal(callsTo(phone, '/v1/password/changes/c1/confirm').length, 1);
  const short = scripted();
  await short.tap('我的密码');
  await fillOld(short, who);
  await fillNew(short, '1234567', '12345678');
  assert.match(short.text, /还差1个字符.*两次输入的新密码不一致/);
  assert.equal(callsTo(short, '/v1/password/changes/c1/confirm').length, 0);
});

test('a keypad channel is told before confirming', async () => {
  const channels = [{ id: 'hotline', name: '12329热线', text: '热线只能按数字键', charset: '0-9' }];
  const phone = scripted({ 'GET /v1/password': ok({ ...password, channels }) });
  phone.says = false;
  await phone.tap('我的密码');
  await fillOld(phone, who);
  phone.fill('新密码', '83920174');
  assert.ok(!phone.text.includes('热线只能按数字键'));
  await fillNew(phone, 'New-Maple-42');
  assert.ok(phone.text.includes('热线只能按数字键'));
  assert.deepEqual(phone.told, ['热线只能按数字键']);
  assert.equal(phone.route, 'new');
  phone.says = true;
  await phone.tap('确认修改');
  assert.match(phone.text, /密码修改成功 请使用新密码办理业务。12329热线也使用这个密码。/);
});

test('a second tap while the first runs does nothing', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  await phone.tap('修改密码');
  phone.fill('证件号码', who.id_number);
  phone.fill('原密码', who.password);
  phone.press('下一步');
  assert.throws(() => phone.press('正在核对…'), /disabled/);
  phone.program.page.submit();
  await phone.program.quiet();
  assert.equal(callsTo(phone, '/v1/password/changes').length, 1);
});

test('times are Beijing\'s, whatever the phone says', async () => {
  const phone = await confirming();
  assert.match(phone.text, /修改时间 2026年2月1日 00:05 其他登录 已退出2个/);
});

test('a frozen password can be reset, and is not frozen twice', async () => {
  const phone = scripted({ 'GET /v1/password': ok({ ...password, state: 'frozen' }) });
  await phone.tap('我的密码');
  assert.match(phone.text, /密码状态 已冻结 要重新设置密码才能使用/);
  assert.ok(phone.sees('人脸验证，设置新密码') && !phone.sees('修改密码') && !phone.sees('不是我操作的'));
  const byCode = scripted({ 'GET /v1/password': ok({ ...password, state: 'frozen', reset_offered: false, sms_reset_offered: false }) });
  await byCode.tap('我的密码');
  assert.ok(byCode.sees('用重置码设置新密码') && !byCode.sees('人脸验证，设置新密码'));
  assert.match(byCode.text, /到柜台领取重置码/);
  await byCode.tap('用重置码设置新密码');
  assert.ok(byCode.sees('使用重置码') && !byCode.sees('改用人脸验证') && !byCode.text.includes('人脸'), byCode.text);
});

test('a freeze promises a face only where one resets', async () => {
  for (const [offered, sms, next] of [[true, true, '人脸验证，设置新密码'], [false, true, '短信验证，设置新密码'], [false, false, '用重置码设置新密码']]) {
    const phone = scripted({ 'GET /v1/password': ok({ ...password, reset_offered: offered, sms_reset_offered: sms }) });
    await phone.tap('我的密码');
    await phone.tap('不是我操作的');
    assert.equal(phone.text.includes('人脸'), offered);
    await phone.tap('立即冻结');
    assert.ok(phone.sees(next), phone.text);
  }
});

test('must_change says so', async () => {
  const phone = scripted({ 'GET /v1/password': ok({ ...password, state: 'must_change' }) });
  await phone.tap('我的密码');
  assert.match(phone.text, /密码状态 需要修改 .*不够安全/);
  assert.ok(phone.sees('修改密码'));
});

test('a new form has a new key', async () => {
  const phone = await linking({ 'POST /v1/link': [refusal(403, 'LINK_REFUSED'), ok({})] });
  if (!bare) assert.match(phone.text, /说明LINK_REFUSED/);
  phone.fill('公积金密码', who.password);
  await phone.tap('确认绑定');
  const keys = callsTo(phone, '/v1/link').filter(({ method }) => method === 'POST').map(({ headers }) => headers['idempotency-key']);
  assert.equal(new Set(keys).size, 2);
});

test('a lock that only a reset opens', async () => {
  const locked = { ...password, state: 'locked', remaining_attempts: 0, locked_until: '9999-12-31T00:00:00Z' };
  const phone = scripted({ 'GET /v1/password': ok(locked) });
  await phone.tap('我的密码');
  assert.match(phone.text, /不会自动解锁，要重新设置密码才能使用/);
  assert.doesNotMatch(phone.text, /9999/);
});

test('elder mode stays', async () => {
  const phone = scripted();
  await phone.tap('大字版');
  await phone.tap('我的密码');
  assert.ok(phone.nodes()[0].attrs.class.includes('elder'));
  await phone.tap('办理记录');
  assert.ok(phone.nodes()[0].attrs.class.includes('elder'));
});

test('a password is shown and hidden', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  await phone.tap('修改密码');
  assert.equal(phone.find('原密码', ['input']).attrs.password, true);
  await phone.tap('显示原密码');
  assert.equal(phone.find('原密码', ['input']).attrs.password, false);
  await phone.tap('隐藏原密码');
  assert.equal(phone.find('原密码', ['input']).attrs.password, true);
});

test('passwords leave the pages they were typed on', async () => {
  const phone = scripted();
  const seen = new Set();
  phone.program.paint = (page) => seen.add(page);
  await phone.tap('我的密码');
  await fillOld(phone, who);
  await fillNew(phone, 'New-Maple-42');
  assert.equal(phone.route, 'result');
  assert.equal(seen.size, 4);
  for (const page of seen) assert.ok(!JSON.stringify([page.data, page.held]).includes('Maple'), page.route);
});

test('the account shown stays masked', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  assert.match(phone.text, /9••••2/);
});
