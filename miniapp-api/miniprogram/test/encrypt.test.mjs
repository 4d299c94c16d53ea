// Tests of encrypt.js against node:crypto, in a context with ECMAScript only.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import test from 'node:test';
import vm from 'node:vm';

const source = fs.readFileSync(new URL('../lib/encrypt.js', import.meta.url), 'utf8');

/** Loads encrypt.js with the given my and without BigInt. */
function load(my) {
  const module = { exports: {} };
  const context = vm.createContext({ my, module, BigInt: undefined });
  vm.runInContext(`(function () {${source}\n})()`, context);
  return module.exports;
}

/** my.rsa as documented: PKCS#1 v1.5 with random padding. */
const genuine = {
  canIUse: (name) => name === 'rsa',
  rsa({ text, key, success }) {
    const publicKey = crypto.createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' });
    const padding = crypto.constants.RSA_PKCS1_PADDING;
    success({ text: crypto.publicEncrypt({ key: publicKey, padding }, Buffer.from(text)).toString('base64') });
  },
};

function pair(bits, exponent = 65537) {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const kid = crypto.createHash('sha256').update(spki).digest('hex').slice(0, 16);
  return { privateKey, ticket: { ticket: 'T-1', kid, alg: 'RSA-OAEP-256', public_key: spki.toString('base64') } };
}

function open(key, sealed, label) {
  const options = { key, padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from(label) };
  return crypto.privateDecrypt(options, Buffer.from(sealed, 'base64')).toString();
}

const two = pair(2048);

test('SHA-256', () => {
  const { sha256, utf8 } = load(genuine);
  for (const n of [0, 1, 55, 56, 63, 64, 65, 200]) {
    const text = '密'.repeat(n);
    assert.equal(Buffer.from(sha256(utf8(text))).toString('hex'), crypto.createHash('sha256').update(text).digest('hex'), String(n));
  }
});

test('base64', () => {
  const { toBase64 } = load(genuine);
  for (const bytes of [[], [0], [255, 0], [1, 2, 3], [250, 251, 252, 253]]) assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
});

test('opens with the private key', async () => {
  const phone = load(genuine);
  for (const { privateKey, ticket } of [two, pair(3072), pair(2050), pair(2048, 3)]) {
    for (const [passwords, want] of [
      [{ password: 'Maple-41' }, '{"o":"Maple-41"}'],
      [{ old_password: '旧密码 "引号"\\' }, JSON.stringify({ o: '旧密码 "引号"\\' })],
      [{ new_password: '😀 new', new_password_again: '😀 new' }, '{"n":"😀 new"}'],
    ]) {
      const body = await phone.seal(ticket, passwords);
      assert.deepEqual(Object.keys(body), ['alg', 'kid', 'ticket', 'sealed']);
      assert.equal(open(privateKey, body.sealed, `gjj-password/1|${ticket.kid}|T-1`), want);
    }
  }
});

test('another ticket does not open it', async () => {
  const body = await load(genuine).seal(two.ticket, { password: 'x' });
  assert.throws(() => open(two.privateKey, body.sealed, `gjj-password/1|${two.ticket.kid}|T-2`));
});

test('many seeds, edge by edge', () => {
  const { oaep } = load(genuine);
  for (let i = 0; i < 20; i++) {
    const seed = [...crypto.randomBytes(32)];
    if (i === 0) seed.fill(0);
    if (i === 1) seed.fill(255);
    const sealed = Buffer.from(oaep({ key: two.ticket.public_key, label: 'l', text: 'x'.repeat(10 * i), seed })).toString('base64');
    assert.equal(open(two.privateKey, sealed, 'l'), 'x'.repeat(10 * i));
  }
});

test('190 bytes and no more', async () => {
  const phone = load(genuine);
  const longest = 'x'.repeat(182);
  assert.equal(open(two.privateKey, (await phone.seal(two.ticket, { password: longest })).sealed, `gjj-password/1|${two.ticket.kid}|T-1`).length, 190);
  await assert.rejects(phone.seal(two.ticket, { password: longest + 'x' }), { code: 'TOO_LONG' });
});

test('never seals the same twice', async () => {
  const phone = load(genuine);
  const all = await Promise.all([1, 2, 3].map(() => phone.seal(two.ticket, { password: 'x' })));
  assert.equal(new Set(all.map((body) => body.sealed)).size, 3);
});

test('refuses without native randomness', async () => {
  const cases = {
    'no my.rsa': { canIUse: () => false },
    'padding that never changes': { canIUse: () => true, rsa: ({ success }) => success({ text: 'QUFB' }) },
    'my.rsa fails': { canIUse: () => true, rsa: ({ fail }) => fail({ error: 10 }) },
    'my.rsa is empty': { canIUse: () => true, rsa: ({ success }) => success({ text: '' }) },
  };
  for (const [name, my] of Object.entries(cases)) await assert.rejects(load(my).seal(two.ticket, { password: 'x' }), { code: 'NO_RANDOMNESS' }, name);
});

test('refuses another algorithm', async () => {
  await assert.rejects(load(genuine).seal({ ...two.ticket, alg: 'RSA1_5' }, { password: 'x' }), { code: 'DECRYPT_FAILED' });
});
