// 绑定: the steps that prove the citizen's identity, by face, by the phone number on file, or by a
// code sent to it.
const face = require('../../lib/face.js');
const phone = require('../../lib/phone.js');
const { form } = require('../../lib/request.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

/** The number of queries for Alipay's result and the seconds between them. */
const QUESTIONS = 3;
const BETWEEN = 2;

const ELSEWHERE = '。本页暂不支持该核验方式，请到柜台办理';
const ANOTHER_FACE = '申请改绑要再验证一次人脸。';
const NOT_BY_PHONE = '手机号没有核验通过，可能与公积金预留的不一致。请改用人脸验证。';
const PERHAPS_PHONE = '；也可能是支付宝绑定的手机号与公积金预留的不一致，可以到柜台更正';

/** Messages for the owner without the reset, which requires a link. @type {Record<string, string>} */
const STOPPED = { PASSWORD_LOCKED: 'LINK_LOCKED', PASSWORD_FROZEN: 'LINK_FROZEN' };

/** The data of such a page. */
const data = {
  canFace: false, // possible proofs that this page supports
  canPhone: false,
  canSMS: false,
  note: '', // the reason of the step
  authorizes: false, // whether this client supports requesting a phone number
};

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Resets the proofs for a new form. */
  forgetProofs() {
    this.known = [];
    this.chosen = '';
    this.shownFace = false;
    this.pending = null; // the open face verification
    this.codeFor = ''; // the id of the link that waits for a code
  },

  /** Handles LINK_PROOF_REQUIRED. @param {Problem} e */
  askProof(e) {
    const asked = e.fields.map((f) => f.field).filter((p) => p === 'face' || p === 'phone' || p === 'sms');
    if (asked.length === 0) {
      e.message = [e.message].concat(e.fields.map((f) => f.message)).join('：') + ELSEWHERE;
      return false;
    }
    this.known = this.known.concat(asked);
    if (e.pending && e.pending.phone) return this.showCode(e.pending);
    this.pending = e.pending || null;
    const failed = this.phoneSent && !asked.includes('phone');
    if (!failed) this.phoneSent = false; // it was sent in a former session
    const another = e.pending && this.shownFace && this.requestsTransfer() ? ANOTHER_FACE : '';
    this.showProof(e.pending ? 'face' : asked[0], failed ? NOT_BY_PHONE : another);
    return true;
  },

  /** @param {string} step face or phone @param {string} [note] */
  showProof(step, note = '') {
    this.toStep(step, { about: step, note, ...this.ways() });
  },

  /** Returns which proofs are possible. */
  ways() {
    const canPhone = this.known.includes('phone') && !this.phoneSent;
    return { canFace: this.known.includes('face'), canPhone, canSMS: this.known.includes('sms') };
  },

  /** Asks for the code that was sent to the phone on file. @param {{id: string, phone?: string}} pending */
  showCode(pending) {
    this.codeFor = pending.id;
    this.pending = null; // the code replaces a face verification
    this.awaitCode(pending.phone);
    this.toStep('sms', this.ways());
    return true;
  },

  /** Requests a code, or another one. */
  sendSMS() {
    this.chosen = 'sms';
    return this.run(() => this.link('sms'));
  },

  async useSMS() {
    if (!this.hasCode()) return;
    await this.run(async () => {
      await this.send(form(), { path: `/v1/link/${this.codeFor}/confirm`, data: { code: this.data.code } });
      this.finish();
    });
  },

  /** Handles LINK_PROOF_LIMIT: shows its message and offers the phone if that is possible. */
  noMoreFaces() {
    this.known = this.known.filter((/** @type {string} */ p) => p !== 'face');
    this.setData({ canFace: false });
    return false;
  },

  useFace() {
    this.chosen = 'face';
    this.showProof('face');
  },

  usePhone() {
    this.chosen = 'phone';
    this.showProof('phone');
  },

  /** Opens Alipay's page, for a new verification if none is open. */
  verifyFace() {
    return this.run(async () => {
      if (!this.pending) await this.openFace();
      const begun = this.pending;
      if (!begun) return; // linked without a face
      const status = await face.showFace(begun);
      if (!face.brokenOff(status)) this.pending = null; // an interrupted verification can continue; starts per day are limited
      if (status !== '9000') throw face.refused(status);
      this.shownFace = true;
      this.again = () => this.confirmFace(begun.id); // after a lost answer, repeat only the confirmation
      await this.confirmFace(begun.id);
    });
  },

  async openFace() {
    try {
      await this.link('face');
    } catch (e) {
      if (e.code !== 'LINK_PROOF_REQUIRED' || !e.pending) throw e;
      this.askProof(e);
    }
  },

  /** Queries the result from the server; Alipay may need a moment. @param {string} id */
  async confirmFace(id) {
    for (let n = 1; ; n++) {
      try {
        await this.send(this.confirming, { path: `/v1/link/${id}/confirm`, data: {} });
        return this.finish();
      } catch (e) {
        if (e.code !== 'IDENTITY_NOT_PROVEN' || n === QUESTIONS) throw e;
      }
      this.waiting('正在等待验证结果，请稍候…');
      await new Promise((resolve) => setTimeout(resolve, BETWEEN * 1000));
    }
  },

  /** Called after the citizen has agreed in Alipay's dialog. */
  phoneAllowed() {
    return this.run(async () => {
      await this.send(form(), { path: '/v1/phone', data: await phone.phoneNumber() });
      this.phoneSent = true;
      await this.link();
    });
  },

  phoneDenied() {
    return this.run(async () => {
      throw phone.denied();
    });
  },

  /** Handles a refusal. LINK_REFUSED does not state its reason, which may be the phone. @param {Problem} e */
  explained(e) {
    if (e.code in STOPPED) return Object.assign({}, e, { code: STOPPED[e.code] });
    if (e.code !== 'LINK_REFUSED' || !this.phoneSent) return e;
    return Object.assign({}, e, { message: e.message + PERHAPS_PHONE });
  },
};

module.exports = { data, methods };
