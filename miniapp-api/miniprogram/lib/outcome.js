// The data of the result page, set by the page before it. It is too long and too private for a
// page's URL.
/** @typedef {{id?: string, reset?: boolean, state: string, changed_at?: string, sessions_ended?: number}} Outcome */

/** @type {Outcome|null} */
let left = null;

module.exports = {
  /** @param {Outcome} outcome */
  leave(outcome) {
    left = outcome;
  },
  /** Returns the outcome once, then the state unknown. @returns {Outcome} */
  take() {
    const outcome = left || { state: 'unknown' };
    left = null;
    return outcome;
  },
};
