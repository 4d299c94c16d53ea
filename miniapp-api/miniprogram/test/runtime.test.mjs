// Tests of the runtime and of the password rules.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { curlOf, replyText, requestText } from '../runtime/exchange.mjs';
import { languageOf, TEXTS } from '../runtime/texts.mjs';
import { parse } from '../runtime/axml.mjs';
import { evaluate } from '../runtime/expression.mjs';
import { platform } from '../runtime/platform.mjs';
import { render } from '../runtime/tree.mjs';
import { scripted } from './citizens.mjs';

test('expressions', () => {
  const scope = { a: 1, b: 0, s: 'x', o: { k: { v: [7, 8] } }, none: null };
  for (const [text, want] of [
    ['a', 1], ['!a', false], ['!!b', false], ['a + 2', 3], ["s + '-' + a", 'x-1'], ['a && !b', true], ['b || s', 'x'],
    ["a ? 'y' : 'n'", 'y'], ["b ? 'y' : s === 'x' ? 'z' : 'n'", 'z'], ['o.k.v[1]', 8], ['o.k.v.length', 2], ['o.no.such', undefined],
    ['none.x', undefined], ['a === 1', true], ['a !== 1', false], ['a >= 1', true], ['(a + a) - 1', 1], ['true', true], ['missing', undefined],
  ]) assert.equal(evaluate(text, scope), want, text);
  for (const wrong of ['a +', 'a b', '(a', 'a ? b', 'f(a)', 'a = 1', '`x`', '']) assert.throws(() => evaluate(wrong, scope), wrong);
});

test('axml', () => {
  const show = (source, data) => JSON.stringify(render(parse(source, (src) => `<text>${src}</text>`), data));
  assert.match(show('<view a:if="{{a}}">1</view><view a:elif="{{b}}">2</view><view a:else>3</view>', { b: 1 }), /"text":"2"/);
  assert.match(show('<view a:if="{{a}}">1</view><view a:elif="{{b}}">2</view><view a:else>3</view>', {}), /"text":"3"/);
  assert.match(show('<block a:for="{{l}}"><text>{{index}}{{item}}</text></block>', { l: ['x', 'y'] }), /0x.*1y/);
  assert.match(show('<view><!-- no --><include src="/p" /></view>', {}), /"text":"\/p"/);
  assert.match(show('<button disabled="{{no}}" class="a {{c}}" onTap="go" />', { no: false, c: 'd' }), /"disabled":false,"class":"a d"},"on":{"tap":"go"}/);
  for (const wrong of ['<view>', '<view></text>', '</view>', '<view <', '<view a=b>']) assert.throws(() => parse(wrong, String), wrong);
});

test('rules a phone checks', () => {
  const { advice, holds, refusals, untypable } = scripted().program.require('', '/lib/rules.js');
  for (const [check, password, want] of [
    [{ min_length: 3 }, '公积金', true], [{ min_length: 4 }, '公积金', false], [{ min_length: 2 }, '😀', false], [{ max_length: 1 }, 'e\u0301', true],
    [{ max_length: 2 }, 'abc', false], [{ require: ['upper', 'lower', 'digit', 'symbol'] }, 'aB3!', true],
    [{ require: ['upper', 'lower', 'digit', 'symbol'] }, 'aB3 ', false], [{ require: ['letter'] }, '12', false], [{ require: ['symbol'] }, '`', true],
    [{ charset: 'A-Za-z0-9' }, 'aZ9', true], [{ charset: 'A-Za-z0-9' }, 'a_', false], [{ charset: '0-9-' }, '1-2', true], [{ charset: 'a-c' }, 'd', false],
    [{ charset: 'abx' }, 'b', true], [{ no_space: true }, 'a b', false], [{ no_space: true }, 'ab', true], [{ server: true }, '', true],
  ]) assert.equal(holds(check, password), want, JSON.stringify([check, password]));
  assert.deepEqual(untypable([{ id: 'a', text: 't' }, { id: 'b', text: 't', charset: '0-9' }], 'x1').map(({ id }) => id), ['b']);
  const rules = [{ id: 'a', text: '甲', check: { min_length: 8 } }, { id: 'b', text: '乙', check: { require: ['letter', 'digit'] } }, { id: 'c', text: '丙', check: { charset: 'a-z0-9' } }, { id: 'd', text: '丁', check: { server: true } }];
  assert.deepEqual(refusals(rules, 'abc!'), ['还差4个字符', '还缺数字', '有不能使用的字符：丙']);
  assert.deepEqual(refusals(rules, 'abcdefg8'), []);
  assert.equal(advice(rules), '至少8个字符，不要用生日、证件号码或手机号里的数字。');
  assert.equal(advice([{ id: 'a', text: '甲', check: { min_length: 6 } }, { id: 'b', text: '乙', check: { charset: '0-9' } }]), '至少6位数字，不要用生日、证件号码或手机号里的数字。');
});

test('what is easy to guess', () => {
  const { obvious } = scripted().program.require('', '/lib/obvious.js');
  for (const [password, want] of [
    ['Maple-1234', '连续'], ['dcba-Maple', '连续'], ['Maple7777', '重复'], ['ababcab', '重复'], ['Maple-0416', '证件号码'], ['password12', '常见'], ['woaini', '常见'],
  ]) assert.match(obvious(password, '990101198804161027').join(), new RegExp(want), password);
  for (const good of ['Thistle-Meadow-15', 'property-9', 'passwordless-cat', '清风徐来']) assert.equal(obvious(good, '').join(), '', good);
});

test('times', () => {
  const { time, lockText } = scripted().program.require('', '/lib/words.js');
  assert.equal(time('2026-12-31T16:30:00Z'), '2027年1月1日 00:30');
  assert.equal(time('2026-03-01T08:05:59.999+08:00'), '2026年3月1日 08:05');
  assert.equal(time('2026-03-01T00:00:00-05:30'), '2026年3月1日 13:30');
  for (const none of [null, undefined, '', 'yesterday']) assert.equal(time(none), '');
  assert.match(lockText('9999-01-01T00:00:00Z'), /要重新设置密码/);
  const { instant } = scripted().program.require('', '/lib/words.js');
  assert.equal(instant('2026-01-01T00:00:00Z'), Date.UTC(2026, 0, 1));
  const soon = new Date(Math.floor(Date.now() / 1000) * 1000 + 14.5 * 60000).toISOString();
  assert.match(lockText(soon), /^(今天|明天)\d\d:\d\d自动解锁，约15分钟后。$/);
  assert.match(lockText(new Date(Date.now() + 50 * 3600000).toISOString()), /^\d+年\d+月\d+日\d\d:\d\d自动解锁，约50小时后。$/);
});

const asked = { url: 'https://x.example/v1', headers: { a: 'b' } };

function ask(options, o = asked) {
  return new Promise((resolve) => {
    const { my } = platform({ transport: async () => ({ status: 403, text: '{"code":"X"}' }), citizen: {}, ...options });
    my.request({ ...o, success: (r) => resolve(['success', r]), fail: (r) => resolve(['fail', r]) });
  });
}

test('where errors arrive', async () => {
  const at = async (options) => {
    const [callback, r] = await ask(options);
    return [callback, r.status, r.statusCode, r.data, r.error];
  };
  assert.deepEqual(await at({ errors: 'success', client: 'android' }), ['success', 403, undefined, { code: 'X' }, undefined]);
  assert.deepEqual(await at({ errors: 'success', client: 'ios' }), ['success', 403, 403, { code: 'X' }, undefined]);
  assert.deepEqual(await at({ errors: 'fail', client: 'ios' }), ['fail', 403, 403, { code: 'X' }, 19]);
  assert.deepEqual(await at({ errors: 'fail', client: 'android' }), ['fail', 403, undefined, '{"code":"X"}', 19]);
  assert.deepEqual(await at({ errors: 'fail-bare', client: 'android' }), ['fail', 403, undefined, undefined, 19]);
});

test('what the platform refuses', async () => {
  assert.equal((await ask({}, { ...asked, url: 'http://x.example/' }))[1].error, 11);
  assert.equal((await ask({}, { ...asked, headers: { n: 1 } }))[1].error, 2);
  assert.equal((await ask({ transport: async () => ({ status: 200, text: '<html>' }) }))[1].error, 14);
  assert.equal((await ask({ transport: async () => { throw 'timeout'; } }))[1].error, 13);
  assert.equal((await ask({ transport: async () => { throw new Error('x'); } }))[1].error, 12);
});

test('a button that asks for an authorisation', async () => {
  const seen = [];
  const citizen = { authorize: (scope) => { seen.push(scope); return citizen.yes; }, phone: (allowed) => (allowed ? 'NUMBER' : 'REFUSAL') };
  const { my, authorize } = platform({ transport: async () => {}, citizen });
  const number = async () => (await my.getPhoneNumber()).response;
  assert.equal(await number(), 'REFUSAL', 'without the button there is nothing to read');
  citizen.yes = false;
  await assert.rejects(authorize('phoneNumber'), { error: 11 });
  assert.equal(await number(), 'REFUSAL');
  citizen.yes = true;
  await authorize('phoneNumber');
  await authorize('phoneNumber');
  assert.equal(await number(), 'NUMBER');
  assert.equal(seen.length, 2, 'a yes is not asked for again, a no is');
  assert.ok(my.canIUse('button.open-type.getAuthorize'));
});

test('what a tap on such a button tells the page', async () => {
  const phone = scripted();
  const { page } = phone.program;
  const told = [];
  for (const name of ['yes', 'no', 'tapped']) page[name] = (e) => told.push([name, e.type, e.detail]);
  const button = { tag: 'button', attrs: { 'open-type': 'getAuthorize', scope: 'phoneNumber' }, on: { getauthorize: 'yes', error: 'no', tap: 'tapped' }, kids: [] };
  phone.says = false;
  phone.program.tap(button);
  await phone.program.quiet();
  phone.says = true;
  phone.program.tap(button);
  await phone.program.quiet();
  assert.deepEqual(told.map(([name]) => name), ['tapped', 'no', 'tapped', 'yes']);
  assert.equal(told[1][2].type, 'getAuthorize');
  phone.program.tap(button);
  phone.program.my.navigateTo({ url: '/pages/home/index' });
  await phone.program.quiet();
  assert.equal(told.length, 5, 'a page that was left hears no answer');
  assert.throws(() => phone.program.tap({ ...button, attrs: { 'open-type': 'share' }, on: {} }), /not played/);
});

test('pages run without what a phone lacks', () => {
  const phone = scripted();
  for (const name of ['window', 'fetch', 'crypto', 'Buffer', 'process', 'TextEncoder', 'URL', 'require']) {
    phone.program.files['probe.js'] = `module.exports = typeof ${name}`;
    phone.program.modules.delete('probe.js');
    const got = phone.program.require('', '/probe.js');
    assert.equal(got, name === 'require' ? 'function' : 'undefined', name);
  }
});

test('every page of app.json is whole', () => {
  const { program } = scripted();
  for (const route of program.routes) for (const kind of ['js', 'json', 'axml']) assert.ok(`${route}.${kind}` in program.files, `${route}.${kind}`);
  assert.throws(() => program.open('/pages/nowhere/index'));
});

test("the page's style names no class of the mini-program's, and so draws nothing that a phone would not", () => {
  const classes = (file) => new Set([...fs.readFileSync(new URL(file, import.meta.url), 'utf8').matchAll(/\.([a-z][\w-]*)(?=[^{}]*\{)/g)].map(([, name]) => name));
  const [ours, theirs] = [classes('../runtime/phone.css'), classes('../app.acss')];
  assert.deepEqual([...ours].filter((name) => theirs.has(name)), []);
});

test('every text of the page has both languages', () => {
  assert.deepEqual(Object.keys(TEXTS.zh), Object.keys(TEXTS.en));
  const page = fs.readFileSync(new URL('../runtime/phone.html', import.meta.url), 'utf8');
  for (const [, , name] of page.matchAll(/data-(text|label)="(\w+)"/g)) assert.ok(TEXTS.en[name], name);
  assert.equal(languageOf('?lang=zh', ['en']), 'zh');
  assert.equal(languageOf('', ['fr', 'zh-TW', 'en']), 'zh');
  assert.equal(languageOf('?lang=constructor', []), 'en');
});

test('a request is shown and repeated without its secrets', () => {
  const sent = {
    method: 'POST', path: '/v1/link', headers: { authorization: 'Bearer secret-1', 'idempotency-key': 'k' },
    body: JSON.stringify({ name: "O'Brien", password: 'secret-2', code: 'secret-3', old_password: '', nested: { new_password: 'secret-4' } }),
  };
  const shown = requestText(sent) + curlOf('http://127.0.0.1:1', sent) + replyText({ status: 200, headers: {}, text: '{"code":"OK","data":{"token":"secret-5"}}' });
  assert.ok(!shown.includes('secret'), shown);
  assert.match(shown, /"code": "OK"/);
  assert.ok(curlOf('http://127.0.0.1:1', sent).endsWith(
    `--data '{"name":"O'\\''Brien","password":"'"$PASSWORD"'","code":"'"$CODE"'","old_password":"","nested":{"new_password":"'"$NEW_PASSWORD"'"}}'`), shown);
  assert.equal(requestText({ method: 'GET', path: '/v1/link', headers: {} }), 'GET /v1/link');
});
