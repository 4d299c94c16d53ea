// 改绑: the wish of another Alipay account to take a link over, as who asked sees it,
// and as the holder of the link does, who may refuse.
const { form } = require('./request.js');
const sure = require('./sure.js');
const { instant, relinks, time } = require('./words.js');

/**
 * @typedef {object} Relink of GET /v1/relinks
 * @property {string} id
 * @property {'waiting'|'done'|'objected'|'cancelled'|'expired'|'undeliverable'} state
 * @property {string} asked_at @property {string|null} due_at null: the holder was not told yet
 * @property {string} expires_at
 */

/**
 * A wish as pages show it; null for one that needs no words. Whether it is due the
 * server decides; the phone's clock only says when to offer it.
 * @param {Relink|null|undefined} r
 */
function shown(r) {
  if (!r || !(r.state in relinks)) return null;
  const waiting = r.state === 'waiting';
  const due = waiting && instant(r.due_at) + 1000 <= Date.now(); // a second for the fraction
  const words = due ? 'due' : waiting && !r.due_at ? 'telling' : r.state;
  return Object.assign({}, relinks[words], {
    id: r.id,
    waiting,
    due,
    askedAt: time(r.asked_at),
    dueAt: waiting && !due ? time(r.due_at) : '',
    expiresAt: waiting && r.due_at ? time(r.expires_at) : '',
  });
}

const REFUSE = {
  title: '确定拒绝改绑吗？',
  text: '拒绝后，对方30天内不能再申请。如果是您本人换了支付宝，请不要拒绝。',
  yes: '拒绝改绑',
  no: '先不拒绝',
};

/** What the server says where there is nothing to refuse any more. @type {Record<string, string>} */
const TOO_LATE = { NOT_LINKED: 'LINK_LOST', RELINK_GONE: 'RELINK_OVER' };

/** What a page that shows parts/against.axml has in its data. */
const data = {
  against: null, // who asks for this citizen's link
  taken: null, // who took it over lately, which may be answered by a freeze
  refused: false,
  freezes: false, // whether the page itself has a button to freeze
};

/** The holder's side; such a page has a method load that shows everything anew. @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Shows who asks for this link. @returns {Promise<ReturnType<typeof shown>>} what this citizen asked for */
  async loadRelinks() {
    const { own, against, taken } = await this.call({ path: '/v1/relinks' });
    this.setData({
      against: shown(against),
      taken: taken ? { doneAt: time(taken.done_at), until: time(taken.freeze_until) } : null,
    });
    return shown(own);
  },

  /** 不是我，拒绝改绑. */
  async refuse() {
    if (this.data.busy || !(await sure(REFUSE))) return;
    const { id } = this.data.against;
    const refusing = form();
    await this.run(async () => {
      try {
        await this.send(refusing, { path: `/v1/relinks/${id}/object`, data: {} });
      } catch (e) {
        if (!(e.code in TOO_LATE)) throw e;
        await this.load();
        throw { code: TOO_LATE[e.code], message: '', fields: [] };
      }
      this.setData({ refused: true });
      await this.load();
    });
  },
};

module.exports = { shown, data, methods };
