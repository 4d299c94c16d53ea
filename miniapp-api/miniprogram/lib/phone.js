// The phone number signed by Alipay. A page cannot read it: Alipay encrypts it, and the page
// sends it to the server unchanged.

/** The citizen or Alipay refuses. */
const denied = () => ({ code: 'PHONE_DENIED', message: '', fields: [] });

/**
 * Requests the number, after the citizen has agreed in the dialog of a button with
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
