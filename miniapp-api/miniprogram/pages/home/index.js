// 我的密码: state, last change, guesses left, until when it is locked.
const screen = require('../../lib/screen.js');
const elder = require('../../lib/elder.js');
const { ACCOUNT_FROZEN, states, time, lockText } = require('../../lib/words.js');

screen({
  data: {
    account: null,
    unlinked: false,
    state: null,
    changeable: false,
    resettable: false,
    frozen: false,
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
    const frozen = password.state === 'frozen';
    const closed = frozen && account.status === ACCOUNT_FROZEN;
    this.setData({
      state: states[closed ? 'closed' : password.state],
      changeable: !locked && !frozen,
      resettable: !closed,
      frozen,
      changedAt: time(password.changed_at),
      guesses: locked || frozen ? '' : `${password.remaining_attempts}次`,
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
