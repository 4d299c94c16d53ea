// 绑定: the steps that prove who the citizen is, a face or the phone number on file.
const face = require('../../lib/face.js');
const phone = require('../../lib/phone.js');
const { form } = require('../../lib/request.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

/** How often the server is asked whether Alipay has decided, and the seconds between. */
const QUESTIONS = 3;
const BETWEEN = 2;

const ELSEWHERE = '。本页暂不支持该核验方式，请到柜台办理';
const ANOTHER_FACE = '申请改绑要再验证一次人脸。';
const NOT_BY_PHONE = '手机号没有核验通过，可能与公积金预留的不一致。请改用人脸验证。';
const PERHAPS_PHONE = '；也可能是支付宝绑定的手机号与公积金预留的不一致，可以到柜台更正';

/** What the server tells the owner, here without the way to the reset, which is for who is linked. @type {Record<string, string>} */
const STOPPED = { PASSWORD_LOCKED: 'LINK_LOCKED', PASSWORD_FROZEN: 'LINK_FROZEN' };

/** What such a page has in its data. */
const data = {
  canFace: false, // proofs that would do, of those this page can ask for
  canPhone: false,
  note: '', // why the step is there
  authorizes: false, // whether this client can ask for a phone number
};

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** A new form begins: nothing is known of what it needs. */
  forgetProofs() {
    this.known = [];
    this.chosen = '';
    this.shownFace = false;
    this.pending = null; // the face verification that is open
  },

  /** LINK_PROOF_REQUIRED. @param {Problem} e */
  askProof(e) {
    const asked = e.fields.map((f) => f.field).filter((p) => p === 'face' || p === 'phone');
    if (asked.length === 0) {
      e.message = [e.message].concat(e.fields.map((f) => f.message)).join('：') + ELSEWHERE;
      return false;
    }
    this.known = this.known.concat(asked);
    this.pending = e.pending || null;
    const failed = this.phoneSent && !asked.includes('phone');
    if (!failed) this.phoneSent = false; // say in a former session
    const another = e.pending && this.shownFace && this.requestsTransfer() ? ANOTHER_FACE : '';
    this.showProof(e.pending ? 'face' : asked[0], failed ? NOT_BY_PHONE : another);
    return true;
  },

  /** @param {string} step face or phone @param {string} [note] */
  showProof(step, note = '') {
    const canPhone = this.known.includes('phone') && !this.phoneSent;
    this.toStep(step, { about: step, note, canFace: this.known.includes('face'), canPhone });
  },

  /** LINK_PROOF_LIMIT: no face today, perhaps the phone. Its message is shown. */
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

  /** Opens Alipay's page, for a new verification where none is open. */
  verifyFace() {
    return this.run(async () => {
      if (!this.pending) await this.openFace();
      const begun = this.pending;
      if (!begun) return; // linked without
      const status = await face.showFace(begun);
      if (!face.brokenOff(status)) this.pending = null; // starts are few a day: who broke off goes on
      if (status !== '9000') throw face.refused(status);
      this.shownFace = true;
      this.again = () => this.confirmFace(begun.id); // not another face, should the answer be lost
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

  /** Asks the server, which asks Alipay, who may need a moment. @param {string} id */
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

  /** The citizen has agreed in Alipay's dialog. */
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

  /** What a refusal means here. One has a message for every reason; the phone may be one. @param {Problem} e */
  explained(e) {
    if (e.code in STOPPED) return Object.assign({}, e, { code: STOPPED[e.code] });
    if (e.code !== 'LINK_REFUSED' || !this.phoneSent) return e;
    return Object.assign({}, e, { message: e.message + PERHAPS_PHONE });
  },
};

module.exports = { data, methods };
