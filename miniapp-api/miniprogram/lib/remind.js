// 安全提醒: Alipay sends messages only to users who have subscribed to the template in its panel.
// A tap must open the panel, with at most three templates of one kind. This program has one.
const { form } = require('./request.js');

/** The maximum number of templates in one panel. */
const AT_ONCE = 3;

/** The data of such a page. */
const data = { reminders: '' }; // '' = the centre sends none; otherwise none, accepted, rejected or refused as on the server

/**
 * Opens Alipay's panel. It must be called first in the handler of a tap.
 * @param {string[]} templates @returns {Promise<string[]>} those that are now subscribed
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
  /** Loads the templates and the state of the subscription. */
  async loadReminders() {
    const { templates, state } = await this.call({ path: '/v1/subscriptions' });
    this.templates = templates;
    this.setData({ reminders: templates.length > 0 && my.canIUse('requestSubscribeMessage') ? state : '' });
  },

  /** Sends Alipay's result to the server. @param {string[]} subscribed */
  async keepReminders(subscribed) {
    for (const template_id of this.templates) {
      const body = { template_id, accepted: subscribed.includes(template_id) };
      await this.send(form(), { path: '/v1/subscriptions', data: body }); // idempotent
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
