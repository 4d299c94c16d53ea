// What the result page shows, handed over by the page before it: too much, and too
// private, for a page's address.
/** @typedef {{id?: string, reset?: boolean, state: string, changed_at?: string, sessions_ended?: number}} Outcome */

/** @type {Outcome|null} */
let left = null;

module.exports = {
  /** @param {Outcome} outcome */
  leave(outcome) {
    left = outcome;
  },
  /** Once; without one, nothing is known. @returns {Outcome} */
  take() {
    const outcome = left || { state: 'unknown' };
    left = null;
    return outcome;
  },
};
