// The part of a page that sets a new password, typed twice, with its rules ticked while the
// citizen types.
const { ticked, later, untypable } = require('./rules.js');

/** The data of such a page. */
const data = {
  new_password: '',
  new_password_again: '',
  shown: { new_password: false, new_password_again: false },
  rules: [],
  later: [],
  untypable: [],
};

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Loads the rules of the centre. */
  async loadRules() {
    const password = await this.call({ path: '/v1/password' });
    this.policy = password;
    this.setData({ rules: ticked(password.rules, this.data.new_password), later: later(password.rules) });
  },

  /** @param {any} e */
  typedNew(e) {
    this.typed(e);
    if (!this.policy) return;
    const { rules, channels } = this.policy;
    const { value } = e.detail;
    this.setData({ rules: ticked(rules, value), untypable: untypable(channels, value) });
  },

  /** Reports whether both are entered, equal and valid under the rules that the phone can check. */
  acceptable() {
    if (!this.complete({ new_password: '请输入新密码', new_password_again: '请再次输入新密码' })) return false;
    const { new_password, new_password_again, rules } = this.data;
    const broken = rules.filter((/** @type {{yes: boolean}} */ r) => !r.yes);
    /** @type {Record<string, string>} */
    const wrong = {};
    if (broken.length > 0) wrong.new_password = broken.map((/** @type {{text: string}} */ r) => r.text).join('；');
    if (new_password !== new_password_again) wrong.new_password_again = '两次输入的新密码不一致';
    this.setData({ wrong });
    if (Object.keys(wrong).length > 0) my.pageScrollTo({ scrollTop: 0 });
    return Object.keys(wrong).length === 0;
  },

  /** Warns of channels in which the password cannot be typed. @returns {Promise<boolean>} */
  agreed() {
    if (this.data.untypable.length === 0) return Promise.resolve(true);
    const content = this.data.untypable.map((/** @type {{text: string}} */ c) => c.text).join('\n');
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
};

module.exports = { data, methods };
