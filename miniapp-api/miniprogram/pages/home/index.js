// 我的密码: state, last change, attempts left and end of a lock.
const screen = require('../../lib/screen.js');
const consents = require('../../lib/consents.js');
const transfers = require('../../lib/transfers.js');
const remind = require('../../lib/remind.js');
const session = require('../../lib/session.js');
const requested = require('./transfer.js');
const { ACCOUNT_FROZEN, states, time, lockText, maskedAccount, openText, sameText, separateText } = require('../../lib/words.js');

screen({
  ...consents.methods,
  ...transfers.methods,
  ...requested.methods,
  ...remind.methods,
  data: {
    account: null,
    unlinked: false,
    state: null,
    changeable: false,
    resettable: false,
    resetByFace: false,
    resetBySMS: false,
    same: '', // where else the password is used, and where another is
    frozen: false,
    changedAt: '',
    attempts: '',
    lockText: '',
    others: 0, // number of other accounts
    pending: '', // text about an open change or reset
    ...remind.data,
    ...consents.data,
    ...transfers.data,
    ...requested.data,
    about: '', // the purpose of the step's text
  },

  shown() {
    return this.run(() => this.load());
  },

  async load() {
    this.setData({ state: null, changeable: false, unlinked: false, own: null, others: 0, pending: '' });
    const account = await this.account();
    this.setData({ account: account && maskedAccount(account) });
    if (account) await this.loadPassword(account);
    if (account) await this.loadReminders();
    const [own, others] = await Promise.all([this.loadTransfers(), account ? this.loadOthers() : 0]);
    this.setData({ own: account ? null : own, others, unlinked: !account });
  },

  /** @param {{status: string}} account */
  async loadPassword(account) {
    const password = await this.call({ path: '/v1/password' });
    const locked = password.state === 'locked';
    const frozen = password.state === 'frozen';
    const closed = frozen && account.status === ACCOUNT_FROZEN;
    this.setData({
      state: states[closed ? 'closed' : password.state],
      changeable: !locked && !frozen,
      resettable: !closed,
      resetByFace: session.keepReset(password),
      resetBySMS: session.resetBySMS(),
      same: sameText(password.channels) + separateText(password.separate_channels),
      frozen,
      changedAt: time(password.changed_at),
      attempts: locked || frozen ? '' : `密码还可以试${password.remaining_attempts}次。`,
      pending: openText(password),
      lockText: locked ? lockText(password.locked_until) : '',
    });
  },

  /** Returns the number of accounts that the citizen could choose instead. */
  async loadOthers() {
    const { accounts } = await this.call({ path: '/v1/accounts' });
    return accounts.filter((/** @type {{chosen: boolean}} */ a) => !a.chosen).length;
  },

  /** Returns the linked account, or null. */
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
});
