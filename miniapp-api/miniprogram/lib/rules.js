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

/**
 * Returns the rules that the phone can check, with whether the password satisfies each. An
 * empty password satisfies none.
 * @param {Rule[]} rules @param {string} password
 */
function ticked(rules, password) {
  return rules.filter(({ check }) => !check.server).map(({ id, text, check }) => {
    const yes = password !== '' && holds(check, password);
    return { id, text, yes, said: yes ? '已满足' : '未满足' };
  });
}

/** Returns the rules that only the server can check. @param {Rule[]} rules */
const later = (rules) => rules.filter(({ check }) => check.server);

/** Returns the channels in which the password cannot be typed. @param {Channel[]} channels @param {string} password */
function untypable(channels, password) {
  return channels.filter(({ charset }) => charset && !characters(password).every((c) => within(charset, c)));
}

module.exports = { ticked, later, untypable, holds };
