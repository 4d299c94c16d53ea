// 绑定: the step for a link that another Alipay account has, and the wait for its holder.
const transfers = require('../../lib/transfers.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

/** The data of such a page. */
const data = { own: null };

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Returns the account that the form states. */
  claimed() {
    const { name, typeIndex, id_number, account_no } = this.data;
    return JSON.stringify([name, typeIndex, id_number, account_no]);
  },

  /** Reports whether the citizen requests the transfer of this account's link. */
  requestsTransfer() {
    return this.transferFor === this.claimed();
  },

  /** Handles ALREADY_LINKED. @param {Problem} e */
  offerTransfer(e) {
    if (!e.transferOffered) return false;
    this.toStep('transfer');
    return true;
  },

  requestTransfer() {
    this.transferFor = this.claimed();
    return this.run(() => this.link(this.chosen));
  },

  declineTransfer() {
    this.transferFor = '';
    this.toForm();
    this.tell('没有申请改绑，原来的绑定没有变化。');
  },

  /** Handles TRANSFER_WAITING: the password is no longer needed and is cleared. @param {Problem} e */
  showWaiting(e) {
    const own = transfers.shown(e.transfer);
    if (!own) return false;
    this.toStep('waiting', { own, password: '' });
    return true;
  },

  toHome() {
    my.reLaunch({ url: '/pages/home/index' });
  },
};

module.exports = { data, methods };
