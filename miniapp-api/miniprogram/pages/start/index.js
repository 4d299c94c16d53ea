// The first screen. It calls no Alipay function that needs consent; 我的密码 does.
const screen = require('../../lib/screen.js');
const session = require('../../lib/session.js');

screen({
  first: true,
  data: {},

  enter() {
    session.enter();
    my.navigateTo({ url: '/pages/home/index' });
  },
});
