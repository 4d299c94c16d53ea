// 我的授权: what the citizen has agreed to, and may take back or give again.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const consents = require('../../lib/consents.js');
const remind = require('../../lib/remind.js');
const sure = require('../../lib/sure.js');

/** @typedef {import('../../lib/consents.js').Shown} Shown */

/** @param {Shown} c */
const question = (c) => ({ title: `${c.ending}？`, text: consents.ENDS[c.purpose] || '需要时可以重新同意。', yes: c.ending, no: '保留' });

screen({
  ...consents.methods,
  ...remind.methods,
  data: { ...consents.data, ...remind.data },

  shown() {
    return this.run(async () => {
      await this.loadReminders();
      await this.loadConsents();
    });
  },

  /** Everything is here, and what is not agreed to can be. @param {Shown} c */
  lists(c) {
    const unasked = c.purpose === consents.MESSAGE && c.state === 'none';
    const ending = unasked ? '不要提醒' : c.given || c.state === 'outdated' ? '撤回同意' : '';
    const shown = { listed: true, asks: !c.given, ending };
    if (c.purpose !== consents.MESSAGE || !this.mute() || c.state === 'withdrawn') return shown;
    return Object.assign(shown, { asks: true, stateText: '支付宝还没有开启提醒，目前收不到消息' });
  },

  /** Whether messages are to be had, and Alipay would not send them. */
  mute() {
    return this.data.reminders !== '' && this.data.reminders !== 'accepted';
  },

  /** Messages also need a yes in Alipay's own panel, which opens first: only a tap may. @param {any} e */
  agree(e) {
    const { purpose } = e.currentTarget.dataset;
    if (purpose !== consents.MESSAGE || !this.mute() || this.data.busy) return consents.methods.agree.call(this, e);
    const asked = remind.ask(this.templates);
    return this.run(async () => {
      this.setData({ at: purpose });
      await this.keepReminders(await asked);
      await this.giveConsent(purpose);
    });
  },

  /** @param {any} e */
  async withdraw(e) {
    const { purpose } = e.currentTarget.dataset;
    if (this.data.busy || !(await sure(question(this.consentTo(purpose))))) return;
    await this.run(async () => {
      this.setData({ at: purpose });
      await this.send(form(), { path: '/v1/consents/withdraw', data: { purpose } }); // safe to do twice
      await this.loadConsents();
    });
  },

  back() {
    my.reLaunch({ url: '/pages/home/index' });
  },
});
