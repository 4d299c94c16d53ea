// The first screen. It asks Alipay for nothing: that begins with 我的密码.
const screen = require('../../lib/screen.js');
const elder = require('../../lib/elder.js');
const config = require('../../config.js');

screen({
  data: { hotline: config.hotline },

  enter() {
    my.navigateTo({ url: '/pages/home/index' });
  },

  /** @param {any} e */
  changeElder(e) {
    elder.set(e.detail.value);
    this.setData({ elder: e.detail.value });
  },
});
