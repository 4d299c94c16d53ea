// 我的密码: state, last change, guesses left, until when it is locked.
const screen = require('../../lib/screen.js');
const elder = require('../../lib/elder.js');
const { states, time, lockText } = require('../../lib/words.js');

screen({
  data: {
    account: null,
    unlinked: false,
    state: null,
    changeable: false,
    changedAt: '',
    guesses: '',
    lockText: '',
  },

  shown() {
    return this.run(() => this.load());
  },

  async load() {
    this.setData({ state: null, changeable: false, unlinked: false });
    const account = await this.account();
    this.setData({ account, unlinked: !account });
    if (!account) return;
    const password = await this.call({ path: '/v1/password' });
    const locked = password.state === 'locked';
    const closed = locked || password.state === 'frozen';
    this.setData({
      state: states[password.state],
      changeable: !closed,
      changedAt: time(password.changed_at),
      guesses: closed ? '' : `${password.remaining_attempts}次`,
      lockText: locked ? lockText(password.locked_until) : '',
    });
  },

  /** The linked account, null when there is none. */
  async account() {
    try {
      return (await this.call({ path: '/v1/link' })).account;
    } catch (e) {
      if (e.code === 'NOT_LINKED' || e.status === 409) return null; // some clients lose the code
      throw e;
    }
  },

  /** @param {any} e */
  open(e) {
    my.navigateTo({ url: `/pages/${e.currentTarget.dataset.page}/index` });
  },

  /** @param {any} e */
  changeElder(e) {
    elder.set(e.detail.value);
    this.setData({ elder: e.detail.value });
  },
});
