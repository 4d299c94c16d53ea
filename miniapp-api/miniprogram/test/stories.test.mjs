// The stories of the demo, from the first page to the result.
import assert from 'node:assert/strict';
import test from 'node:test';
import { base, fillLink, fillNew, fillOld, personOf, phoneOf } from './citizens.mjs';

const NEW = 'Thistle-Meadow-15';
const skip = base ? false : 'FUNDPASS_BASE names no demo';

/** Links and asserts success. */
async function linked(word, more) {
  const who = await personOf(word);
  const phone = phoneOf(word, more);
  await fillLink(phone, who);
  assert.equal(phone.route, 'home', phone.text);
  return { who, phone };
}

async function changed(phone, who, password = NEW) {
  await fillOld(phone, who);
  assert.equal(phone.route, 'new', phone.text);
  await fillNew(phone, password);
  assert.match(phone.text, /密码修改成功/);
}

for (const [word, state] of [
  ['ok', '正常'], ['initial', '初始密码'], ['suspended_account', '正常'], ['passport', '正常'], ['two_accounts', '正常'], ['legacy', '正常'],
]) {
  test(`${word} changes the password`, { skip }, async () => {
    const { who, phone } = await linked(word);
    assert.ok(phone.text.includes(`密码状态 ${state}`), phone.text);
    for (const secret of [who.name, who.id_number, who.password]) assert.ok(!phone.text.includes(secret), 'not masked');
    await changed(phone, who);
    await phone.tap('返回我的密码');
    assert.match(phone.text, /密码状态 正常 上次修改 \d+年\d+月\d+日/);
    await phone.tap('办理记录');
    for (const text of ['绑定公积金账户', '开始修改密码', '密码修改成功']) assert.ok(phone.text.includes(text), text);
  });
}

test('the changed password is the one that counts', { skip }, async () => {
  const who = await personOf('ok');
  const phone = phoneOf('ok');
  await phone.tap('我的密码');
  await fillOld(phone, who);
  assert.match(phone.text, /密码还可以试4次/);
  assert.equal(phone.find('原密码', ['input']).attrs.value, '', 'the wrong password stays');
  assert.equal(phone.find('证件号码', ['input']).attrs.value, who.id_number, 'the number is gone');
  phone.fill('原密码', NEW);
  await phone.tap('下一步');
  await fillNew(phone, NEW);
  assert.match(phone.text, /新密码不能与原密码相同/);
  await fillNew(phone, '12345678');
  assert.match(phone.text, /密码过于常见/);
  await fillNew(phone, who.password);
  assert.match(phone.text, /不能使用最近用过的密码/);
  await fillNew(phone, 'Copper-Lantern-77', 'Copper-Lantern-78');
  assert.match(phone.text, /两次输入的新密码不一致/);
  await phone.tap('不改了');
  assert.equal(phone.route, 'home');
});

test('legacy unlinks, against the password', { skip }, async () => {
  const phone = phoneOf('legacy');
  await phone.tap('我的密码');
  await phone.tap('解除绑定');
  await phone.tap('确认解除绑定');
  assert.match(phone.text, /请输入公积金密码/);
  phone.fill('公积金密码', 'Not-This-One-Either');
  await phone.tap('确认解除绑定');
  assert.match(phone.text, /密码还可以试4次/);
  assert.equal(phone.find('公积金密码', ['input']).attrs.value, '');
  phone.fill('公积金密码', NEW);
  await phone.tap('确认解除绑定');
  assert.match(phone.text, /^已解除绑定/);
  assert.ok(phone.sees('去绑定'));
  await fillLink(phoneOf('legacy'), { ...(await personOf('legacy')), password: NEW });
});

test('locked_soon locks, and is told until when', { skip }, async () => {
  const { who, phone } = await linked('locked_soon');
  for (let n = 0; n < 6 && phone.route === 'home' && phone.sees('修改密码'); n++) {
    await fillOld(phone, who, `Not-This-One-${n}`);
    assert.equal(phone.route, 'change');
    if (/自动解锁/.test(phone.text)) break;
    assert.match(phone.text, /密码还可以试\d次/);
    phone.program.my.navigateBack();
    await phone.program.quiet();
  }
  assert.match(phone.text, /密码错误次数过多，\S+\d\d:\d\d自动解锁，约\d+/);
  assert.ok(phone.sees('忘记密码，去重置'), phone.text);
  phone.program.my.navigateBack();
  await phone.program.quiet();
  assert.match(phone.text, /密码状态 暂时锁定 密码错误次数过多，\S+自动解锁/);
  assert.ok(!phone.sees('修改密码'));
});

test('frozen_account sees that nothing can be changed', { skip }, async () => {
  const { phone } = await linked('frozen_account');
  assert.match(phone.text, /密码状态 账户已冻结 您的公积金账户已冻结，.*请到柜台办理/);
  for (const name of ['修改密码', '忘记密码', '不是我操作的']) assert.ok(!phone.sees(name), name);
  assert.ok(phone.sees('办理记录'));
});

test('moved is told why', { skip }, async () => {
  const phone = phoneOf('moved');
  await fillLink(phone, await personOf('moved'));
  assert.match(phone.text, /该公积金账户已转出或销户/);
  assert.equal(phone.route, 'link');
});

for (const word of ['no_account', 'mismatch']) {
  test(`${word} is refused like everybody`, { skip }, async () => {
    const phone = phoneOf(word);
    await fillLink(phone, await personOf(word));
    assert.match(phone.text, /信息核对未通过/);
    assert.equal(phone.find('公积金密码', ['input']).attrs.value, '');
  });
}

test('two_accounts_2 is the same Alipay user', { skip }, async () => {
  const phone = phoneOf('two_accounts_2');
  await phone.tap('我的密码');
  assert.match(phone.text, /密码状态 正常/);
});

test('a slip of the finger is told beside its field', { skip }, async () => {
  const phone = phoneOf('mismatch');
  await fillLink(phone, { ...(await personOf('mismatch')), id_number: '99010119910925' });
  assert.match(phone.text, /证件号码位数不对/);
  assert.match(phone.text, /请按提示修改后再提交/);
});

test('an ended session is opened anew without a word', { skip }, async () => {
  const who = await personOf('face_fails');
  const { phone } = await linked('face_fails');
  const session = phone.program.require('', '/lib/session.js');
  await fetch(`${base}/v1/sessions/end`, {
    method: 'POST', body: '{}', headers: { 'content-type': 'application/json', authorization: `Bearer ${session.token()}` },
  });
  await changed(phone, who);
});

test('face_fails cannot reset', { skip }, async () => {
  const phone = phoneOf('face_fails');
  await phone.tap('我的密码');
  await phone.tap('忘记密码');
  await phone.tap('开始人脸验证');
  assert.match(phone.text, /人脸验证未通过|验证/);
  assert.ok(!phone.sees('确认修改'));
});

test('legacy forgets the password and sets a new one', { skip }, async () => {
  const phone = phoneOf('legacy');
  await phone.tap('我的密码');
  await phone.tap('忘记密码');
  await phone.tap('开始人脸验证');
  assert.ok(phone.sees('确认修改'), phone.text);
  await fillNew(phone, 'Velvet-Harbor-31');
  assert.match(phone.text, /新密码设置成功/);
});

test('passport says it was somebody else', { skip }, async () => {
  const phone = phoneOf('passport');
  await phone.tap('我的密码');
  await phone.tap('不是我操作的');
  await phone.tap('立即冻结');
  assert.match(phone.text, /密码已冻结/);
  await phone.tap('返回我的密码');
  assert.match(phone.text, /密码状态 已冻结/);
});
