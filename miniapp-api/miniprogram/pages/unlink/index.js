// 解除绑定. It requires the password, because a borrowed phone must not be enough.
const screen = require('../../lib/screen.js');
const flash = require('../../lib/flash.js');
const { form } = require('../../lib/request.js');

/** @param {import('../../lib/request.js').Problem} e */
const wrong = ({ remaining }) => `公积金密码错误${remaining === undefined ? '' : `，密码还可以试${remaining}次`}`;

screen({
  data: { password: '', shown: { password: false } },

  onLoad() {
    this.form = form();
  },

  async submit() {
    if (!this.complete({ password: '请输入公积金密码' })) return;
    await this.run(async () => {
      const { password } = this.data;
      try {
        await this.send(this.form, { path: '/v1/link/remove', data: {}, seal: { password } });
      } catch (e) {
        throw e.code === 'OLD_PASSWORD_WRONG' ? Object.assign({}, e, { message: wrong(e) }) : e; // this page asks no document
      }
      this.setData({ password: '' });
      flash.leave('已解除绑定');
      my.reLaunch({ url: '/pages/home/index' });
    });
  },
});
