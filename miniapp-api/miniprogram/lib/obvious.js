// What makes a new password easy to guess, as far as a page can tell. The page warns of it while
// the citizen types; only the server refuses, and it finds more.

/** How many characters make a sequence, a repetition or a part of the own number. */
const SHARE = 4;

/** What fingers run along, in both directions. */
const LINES = ['01234567890', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm', '147258369', '1qaz2wsx3edc4rfv'];

/** Steps along a line that ordinary words contain. */
const IN_WORDS = ['erty', 'wert', 'trew', 'rstu'];

/** Common passwords that no other check finds, also with a few digits after them. */
const COMMON = ['password', 'passw0rd', 'admin', 'iloveyou', 'woaini', 'woaini1314', 'aini1314', '5201314', '1314520', '112233', '123123', '520520', '168168', 'gongjijin', 'gjj', 'zhifubao', 'alipay'];

/** The sentences about them. */
const SENTENCES = {
  sequence: '有连续的字符，如1234、abcd，容易被猜到',
  repeated: '有重复的字符，如1111，容易被猜到',
  own: '有您证件号码里的连续数字，容易被猜到',
  common: '这个密码太常见，容易被猜到',
};

/** Reports whether one of the four-character parts of text satisfies test. @param {string} text @param {(part: string) => boolean} test */
function somePart(text, test) {
  for (let i = 0; i + SHARE <= text.length; i++) if (test(text.slice(i, i + SHARE))) return true;
  return false;
}

/** @param {string} text */
const reversed = (text) => text.split('').reverse().join('');

/**
 * Returns what is obvious about a password, in sentences.
 * @param {string} password @param {string} own the digits of the citizen's document, if known
 * @returns {string[]}
 */
function obvious(password, own) {
  const text = password.toLowerCase();
  const all = [];
  if (somePart(text, (part) => !IN_WORDS.includes(part) && LINES.some((line) => line.includes(part) || reversed(line).includes(part)))) all.push(SENTENCES.sequence);
  if (somePart(text, (part) => part === part[0].repeat(SHARE)) || (text.length >= SHARE && new Set(text).size < SHARE)) all.push(SENTENCES.repeated);
  if (own && somePart(text, (part) => own.toLowerCase().includes(part))) all.push(SENTENCES.own);
  if (COMMON.some((word) => text.startsWith(word) && /^\d*$/.test(text.slice(word.length)))) all.push(SENTENCES.common);
  return all;
}

module.exports = { obvious };
