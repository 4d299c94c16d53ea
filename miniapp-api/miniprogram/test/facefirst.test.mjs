// Tests of 绑定 with the face before the password with a scripted server.
import assert from 'node:assert/strict';
import test from 'node:test';
import { asks, bodies, bound, keysOf, linked, linking, links, skip } from './binding.mjs';
import { refusal } from './citizens.mjs';

const FIRST = '先刷脸，再核对密码';
const refused = refusal(403, 'LINK_REFUSED', { face_first_offered: true });

test('a refusal offers the face, which stands for the same person only', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': [refused, asks(['face'], 'f1'), refused, linked] });
  await phone.tap(FIRST);
  assert.match(phone.text, /人脸验证已通过。请输入公积金密码/);
  assert.ok(!phone.sees(FIRST));
  phone.fill('公积金密码', 'Old-Maple-41');
  phone.fill('证件号码', '990101198804161035');
  await phone.tap('确认绑定');
  phone.fill('公积金密码', 'Old-Maple-41');
  phone.fill('证件号码', '990101198804161027');
  await phone.tap('确认绑定');
  bound(phone);
  const [, first, other, last] = bodies(links(phone));
  assert.deepEqual([first.face_first, first.password, other.face_id, last.face_id], [true, undefined, undefined, 'f1']);
  assert.equal(keysOf(links(phone)).size, 4);
});

test('who breaks off goes on with the same face; a lost one is begun anew', { skip }, async () => {
  const gone = refusal(410, 'LINK_GONE');
  const phone = await linking({ 'POST /v1/link': [refused, asks(['face'], 'f1'), gone, refused, asks(['face'], 'f2')] }, { face: '6001' });
  await phone.tap(FIRST);
  assert.match(phone.text, /您已取消人脸验证/);
  phone.face = '9000';
  await phone.tap(FIRST);
  phone.fill('公积金密码', 'Old-Maple-41');
  await phone.tap('确认绑定');
  phone.fill('公积金密码', 'Old-Maple-41');
  await phone.tap('确认绑定');
  await phone.tap(FIRST);
  assert.deepEqual(bodies(links(phone)).map((b) => b.face_id), [undefined, undefined, 'f1', undefined, undefined]);
});

test('without the offer there is no such button', { skip }, async () => {
  const phone = await linking({ 'POST /v1/link': refusal(403, 'LINK_REFUSED') });
  assert.ok(!phone.sees(FIRST));
});
