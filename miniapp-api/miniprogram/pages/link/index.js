// 绑定: ties the Alipay user to the fund account they prove to be theirs.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const { idTypes } = require('../../lib/words.js');

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
      await this.send(this.form, { path: '/v1/link', data, seal: { password } });
      this.setData({ password: '' });
      my.showToast({ content: '绑定成功', type: 'success' });
      my.reLaunch({ url: '/pages/home/index' });
    });
  },
});
