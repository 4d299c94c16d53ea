// One line of success for the next page. A toast would cover its warnings.
let left = '';

module.exports = {
  /** @param {string} text */
  leave(text) {
    left = text;
  },
  /** Returns the line once, then ''. @returns {string} */
  take() {
    const text = left;
    left = '';
    return text;
  },
};
