// 绑定: the face before the password, which helps where other people's failed attempts lock the password.
const face = require('../../lib/face.js');
const { form } = require('../../lib/request.js');
const { idTypes } = require('../../lib/words.js');

/** @typedef {import('../../lib/request.js').Problem} Problem */

const PASSED = '人脸验证已通过。请输入公积金密码，再点“确认绑定”。';

/** What such a page has in its data. */
const data = { faceFirst: false }; // whether the server offers it

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Who the form says the citizen is. */
  holder() {
    const { name, id_number, typeIndex } = this.data;
    return { name, id_type: idTypes[typeIndex].code, id_number };
  },

  /** A refusal of the form. @param {Problem} e */
  noteFaceFirst(e) {
    if (e.code === 'LINK_GONE') this.faceOf = '';
    this.setData({ faceFirst: Boolean(e.faceFirstOffered) });
  },

  /** The face that was shown for this very person, if any. @returns {string} its id */
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

  /** Starts are few a day: who broke off goes on. @param {object} holder */
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
