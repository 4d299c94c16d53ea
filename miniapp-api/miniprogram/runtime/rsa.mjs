// my.rsa as Alipay documents it: encryption with PKCS#1 v1.5 and 1024 or 2048 bits. Web
// Cryptography lacks this padding.

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

/** Returns the two INTEGERs of an SPKI. */
function numbersOf(der) {
  const hex = Array.from(der, (b) => b.toString(16).padStart(2, '0')).join('');
  const m = /^(?:..)*?02(?:81..|82....)((?:..)+)0203(......)$/.exec(hex); // a modulus of at least 128 bytes and an exponent of 3
  if (!m) throw new Error('my.rsa: not a public key');
  return { n: BigInt('0x' + m[1]), e: BigInt('0x' + m[2]) };
}

function power(base, exponent, modulus) {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === '1') result = (result * base) % modulus;
  }
  return result;
}

/** @param {string} key SPKI, base64 @param {string} text @returns {string} base64 */
export function encrypt(key, text) {
  const { n, e } = numbersOf(bytesOf(key));
  const bits = n.toString(2).length;
  if (bits !== 1024 && bits !== 2048) throw { error: 11, errorMessage: `RSA key of ${bits} bits` };
  const size = Math.ceil(n.toString(16).length / 2);
  const message = new TextEncoder().encode(text);
  if (message.length > size - 11) throw { error: 11, errorMessage: 'text too long' };
  const block = new Uint8Array(size).fill(0);
  crypto.getRandomValues(block.subarray(2, size - message.length - 1));
  block.forEach((b, i) => { if (i > 1 && b === 0) block[i] = 1 + (i % 255); });
  block[0] = 0;
  block[1] = 2;
  block[size - message.length - 1] = 0;
  block.set(message, size - message.length);
  const number = BigInt('0x' + Array.from(block, (b) => b.toString(16).padStart(2, '0')).join(''));
  const out = power(number, e, n).toString(16).padStart(2 * size, '0');
  return btoa(String.fromCharCode(...out.match(/../g).map((b) => parseInt(b, 16))));
}
