// 找回密码: for a citizen who has forgotten the password and is not linked. After the face
// verification, or with a code sent to the phone on file, the account is linked and the new
// password set, in one step.
const screen = require('../../lib/screen.js');
const consents = require('../../lib/consents.js');
const face = require('../../lib/face.js');
const { form } = require('../../lib/request.js');
const newPassword = require('../../lib/newpassword.js');
const outcome = require('../../lib/outcome.js');
const own = require('../../lib/own.js');
const person = require('../../lib/person.js');
const smscode = require('../../lib/smscode.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

/** The number of queries for Alipay's result and the seconds between them. */
const QUESTIONS = 3;
const BETWEEN = 2;

screen({
  ...consents.methods,
  ...newPassword.methods,
  ...person.methods,
  ...smscode.methods,
  data: {
    step: '', // '' = the form; consent, sms, new
    about: '', // the purpose of the step's text
    ...consents.data,
    ...newPassword.data,
    ...person.data,
    ...smscode.data,
  },

  onLoad() {
    this.starting = form();
    this.form = form();
    this.begin = () => this.prove();
    return this.run(async () => {
      await this.loadConsents();
      this.loadSMS();
    });
  },

  /** The link and the face are what the citizen consents to. @param {{purpose: string}} c */
  lists(c) {
    return { listed: c.purpose === 'link' || c.purpose === 'face' };
  },

  verify() {
    return this.start(() => this.prove());
  },

  sendSMS() {
    return this.start(() => this.openSMS());
  },

  /** Starts one of the ways once the form is complete. @param {() => Promise<void>} begin */
  async start(begin) {
    if (this.data.busy || !this.complete(person.asked)) return;
    this.begin = begin;
    // Nothing is sent before the citizen could read the texts.
    if (this.data.consents.length === 0) return this.run(() => this.loadConsents());
    await this.run(begin);
  },

  /** Requests a code. The answer does not say whether the centre knows the person. */
  async openSMS() {
    const recovery = await this.send(form(), { path: '/v1/password/recoveries', data: Object.assign(this.claim(), { proof: 'sms' }) });
    this.begun = null; // the new recovery replaces a face verification
    this.id = recovery.id;
    this.recovery = recovery;
    this.awaitCode();
    this.toStep('sms');
  },

  async useSMS() {
    if (!this.hasCode()) return;
    await this.run(async () => {
      await this.send(form(), { path: `/v1/password/recoveries/${this.id}/code`, data: { code: this.data.code } });
      this.proven(this.recovery);
    });
  },

  byForm() {
    this.setData({ code: '' });
    this.toStep('');
  },

  async prove() {
    const recovery = await this.open();
    const status = await face.showFace(recovery);
    this.begun = face.brokenOff(status) ? recovery : null;
    if (status !== '9000') throw face.refused(status);
    await this.proof();
    this.proven(recovery);
  },

  /** @param {any} recovery */
  proven(recovery) {
    own.keep(this.data.id_number);
    this.usePolicy(recovery);
    this.toStep('new');
  },

  /** Returns what the citizen states. */
  claim() {
    const data = this.holder();
    if (this.data.account_no) data.account_no = this.data.account_no;
    return data;
  },

  /** Continues an interrupted verification of the same person, because starts per day are limited. */
  async open() {
    const data = this.claim();
    const of = JSON.stringify(data);
    if (!this.begun || this.begunOf !== of) this.begun = await this.send(this.starting, { path: '/v1/password/recoveries', data });
    this.begunOf = of;
    this.id = this.begun.id;
    return this.begun;
  },

  /** Queries the result from the server. */
  async proof() {
    for (let n = 1; ; n++) {
      const { state } = await this.call({ path: `/v1/password/recoveries/${this.id}` });
      if (state === 'passed') return;
      if (state !== 'started' || n === QUESTIONS) throw face.refused();
      this.waiting('正在等待验证结果，请稍候…');
      await new Promise((resolve) => setTimeout(resolve, BETWEEN * 1000));
    }
  },

  async submit() {
    if (this.data.busy || !this.acceptable() || !(await this.agreed())) return;
    await this.run(() => this.confirm());
  },

  async confirm() {
    const path = `/v1/password/recoveries/${this.id}/confirm`;
    this.show(await this.send(this.form, { path, data: {}, seal: this.passwords() }));
  },

  /** @param {outcome.Outcome} result */
  show(result) {
    this.setData({ new_password: '', new_password_again: '' });
    own.forget();
    outcome.leave({ id: this.id, kind: 'recoveries', channels: this.sameOn(), ...result });
    my.redirectTo({ url: '/pages/result/index' });
  },

  /** After a lost reply, queries the state of the recovery. @param {{code: string}} e */
  async ask(e) {
    if (this.data.step !== 'new') return false;
    if (e.code === 'RESULT_UNKNOWN') {
      this.show({ state: 'unknown' });
      return true;
    }
    try {
      const recovery = await this.call({ path: `/v1/password/recoveries/${this.id}` });
      if (recovery.state === 'done') this.show(recovery);
      return recovery.state === 'done';
    } catch (other) {
      return false;
    }
  },

  /** Handles CONSENT_REQUIRED: shows the text, then continues. @param {Problem} e */
  async nextStep(e) {
    if (e.code !== 'CONSENT_REQUIRED') return false;
    await this.loadConsents();
    const about = e.fields.map((f) => f.field).find((purpose) => this.consentTo(purpose));
    if (!about) return false;
    this.cameFrom = this.data.step === 'consent' ? this.cameFrom : this.data.step;
    this.toStep('consent', { about });
    return true;
  },

  agreeAbout() {
    return this.run(async () => {
      await this.giveConsent(this.data.about);
      this.toStep(this.cameFrom);
      await (this.cameFrom === 'new' ? this.confirm() : this.begin());
    });
  },

  disagreeAbout() {
    this.toStep(this.cameFrom);
    this.tell('您没有同意这项说明，还不能在这里找回密码。可以到柜台办理。');
  },

  /** @param {string} step @param {object} [more] */
  toStep(step, more) {
    this.setData(Object.assign({ step, problem: null }, more));
    my.pageScrollTo({ scrollTop: 0 });
  },

  /** A code from a clerk replaces the password of a link. */
  useCode() {
    my.redirectTo({ url: '/pages/link/index?by=code' });
  },
});
