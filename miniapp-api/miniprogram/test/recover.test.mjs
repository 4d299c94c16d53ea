// Tests of 找回密码, for citizens without a link, with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { bodies, keysOf, missing, skip, who } from './binding.mjs';
import { callsTo, consents, ok, refusal, scripted } from './citizens.mjs';

const START = '/v1/password/recoveries';
const starts = (phone) => bodies(callsTo(phone, START));

/** Opens the page from 绑定 and states who the citizen is. */
async function recovering(told, more) {
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), ...told }, more);
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  await phone.tap('忘记密码？核验身份后绑定并重设');
  assert.equal(phone.route, 'recover');
  phone.fill('姓名', who.name);
  phone.fill('证件号码', who.id_number);
  return phone;
}

async function setNew(phone, password = 'New-Maple-42') {
  phone.fill('新密码', password);
  phone.fill('确认新密码', password);
  await phone.tap('绑定并设置新密码');
}

test('a face, then the new password, in one step with the link', async () => {
  const phone = await recovering({});
  assert.match(phone.text, /说明link1.*说明face1.*点“开始人脸验证”或“改用短信验证码”，即表示您已阅读并同意/);
  assert.ok(!phone.text.includes('说明certdoc1'));
  await phone.tap('开始人脸验证');
  assert.deepEqual(starts(phone), [{ name: who.name, id_type: '01', id_number: who.id_number }]);
  phone.fill('新密码', 'Maple-0416');
  assert.match(phone.text, /有您证件号码里的连续数字/, 'the form is known');
  await setNew(phone);
  assert.equal(phone.route, 'result');
  assert.match(phone.text, /已绑定，新密码设置成功/);
  assert.deepEqual(bodies(callsTo(phone, `${START}/v1/confirm`)), [{ new_password: 'New-Maple-42', new_password_again: 'New-Maple-42' }]);
});

test('what is missing is asked for, and nothing is sent', async () => {
  const phone = await recovering({});
  phone.fill('姓名', '');
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /请输入姓名/);
  assert.equal(starts(phone).length, 0);
});

test('who breaks off goes on; who fails begins anew; another person is another one', async () => {
  const phone = await recovering({}, { face: '6001' });
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /您已取消人脸验证/);
  phone.face = '4000';
  await phone.tap('开始人脸验证');
  assert.equal(starts(phone).length, 1);
  await phone.tap('开始人脸验证');
  assert.equal(starts(phone).length, 2);
  assert.equal(keysOf(callsTo(phone, START)).size, 2);
  phone.face = '6001';
  await phone.tap('开始人脸验证');
  phone.fill('证件号码', '990101198804161035');
  await phone.tap('开始人脸验证');
  assert.equal(starts(phone).pop().id_number, '990101198804161035');
});

test('the face is not the only way', async () => {
  const phone = await recovering({ [`POST ${START}`]: refusal(409, 'RESET_UNAVAILABLE') });
  assert.match(phone.text, /可以到柜台领取重置码.*柜台的地址和办公时间可拨打12329询问/);
  await phone.tap('开始人脸验证');
  assert.equal(phone.route, 'recover');
  await phone.tap('我有柜台的重置码');
  assert.equal(phone.route, 'link');
  assert.ok(phone.find('柜台发放的重置码', ['input']));
});

test('the centre has no such person: told after the proof', { skip }, async () => {
  const phone = await recovering({ [`GET ${START}/v1`]: refusal(403, 'LINK_REFUSED') });
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /说明LINK_REFUSED/);
  assert.ok(phone.sees('开始人脸验证'));
});

test('the result is the server\'s, which may need a moment', async () => {
  const slow = await recovering({ [`GET ${START}/v1`]: [ok({ id: 'v1', state: 'started' }), ok({ id: 'v1', state: 'passed' })] });
  await slow.tap('开始人脸验证');
  assert.ok(slow.sees('绑定并设置新密码'));
  const failed = await recovering({ [`GET ${START}/v1`]: ok({ id: 'v1', state: 'started' }) });
  await failed.tap('开始人脸验证');
  assert.match(failed.text, /人脸验证未通过/);
});

test('a consent that is asked for is a step, at the start and at the end', { skip }, async () => {
  const started = ok({ id: 'v1', state: 'started', certify_id: 'c', certify_url: 'https://alipay.example/c', rules: [] });
  const done = ok({ id: 'v1', state: 'done', changed_at: null, sessions_ended: 0 });
  const phone = await recovering({ [`POST ${START}`]: [missing('face'), started], [`POST ${START}/v1/confirm`]: [missing('link'), done] });
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /请先阅读，再决定是否同意.*说明face1/);
  await phone.tap('不同意');
  assert.match(phone.text, /您没有同意这项说明/);
  await phone.tap('开始人脸验证');
  await setNew(phone);
  assert.match(phone.text, /说明link1/);
  await phone.tap('同意，继续绑定');
  assert.match(phone.text, /已绑定，新密码设置成功/);
});

test('required: each text has its own control', async () => {
  const phone = await recovering({ 'GET /v1/consents': consents({}, true) });
  assert.ok(phone.sees('同意：绑定公积金账户') && phone.sees('同意：人脸验证（刷脸）') && !phone.sees('同意：核对手机号'));
  assert.ok(!phone.text.includes('即表示您已阅读'));
});

test('a lost confirm is asked for', async () => {
  const phone = await recovering({ [`POST ${START}/v1/confirm`]: 'timeout', [`GET ${START}/v1`]: [ok({ id: 'v1', state: 'passed' }), ok({ id: 'v1', state: 'done' })] });
  await phone.tap('开始人脸验证');
  await setNew(phone);
  assert.match(phone.text, /已绑定，新密码设置成功/);
});

test('a locked owner is told until when, and led here', { skip }, async () => {
  const until = new Date(Date.now() + 14.5 * 60000).toISOString();
  const phone = scripted({ 'GET /v1/link': refusal(409, 'NOT_LINKED'), 'POST /v1/link': refusal(423, 'PASSWORD_LOCKED', { locked_until: until }) });
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  phone.fill('姓名', who.name);
  phone.fill('证件号码', who.id_number);
  phone.fill('公积金密码', who.password);
  await phone.tap('确认绑定');
  assert.match(phone.text, /密码错误次数过多，(今天|明天)\d\d:\d\d自动解锁，约15分钟后。/);
  await phone.tap('忘记密码？核验身份后重设');
  assert.equal(phone.route, 'recover');
});
