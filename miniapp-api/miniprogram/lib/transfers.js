// 改绑: the transfer of a link to another Alipay account, for its requester and for the holder
// of the link, who can reject it.
const { form } = require('./request.js');
const sure = require('./sure.js');
const { instant, transfers, time } = require('./words.js');

/**
 * @typedef {object} Transfer of GET /v1/link-transfers
 * @property {string} id
 * @property {'waiting'|'done'|'rejected'|'cancelled'|'expired'|'undeliverable'} state
 * @property {string} requested_at @property {string|null} due_at null until the holder is notified
 * @property {string} expires_at
 */

/**
 * Returns a transfer as pages show it, or null for a completed one. The server decides whether
 * it is due; the phone's clock only determines when the page offers the confirmation.
 * @param {Transfer|null|undefined} r
 */
function shown(r) {
  if (!r || !(r.state in transfers)) return null;
  const waiting = r.state === 'waiting';
  const due = waiting && instant(r.due_at) + 1000 <= Date.now(); // instant drops the fraction of a second
  const words = due ? 'due' : waiting && !r.due_at ? 'telling' : r.state;
  return Object.assign({}, transfers[words], {
    id: r.id,
    waiting,
    due,
    requestedAt: time(r.requested_at),
    dueAt: waiting && !due ? time(r.due_at) : '',
    expiresAt: waiting && r.due_at ? time(r.expires_at) : '',
  });
}

const REJECT = {
  title: '确定拒绝改绑吗？',
  text: '拒绝后，对方30天内不能再申请。如果是您本人换了支付宝，请不要拒绝。',
  yes: '拒绝改绑',
  no: '先不拒绝',
};

/** The codes shown if the transfer can no longer be rejected, by the server's code. @type {Record<string, string>} */
const TOO_LATE = { NOT_LINKED: 'LINK_LOST', TRANSFER_GONE: 'TRANSFER_OVER' };

/** The data of a page that shows parts/against.axml. */
const data = {
  against: null, // the requested transfer of this citizen's link
  taken: null, // the recent one that took the link, after which a freeze is possible
  rejected: false,
  freezes: false, // whether the page has its own freeze button
};

/** The methods for the holder. The page needs a method load that reloads it. @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Shows the requested transfer of this link. @returns {Promise<ReturnType<typeof shown>>} the citizen's own transfer */
  async loadTransfers() {
    const { own, against, taken } = await this.call({ path: '/v1/link-transfers' });
    this.setData({
      against: shown(against),
      taken: taken ? { doneAt: time(taken.done_at), until: time(taken.freeze_until) } : null,
    });
    return shown(own);
  },

  /** 不是我，拒绝改绑. */
  async reject() {
    if (this.data.busy || !(await sure(REJECT))) return;
    const { id } = this.data.against;
    const rejecting = form();
    await this.run(async () => {
      try {
        await this.send(rejecting, { path: `/v1/link-transfers/${id}/reject`, data: {} });
      } catch (e) {
        if (!(e.code in TOO_LATE)) throw e;
        await this.load();
        throw { code: TOO_LATE[e.code], message: '', fields: [] };
      }
      this.setData({ rejected: true });
      await this.load();
    });
  },
};

module.exports = { shown, data, methods };
