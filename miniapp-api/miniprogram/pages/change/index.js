// 修改密码, first page: personal data and the old password.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const own = require('../../lib/own.js');
const session = require('../../lib/session.js');
const { maskedAccount } = require('../../lib/words.js');

screen({
  data: { account: null, initialHint: '', id_number: '', old_password: '', shown: { old_password: false } },

  onLoad() {
    this.form = form();
    return this.run(async () => {
      const { account, password_state } = await this.call({ path: '/v1/link' });
      this.setData({ account: maskedAccount(account), initialHint: password_state === 'initial' ? session.initialHint() : '' });
    });
  },

  async submit() {
    if (!this.complete({ id_number: '请输入证件号码', old_password: '请输入原密码' })) return;
    await this.run(async () => {
      const { id_number, old_password } = this.data;
      const call = { path: '/v1/password/changes', data: { id_number }, seal: { old_password } };
      const change = await this.send(this.form, call);
      this.setData({ old_password: '' });
      own.keep(id_number);
      const replaced = change.replaced ? `&replaced=${change.replaced.opened_at}` : '';
      my.redirectTo({ url: `/pages/new/index?id=${change.id}${replaced}` });
    });
  },

  forgot() {
    my.redirectTo({ url: '/pages/reset/index' });
  },
});
