// Tests of 绑定 with a reset code with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { bodies, linked, links, skip, who } from './binding.mjs';
import { refusal, scripted } from './citizens.mjs';

async function begin(told) {
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), ...told });
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  phone.fill('姓名', who.name);
  phone.fill('证件号码', who.id_number);
  phone.fill('公积金密码', who.password);
  await phone.tap('我有柜台的重置码');
  return phone;
}

test('the code goes in place of the password, and leads to a new one', async () => {
  const phone = await begin({ 'POST /v1/link': linked });
  assert.ok(!phone.sees('公积金密码'));
  await phone.tap('确认绑定');
  assert.match(phone.text, /请输入重置码/);
  assert.equal(links(phone).length, 0);
  phone.fill('柜台发放的重置码', '1234567890');
  await phone.tap('确认绑定');
  const [body] = bodies(links(phone));
  assert.equal(body.reset_code, '1234567890');
  assert.ok(!('password' in body) && !('encrypted' in body), 'the password went along');
  assert.equal(phone.route, 'reset');
  assert.match(phone.text, /柜台发放的重置码/);
  assert.ok(phone.sees('使用重置码'));
});

test('a wrong code is emptied, and the password can be used after all', { skip }, async () => {
  const phone = await begin({ 'POST /v1/link': [refusal(403, 'LINK_REFUSED', { message: '信息核对未通过' }), linked] });
  phone.fill('柜台发放的重置码', '1234567890');
  await phone.tap('确认绑定');
  assert.match(phone.text, /信息核对未通过/);
  assert.equal(phone.find('柜台发放的重置码', ['input']).attrs.value, '');
  await phone.tap('改用公积金密码');
  phone.fill('公积金密码', who.password);
  await phone.tap('确认绑定');
  assert.ok(!('reset_code' in bodies(links(phone))[1]));
  assert.equal(phone.route, 'home');
});
