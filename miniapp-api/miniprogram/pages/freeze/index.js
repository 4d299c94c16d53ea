// 不是我: freezes the password and ends every session, this one too.
const screen = require('../../lib/screen.js');
const { form } = require('../../lib/request.js');
const session = require('../../lib/session.js');
const config = require('../../config.js');

/** @returns {Promise<boolean>} */
const sure = () => new Promise((resolve) => {
  my.confirm({
    title: '确定冻结密码吗？',
    content: '冻结后需要人脸验证或到柜台才能恢复。',
    confirmButtonText: '冻结',
    cancelButtonText: '不冻结',
    success: (r) => resolve(r.confirm),
    fail: () => resolve(false),
  });
});

screen({
  data: { frozen: false, hotline: config.hotline },

  onLoad() {
    this.form = form();
  },

  async freeze() {
    if (this.data.busy || !(await sure())) return;
    await this.run(async () => {
      await this.send(this.form, { path: '/v1/freeze', data: {} });
      session.forget();
      this.setData({ frozen: true });
    });
  },

  reset() {
    my.redirectTo({ url: '/pages/reset/index' });
  },

  back() {
    my.reLaunch({ url: '/pages/home/index' });
  },
});
