// 绑定: the step in which another Alipay account has the link already, and the wait for
// its holder.
const relinks = require('../../lib/relinks.js');

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

  /** Whether the citizen asked to take over the link to this very account. */
  wishes() {
    return this.wish === this.claimed();
  },

  /** ALREADY_LINKED. @param {Problem} e */
  offerRelink(e) {
    if (!e.relinkOffered) return false;
    this.toStep('relink');
    return true;
  },

  askRelink() {
    this.wish = this.claimed();
    return this.run(() => this.link(this.chosen));
  },

  declineRelink() {
    this.wish = '';
    this.toForm();
    this.tell('没有申请改绑，原来的绑定没有变化。');
  },

  /** RELINK_WAITING: nothing is left to do here, so the password goes. @param {Problem} e */
  showWaiting(e) {
    const own = relinks.shown(e.relink);
    if (!own) return false;
    this.toStep('waiting', { own, password: '' });
    return true;
  },

  toHome() {
    my.reLaunch({ url: '/pages/home/index' });
  },
};

module.exports = { data, methods };
