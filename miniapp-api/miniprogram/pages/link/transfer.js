// 绑定: the step for a link that another Alipay account has, and the wait for its holder.
const transfers = require('../../lib/transfers.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

/** What such a page has in its data. */
const data = { own: null };

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Whose account the form is about, as it is typed. */
  claimed() {
    const { name, typeIndex, id_number, account_no } = this.data;
    return JSON.stringify([name, typeIndex, id_number, account_no]);
  },

  /** Whether the citizen requests the transfer of the link to this very account. */
  requestsTransfer() {
    return this.transferFor === this.claimed();
  },

  /** ALREADY_LINKED. @param {Problem} e */
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

  /** TRANSFER_WAITING: nothing is left to do here, so the password goes. @param {Problem} e */
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
