// 绑定: verifies the face before the password, for citizens whose password other people's failed
// attempts have locked.
const face = require('../../lib/face.js');
const { form } = require('../../lib/request.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

const PASSED = '人脸验证已通过。请输入公积金密码，再点“确认绑定”。';

/** The data of such a page. */
const data = { faceFirst: false }; // whether the server offers it

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Handles a refusal of the form. @param {Problem} e */
  noteFaceFirst(e) {
    if (e.code === 'LINK_GONE') this.faceOf = '';
    this.setData({ faceFirst: Boolean(e.faceFirstOffered) });
  },

  /** Returns the id of the face verification of this person, or ''. @returns {string} */
  firstFace() {
    return this.faceOf === JSON.stringify(this.holder()) ? this.faceId : '';
  },

  showFaceFirst() {
    return this.run(async () => {
      const holder = this.holder();
      const begun = await this.openFirst(holder);
      const status = await face.showFace(begun);
      this.openedFirst = face.brokenOff(status) ? begun : null;
      if (status !== '9000') throw face.refused(status);
      Object.assign(this, { faceId: begun.id, faceOf: JSON.stringify(holder) });
      this.setData({ faceFirst: false });
      this.tell(PASSED);
    });
  },

  /** Continues an interrupted verification, because starts per day are limited. @param {object} holder */
  async openFirst(holder) {
    const of = JSON.stringify(holder);
    if (this.openedFirst && this.openedOf === of) return this.openedFirst;
    this.openedOf = of;
    try {
      return await this.send(form(), { path: '/v1/link', data: Object.assign({ face_first: true }, holder) });
    } catch (e) {
      if (e.code !== 'LINK_PROOF_REQUIRED' || !e.pending) throw e;
      return e.pending;
    }
  },
};

module.exports = { data, methods };
