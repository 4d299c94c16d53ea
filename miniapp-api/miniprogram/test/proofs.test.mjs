// Stories of a demo whose links need a face or a phone, and of one that requires each consent.
// FUNDPASS_STORIES selects the one that runs: recorded (--proof face,phone) or
// required (--proof phone --initial-proof face --consent required).
import assert from 'node:assert/strict';
import test from 'node:test';
import { base, fillLink, personOf, phoneOf } from './citizens.mjs';

const stories = process.env.FUNDPASS_STORIES;
const recorded = { skip: base && stories === 'recorded' ? false : 'another demo' };
const required = { skip: base && stories === 'required' ? false : 'another demo' };

/** Submits the form from the first page. */
async function linking(word, more) {
  const who = await personOf(word);
  const phone = phoneOf(word, more);
  await fillLink(phone, who);
  return { who, phone };
}

function bound(phone) {
  assert.match(phone.text, /^绑定成功/);
  assert.match(phone.text, /密码状态/);
}

test('initial shows a face: a phone is not enough for such a password', recorded, async () => {
  const { phone } = await linking('initial');
  assert.match(phone.text, /还差一步：确认是您本人.*人脸属于敏感个人信息/);
  assert.ok(!phone.sees('改用手机号核对'));
  await phone.tap('开始人脸验证');
  bound(phone);
});

test('passport has no face that Alipay could compare, and authorises the phone', recorded, async () => {
  const { phone } = await linking('passport');
  assert.match(phone.text, /还差一步：核对手机号/);
  assert.ok(!phone.sees('改用人脸验证'));
  phone.says = false;
  await phone.tap('授权手机号');
  assert.match(phone.text, /没有取得手机号授权/);
  phone.says = true;
  await phone.tap('授权手机号');
  bound(phone);
});

test('ok takes the phone instead of the face', recorded, async () => {
  const { phone } = await linking('ok');
  await phone.tap('改用手机号核对');
  await phone.tap('授权手机号');
  bound(phone);
});

test('legacy breaks off, and goes on', recorded, async () => {
  const { phone } = await linking('legacy', { face: '6001' });
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /您已取消人脸验证/);
  phone.face = '9000';
  await phone.tap('开始人脸验证');
  bound(phone);
});

test('face_fails fails, whatever the phone says, and takes the phone number', recorded, async () => {
  const { phone } = await linking('face_fails');
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /身份验证未完成或未通过/);
  await phone.tap('改用手机号核对');
  await phone.tap('授权手机号');
  bound(phone);
});

test('new_phone has another number on file, and shows a face', recorded, async () => {
  const { phone } = await linking('new_phone');
  await phone.tap('改用手机号核对');
  await phone.tap('授权手机号');
  assert.match(phone.text, /手机号没有核验通过，可能与公积金预留的不一致/);
  await phone.tap('开始人脸验证');
  bound(phone);
});

test('two_accounts uses up the faces of a day, and takes the phone number', recorded, async () => {
  const { phone } = await linking('two_accounts', { face: '4000' });
  for (let n = 1; n <= 3; n++) {
    await phone.tap('开始人脸验证');
    assert.match(phone.text, /人脸验证未通过，请重试/);
  }
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /今天.*次数已用完/);
  await phone.tap('改用手机号核对');
  await phone.tap('授权手机号');
  bound(phone);
});

test('suspended_account withdraws, is asked, gives again, and unlinks to withdraw the rest', recorded, async () => {
  const who = await personOf('suspended_account');
  const phone = phoneOf('suspended_account');
  await phone.tap('我的密码');
  await phone.tap('我的授权');
  for (const name of ['人脸验证（刷脸）', '核对手机号']) {
    await phone.tap(`同意：${name}`);
    await phone.tap(`撤回同意：${name}`);
  }
  await phone.tap('返回我的密码');
  phone.program.my.reLaunch({ url: '/pages/start/index' });
  await fillLink(phone, who);
  assert.match(phone.text, /请先阅读，再决定是否同意.*人脸属于敏感个人信息/);
  await phone.tap('不同意');
  assert.match(phone.text, /与公积金预留的手机号核对/);
  await phone.tap('同意，继续绑定');
  await phone.tap('授权手机号');
  bound(phone);
  await phone.tap('我的授权');
  await phone.tap('撤回同意：绑定公积金账户');
  assert.match(phone.text, /撤回此项同意需先解除绑定/);
  await phone.tap('去解除绑定');
  phone.fill('公积金密码', who.password);
  await phone.tap('确认解除绑定');
  await phone.tap('我的授权');
  await phone.tap('撤回同意：绑定公积金账户');
  assert.ok(phone.sees('同意：绑定公积金账户'), phone.text);
});

test('ok agrees to each text, then shows the phone', required, async () => {
  const { phone } = await linking('ok');
  assert.match(phone.text, /请先阅读，再决定是否同意.*之间的绑定关系/);
  await phone.tap('同意，继续绑定');
  assert.match(phone.text, /请先阅读，再决定是否同意.*与公积金预留的手机号核对/);
  await phone.tap('同意，继续绑定');
  assert.match(phone.text, /还差一步：核对手机号/);
  await phone.tap('授权手机号');
  bound(phone);
});

test('initial agrees to a face beside the form', required, async () => {
  const { phone } = await linking('initial');
  await phone.tap('不同意');
  for (const name of ['绑定公积金账户', '人脸验证（刷脸）']) await phone.tap(`同意：${name}`);
  await phone.tap('确认绑定');
  await phone.tap('开始人脸验证');
  bound(phone);
});

test('new_phone is refused, and told that it may be the phone', required, async () => {
  const { phone } = await linking('new_phone');
  await phone.tap('不同意');
  assert.ok(phone.sees('同意：核对手机号') && !phone.text.includes('即表示您已阅读'));
  for (const name of ['绑定公积金账户', '核对手机号']) await phone.tap(`同意：${name}`);
  await phone.tap('确认绑定');
  await phone.tap('授权手机号');
  assert.match(phone.text, /信息核对未通过.*也可能是支付宝绑定的手机号与公积金预留的不一致/);
  assert.equal(phone.find('公积金密码', ['input']).attrs.value, '');
});

test('no_account does not agree', required, async () => {
  const { phone } = await linking('no_account');
  await phone.tap('同意，继续绑定');
  await phone.tap('不同意');
  await phone.tap('不同意');
  assert.match(phone.text, /您没有同意任何一种核验方式，还不能在这里绑定/);
});
