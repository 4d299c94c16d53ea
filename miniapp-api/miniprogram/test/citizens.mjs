// Helpers of the tests: people of a running demo, and the replies of a scripted server.
import { Citizen, transportTo } from '../runtime/node.mjs';
import { healthy, refusal } from './answers.mjs';

export { account, consents, ok, password, refusal } from './answers.mjs';

export const base = process.env.FUNDPASS_BASE;

/** How this run's phones receive errors. With HTTP 200 for every reply it makes no difference. */
export const mode = {
  errors: process.env.FUNDPASS_ERRORS ?? 'fail',
  client: process.env.FUNDPASS_CLIENT ?? 'ios',
  config: { always200: process.env.FUNDPASS_ALWAYS_200 === '1', encrypted: process.env.FUNDPASS_ENCRYPTED === '1' },
};

export async function post(path, body) {
  const reply = await fetch(base + path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  return reply.json();
}

/** Returns the demo's person with this name. */
export async function personOf(word) {
  const people = await (await fetch(`${base}/sim/people`)).json();
  return people.find(({ person }) => person === word);
}

/** Returns the result of my.getPhoneNumber for a person of the demo. */
const phoneNumberOf = (person) => async (allowed) => (await post('/sim/phone', { person, fault: allowed ? '' : 'refused' })).response;

/** Returns the phone of a person of the demo. */
export function phoneOf(person, more = {}) {
  return new Citizen({
    transport: transportTo(base),
    authCode: async () => (await post('/sim/auth-code', { person })).auth_code,
    phone: phoneNumberOf(person),
    subscribe: async (templates, accepted) => { await post('/sim/subscribe', { person, templates, accepted }); },
    ...mode,
    ...more,
  });
}

/** Opens 绑定 from the first page and fills in the form. */
export async function fillLink(phone, who, password = who.password) {
  await phone.tap('我的密码');
  await phone.tap('去绑定');
  phone.fill('姓名', who.name);
  if (who.id_type !== '01') await phone.choose('证件类型', ['01', '02', '03'].indexOf(who.id_type));
  phone.fill('证件号码', who.id_number);
  phone.fill('个人账号（选填）', who.account_no);
  phone.fill('公积金密码', password);
  await phone.tap('确认绑定');
}

/** Completes the first page of a change from 我的密码. */
export async function fillOld(phone, who, password = who.password) {
  await phone.tap('修改密码');
  phone.fill('证件号码', who.id_number);
  phone.fill('原密码', password);
  await phone.tap('下一步');
}

export async function fillNew(phone, password, again = password) {
  phone.fill('新密码', password);
  phone.fill('确认新密码', again);
  await phone.tap('确认修改');
}

/**
 * Returns a phone with a scripted server. An answer is a reply, a function of the request, or a
 * list of which the last is repeated; 'timeout' and 'network' mean that there is no reply.
 * phone.calls has every request.
 */
export function scripted(told = {}, more = {}) {
  const answers = { ...healthy, ...told };
  const calls = [];
  const transport = async (request) => {
    const path = new URL(request.url).pathname;
    calls.push({ ...request, path });
    let answer = answers[`${request.method} ${path}`] ?? refusal(404, 'NOT_FOUND');
    if (Array.isArray(answer)) answer = answer.length > 1 ? answer.shift() : answer[0];
    if (typeof answer === 'function') answer = answer(request);
    if (typeof answer === 'string') throw answer;
    return answer;
  };
  let codes = 0;
  const phone = new Citizen({ transport, authCode: async () => `code-${++codes}`, ...mode, ...more });
  return Object.assign(phone, { calls });
}

/** Returns the requests to one path. */
export function callsTo(phone, path) {
  return phone.calls.filter((call) => call.path === path);
}
