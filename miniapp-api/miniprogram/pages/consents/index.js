// 我的授权: what the citizen has agreed to, and may take back or give again.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const consents = require('../../lib/consents.js');

/** @typedef {import('../../lib/consents.js').Shown} Shown */

/** @param {Shown} c @returns {Promise<boolean>} */
const sure = (c) => new Promise((resolve) => {
  my.confirm({
    title: `${c.ending}？`,
    content: consents.ENDS[c.purpose] || '需要时可以重新同意。',
    confirmButtonText: c.ending,
    cancelButtonText: '保留',
    success: (r) => resolve(r.confirm),
    fail: () => resolve(false),
  });
});

screen({
  ...consents.methods,
  data: { ...consents.data },

  shown() {
    return this.run(() => this.loadConsents());
  },

  /** Everything is here, and what is not agreed to can be. @param {Shown} c */
  lists(c) {
    const unasked = c.purpose === consents.MESSAGE && c.state === 'none';
    const ending = unasked ? '不要提醒' : c.given || c.state === 'outdated' ? '撤回同意' : '';
    return { listed: true, asks: !c.given, ending };
  },

  /** @param {any} e */
  async withdraw(e) {
    const { purpose } = e.currentTarget.dataset;
    if (this.data.busy || !(await sure(this.consentTo(purpose)))) return;
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
