// The other end of the signature tests, made of Alipay's own SDK: it verifies and
// signs as an application and as Alipay does. Every line of stdin is a command in
// JSON, and is answered by a line on stdout. It ends when stdin does.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { AlipaySdk } from 'alipay-sdk';
// The SDK does not export how it signs, and its signature is what is wanted here.
import { sign, signatureV3 } from './node_modules/alipay-sdk/dist/esm/util.js';

let application; // knows Alipay's public key
let alipay; // the other way round: knows the application's public key

const commands = {
  // keys are base64 of PKCS #1 (private) and PKIX (public), in DER.
  keys({ app_id: appId, app, app_public: appPublic, alipay: own, alipay_public: alipayPublic, gateway }) {
    application = new AlipaySdk({ appId, privateKey: app, alipayPublicKey: alipayPublic, gateway });
    alipay = new AlipaySdk({ appId, privateKey: own, alipayPublicKey: appPublic });
    return {};
  },

  // verify says what the SDK's two ways to verify a notification say about a form.
  verify({ body }) {
    const form = Object.fromEntries(new URLSearchParams(body));
    const check = way => {
      try {
        return way(form);
      } catch (err) {
        return false; // V1 decodes a value that never was encoded
      }
    };
    return { v1: check(f => application.checkNotifySign(f)), v2: check(f => application.checkNotifySignV2(f)) };
  },

  // notice is what the SDK signs as it signs requests: sign_type is signed, too.
  notice({ method, params }) {
    return { body: new URLSearchParams(sign(method, params, alipay.config)).toString() };
  },

  // text is a signature of Alipay's over any text.
  text({ text }) {
    return { sign: signatureV3(text, alipay.config.privateKey) };
  },

  // request is the query that the SDK would send.
  request({ method, params }) {
    return { body: application.sdkExecute(method, params) };
  },

  // answer verifies what the application answered to a call of Alipay's.
  answer({ raw }) {
    try {
      alipay.checkResponseSign(raw, 'response', JSON.parse(raw).sign, '');
      return { ok: true };
    } catch (err) {
      return { ok: false };
    }
  },

  // exchange is the SDK as a client of the gateway.
  async exchange({ code }) {
    try {
      const params = { grantType: 'authorization_code', code };
      return await application.exec('alipay.system.oauth.token', params, { validateSign: true });
    } catch (err) {
      return { refused: err.message.split(/[,，:：]/)[0] };
    }
  },

  // serve is a gateway on a free port.
  serve() {
    const server = createServer(gateway);
    return new Promise(resolve => server.listen(0, '127.0.0.1', () => {
      resolve({ url: `http://127.0.0.1:${server.address().port}/gateway.do` });
    }));
  },
};

// gateway answers an exchange, if the request is truly the application's. The auth
// code says how.
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
process.exit(0); // the gateway would go on
