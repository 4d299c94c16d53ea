// The part of my.* that the pages use, as Alipay documents it: https only, header values are
// strings, a reply that is not JSON fails with 14, and the client's version determines which
// callback receives a reply of 400 and above.
import { encrypt } from './rsa.mjs';

/**
 * @param {object} o
 * @param {(r: {url: string, method: string, headers: object, body?: string, timeout: number}) =>
 *   Promise<{status: number, text: string}>} o.transport rejects with 'timeout' or anything else
 * @param {'fail'|'fail-bare'|'success'} [o.errors] the callback for a status of 400 and above
 * @param {'ios'|'android'} [o.client]
 * @param {Record<string, Function>} o.citizen the citizen's answers:
 *   authCode(), face(o), confirm(o), alert(o), authorize(scope) returns a boolean,
 *   phone(allowed) returns Alipay's signed number or refusal; subscribe(templates)
 *   returns a boolean; dial(number); each may return a promise
 * @returns {{my: object, authorize: (scope: string) => Promise<void>, gesture: {on: boolean, ever: boolean}}} Program uses the last two
 */
export function platform({ transport, errors = 'fail', client = 'ios', citizen }) {
  const stored = new Map();
  const allowed = new Set(); // granted scopes of buttons with open-type="getAuthorize"
  const authorize = async (scope) => {
    if (!allowed.has(scope) && !(await citizen.authorize(scope))) throw { error: 11, errorMessage: '用户取消授权' };
    allowed.add(scope);
  };
  const gesture = { on: false, ever: false }; // set by Program while the handler of a tap runs, and after the first tap
  const offered = {
    requestSubscribeMessage: async ({ entityIds }) => subscribed(entityIds, await askToSubscribe(entityIds, gesture.on, citizen)),
    getAuthCode: async () => authCode(gesture, citizen),
    hideShareMenu: async () => {},
    makePhoneCall: async ({ number }) => citizen.dial?.(number),
    startAPVerify: async (o) => ({ resultStatus: await citizen.face(o), result: { certifyId: o.certifyId } }),
    confirm: async (o) => ({ confirm: await citizen.confirm(o) }),
    alert: async (o) => citizen.alert(o),
    pageScrollTo: async (o) => citizen.scroll?.(o),
    getPhoneNumber: async () => ({ response: await citizen.phone(allowed.has('phoneNumber')) }),
    rsa: async ({ key, text }) => ({ text: encrypt(key, text) }),
  };
  const my = { request: (o) => request(o, { transport, errors, client }) };
  for (const [name, work] of Object.entries(offered)) my[name] = (o = {}) => told(o, work(o));
  Object.assign(my, {
    canIUse: (name) => name in my || name === 'button.open-type.getAuthorize',
    setStorageSync: ({ key, data }) => { stored.set(key, data); },
    getStorageSync: ({ key }) => ({ data: stored.has(key) ? stored.get(key) : null }),
    removeStorageSync: ({ key }) => { stored.delete(key); },
    getSystemInfoSync: () => ({ platform: client === 'android' ? 'Android' : 'iOS', windowWidth: 375 }),
  });
  return { my, authorize, gesture };
}

/** Alipay's reviewers refuse a program that asks on its first screen. */
async function authCode(gesture, citizen) {
  if (!gesture.ever) throw new Error('my.getAuthCode on the first screen');
  return { authCode: await citizen.authCode(), authSuccessScopes: ['auth_base'], authErrorScopes: {} };
}

/** The one-time templates by the simulator's naming. */
const ONE_TIME = /-once$/;

/** Alipay's panel: it must be opened by a tap, with at most three templates of one kind. */
async function askToSubscribe(entityIds, tapped, citizen) {
  if (!tapped) throw { error: 3, errorMessage: '只能由用户点击触发' };
  if (!Array.isArray(entityIds) || entityIds.length === 0 || entityIds.length > 3) throw { error: 2, errorMessage: '模板数量须为 1 到 3 个' };
  if (new Set(entityIds.map((id) => ONE_TIME.test(id))).size > 1) throw { error: 106002, errorMessage: '一次性订阅与长期订阅不能混用' };
  return citizen.subscribe(entityIds);
}

function subscribed(entityIds, yes) {
  const [is, isNot] = yes ? [entityIds, []] : [[], entityIds];
  return {
    behavior: yes ? 'subscribe' : 'cancel', show: true, keep: false, refuse: false,
    result: { subscribedEntityIds: is, unsubscribedEntityIds: isNot, currentSubscribedEntityIds: is },
  };
}

/** Calls the callbacks as my.* does. */
function told(o, work) {
  return work.then(
    (r) => {
      o.success?.(r);
      o.complete?.(r);
      return r;
    },
    (e) => {
      if (e instanceof Error) throw e; // a fault of the page, which a phone does not report
      o.fail?.(e);
      o.complete?.(e);
      if (!o.fail) throw e;
    },
  );
}

function request(o, phone) {
  return told(o, exchange(o, phone));
}

async function exchange(o, { transport, errors, client }) {
  if (!/^https:\/\//.test(o.url)) throw { error: 11, errorMessage: '请求 URL 不支持 HTTP，请使用 HTTPS' };
  const headers = {};
  for (const [name, value] of Object.entries(o.headers ?? {})) {
    if (typeof value !== 'string') throw { error: 2, errorMessage: 'headers 的 key 和 value 必须是 String' };
    headers[name.toLowerCase()] = value;
  }
  let reply;
  try {
    const body = o.data === undefined || typeof o.data === 'string' ? o.data : JSON.stringify(o.data);
    reply = await transport({ url: o.url, method: o.method ?? 'GET', headers, body, timeout: Math.min(o.timeout ?? 30000, 60000) });
  } catch (e) {
    throw e === 'timeout' ? { error: 13, errorMessage: '超时' } : { error: 12, errorMessage: '网络出错' };
  }
  return arrived(reply, errors, client);
}

/** Returns the reply as the client passes it on. iOS sets the status twice, Android once. */
function arrived(reply, errors, client) {
  const failed = reply.status >= 400 && errors !== 'success';
  let data = reply.text;
  try {
    data = JSON.parse(reply.text);
  } catch (e) {
    if (!failed) throw { error: 14, errorMessage: 'JSON parse data error', status: reply.status };
  }
  const status = client === 'ios' ? { status: reply.status, statusCode: reply.status } : { status: reply.status };
  if (!failed) return { ...status, data, headers: {} };
  const error = { error: 19, errorMessage: 'http status error' };
  if (errors === 'fail-bare') throw { ...error, ...status };
  throw { ...error, ...status, data: client === 'ios' ? data : reply.text, headers: {} };
}
