// 安全提醒: Alipay sends messages only to who has subscribed to their template, in a panel
// that a tap must open: at most three templates, of one kind. This program has one.
const { form } = require('./request.js');

/** Templates that one panel may ask for. */
const AT_ONCE = 3;

/** What such a page has in its data. */
const data = { reminders: '' }; // '' = none to be had here; none, accepted, rejected, refused as the server knows it

/**
 * Opens Alipay's panel; to be called in the handler of a tap, before anything else.
 * @param {string[]} templates @returns {Promise<string[]>} those that are subscribed now
 */
function ask(templates) {
  return new Promise((resolve, reject) => {
    my.requestSubscribeMessage({
      entityIds: templates.slice(0, AT_ONCE),
      success: (r) => resolve(r.result ? r.result.subscribedEntityIds || [] : []),
      fail: () => reject({ code: 'SUBSCRIBE_FAILED', message: '', fields: [] }),
    });
  });
}

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Reads what there is to subscribe to, and what is known of it. */
  async loadReminders() {
    const { templates, state } = await this.call({ path: '/v1/subscriptions' });
    this.templates = templates;
    this.setData({ reminders: templates.length > 0 && my.canIUse('requestSubscribeMessage') ? state : '' });
  },

  /** Tells the server what Alipay said. @param {string[]} subscribed */
  async keepReminders(subscribed) {
    for (const template_id of this.templates) {
      const told = { template_id, accepted: subscribed.includes(template_id) };
      await this.send(form(), { path: '/v1/subscriptions', data: told }); // safe to do twice
    }
    await this.loadReminders();
  },

  /** 开启提醒. */
  remind() {
    if (this.data.busy) return;
    const asked = ask(this.templates);
    return this.run(async () => this.keepReminders(await asked));
  },
};

module.exports = { ask, data, methods };
