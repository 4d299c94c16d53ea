// The mini-program 我的密码. What a front end changes stands in config.js.
const session = require('./lib/session.js');

App({
  globalData: {
    /** What the result page shows: set by the page before it. @type {object|null} */
    result: null,
  },
  // The platform ends a mini-program when it likes; a token is never stored.
  onHide() {},
  onError() {
    session.forget();
  },
});
