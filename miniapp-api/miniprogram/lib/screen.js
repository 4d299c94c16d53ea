// The common part of all pages: elder mode, one action at a time, and the behaviour of errors.js.
//
// What is typed is kept beside the data until an action needs it: setData on every key garbles
// Chinese input on phones, and an input is emptied only if its value was in the data.
const config = require('../config.js');
const elder = require('./elder.js');
const flash = require('./flash.js');
const { behaviour } = require('./errors.js');
const request = require('./request.js');
const session = require('./session.js');
const { lockText } = require('./words.js');

/** @typedef {import('./request.js').Problem} Problem */

const OFFERS = {
  home: { text: '返回我的密码', url: '/pages/home/index' },
  link: { text: '去绑定', url: '/pages/link/index' },
  change: { text: '重新开始', url: '/pages/change/index' },
  reset: { text: '忘记密码，去重置', url: '/pages/reset/index' },
  recover: { text: '忘记密码？核验身份后重设', url: '/pages/recover/index' },
  unlink: { text: '去解除绑定', url: '/pages/unlink/index' },
  retry: { text: '再试一次', url: '' },
};

/** The fields that do not outlive their page. */
const SECRETS = ['password', 'old_password', 'new_password', 'new_password_again', 'reset_code', 'code'];

/** The codes whose message says until when. */
const LOCKED = ['PASSWORD_LOCKED', 'LINK_LOCKED'];

/** @type {{data: Record<string, any>} & Record<string, any> & ThisType<any>} */
const shared = {
  data: {
    elder: false,
    busy: false,
    wait: '', // the reason of the wait
    problem: null, // {text, requestId, offer: {text, url} or null}
    wrong: {}, // error texts by field
    marked: {}, // fields of which one is wrong, without a text of their own
    at: '', // the consent beside which the problem is shown; '' = the page's own place
    flash: '', // what the page before did
    hotline: config.hotline,
    counter: config.counter,
  },

  onShow() {
    if (this.sentAway) return undefined;
    this.setData({ elder: elder.on(), flash: flash.take() });
    return this.shown ? this.shown() : undefined;
  },

  /** Passwords do not outlive the page. setData has no effect any more. */
  onUnload() {
    for (const name of SECRETS) if (name in this.data) this.data[name] = '';
    this.held = {};
    this.again = null;
    for (const name of ['form', 'starting']) if (this[name]) this[name].forget();
  },

  /**
   * Does one thing at a time; a second tap while it runs does nothing.
   * @param {() => Promise<any>} work
   */
  async run(work) {
    if (this.data.busy) return;
    this.settle();
    this.again = work;
    this.setData({ busy: true, problem: null, wrong: {}, marked: {}, at: '' });
    try {
      await work();
    } catch (e) {
      if (!e.code) throw e;
      await this.meet(e);
    } finally {
      this.setData({ busy: false, wait: '' });
    }
  },

  /** Calls the API and shows the reason of a wait. @param {request.Call} o */
  call(o) {
    return request.call(Object.assign({}, o, { waiting: this.waiting.bind(this) }));
  },

  /** @param {ReturnType<typeof request.form>} form @param {request.Call} o */
  send(form, o) {
    return form.send(Object.assign({}, o, { waiting: this.waiting.bind(this) }));
  },

  /** @param {string} text */
  waiting(text) {
    this.setData({ wait: text });
  },

  /** Handles an error as errors.js specifies. @param {Problem} e */
  async meet(e) {
    const b = behaviour(e.code);
    if (b.does === 'ask' && this.ask && (await this.ask(e))) return;
    try {
      if (b.does === 'step' && this.nextStep && (await this.nextStep(e))) return;
    } catch (other) {
      if (!other.code || behaviour(other.code).does === 'step') throw other;
      return this.meet(other);
    }
    /** @type {Record<string, any>} */
    const patch = {};
    for (const name of b.clear || []) if (name in this.data) patch[name] = '';
    /** @type {Record<string, string>} */
    const wrong = {};
    for (const f of e.fields) if (f.field in this.data) wrong[f.field] = (wrong[f.field] ? wrong[f.field] + '；' : '') + f.message;
    patch.wrong = wrong;
    patch.marked = {};
    for (const name of b.marks || []) patch.marked[name] = true;
    const shown = Object.keys(wrong).length > 0 && b.does === 'correct';
    patch.problem = {
      text: shown && e.code === 'BAD_REQUEST' ? '请按提示修改后再提交' : textOf(e) || b.text || '服务异常，请稍后再试',
      requestId: b.report && !shown ? e.requestId : '',
      offer: b.offer ? OFFERS[b.offer] : null,
    };
    this.setData(patch);
    if (Object.keys(wrong).length > 0) my.pageScrollTo({ scrollTop: 0 }); // from the button to the fields
    if (b.does === 'go') my.redirectTo({ url: `/pages/${b.to}/index` });
  },

  /** Shows a message that is not an API error. @param {string} text */
  tell(text) {
    this.setData({ problem: { text, requestId: '', offer: null } });
  },

  takeOffer() {
    const { url } = this.data.problem.offer;
    this.setData({ problem: null });
    if (!url) return this.run(this.again);
    if (url === OFFERS.home.url) return my.reLaunch({ url });
    my.redirectTo({ url });
  },

  /** Handles every input. @param {any} e */
  typed(e) {
    const { name } = e.target.dataset;
    this.held[name] = e.detail.value;
    if (this.data.marked[name]) this.setData({ marked: {} });
    if (!this.data.wrong[name]) return;
    this.setData({ [`wrong.${name}`]: '' });
    // Nothing else is wrong, so the message below the form is about the past.
    if (!Object.values(this.data.wrong).some(Boolean)) this.setData({ problem: null });
  },

  /** Moves what was typed into the data. */
  settle() {
    if (Object.keys(this.held).length > 0) this.setData(this.held);
    this.held = {};
  },

  changeElder() {
    elder.set(!this.data.elder);
    this.setData({ elder: !this.data.elder });
  },

  /** Calls the hotline. */
  dial() {
    my.makePhoneCall({ number: config.hotline, fail() {} });
  },

  /** Shows or hides a password. @param {any} e */
  reveal(e) {
    const { name } = e.currentTarget.dataset;
    this.setData({ [`shown.${name}`]: !this.data.shown[name] });
  },

  /** Marks missing fields and reports whether there are none. @param {Record<string, string>} asked texts by field */
  complete(asked) {
    this.settle();
    /** @type {Record<string, string>} */
    const wrong = {};
    for (const name of Object.keys(asked)) if (!this.data[name]) wrong[name] = asked[name];
    this.setData({ wrong, problem: null });
    if (Object.keys(wrong).length > 0) my.pageScrollTo({ scrollTop: 0 });
    return Object.keys(wrong).length === 0;
  },
};

/** Returns the message of an error, with the end of a lock in plain words. @param {Problem} e */
const textOf = (e) => (LOCKED.includes(e.code) && e.lockedUntil ? `密码错误次数过多，${lockText(e.lockedUntil)}` : e.message);

/**
 * Registers a page. `shown` is its onShow, `ask` queries the state of its procedure, and
 * `nextStep` shows the step for an error; both report whether they showed something. A page
 * without `first` sends a citizen who has not come through the start page there, because it calls
 * my.getAuthCode at once.
 * @param {{data: Record<string, any>} & Record<string, any> & ThisType<any>} page
 */
module.exports = function screen(page) {
  const initial = JSON.stringify(Object.assign({}, shared.data, page.data));
  Page(Object.assign({}, shared, page, {
    data: () => JSON.parse(initial), // visits would share the objects inside
    /** @this {any} @param {any} query */
    onLoad(query) {
      this.held = {};
      if (my.canIUse('hideShareMenu')) my.hideShareMenu();
      this.sentAway = !page.first && !session.entered();
      if (this.sentAway) return my.redirectTo({ url: '/pages/start/index' });
      return page.onLoad ? page.onLoad.call(this, query) : undefined;
    },
  }));
};
