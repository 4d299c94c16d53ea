// 我的密码, for the requester of a link transfer: confirms it once it is due, or cancels it.
const { form } = require('../../lib/request.js');
const sure = require('../../lib/sure.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

/** The codes after which the page reloads the transfer. */
const OVER = ['TRANSFER_GONE', 'TRANSFER_REJECTED', 'TRANSFER_UNDELIVERABLE', 'ALREADY_LINKED', 'RESULT_UNKNOWN'];

const DONE = '改绑成功';

const CANCEL = { title: '确定撤回改绑申请吗？', text: '撤回后，原来的绑定不变。需要时可以重新申请。', yes: '撤回申请', no: '不撤回' };

/** The data of such a page. */
const data = { own: null, step: '' }; // 'consent' while its text is shown

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  lists() {
    return {}; // only the step shows consents
  },

  completeTransfer() {
    const { id } = this.data.own;
    const finishing = form();
    this.finish = () => this.send(finishing, { path: `/v1/link-transfers/${id}/confirm`, data: {} });
    return this.run(() => this.confirmTransfer());
  },

  async confirmTransfer() {
    try {
      await this.finish();
    } catch (e) {
      if (!OVER.includes(e.code)) throw e;
      await this.load();
      if (!this.data.account) throw e;
      return this.setData({ flash: DONE }); // the transfer is completed anyway
    }
    await this.load();
    this.setData({ flash: DONE });
  },

  async cancelTransfer() {
    if (this.data.busy || !(await sure(CANCEL))) return;
    const cancelling = form();
    await this.run(async () => {
      const { id } = this.data.own;
      try {
        await this.send(cancelling, { path: `/v1/link-transfers/${id}/cancel`, data: {} });
      } catch (e) {
        if (e.code !== 'TRANSFER_GONE') throw e; // the page shows its state
      }
      await this.load();
    });
  },

  /** Handles CONSENT_REQUIRED: shows the text, then continues. @param {Problem} e */
  async nextStep(e) {
    if (e.code !== 'CONSENT_REQUIRED') return false;
    await this.loadConsents();
    const [about] = e.fields.map((f) => f.field).filter((purpose) => this.consentTo(purpose));
    if (about) this.setData({ step: 'consent', about, problem: null });
    return Boolean(about);
  },

  agreeAbout() {
    return this.run(async () => {
      await this.giveConsent(this.data.about);
      this.setData({ step: '' });
      await this.confirmTransfer();
    });
  },

  disagreeAbout() {
    this.setData({ step: '' });
    this.tell('您没有同意，改绑没有完成。在有效期内可以重新点“完成改绑”。');
  },
};

module.exports = { data, methods };
