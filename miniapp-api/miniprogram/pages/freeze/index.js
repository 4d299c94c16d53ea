// 不是我: freezes the password and ends every session, including this one. Messages link to this
// page, so it also shows a requested transfer of the citizen's link.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const transfers = require('../../lib/transfers.js');
const session = require('../../lib/session.js');
const sure = require('../../lib/sure.js');

const FREEZE = { title: '确定冻结密码吗？', text: '冻结后要重新设置密码才能恢复。', yes: '冻结', no: '不冻结' };

screen({
  first: true, // messages open it
  ...transfers.methods,
  data: { ...transfers.data, frozen: false, freezes: true, unseen: false, nobody: false, resetByFace: true, resetBySMS: false },

  onLoad() {
    this.form = form();
    this.setData({ resetByFace: session.resetByFace(), resetBySMS: session.resetBySMS() });
    if (!session.token()) return this.setData({ unseen: true }); // a first screen may not call my.getAuthCode; see session.js
    return this.load().catch((/** @type {any} */ e) => { // a freeze does not depend on it
      if (!e.code) throw e;
      this.setData({ unseen: true });
    });
  },

  async load() {
    await this.loadTransfers();
    this.setData({ unseen: false });
  },

  look() {
    session.enter();
    return this.run(async () => {
      await this.load();
      this.setData({ nobody: !this.data.against });
    });
  },

  async freeze() {
    session.enter();
    if (this.data.busy || !(await sure(FREEZE))) return;
    await this.run(async () => {
      try {
        await this.send(this.form, { path: '/v1/freeze', data: {} });
      } catch (e) {
        throw e.code === 'NOT_LINKED' ? { code: 'LINK_LOST', message: '', fields: [] } : e;
      }
      session.forget();
      this.setData({ frozen: true });
    });
  },

  change() {
    my.redirectTo({ url: '/pages/change/index' });
  },

  reset() {
    my.redirectTo({ url: '/pages/reset/index' });
  },

  back() {
    session.enter();
    my.reLaunch({ url: '/pages/home/index' });
  },
});
