// Tests of 切换账户 with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { keysOf } from './binding.mjs';
import { callsTo, ok, refusal, scripted } from './citizens.mjs';

const first = { id: 'a1', account_no: '****11', employer_no: '****01', status: '01', password_state: 'set', chosen: true };
const second = { id: 'a2', account_no: '****12', employer_no: '', status: '02', password_state: 'initial', chosen: false };
const both = ok({ accounts: [first, second] });

async function choosing(told) {
  const phone = scripted({ 'GET /v1/accounts': both, 'POST /v1/accounts/a2/choose': ok({}), ...told });
  await phone.tap('我的密码');
  await phone.tap('切换账户');
  return phone;
}

test('who has one account is not bothered', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  assert.ok(!phone.sees('切换账户') && !phone.text.includes('名下还有'));
});

test('who has several is told, and sees which is which', async () => {
  const phone = scripted({ 'GET /v1/accounts': both });
  await phone.tap('我的密码');
  assert.match(phone.text, /您名下还有1个公积金账户/);
  await phone.tap('切换账户');
  assert.match(phone.text, /第1个账户 个人账号 \S+11 单位账号 \S+01 账户状态 正常 密码状态 正常 ✓ 正在使用的账户/);
  assert.match(phone.text, /第2个账户 个人账号 \S+12 账户状态 封存 密码状态 初始密码 切换到第2个账户/);
  assert.ok(!phone.sees('切换到第1个账户'));
});

test('a frozen one, and one of a newer centre, are named', async () => {
  const phone = await choosing({ 'GET /v1/accounts': ok({ accounts: [first, { ...second, status: '06', password_state: 'frozen' }, { ...second, id: 'a3', status: '77', password_state: 'odd' }] }) });
  assert.match(phone.text, /账户状态 冻结 密码状态 账户已冻结.*账户状态 其他/);
});

test('chosen after a question, then home', async () => {
  const phone = await choosing({});
  phone.says = false;
  await phone.tap('切换到第2个账户');
  assert.equal(callsTo(phone, '/v1/accounts/a2/choose').length, 0);
  assert.match(phone.told[0], /正在进行的密码修改会取消/);
  phone.says = true;
  await phone.tap('切换到第2个账户');
  assert.equal(phone.route, 'home');
  assert.match(phone.text, /^已切换到第2个账户/);
});

test('an account that ended, or is gone, is told with the list as it is now', async () => {
  for (const [code, status] of [['ACCOUNT_CLOSED', 403], ['NO_SUCH_ACCOUNT', 404]]) {
    const phone = await choosing({ 'GET /v1/accounts': [both, both, ok({ accounts: [first] })], 'POST /v1/accounts/a2/choose': refusal(status, code) });
    await phone.tap('切换到第2个账户');
    assert.ok(phone.text.includes(`说明${code}`) && !phone.sees('切换到第2个账户'), phone.text);
  }
});

test('a lost answer is repeated under its key', async () => {
  const phone = await choosing({ 'POST /v1/accounts/a2/choose': ['network', 'network', 'network', ok({})] });
  await phone.tap('切换到第2个账户');
  assert.match(phone.text, /暂未收到办理结果/);
  await phone.tap('再试一次');
  assert.equal(phone.route, 'home');
  assert.equal(keysOf(callsTo(phone, '/v1/accounts/a2/choose')).size, 1);
});
