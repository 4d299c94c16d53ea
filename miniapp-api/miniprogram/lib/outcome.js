// The data of the result page, set by the page before it. It is too long and too private for a
// page's URL.

/**
 * @typedef {object} Outcome
 * @property {string} [id] @property {'changes'|'resets'|'recoveries'} [kind] the path of its procedure
 * @property {string} state @property {string} [changed_at] @property {number} [sessions_ended]
 * @property {{name: string}[]} [channels] the channels on which the same password is used
 */

/** @type {Outcome|null} */
let left = null;

module.exports = {
  /** @param {Outcome} outcome */
  leave(outcome) {
    left = outcome;
  },
  /** Returns the outcome once, then null. @returns {Outcome|null} */
  take() {
    const outcome = left;
    left = null;
    return outcome;
  },
};
