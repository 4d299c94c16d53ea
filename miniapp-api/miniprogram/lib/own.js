// The digits of the citizen's document as typed on the page before, which a new password may not
// contain. They stay in memory until the password is set.
let digits = '';

module.exports = {
  /** @param {string} number */
  keep(number) {
    digits = number;
  },
  /** @returns {string} '' if the page does not know them */
  digits: () => digits,
  forget() {
    digits = '';
  },
};
