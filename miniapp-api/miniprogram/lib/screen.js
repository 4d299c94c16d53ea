// The common part of all pages: elder mode, one action at a time, and the behaviour of errors.js.
const elder = require('./elder.js');
const { behaviour } = require('./errors.js');
const request = require('./request.js');

/** @typedef {import('./request.js').Problem} Problem */

const OFFERS = {
  home: { text: '返回我的密码', url: '/pages/home/index' },
  link: { text: '去绑定', url: '/pages/link/index' },
  change: { text: '重新开始', url: '/pages/change/index' },
  reset: { text: '忘记密码，去重置', url: '/pages/reset/index' },
  unlink: { text: '去解除绑定', url: '/pages/unlink/index' },
  retry: { text: '再试一次', url: '' },
};

/** @type {{data: Record<string, any>} & Record<string, any> & ThisType<any>} */
const shared = {
  data: {
    elder: false,
    busy: false,
    wait: '', // the reason of the wait
    problem: null, // {text, requestId, offer: {text, url} or null}
    wrong: {}, // error texts by field
    at: '', // the consent beside which the problem is shown; '' = the page's own place
  },

  onShow() {
    this.setData({ elder: elder.on() });
    return this.shown ? this.shown() : undefined;
  },

  /**
   * Does one thing at a time; a second tap while it runs does nothing.
   * @param {() => Promise<any>} work
   */
  async run(work) {
    if (this.data.busy) return;
    this.again = work;
    this.setData({ busy: true, problem: null, wrong: {}, at: '' });
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
    const shown = Object.keys(wrong).length > 0 && b.does === 'correct';
    patch.problem = {
      text: shown && e.code === 'BAD_REQUEST' ? '请按提示修改后再提交' : e.message || b.text || '服务异常，请稍后再试',
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
    this.setData({ [name]: e.detail.value, [`wrong.${name}`]: '' });
  },

  /** Shows or hides a password. @param {any} e */
  reveal(e) {
    const { name } = e.currentTarget.dataset;
    this.setData({ [`shown.${name}`]: !this.data.shown[name] });
  },

  /** Marks missing fields and reports whether there are none. @param {Record<string, string>} asked texts by field */
  complete(asked) {
    /** @type {Record<string, string>} */
    const wrong = {};
    for (const name of Object.keys(asked)) if (!this.data[name]) wrong[name] = asked[name];
    this.setData({ wrong, problem: null });
    if (Object.keys(wrong).length > 0) my.pageScrollTo({ scrollTop: 0 });
    return Object.keys(wrong).length === 0;
  },
};

/**
 * Registers a page. `shown` is its onShow, `ask` queries the state of its procedure, and
 * `nextStep` shows the step for an error; both report whether they showed something.
 * @param {{data: Record<string, any>} & Record<string, any> & ThisType<any>} page
 */
module.exports = function screen(page) {
  Page(Object.assign({}, shared, page, { data: Object.assign({}, shared.data, page.data) }));
};
