// 修改密码, second page: the new password, typed twice.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const outcome = require('../../lib/outcome.js');
const newPassword = require('../../lib/newpassword.js');
const own = require('../../lib/own.js');
const { time } = require('../../lib/words.js');

screen({
  ...newPassword.methods,
  data: { replaced: '', ...newPassword.data },

  /** @param {{id?: string, replaced?: string}} query */
  onLoad({ id, replaced }) {
    if (!id) return my.redirectTo({ url: '/pages/change/index' }); // there is no change to confirm
    this.id = id;
    this.setData({ replaced: time(replaced) }); // start of the change that this one cancelled
    this.form = form();
    return this.run(() => this.loadRules());
  },

  async submit() {
    if (this.data.busy || !this.acceptable() || !(await this.agreed())) return;
    await this.run(async () => {
      const path = `/v1/password/changes/${this.id}/confirm`;
      this.show(await this.send(this.form, { path, data: {}, seal: this.passwords() }));
    });
  },

  /** @param {outcome.Outcome} result */
  show(result) {
    this.setData({ new_password: '', new_password_again: '' });
    own.forget();
    outcome.leave({ id: this.id, kind: 'changes', channels: this.sameOn(), ...result });
    my.redirectTo({ url: '/pages/result/index' });
  },

  /** After a lost reply, queries the state of the change. @param {{code: string}} e */
  async ask(e) {
    if (e.code === 'RESULT_UNKNOWN') {
      this.show({ state: 'unknown' });
      return true;
    }
    try {
      const change = await this.call({ path: `/v1/password/changes/${this.id}` });
      if (change.state === 'done') this.show(change);
      return change.state === 'done';
    } catch (other) {
      return false;
    }
  },

  async cancel() {
    await this.run(async () => {
      await this.call({ path: `/v1/password/changes/${this.id}/cancel`, data: {}, key: `cancel-${this.id}` });
      own.forget();
      my.reLaunch({ url: '/pages/home/index' }); // the page may be the only one
    });
  },
});
