// The mini-program 我的密码. What a front end changes stands in config.js.
App({});
