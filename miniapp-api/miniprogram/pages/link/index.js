// 绑定: links the Alipay user to a fund account. Further requirements of the server are steps of
// this page, so that nothing is typed twice. The password stays in the page's memory until the
// link is made or the page is closed.
const screen = require('../../lib/screen.js');
const { behaviour } = require('../../lib/errors.js');
const { form } = require('../../lib/request.js');
const flash = require('../../lib/flash.js');
const person = require('../../lib/person.js');
const session = require('../../lib/session.js');
const consents = require('../../lib/consents.js');
const agreeing = require('./consent.js');
const facing = require('./facefirst.js');
const proving = require('./proof.js');
const smscode = require('../../lib/smscode.js');
const transferring = require('./transfer.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

/**
 * The method that shows the step for a code. It reports whether it did; otherwise the page shows
 * the message. Another step needs a line here, its methods and its axml.
 * @type {Record<string, string>}
 */
const STEPS = {
  CONSENT_REQUIRED: 'askConsent',
  LINK_PROOF_REQUIRED: 'askProof',
  LINK_PROOF_LIMIT: 'noMoreFaces',
  ALREADY_LINKED: 'offerTransfer',
  TRANSFER_WAITING: 'showWaiting',
};

screen({
  ...person.methods,
  ...consents.methods,
  ...agreeing.methods,
  ...facing.methods,
  ...proving.methods,
  ...transferring.methods,
  ...smscode.methods,
  data: {
    step: '', // '' = the form; consent, face, phone, sms, transfer, waiting
    ...person.data,
    password: '',
    initialHint: '', // of the centre
    byCode: false, // a reset code replaces a forgotten password
    reset_code: '',
    shown: { password: false },
    ...consents.data,
    ...agreeing.data,
    ...facing.data,
    ...proving.data,
    ...transferring.data,
    ...smscode.data,
  },

  /** @param {{by?: string}} [query] */
  onLoad(query) {
    this.form = form();
    this.confirming = form();
    this.forgetProofs();
    this.phoneSent = false; // the server keeps the number with the session
    this.setData({ authorizes: my.canIUse('button.open-type.getAuthorize'), byCode: !!query && query.by === 'code' });
    return this.run(async () => {
      await this.loadConsents();
      this.setData({ initialHint: session.initialHint() });
    });
  },

  otherWay() {
    this.settle();
    this.setData({ byCode: !this.data.byCode, password: '', reset_code: '', problem: null, wrong: {} });
  },

  /** For a citizen who has forgotten the password. */
  recover() {
    my.redirectTo({ url: '/pages/recover/index' });
  },

  async submit() {
    const secret = this.data.byCode ? { reset_code: '请输入重置码' } : { password: '请输入公积金密码' };
    if (this.data.busy || !this.complete({ ...person.asked, ...secret })) return;
    // Nothing is sent before the citizen could read the texts.
    if (this.data.consents.length === 0) return this.run(() => this.loadConsents());
    this.forgetProofs();
    if (!this.agreedToLink()) return this.showWanted(['link']);
    await this.run(() => this.link());
  },

  /** Sends the form. @param {string} [proof] the citizen's choice */
  async link(proof) {
    const { account_no, password, byCode, reset_code } = this.data;
    /** @type {Record<string, any>} */
    const data = this.holder();
    const faceId = this.firstFace();
    if (faceId) data.face_id = faceId;
    if (account_no) data.account_no = account_no;
    if (byCode) data.reset_code = reset_code;
    if (this.requestsTransfer()) data.transfer = true;
    if (proof) data.proof = proof;
    try {
      await this.send(this.form, { path: '/v1/link', data, seal: byCode ? undefined : { password } });
    } catch (e) {
      this.noteFaceFirst(e);
      if (behaviour(e.code).does === 'correct') this.toForm(); // shows the fields to correct
      throw this.explained(e);
    }
    this.finish();
  },

  /** After a link with a reset code, opens the page that sets a new password. */
  finish() {
    const next = this.data.byCode ? '/pages/reset/index?by=code' : '/pages/home/index';
    this.setData({ password: '', reset_code: '' });
    flash.leave('绑定成功');
    my.reLaunch({ url: next });
  },

  /** @param {Problem} e @returns {Promise<boolean>} */
  async nextStep(e) {
    const open = STEPS[e.code];
    return open ? this[open](e) : false;
  },

  /** @param {string} step @param {object} [more] */
  toStep(step, more) {
    this.setData(Object.assign({ step, problem: null }, more));
    my.pageScrollTo({ scrollTop: 0 });
  },

  /** Returns to the form as it was typed, with the problem above it. */
  toForm() {
    if (this.data.step) this.toStep('', { at: 'top' });
  },

  /** After a lost reply, queries whether the link was made. @param {Problem} e */
  async ask(e) {
    try {
      await this.call({ path: '/v1/link' });
    } catch (other) {
      if (e.code === 'LINK_GONE') this.toForm();
      return false;
    }
    this.finish();
    return true;
  },
});
