// The settings of a front end.
module.exports = {
  /** The URL of the API. It must be whitelisted in Alipay's console (see README.md). */
  base: 'https://fundpass.example.com',
  /** Requests HTTP 200 for every reply, because some clients lose the body of other replies. */
  always200: true,
  /** Encrypts passwords in requests (encrypt.js). The server needs transport keys. */
  encrypted: false,
  /** The timeout of a request in milliseconds. The server answers within 5 s. */
  timeout: 15000,
  hotline: '12329',
  /** Where the counters are. */
  counter: '请本人携带身份证件到公积金中心柜台办理。柜台的地址和办公时间可拨打12329询问。',
};
