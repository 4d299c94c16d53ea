// 我的授权: the citizen's consents, to withdraw and to give again.
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

  /** Lists every consent; one that is not given can be given. @param {Shown} c */
  lists(c) {
    const unasked = c.purpose === consents.MESSAGE && c.state === 'none';
    const ending = unasked ? '不要提醒' : c.given || c.state === 'outdated' ? '撤回同意' : '';
    const shown = { listed: true, asks: !c.given, ending };
    if (c.purpose !== consents.MESSAGE || !this.mute() || c.state === 'withdrawn') return shown;
    return Object.assign(shown, { asks: true, stateText: '支付宝还没有开启提醒，目前收不到消息' });
  },

  /** Reports whether the centre sends messages but the citizen has not subscribed. */
  mute() {
    return this.data.reminders !== '' && this.data.reminders !== 'accepted';
  },

  /** Messages also need a subscription in Alipay's panel. It opens first, because only a tap may open it. @param {any} e */
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
      await this.send(form(), { path: '/v1/consents/withdraw', data: { purpose } }); // idempotent
      await this.loadConsents();
    });
  },

  back() {
    my.reLaunch({ url: '/pages/home/index' });
  },
});
