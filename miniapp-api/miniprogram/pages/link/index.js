// 绑定: ties the Alipay user to the fund account they prove to be theirs.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const { idTypes } = require('../../lib/words.js');
const face = require('../../lib/face.js');

/** What to do about a proof that this page cannot ask for. */
const ASK_THERE = '。本页暂不支持该核验方式，请到柜台办理';

screen({
  data: {
    types: idTypes,
    typeIndex: 0,
    name: '',
    id_type: '',
    id_number: '',
    account_no: '',
    password: '',
    shown: { password: false },
  },

  onLoad() {
    this.form = form();
    this.confirming = form();
  },

  /** @param {any} e */
  chooseType(e) {
    this.setData({ typeIndex: Number(e.detail.value), 'wrong.id_type': '' });
  },

  async submit() {
    const asked = { name: '请输入姓名', id_number: '请输入证件号码', password: '请输入公积金密码' };
    if (!this.complete(asked)) return;
    await this.run(async () => {
      const { name, id_number, account_no, password, typeIndex } = this.data;
      /** @type {Record<string, string>} */
      const data = { name, id_type: idTypes[typeIndex].code, id_number };
      if (account_no) data.account_no = account_no;
      try {
        await this.send(this.form, { path: '/v1/link', data, seal: { password } });
      } catch (e) {
        if (e.code !== 'LINK_PROOF_REQUIRED') throw e;
        await this.prove(e);
      }
      this.setData({ password: '' });
      my.showToast({ content: '绑定成功', type: 'success' });
      my.reLaunch({ url: '/pages/home/index' });
    });
  },

  /** The password is right and a face is to be shown. @param {any} e */
  async prove(e) {
    if (!e.pending) throw Object.assign({}, e, { message: [e.message].concat(e.fields.map((/** @type {any} */ f) => f.message)).join('：') + ASK_THERE });
    const status = await face.showFace(e.pending);
    if (status !== '9000') throw face.refused(status);
    await this.send(this.confirming, { path: `/v1/link/${e.pending.id}/confirm`, data: {} });
  },
});
