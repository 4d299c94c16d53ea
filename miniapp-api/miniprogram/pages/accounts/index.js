// 切换账户: chooses among the citizen's fund accounts, each of which has its own password.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const sure = require('../../lib/sure.js');
const flash = require('../../lib/flash.js');
const { ACCOUNT_FROZEN, maskedAccount, states, statuses } = require('../../lib/words.js');

/**
 * @typedef {object} Choice of GET /v1/accounts
 * @property {string} id @property {string} account_no @property {string} employer_no '' if there is none
 * @property {string} status @property {string} password_state @property {boolean} chosen
 */

/** The codes after which the list is outdated. */
const STALE = ['NO_SUCH_ACCOUNT', 'ACCOUNT_CLOSED'];

/** Returns an account as the page shows it. @param {Choice} a @param {number} index */
function shown(a, index) {
  const closed = a.password_state === 'frozen' && a.status === ACCOUNT_FROZEN;
  return Object.assign(maskedAccount(a), {
    title: `第${index + 1}个账户`,
    status: statuses[a.status] || '其他',
    password: states[closed ? 'closed' : a.password_state],
  });
}

/** @param {{title: string}} account */
const question = (account) => ({
  title: `切换到${account.title}？`,
  text: '切换后，查看和修改的是这个账户的密码。正在进行的密码修改会取消，其他已登录的地方会退出。',
  yes: '切换',
  no: '不切换',
});

screen({
  data: { accounts: [] },

  onLoad() {
    this.form = form();
  },

  shown() {
    return this.run(() => this.load());
  },

  async load() {
    const { accounts } = await this.call({ path: '/v1/accounts' });
    this.setData({ accounts: accounts.map(shown) });
  },

  /** @param {any} e */
  async choose(e) {
    const { id } = e.currentTarget.dataset;
    const account = this.data.accounts.find((/** @type {Choice} */ a) => a.id === id);
    if (this.data.busy || !(await sure(question(account)))) return;
    await this.run(async () => {
      try {
        await this.send(this.form, { path: `/v1/accounts/${id}/choose`, data: {} });
      } catch (e) {
        if (STALE.includes(e.code)) await this.load();
        throw e;
      }
      flash.leave(`已切换到${account.title}`);
      this.back();
    });
  },

  back() {
    my.reLaunch({ url: '/pages/home/index' });
  },
});
