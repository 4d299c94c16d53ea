// The phone number that Alipay vouches for. A page cannot read it: what it gets is
// signed and encrypted, and goes to the server as it is.

/** The citizen, or Alipay, says no. */
const denied = () => ({ code: 'PHONE_DENIED', message: '', fields: [] });

/**
 * Asks for the number, once the citizen has agreed in the dialog of a button with
 * open-type="getAuthorize" and scope="phoneNumber".
 * @returns {Promise<string>} the body of POST /v1/phone
 */
function phoneNumber() {
  return new Promise((resolve, reject) => {
    my.getPhoneNumber({
      success: (r) => resolve(r.response),
      fail: () => reject(denied()),
    });
  });
}

module.exports = { phoneNumber, denied };
