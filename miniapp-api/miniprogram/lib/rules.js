// The rules for a new password from GET /v1/password. They are data, so that a city can change
// a rule without a new version of this mini-program.

/** @typedef {{min_length?: number, max_length?: number, require?: string[], charset?: string, no_space?: boolean, server?: boolean}} Check */
/** @typedef {{id: string, text: string, check: Check}} Rule */
/** @typedef {{id: string, text: string, charset?: string}} Channel */

/** The character classes that a rule may require. @type {Record<string, string>} */
const CLASSES = { lower: 'a-z', upper: 'A-Z', letter: 'a-zA-Z', digit: '0-9', symbol: '!-/:-@[-`{-~' };

/** Returns the code points after NFC, which the server counts. @param {string} password */
const characters = (password) => Array.from(password.normalize ? password.normalize('NFC') : password);

/** @param {string} charset like the inside of a regular expression's brackets @param {string} c */
function within(charset, c) {
  for (let i = 0; i < charset.length; i++) {
    const range = charset[i + 1] === '-' && i + 2 < charset.length;
    if (charset[i] <= c && c <= charset[range ? i + 2 : i]) return true;
    if (range) i += 2;
  }
  return false;
}

/** @param {Check} check @param {string} password @returns {boolean} */
function holds(check, password) {
  const all = characters(password);
  if (check.min_length) return all.length >= check.min_length;
  if (check.max_length) return all.length <= check.max_length;
  if (check.require) return check.require.every((name) => all.some((c) => within(CLASSES[name], c)));
  if (check.charset) return all.every((c) => within(check.charset || '', c));
  if (check.no_space) return !/\s/.test(password);
  return true;
}

/** The names of the classes. @type {Record<string, string>} */
const NAMES = { lower: '小写字母', upper: '大写字母', letter: '字母', digit: '数字', symbol: '符号' };

/**
 * Returns the sentence of refusal for a rule that the phone can check and the password breaks,
 * or ''.
 * @param {Rule} rule @param {string} password
 */
function refusal({ text, check }, password) {
  if (check.server || holds(check, password)) return '';
  const all = characters(password);
  if (check.min_length) return `还差${check.min_length - all.length}个字符`;
  if (check.max_length) return `多了${all.length - check.max_length}个字符`;
  if (check.require) return `还缺${check.require.filter((name) => !all.some((c) => within(CLASSES[name], c))).map((name) => NAMES[name]).join('、')}`;
  if (check.no_space) return '不能有空格';
  return `有不能使用的字符：${text}`;
}

/** Returns the refusals of a password. @param {Rule[]} rules @param {string} password @returns {string[]} */
const refusals = (rules, password) => rules.map((rule) => refusal(rule, password)).filter(Boolean);

/** Returns one line of advice, which no rule contradicts. @param {Rule[]} rules */
function advice(rules) {
  const shortest = rules.find(({ check }) => check.min_length);
  const digits = rules.some(({ check }) => check.charset === '0-9');
  const length = shortest ? `至少${shortest.check.min_length}${digits ? '位数字' : '个字符'}，` : '';
  return `${length}不要用生日、证件号码或手机号里的数字。`;
}

/** Returns the channels in which the password cannot be typed. @param {Channel[]} channels @param {string} password */
function untypable(channels, password) {
  return channels.filter(({ charset }) => charset && !characters(password).every((c) => within(charset, c)));
}

module.exports = { advice, refusals, untypable, holds };
