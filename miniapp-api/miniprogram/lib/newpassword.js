// The part of a page that sets a new password, typed twice: one line of advice, what the phone can
// check while the citizen types, and all rules on a tap.
const { obvious } = require('./obvious.js');
const own = require('./own.js');
const { advice, refusals, untypable } = require('./rules.js');

/** The data of such a page. */
const data = {
  new_password: '',
  new_password_again: '',
  shown: { new_password: false, new_password_again: false },
  rules: [],
  allRules: false, // whether they are shown
  advice: '',
  verdict: { text: '', tone: '' }, // about what was typed; '' before the first character
  untypable: [],
};

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Loads the rules of the centre. */
  async loadRules() {
    this.usePolicy(await this.call({ path: '/v1/password' }));
  },

  /** @param {{rules: import('./rules.js').Rule[], channels?: import('./rules.js').Channel[]}} policy */
  usePolicy(policy) {
    this.policy = { rules: policy.rules, channels: policy.channels || [] };
    this.setData({ rules: policy.rules.map(({ id, text }) => ({ id, text })), advice: advice(policy.rules) });
  },

  showRules() {
    this.setData({ allRules: !this.data.allRules });
  },

  /** @param {any} e */
  typedNew(e) {
    this.typed(e);
    if (!this.policy) return;
    const { value } = e.detail;
    this.setData({ verdict: this.verdictOn(value), untypable: untypable(this.policy.channels, value) });
  },

  /** @param {string} password */
  verdictOn(password) {
    if (!password) return { text: '', tone: '' };
    const wrong = refusals(this.policy.rules, password);
    if (wrong.length > 0) return { text: wrong.join('；'), tone: 'todo' };
    const [warning] = obvious(password, own.digits());
    return warning ? { text: warning, tone: 'todo' } : { text: '✓ 目前符合要求', tone: 'yes' };
  },

  /** Reports whether both are entered, equal and valid under the rules that the phone can check. */
  acceptable() {
    if (!this.complete({ new_password: '请输入新密码', new_password_again: '请再次输入新密码' })) return false;
    const { new_password, new_password_again } = this.data;
    const broken = this.policy ? refusals(this.policy.rules, new_password) : []; // the server checks, too
    /** @type {Record<string, string>} */
    const wrong = {};
    if (broken.length > 0) wrong.new_password = broken.join('；');
    if (new_password !== new_password_again) wrong.new_password_again = '两次输入的新密码不一致';
    this.setData({ wrong });
    if (Object.keys(wrong).length > 0) my.pageScrollTo({ scrollTop: 0 });
    return Object.keys(wrong).length === 0;
  },

  /** Warns of channels in which the password cannot be typed. @returns {Promise<boolean>} */
  agreed() {
    const left = this.policy ? untypable(this.policy.channels, this.data.new_password) : [];
    if (left.length === 0) return Promise.resolve(true);
    const content = left.map((/** @type {{text: string}} */ c) => c.text).join('\n');
    return new Promise((resolve) => {
      my.confirm({
        title: '请注意',
        content,
        confirmButtonText: '仍然使用',
        cancelButtonText: '换一个密码',
        success: (r) => resolve(r.confirm),
        fail: () => resolve(false),
      });
    });
  },

  passwords() {
    const { new_password, new_password_again } = this.data;
    return { new_password, new_password_again };
  },

  /** Returns the channels on which the same password is used. */
  sameOn() {
    return this.policy ? this.policy.channels : [];
  },
};

module.exports = { data, methods };
