// Encrypts passwords, so that no log between the phone and the server contains them. TLS is
// still required. Scheme "gjj-password/1":
//
//   ticket     POST /v1/password/tickets -> {ticket, kid, alg: "RSA-OAEP-256",
//              public_key (SPKI, DER, base64), expires_in}; single use, bound to
//              the session
//   plaintext  UTF-8 of JSON without blanks, with the passwords only, the new one once:
//                link, link/remove   {"o":password}
//                changes             {"o":old_password}
//                confirm             {"n":new_password}
//              (the page has compared the new password with its repetition)
//   label      UTF-8 of "gjj-password/1|" + kid + "|" + ticket
//   sealed     RSA-OAEP, SHA-256 for hash and for MGF1 (RFC 8017, 7.1.1), base64
//              with padding; at most 190 bytes of plaintext for a 2048-bit key
//   request    in place of the password fields:
//              "encrypted": {"alg": "RSA-OAEP-256", "kid", "ticket", "sealed"}
//
// The OAEP seed must be unpredictable, but the platform's JavaScript has no random source.
// my.rsa has one: its PKCS#1 v1.5 padding is random. The seed is a hash of two ciphertexts of
// one text. If they are equal, or my.rsa is missing, encryption fails with NO_RANDOMNESS.
// Numbers are arrays of 24-bit limbs, lowest first, because iOS before 14 has no BigInt.

const LIMB = 1 << 24;

/** Fractional parts of square (h) and cube (k) roots of primes, FIPS 180-4. */
const { H, K } = (() => {
  /** @type {number[]} */
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (/** @type {number} */ x) => ((x - Math.floor(x)) * 4294967296) | 0;
  return { H: primes.slice(0, 8).map((p) => fraction(Math.sqrt(p))), K: primes.map((p) => fraction(Math.cbrt(p))) };
})();

/** @param {number[]} message bytes, below 512 MB @returns {number[]} 32 bytes */
function sha256(message) {
  const bits = message.length * 8;
  const m = message.concat(0x80);
  while (m.length % 64 !== 56) m.push(0);
  m.push(0, 0, 0, 0, bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255);
  const h = H.slice();
  for (let at = 0; at < m.length; at += 64) block(h, m, at);
  return h.reduce((/** @type {number[]} */ out, x) => out.concat(x >>> 24, (x >>> 16) & 255, (x >>> 8) & 255, x & 255), []);
}

/** Processes one block of m. @param {number[]} h @param {number[]} m @param {number} at */
function block(h, m, at) {
  const turn = (/** @type {number} */ x, /** @type {number} */ n) => (x >>> n) | (x << (32 - n));
  /** @type {number[]} */
  const w = [];
  let [a, b, c, d, e, f, g, z] = h;
  for (let i = 0; i < 64; i++) {
    if (i < 16) {
      const j = at + 4 * i;
      w[i] = (m[j] << 24) | (m[j + 1] << 16) | (m[j + 2] << 8) | m[j + 3];
    } else {
      const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const t1 = (z + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const t2 = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    z = g; g = f; f = e; e = (d + t1) | 0;
    d = c; c = b; b = a; a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, z].forEach((x, i) => {
    h[i] = (h[i] + x) | 0;
  });
}

/** MGF1 of RFC 8017, B.2.1. @param {number[]} seed @param {number} length @returns {number[]} */
function mgf1(seed, length) {
  /** @type {number[]} */
  let mask = [];
  for (let n = 0; mask.length < length; n++) mask = mask.concat(sha256(seed.concat(0, 0, 0, n)));
  return mask.slice(0, length);
}

/** @param {string} text @returns {number[]} */
function utf8(text) {
  const escaped = encodeURIComponent(text);
  const bytes = [];
  for (let i = 0; i < escaped.length; i++) {
    if (escaped[i] === '%') {
      bytes.push(parseInt(escaped.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(escaped.charCodeAt(i));
  }
  return bytes;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** @param {number[]} bytes @returns {string} */
function toBase64(bytes) {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const n = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0);
    const left = bytes.length - i;
    out += LETTERS[n >> 18] + LETTERS[(n >> 12) & 63] + (left > 1 ? LETTERS[(n >> 6) & 63] : '=') + (left > 2 ? LETTERS[n & 63] : '=');
  }
  return out;
}

/** @param {string} text @returns {number[]} */
function fromBase64(text) {
  /** @type {number[]} */
  const out = [];
  let n = 0;
  let bits = 0;
  for (const letter of text.replace(/=+$/, '')) {
    n = ((n << 6) | LETTERS.indexOf(letter)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push((n >> bits) & 255);
    }
  }
  return out;
}

/** Returns modulus and exponent of an SPKI in DER, its last two INTEGERs. @param {number[]} der */
function publicKey(der) {
  let at = 0;
  const head = () => {
    const tag = der[at++];
    let length = der[at++];
    if (length > 127) {
      let n = length - 128;
      for (length = 0; n > 0; n--) length = length * 256 + der[at++];
    }
    return { tag, length };
  };
  const enter = (/** @type {number} */ tag) => {
    if (head().tag !== tag) throw { code: 'DECRYPT_FAILED', message: '', fields: [] };
  };
  const skip = () => {
    const { length } = head();
    at += length;
  };
  const integer = () => {
    const { length } = head();
    at += length;
    return der.slice(at - length, at);
  };
  enter(0x30); // SubjectPublicKeyInfo
  skip(); // AlgorithmIdentifier
  enter(0x03);
  at++; // BIT STRING, no unused bits
  enter(0x30); // RSAPublicKey
  const n = integer();
  while (n[0] === 0) n.shift();
  return { n, e: integer().reduce((x, byte) => x * 256 + byte, 0) };
}

/** @param {number[]} bytes highest first @returns {number[]} limbs, one more than needed */
function limbs(bytes) {
  const out = [];
  for (let i = bytes.length; i > 0; i -= 3) out.push((bytes[i - 1] || 0) + (bytes[i - 2] || 0) * 256 + (bytes[i - 3] || 0) * 65536);
  return out.concat(0);
}

/** a = a + b; both below the modulus. @param {number[]} a @param {number[]} b @param {number[]} modulus */
function add(a, b, modulus) {
  let carry = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] + b[i] + carry;
    carry = x >= LIMB ? 1 : 0;
    a[i] = x - carry * LIMB;
  }
  let i = a.length - 1;
  while (i > 0 && a[i] === modulus[i]) i--;
  if (a[i] < modulus[i]) return;
  let borrow = 0;
  for (let j = 0; j < a.length; j++) {
    const x = a[j] - modulus[j] - borrow;
    borrow = x < 0 ? 1 : 0;
    a[j] = x + borrow * LIMB;
  }
}

/** a times b, by doubling and adding. @param {number[]} a @param {number[]} b @param {number[]} modulus */
function multiply(a, b, modulus) {
  const product = a.map(() => 0);
  for (let i = 24 * a.length - 1; i >= 0; i--) {
    add(product, product, modulus);
    if ((a[Math.floor(i / 24)] >> i % 24) & 1) add(product, b, modulus);
  }
  return product;
}

/** @param {number[]} message bytes, a number below n @param {{n: number[], e: number}} key @returns {number[]} */
function power(message, { n, e }) {
  const modulus = limbs(n);
  const base = limbs(message);
  let result = base;
  for (const bit of e.toString(2).slice(1)) {
    result = multiply(result, result, modulus);
    if (bit === '1') result = multiply(result, base, modulus);
  }
  return n.map((_, i) => {
    const at = n.length - 1 - i;
    return (result[Math.floor(at / 3)] >> (8 * (at % 3))) & 255;
  });
}

/** EME-OAEP and RSAEP of RFC 8017. @param {{key: string, label: string, text: string, seed: number[]}} o @returns {number[]} */
function oaep({ key, label, text, seed }) {
  const rsa = publicKey(fromBase64(key));
  const message = utf8(text);
  const room = rsa.n.length - 66 - message.length;
  if (room < 0) throw { code: 'TOO_LONG', message: '', fields: [] };
  const block = sha256(utf8(label)).concat(new Array(room).fill(0), 1, message);
  const mask = mgf1(seed, block.length);
  const masked = block.map((byte, i) => byte ^ mask[i]);
  const seedMask = mgf1(masked, 32);
  return power([0].concat(seed.map((byte, i) => byte ^ seedMask[i]), masked), rsa);
}

/** Returns one ciphertext of my.rsa. @param {string} key @returns {Promise<string>} */
function native(key) {
  return new Promise((resolve) => {
    if (!my.canIUse('rsa')) resolve('');
    else my.rsa({ action: 'encrypt', text: 'r', key, success: (r) => resolve(r.text), fail: () => resolve('') });
  });
}

/** Returns 32 unpredictable bytes. @param {Ticket} ticket @returns {Promise<number[]>} */
async function unpredictable(ticket) {
  const one = await native(ticket.public_key);
  const two = await native(ticket.public_key);
  if (!one || !two || one === two) throw { code: 'NO_RANDOMNESS', message: '', fields: [] };
  return sha256(utf8([Date.now(), Math.random(), Math.random(), ticket.ticket, one, two].join('|')));
}

/** @typedef {{ticket: string, kid: string, alg: string, public_key: string}} Ticket */

/**
 * Encrypts the passwords of one request under its ticket.
 * @param {Ticket} ticket
 * @param {Record<string, string>} passwords by the names of the plain fields
 * @returns {Promise<{alg: string, kid: string, ticket: string, sealed: string}>}
 */
async function seal(ticket, passwords) {
  if (ticket.alg !== 'RSA-OAEP-256') throw { code: 'DECRYPT_FAILED', message: '', fields: [] };
  /** @type {{o?: string, n?: string}} */
  const plain = {};
  const old = passwords.password || passwords.old_password;
  if (old) plain.o = old;
  if (passwords.new_password) plain.n = passwords.new_password;
  const label = 'gjj-password/1|' + ticket.kid + '|' + ticket.ticket;
  const seed = await unpredictable(ticket);
  const sealed = toBase64(oaep({ key: ticket.public_key, label, text: JSON.stringify(plain), seed }));
  return { alg: ticket.alg, kid: ticket.kid, ticket: ticket.ticket, sealed };
}

module.exports = { seal, oaep, sha256, utf8, toBase64 };
