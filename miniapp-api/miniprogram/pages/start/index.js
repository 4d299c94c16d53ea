// The first screen. It calls no Alipay function that needs consent; 我的密码 does.
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
