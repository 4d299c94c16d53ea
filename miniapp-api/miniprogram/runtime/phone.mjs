// The demo's page: a phone with the mini-program, the demo's people, the platform's dialogs and
// a list of the requests.
import { paint } from './dom.mjs';
import { platform } from './platform.mjs';
import { Program } from './program.mjs';

const $ = (id) => document.getElementById(id);
const post = (path, body) => fetch(path, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
});
const json = async (path) => (await fetch(path)).json();

const files = await json('/phone/files.json');
const stories = await json('/phone/stories.json');
const people = await json('/sim/people');
const modules = {};
for (const path of Object.keys(files).filter((name) => name.endsWith('.js'))) {
  modules[path] = (await import(`/phone/app/${path}`)).default;
}

let program; // of the selected person
let lastInput; // receives a tapped value
const phones = new Map(); // keeps storage and authorisations when another person is selected

/** Shows a dialog of the platform. @returns {Promise<any>} the value of the choice */
function ask(title, text, choices) {
  $('dialog-title').textContent = title;
  $('dialog-text').textContent = text;
  return new Promise((resolve) => {
    const done = (value) => {
      $('dialog').close();
      resolve(value);
    };
    $('dialog-choices').replaceChildren(...choices.map(([label, value]) => button(label, () => done(value))));
    $('dialog').oncancel = () => done(choices[choices.length - 1][1]);
    $('dialog').showModal();
  });
}

function button(label, act) {
  const b = document.createElement('button');
  b.type = 'button';
  b.textContent = label;
  b.addEventListener('click', act);
  return b;
}

function chinese(text) {
  return Object.assign(document.createElement('span'), { textContent: text, lang: 'zh-CN' });
}

/** The citizen's answers to the platform. */
function citizenOf(person) {
  return {
    async authCode() {
      const phone = phones.get(person);
      const text = '“住房公积金”申请获取您的支付宝会员标识。';
      phone.agreed ||= await ask('支付宝授权（模拟）', text, [['同意', true], ['拒绝', false]]);
      if (!phone.agreed) throw { error: 11, errorMessage: '用户取消授权' };
      return (await (await post('/sim/auth-code', { person })).json()).auth_code;
    },
    async face({ certifyId }) {
      const text = '真实的支付宝会在这里拍摄人脸。请选择结果：';
      const status = await ask('人脸验证（模拟）', text, [['通过', '9000'], ['不通过', '4000'], ['取消', '6001']]);
      if (status === '4000') await post('/sim/certify', { certify_id: certifyId, pass: false });
      return status;
    },
    async authorize(scope) {
      const phone = phones.get(person);
      const text = '“住房公积金”申请获取您在支付宝绑定的手机号。';
      return phone[scope] ||= await ask('支付宝授权（模拟）', text, [['同意', true], ['拒绝', false]]);
    },
    async subscribe(templates) {
      const text = '“住房公积金”申请向您发送消息：账户安全提醒。';
      const accepted = await ask('支付宝消息订阅（模拟）', text, [['允许', true], ['拒绝', false]]);
      await post('/sim/subscribe', { person, templates, accepted });
      return accepted;
    },
    async phone(allowed) {
      return (await (await post('/sim/phone', { person, fault: allowed ? '' : 'refused' })).json()).response;
    },
    confirm: (o) => ask(o.title, o.content, [[o.confirmButtonText, true], [o.cancelButtonText, false]]),
    alert: (o) => ask(o.title, o.content, [['确定', true]]),
    dial: (number) => ask('拨打电话（模拟）', number, [['关闭', true]]),
    scroll: ({ scrollTop }) => { $('page').scrollTop = scrollTop; },
    toast(o) {
      $('toast').textContent = o.content;
      setTimeout(() => { $('toast').textContent = ''; }, 2000);
    },
  };
}

/** Sends every request to the demo, whatever its host, and lists it. */
async function transport({ url, method, headers, body, timeout }) {
  const { pathname } = new URL(url);
  const begun = performance.now();
  try {
    const reply = await fetch(pathname, { method, headers, body, cache: 'no-store', signal: AbortSignal.timeout(timeout) });
    const text = await reply.text();
    note(method, pathname, codeOf(text) ?? `HTTP ${reply.status}`, performance.now() - begun);
    return { status: reply.status, text };
  } catch (e) {
    note(method, pathname, e.name, performance.now() - begun);
    throw e.name === 'TimeoutError' ? 'timeout' : e;
  }
}

function codeOf(text) {
  try {
    return JSON.parse(text).code;
  } catch (e) {
    return undefined;
  }
}

function note(method, path, code, took) {
  const row = $('calls').insertRow(0);
  const call = `${method} ${path.replace(/[0-9a-f-]{36}/, '{id}')}`;
  for (const text of [call, code, String(Math.round(took))]) row.insertCell().textContent = text;
  row.classList.toggle('refused', code !== 'OK');
}

function show(page, tree) {
  $('title').textContent = page.title;
  $('back').hidden = program.stack.length < 2;
  if (show.page !== page) {
    $('page').replaceChildren();
    $('page').scrollTop = 0;
  }
  show.page = page;
  paint($('page'), tree, (node, event, detail) => {
    if (event === 'tap') program.tap(node);
    else if (event === 'pick') pick(node);
    else program.emit(node, event, detail);
  });
}

/** Plays the panel that a tap on a picker opens. */
async function pick(node) {
  const { range, title } = node.attrs;
  const value = await ask(title, '', range.map((item, i) => [item[node.attrs['range-key']], i]).concat([['取消', -1]]));
  if (value >= 0) program.emit(node, 'change', { value });
}

/** Starts the mini-program for a person on its first page. */
function become(person) {
  if (!phones.has(person)) phones.set(person, { agreed: false });
  const errors = $('errors').value;
  const { my, authorize, gesture } = platform({ transport, errors, client: $('client').value, citizen: citizenOf(person) });
  let current;
  const mine = (page, tree) => { if (program === current) show(page, tree); }; // ignores the former person's pages
  current = new Program({ files, my, evaluate: (path, scope) => modules[path](scope), paint: mine, authorize, gesture });
  program = current;
  program.require('', '/config.js').always200 = errors === 'always-200';
  program.start();
  for (const b of $('list').querySelectorAll('button')) b.setAttribute('aria-pressed', String(b.dataset.person === person));
  describe(people.find((p) => p.person === person));
}

/** Lists a person's data; a tap enters a value into the last input. */
function describe(p) {
  const intro = document.createElement('p');
  intro.textContent = 'Tap a line to type it into the field that was last touched.';
  const lines = [['姓名', p.name], ['证件号码', p.id_number], ['个人账号', p.account_no], ['密码', p.password]];
  const buttons = lines.filter(([, value]) => value).map(([label, value]) => {
    const b = button('', () => typeIn(value));
    b.append(chinese(label), chinese(value));
    return b;
  });
  $('person').replaceChildren(intro, ...buttons);
}

function typeIn(value) {
  if (!lastInput?.isConnected) return;
  lastInput.value = value;
  lastInput.dispatchEvent(new Event('input'));
  lastInput.focus();
}

for (const p of people) {
  const b = button('', () => {
    become(p.person);
    $('phone').scrollIntoView({ block: 'nearest' }); // on a narrow screen the phone is out of view
  });
  b.dataset.person = p.person;
  b.append(chinese(p.name), chinese(stories[p.person] ?? p.story));
  const item = document.createElement('li');
  item.append(b);
  $('list').append(item);
}
$('page').addEventListener('focusin', (e) => { if (e.target.matches('input')) lastInput = e.target; });
$('back').addEventListener('click', () => program.my.navigateBack());
const again = () => become($('list').querySelector('[aria-pressed="true"]').dataset.person);
for (const id of ['errors', 'client']) $(id).addEventListener('change', again);
become(people[0].person);
document.documentElement.dataset.ready = 'yes'; // awaited by browser tests
