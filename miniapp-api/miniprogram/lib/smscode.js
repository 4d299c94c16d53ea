// The code that the centre sends by SMS to the phone on file, on the pages that take one.
const session = require('./session.js');

/** The data of such a page. */
const data = {
  smsOffered: false,
  bySMS: false, // a code was requested
  sentTo: '', // the phone, masked; '' if the page must not show whether there is one
  code: '',
};

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  loadSMS() {
    this.setData({ smsOffered: session.smsOffered() });
  },

  /** Shows the field for a code that was sent. @param {string} [phone] */
  awaitCode(phone) {
    this.setData({ bySMS: true, sentTo: phone || '', code: '', problem: null, wrong: {} });
  },

  /** Reports whether a code is entered. */
  hasCode() {
    return this.complete({ code: '请输入短信验证码' });
  },
};

module.exports = { data, methods };
