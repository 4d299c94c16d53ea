// 忘记密码: Alipay verifies the face, or the centre sends a code to the phone on file; then the
// citizen sets a new password.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const outcome = require('../../lib/outcome.js');
const face = require('../../lib/face.js');
const newPassword = require('../../lib/newpassword.js');
const smscode = require('../../lib/smscode.js');
const session = require('../../lib/session.js');

/** The number of queries for Alipay's result and the seconds between them. */
const QUESTIONS = 3;
const BETWEEN = 2;

screen({
  ...newPassword.methods,
  ...smscode.methods,
  data: { proven: false, byCode: false, offered: true, ...newPassword.data, ...smscode.data }, // offered: by face

  /** @param {{by?: string}} [query] */
  onLoad(query) {
    this.starting = form();
    this.form = form();
    this.setData({ byCode: !!query && query.by === 'code' }); // after a link with the same code
    return this.run(() => this.loadOffer());
  },

  /** A passport has no face check, and not every centre has one, or sends SMS. */
  async loadOffer() {
    const password = await this.call({ path: '/v1/password' });
    this.usePolicy(password);
    const offered = session.keepReset(password);
    const smsOffered = session.resetBySMS();
    this.setData({ offered, smsOffered, byCode: this.data.byCode || (!offered && !smsOffered) });
  },

  verify() {
    return this.run(async () => {
      // An interrupted verification continues, because starts per day are limited.
      const reset = this.begun || (await this.send(this.starting, { path: '/v1/password/resets', data: {} }));
      this.id = reset.id;
      const status = await face.showFace(reset);
      this.begun = face.brokenOff(status) ? reset : null;
      if (status !== '9000') throw face.refused(status);
      await this.proof();
      await this.setPassword();
    });
  },

  /** Opens a reset with a code from a clerk, who has checked the citizen's papers. */
  async useCode() {
    if (!this.complete({ code: '请输入重置码' })) return;
    await this.run(async () => {
      const { code } = this.data;
      const reset = await this.send(this.starting, { path: '/v1/password/resets', data: { code } });
      this.id = reset.id;
      await this.setPassword();
    });
  },

  /** Requests a code, or another one. */
  sendSMS() {
    return this.run(async () => {
      const reset = await this.send(form(), { path: '/v1/password/resets', data: { proof: 'sms' } });
      this.id = reset.id;
      this.begun = null; // the new reset replaces a face verification
      this.awaitCode(reset.phone);
    });
  },

  async useSMS() {
    if (!this.hasCode()) return;
    await this.run(async () => {
      await this.send(form(), { path: `/v1/password/resets/${this.id}/code`, data: { code: this.data.code } });
      await this.setPassword();
    });
  },

  /** Goes back from a code to the first way, or on to the clerk's code. */
  otherWay() {
    this.settle();
    const { byCode, bySMS, offered } = this.data;
    this.setData({ byCode: bySMS ? !offered : !byCode, bySMS: false, code: '', problem: null, wrong: {} });
  },

  async setPassword() {
    if (!this.policy) await this.loadRules();
    this.setData({ proven: true, code: '' });
  },

  /** Queries the result from the server. */
  async proof() {
    for (let n = 1; ; n++) {
      const { state } = await this.call({ path: `/v1/password/resets/${this.id}` });
      if (state === 'passed') return;
      if (state !== 'started' || n === QUESTIONS) throw face.refused();
      this.waiting('正在等待验证结果，请稍候…');
      await new Promise((resolve) => setTimeout(resolve, BETWEEN * 1000));
    }
  },

  async submit() {
    if (this.data.busy || !this.acceptable() || !(await this.agreed())) return;
    await this.run(async () => {
      const path = `/v1/password/resets/${this.id}/confirm`;
      this.show(await this.send(this.form, { path, data: {}, seal: this.passwords() }));
    });
  },

  /** @param {outcome.Outcome} result */
  show(result) {
    this.setData({ new_password: '', new_password_again: '' });
    outcome.leave({ id: this.id, kind: 'resets', channels: this.sameOn(), ...result });
    my.redirectTo({ url: '/pages/result/index' });
  },

  /** After a lost reply, queries the state of the reset. @param {{code: string}} e */
  async ask(e) {
    if (!this.data.proven) return false;
    if (e.code === 'RESULT_UNKNOWN') {
      this.show({ state: 'unknown' });
      return true;
    }
    try {
      const reset = await this.call({ path: `/v1/password/resets/${this.id}` });
      if (reset.state === 'done') this.show(reset);
      return reset.state === 'done';
    } catch (other) {
      return false;
    }
  },
});
