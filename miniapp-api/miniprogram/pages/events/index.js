// 办理记录: the events of link and password.
const screen = require('../../lib/screen.js');
const { time } = require('../../lib/words.js');

/** @typedef {{id: string, at: string, kind: string, text: string, channel: string}} Event */

screen({
  data: { events: [], empty: false },

  shown() {
    return this.run(async () => {
      /** @type {{events: Event[]}} */
      const { events } = await this.call({ path: '/v1/events' });
      this.setData({
        events: events.map(({ id, at, text, kind }) => ({ id, at: time(at), text: text || kind })),
        empty: events.length === 0,
      });
    });
  },

  notMe() {
    my.navigateTo({ url: '/pages/freeze/index' });
  },
});
