// Stories of a demo whose holders have a second to reject a transfer (--proof phone,face
// --link-transfer 1s): ok and ok_again are one person with two Alipay accounts.
import assert from 'node:assert/strict';
import test from 'node:test';
import { base, fillLink, fillNew, fillOld, personOf, phoneOf } from './citizens.mjs';

const skip = base ? false : 'FUNDPASS_BASE names no demo';

async function home(phone) {
  phone.program.my.reLaunch({ url: '/pages/home/index' });
  await phone.program.quiet();
}

/** Submits the form from the first page, for a link that another user has. */
async function requesting(word, proof) {
  const phone = phoneOf(word);
  await fillLink(phone, await personOf(word));
  await proof(phone);
  assert.match(phone.text, /该公积金账户已绑定其他支付宝/);
  await phone.tap('申请改绑');
  return phone;
}

async function showFace(phone) {
  await phone.tap('改用人脸验证');
  await phone.tap('开始人脸验证');
}

test('a link is transferred when its holder is silent, and kept when they reject it', { skip, timeout: 60_000 }, async () => {
  const ok = phoneOf('ok');
  await fillLink(ok, await personOf('ok'));
  await ok.tap('授权手机号');
  assert.match(ok.text, /密码状态 正常.*还没有开启安全提醒/);
  await ok.tap('开启提醒');
  assert.ok(!ok.sees('开启提醒'), ok.text);

  const again = await requesting('ok_again', showFace);
  assert.match(again.text, /申请改绑要再验证一次人脸/);
  await again.tap('开始人脸验证');
  assert.match(again.text, /^改绑申请已提交，请等待/);
  await home(ok);
  assert.match(ok.text, /^有其他支付宝账号正在申请改绑您的公积金账户/);
  do await home(again); while (!again.sees('完成改绑')); // the window is one second
  await again.tap('完成改绑');
  assert.match(again.text, /^改绑成功/);
  assert.match(again.text, /密码状态 正常/);
  await again.tap('开启提醒');
  await ok.tap('不是我，拒绝改绑');
  assert.match(ok.text, /可能已被改绑或解除/);
  await ok.tap('我的授权'); // signed in again and not linked
  await home(ok);
  assert.match(ok.text, /已改绑到其他支付宝.*之前冻结密码/);

  const back = await requesting('ok', (phone) => phone.tap('授权手机号'));
  assert.match(back.text, /^改绑申请已提交，请等待/, 'the phone that was shown is enough');
  await home(again);
  await again.tap('不是我，拒绝改绑');
  assert.match(again.text, /改绑申请 已拒绝.*密码状态 正常/);
  await back.tap('返回我的密码');
  assert.match(back.text, /改绑申请 已被拒绝/);
});

test('two_accounts changes to the other account, whose password is another one', { skip }, async () => {
  const [first, second] = [await personOf('two_accounts'), await personOf('two_accounts_2')];
  const phone = phoneOf('two_accounts');
  await fillLink(phone, first);
  await phone.tap('授权手机号');
  assert.match(phone.text, /您名下还有1个公积金账户/);
  await fillOld(phone, first);
  await home(phone);
  await phone.tap('切换账户');
  await phone.tap(phone.sees('切换到第1个账户') ? '切换到第1个账户' : '切换到第2个账户');
  assert.equal(phone.route, 'home', phone.text);
  assert.ok(phone.text.includes(`•${second.account_no.slice(-2)} `), phone.text);
  await fillOld(phone, second);
  await fillNew(phone, 'Thistle-Meadow-15');
  assert.match(phone.text, /密码修改成功/);
});
