// The demo's page: a phone with the mini-program and the platform's dialogs, beside it the people
// (people.mjs) and the requests (requests.mjs).
import { paint } from './dom.mjs';
import { People } from './people.mjs';
import { platform } from './platform.mjs';
import { Program } from './program.mjs';
import { listed } from './requests.mjs';
import { closeSheet, prepareSheet } from './sheet.mjs';
import { languageOf, TEXTS, writeTexts } from './texts.mjs';

const $ = (id) => document.getElementById(id);
const post = (path, body) => fetch(path, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
});
const json = async (path) => (await fetch(path)).json();

const language = languageOf(location.search, navigator.languages);
const texts = TEXTS[language];
document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
writeTexts(document, texts);
$('other').href = `?lang=${language === 'zh' ? 'en' : 'zh'}`;
$('other').lang = language === 'zh' ? 'en' : 'zh-CN';

const files = await json('/phone/files.json');
const modules = {};
for (const path of Object.keys(files).filter((name) => name.endsWith('.js'))) {
  modules[path] = (await import(`/phone/app/${path}`)).default;
}

let program; // on the phone
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
  };
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

let running; // the Alipay account on the phone

/** Starts the mini-program for an Alipay account on its first page. @param {string} alipay */
function become(alipay) {
  running = alipay;
  if (!phones.has(alipay)) phones.set(alipay, { agreed: false });
  const errors = $('errors').value;
  const { my, authorize, gesture } = platform({ transport, errors, client: $('client').value, citizen: citizenOf(alipay) });
  let current;
  const mine = (page, tree) => { if (program === current) show(page, tree); }; // ignores the former person's pages
  current = new Program({ files, my, evaluate: (path, scope) => modules[path](scope), paint: mine, authorize, gesture });
  program = current;
  program.require('', '/config.js').always200 = errors === 'always-200';
  program.start();
  closeSheet();
}

/** Types into the input that was last touched. @param {string} value */
function typeIn(value) {
  closeSheet();
  if (!lastInput?.isConnected) return;
  lastInput.value = value;
  lastInput.dispatchEvent(new Event('input'));
  lastInput.focus();
}

const people = new People({ texts, language, become, type: typeIn, resume: () => program.resume() });
const transport = listed({ list: $('calls'), empty: $('no-calls'), texts, sent: () => people.load() });

$('page').addEventListener('focusin', (e) => { if (e.target.matches('input')) lastInput = e.target; });
$('back').addEventListener('click', () => program.my.navigateBack());
for (const id of ['errors', 'client']) $(id).addEventListener('change', () => become(running));
prepareSheet(['people', 'requests']);
await people.load();
people.choose(people.demo.people[0].person);
document.documentElement.dataset.ready = 'yes'; // awaited by browser tests
