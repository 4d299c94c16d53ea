// Alipay's page for a face verification. Only the server can verify its result.

/** The results of my.startAPVerify. @type {Record<string, string>} */
const STOPPED = {
  6001: '您已取消人脸验证。可以重新开始，或到柜台办理',
  6002: '网络不给力，人脸验证没有完成，请再试一次',
  4000: '人脸验证未通过，请重试或到柜台办理',
};

/** The results after which the same verification can continue. */
const BROKEN_OFF = ['6001', '6002'];

/** @param {string} message */
const stopped = (message) => ({ code: 'IDENTITY_NOT_PROVEN', message, fields: [] });

/** Opens the page. @param {{certify_id: string, certify_url: string}} begun @returns {Promise<string>} its resultStatus; '9000' = completed */
function showFace(begun) {
  return new Promise((resolve) => {
    my.startAPVerify({
      url: begun.certify_url,
      certifyId: begun.certify_id,
      success: (/** @type {any} */ r) => resolve(String(r.resultStatus)),
      fail: (/** @type {any} */ r) => resolve(String(r.resultStatus || '6002')), // the page did not open: nothing was verified
    });
  });
}

module.exports = {
  showFace,
  /** Reports whether the page may be opened again for the same verification. @param {string} status */
  brokenOff: (status) => BROKEN_OFF.includes(status),
  /** Returns the error for a status other than '9000'. @param {string} [status] */
  refused: (status = '4000') => stopped(STOPPED[status] || STOPPED[4000]),
};
