// Tests of what a real phone does and an idealised one hides (E of the faults).
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import test from 'node:test';
import { parse } from '../runtime/axml.mjs';
import { checkStyle } from '../runtime/components.mjs';
import { encrypt } from '../runtime/rsa.mjs';
import { fillNew, fillOld, ok, refusal, scripted } from './citizens.mjs';

const who = { name: '林三', id_type: '01', id_number: '990101198804161027', account_no: '', password: 'Old-Maple-41' };

test('E2: what the documents do not list is refused', () => {
  const at = (source) => parse(source, () => '');
  for (const wrong of [
    '<input aria-label="x" />', '<picker aria-invalid="true" />', '<switch />', '<label onTap="go">x</label>', '<input onTap="go" />',
    '<block a:for="{{l}}" a:key="id"></block>', '<view a:key="id"></view>', '<view tabindex="0"></view>', '<div></div>',
  ]) assert.throws(() => at(wrong), /not supported/, wrong);
  at('<view role="switch" aria-checked="true" onTap="go"><label for="a">x</label><input id="a" placeholder-class="p" data-name="a" onInput="typed" /></view>');
  for (const wrong of ['.a[disabled] { color: red; }', '@media x { .b[c] { color: red; } }', '.am-button { color: red; }', '.x { background: url(./a.png); }']) {
    assert.throws(() => checkStyle(wrong), /acss/, wrong);
  }
  checkStyle(fs.readFileSync(new URL('../app.acss', import.meta.url), 'utf8'));
});

test('E2: every input has its label', async () => {
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED') });
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  const labels = phone.nodes().filter(({ tag }) => tag === 'label').map(({ attrs }) => attrs.for);
  for (const { attrs } of phone.nodes().filter(({ tag }) => tag === 'input')) assert.ok(labels.includes(attrs.id), attrs.id);
});

test('E3: a page opened from outside asks nothing of Alipay before a tap, and cannot be shared', async () => {
  for (const route of scripted().program.routes) {
    const phone = scripted();
    const hidden = [];
    phone.program.my.hideShareMenu = () => hidden.push(phone.program.page.route);
    phone.program.my.reLaunch({ url: `/${route}` });
    await phone.program.quiet();
    assert.equal(phone.calls.length, 0, route);
    assert.ok(['start', 'freeze'].includes(phone.route), route);
    assert.ok(hidden.includes(route), route);
  }
  const phone = scripted();
  await assert.rejects(phone.program.my.getAuthCode({}), /first screen/);
});

test('E4: my.rsa takes 1024 and 2048 bits', () => {
  for (const [bits, takes] of [[1024, true], [2048, true], [3072, false]]) {
    const key = crypto.generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    if (takes) assert.equal(Buffer.from(encrypt(key, 'r'), 'base64').length, bits / 8);
    else assert.throws(() => encrypt(key, 'r'), { error: 11 });
  }
});

test('E5: 不改了 leads home from any way in, and 新密码 without a change to its first page', async () => {
  const phone = scripted();
  phone.program.my.reLaunch({ url: '/pages/freeze/index' });
  await phone.program.quiet();
  await phone.tap('返回我的密码');
  phone.program.my.redirectTo({ url: '/pages/change/index' }); // one page on the stack
  await phone.program.quiet();
  phone.fill('证件号码', who.id_number);
  phone.fill('原密码', who.password);
  await phone.tap('下一步');
  await phone.tap('不改了');
  assert.equal(phone.route, 'home');
  assert.equal(phone.program.stack.length, 1);
  assert.throws(() => phone.program.my.navigateBack(), /nothing to navigate back to/);
  phone.program.my.navigateTo({ url: '/pages/new/index' });
  await phone.program.quiet();
  assert.equal(phone.route, 'change');
  phone.program.my.navigateTo({ url: '/pages/result/index' });
  await phone.program.quiet();
  assert.equal(phone.route, 'home', 'a result without a procedure');
});

test('E6: typing sets no data, and what was typed is used', async () => {
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED') });
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  let painted = 0;
  phone.program.paint = () => painted++;
  for (const text of ['l', 'li', '林', '林三']) phone.fill('姓名', text);
  assert.equal(painted, 0, 'the page was rendered while a name was composed');
  await phone.tap('确认绑定');
  assert.equal(phone.program.page.data.name, '林三');
  assert.match(phone.text, /请输入证件号码/);
  phone.fill('证件号码', '1');
  assert.ok(!phone.text.includes('请输入证件号码 '), 'the error goes when the citizen types');
});

test('E6: visits share nothing, and nothing is set after a page has gone', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  await phone.tap('修改密码');
  await phone.tap('显示原密码');
  await phone.tap('下一步');
  const { page } = phone.program;
  phone.program.my.navigateBack();
  await phone.program.quiet();
  page.setData({ id_number: 'late' });
  assert.equal(page.data.id_number, '');
  await phone.tap('修改密码');
  assert.ok(phone.sees('显示原密码') && !phone.text.includes('请输入证件号码'), phone.text);
});

test('E6: an answered request keeps no password', async () => {
  const phone = scripted();
  await phone.tap('我的密码');
  await fillOld(phone, who);
  const { page } = phone.program;
  await fillNew(phone, 'New-Maple-42');
  assert.match(phone.text, /密码修改成功/);
  assert.equal(page.data.new_password, '');
  assert.equal(JSON.stringify([page.held, page.again]), '[{},null]');
});

test('E7: the hotline is called with a tap', async () => {
  const phone = scripted();
  await phone.tap('如需帮助，请拨打12329');
  assert.deepEqual(phone.dialled, ['12329']);
});

test('an initial password is explained only where it may be one', async () => {
  for (const [state, told] of [['initial', true], ['set', false]]) {
    const phone = scripted({ 'GET /v1/link': ok({ account: { name: '*三', id_type: '03', id_number: 'E*******2', account_no: '****04', status: '01' }, password_state: state }) });
    await phone.tap('我的密码');
    await phone.tap('修改密码');
    assert.equal(phone.text.includes('初始密码的说明'), told, state);
  }
});

test('channels are named only where the registry has them', async () => {
  const separate = [{ id: 'hotline', name: '12329热线', text: '12329热线使用单独的电话密码，不使用这个密码', charset: '0-9' }];
  for (const [channels, want] of [[[], false], [[{ id: 'website', name: '网站', text: 't' }, { id: 'kiosk', name: '自助终端', text: 't' }, { id: 'kiosk-51', name: '自助终端', text: 't' }], true]]) {
    const phone = scripted({ 'GET /v1/password': ok({ state: 'set', changed_at: null, remaining_attempts: 5, locked_until: null, channels, separate_channels: want ? separate : [], rules: [] }) });
    assert.ok(!/也使用|微信/.test(phone.text));
    await phone.tap('我的密码');
    assert.equal(phone.text.includes('网站、自助终端也使用这个密码。12329热线使用单独的电话密码，不使用这个密码。'), want);
  }
});
