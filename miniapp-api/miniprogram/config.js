// What a front end sets before it uploads.
module.exports = {
  /** The address of the API; whitelisted in Alipay's console (see README.md). */
  base: 'https://fundpass.example.com',
  /** Asks for HTTP 200 on every reply: some clients lose the body of the others. */
  always200: true,
  /** Seals passwords in requests (encrypt.js). The server needs transport keys. */
  encrypted: false,
  /** Milliseconds until a request is given up. The server answers within 5 s. */
  timeout: 15000,
  hotline: '12329',
};
