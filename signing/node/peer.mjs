// The peer of the signature tests, built with Alipay's SDK: it verifies and signs both as
// an application and as Alipay. Each line of stdin is a command in JSON; the reply is a
// line on stdout. It exits at the end of stdin.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { AlipaySdk } from 'alipay-sdk';
// The SDK does not export its signing functions.
import { sign, signatureV3 } from './node_modules/alipay-sdk/dist/esm/util.js';

let application; // has Alipay's public key
let alipay; // has the application's public key

const commands = {
  // keys sets the keys: base64 of DER, PKCS #1 (private) and PKIX (public).
  keys({ app_id: appId, app, app_public: appPublic, alipay: own, alipay_public: alipayPublic, gateway }) {
    application = new AlipaySdk({ appId, privateKey: app, alipayPublicKey: alipayPublic, gateway });
    alipay = new AlipaySdk({ appId, privateKey: own, alipayPublicKey: appPublic });
    return {};
  },

  // verify returns the results of the SDK's two functions that verify a notification.
  verify({ body }) {
    const form = Object.fromEntries(new URLSearchParams(body));
    const check = way => {
      try {
        return way(form);
      } catch (err) {
        return false; // V1 decodes values a second time
      }
    };
    return { v1: check(f => application.checkNotifySign(f)), v2: check(f => application.checkNotifySignV2(f)) };
  },

  // notice returns a notification signed like a request, with sign_type in the text.
  notice({ method, params }) {
    return { body: new URLSearchParams(sign(method, params, alipay.config)).toString() };
  },

  // text returns Alipay's signature over a text.
  text({ text }) {
    return { sign: signatureV3(text, alipay.config.privateKey) };
  },

  // request returns the query of a request.
  request({ method, params }) {
    return { body: application.sdkExecute(method, params) };
  },

  // answer verifies the application's answer to an SPI call.
  answer({ raw }) {
    try {
      alipay.checkResponseSign(raw, 'response', JSON.parse(raw).sign, '');
      return { ok: true };
    } catch (err) {
      return { ok: false };
    }
  },

  // exchange exchanges an auth code with the SDK as the client, with app_auth_token for a third-party
  // application.
  async exchange({ code, app_auth_token: appAuthToken }) {
    try {
      const params = { grantType: 'authorization_code', code, ...(appAuthToken && { appAuthToken }) };
      return await application.exec('alipay.system.oauth.token', params, { validateSign: true });
    } catch (err) {
      return { refused: err.message.split(/[,，:：]/)[0] };
    }
  },

  // serve starts a gateway on a free port.
  serve() {
    const server = createServer(gateway);
    return new Promise(resolve => server.listen(0, '127.0.0.1', () => {
      resolve({ url: `http://127.0.0.1:${server.address().port}/gateway.do` });
    }));
  },
};

// gateway answers an exchange whose request is signed by the application. The auth code
// selects a fault.
async function gateway(request, response) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const query = new URL(request.url, 'http://gateway').searchParams;
  const form = { ...Object.fromEntries(query), ...Object.fromEntries(new URLSearchParams(body)) };
  const genuine = alipay.checkNotifySignV2(form);
  const root = genuine ? 'alipay_system_oauth_token_response' : 'error_response';
  let content = JSON.stringify(genuine
    ? { open_id: 'node-citizen', access_token: 'token-of-' + form.code, expires_in: '300' }
    : { code: '40002', msg: 'Invalid Arguments', sub_code: 'isv.invalid-signature' });
  const signature = signatureV3(content, (form.code === 'forged' ? application : alipay).config.privateKey);
  if (form.code === 'altered') content = content.replace('300', '301');
  response.end(`{"${root}":${content},"sign":"${signature}"}`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  console.log(JSON.stringify(await commands[command.do](command)));
}
process.exit(0); // the gateway would keep the process running
