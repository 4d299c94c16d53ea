// What the page does for each code of the API. For a code that is not listed, such as one of a
// newer server, it shows the server's message.
//
//   does: 'login'    sign in again silently and repeat (request.js has tried once)
//         'correct'  show the errors beside their fields and clear the fields of `clear`
//         'go'       open the page `to` and show the reason there
//         'step'     show another step of the page (the link page)
//         'ask'      query the state of the procedure; do not send it again
//         'wait'     wait retry_after seconds and repeat (request.js has tried)
//         'say'      show the message
//   offer: the button under the message: a page, or 'retry'

/**
 * @typedef {object} Behaviour
 * @property {'login'|'correct'|'go'|'step'|'ask'|'wait'|'say'} does
 * @property {string[]} [clear] fields to clear
 * @property {string[]} [marks] fields of which one is wrong
 * @property {string} [to] a page
 * @property {'home'|'link'|'change'|'reset'|'recover'|'unlink'|'retry'} [offer]
 * @property {string} [text] shown if the server's message is missing
 * @property {boolean} [report] show the request id
 */

/** @type {Record<string, Behaviour>} */
const table = {
  SESSION_REQUIRED: { does: 'login', offer: 'home' },
  SESSION_EXPIRED: { does: 'login', offer: 'home', text: '登录已失效，请重新进入' },
  AUTH_CODE_INVALID: { does: 'login', offer: 'home' },
  AUTH_DENIED: { does: 'say', offer: 'retry', text: '您已取消授权，无法办理' },
  AUTH_FAILED: { does: 'say', offer: 'retry', text: '支付宝没有响应，请稍后再试' },

  BAD_REQUEST: { does: 'correct', report: true },
  NOT_FOUND: { does: 'say', report: true, text: '该功能暂未开通，请到柜台办理' },
  NOT_OFFERED: { does: 'say', report: true, text: '该功能暂未开通，请到柜台办理' },
  CENTER_UNKNOWN: { does: 'say', report: true },
  METHOD_NOT_ALLOWED: { does: 'say', report: true },
  PAYLOAD_TOO_LARGE: { does: 'say' },
  UNSUPPORTED_MEDIA_TYPE: { does: 'say', report: true },

  NOT_LINKED: { does: 'go', to: 'link' },
  ALREADY_LINKED: { does: 'step', offer: 'home' },
  LINK_REFUSED: { does: 'correct', clear: ['password', 'reset_code'] },
  ACCOUNT_CLOSED: { does: 'say' },
  ACCOUNT_FROZEN: { does: 'say' },
  PASSWORD_FROZEN: { does: 'say', offer: 'reset' },

  LINK_PROOF_REQUIRED: { does: 'step', text: '绑定前还需核验是否为您本人' },
  LINK_PROOF_LIMIT: { does: 'step', text: '今天身份验证的次数已用完，请明天再试或到柜台办理' },
  LINK_GONE: { does: 'ask', text: '本次绑定已失效，请重新开始' },
  TRANSFER_WAITING: { does: 'step', text: '改绑申请已提交，请等待' },
  TRANSFER_REJECTED: { does: 'say', text: '原绑定的支付宝已拒绝改绑，请本人携带身份证件到柜台办理' },
  TRANSFER_UNDELIVERABLE: { does: 'say', text: '无法通知原绑定的支付宝，不能在线改绑，请本人携带身份证件到柜台办理' },
  TRANSFER_LIMIT: { does: 'say', text: '今天申请改绑的次数已用完，请明天再试或到柜台办理' },
  TRANSFER_GONE: { does: 'ask', offer: 'link', text: '本次改绑申请已失效，请重新绑定' },
  NO_SUCH_ACCOUNT: { does: 'say', text: '没有找到该账户，请重新选择' },
  CONSENT_REQUIRED: { does: 'step', text: '请先阅读并同意相关说明' },
  CONSENT_OUTDATED: { does: 'say', text: '说明内容已更新，请重新阅读' },
  CONSENT_IN_USE: { does: 'say', offer: 'unlink', text: '撤回此项同意需先解除绑定' },

  PHONE_REFUSED: { does: 'say', offer: 'retry' },

  SMS_CODE_WRONG: { does: 'correct', clear: ['code'], marks: ['code'], text: '验证码不正确' },
  SMS_CODE_GONE: { does: 'correct', clear: ['code'], marks: ['code'], text: '验证码已失效，请重新获取' },
  SMS_CODE_LIMIT: { does: 'say', text: '今天获取短信验证码的次数已用完，请明天再试或使用其他方式' },
  NO_PHONE_ON_FILE: { does: 'say', text: '您在公积金中心没有预留手机号，或预留的手机号与他人相同，不能用短信验证' },

  OLD_PASSWORD_WRONG: { does: 'correct', clear: ['old_password', 'password'], marks: ['id_number', 'old_password', 'password'] },
  PASSWORD_LOCKED: { does: 'correct', clear: ['old_password', 'password'], offer: 'reset' },

  CHANGE_IN_PROGRESS: { does: 'say', offer: 'home' },
  CHANGE_GONE: { does: 'ask', offer: 'change' },
  PASSWORD_MISMATCH: { does: 'correct', clear: ['new_password_again'] },
  PASSWORD_WEAK: { does: 'correct' },
  PASSWORD_SAME: { does: 'correct', clear: ['new_password', 'new_password_again'] },
  PASSWORD_REUSED: { does: 'correct', clear: ['new_password', 'new_password_again'] },
  DECRYPT_FAILED: { does: 'say', offer: 'retry', text: '密码传输出错，密码未修改，请再试一次' },
  IDEMPOTENCY_KEY_REUSED: { does: 'say', offer: 'retry' },

  RESET_GONE: { does: 'ask', offer: 'reset', text: '本次重置已失效，请重新开始' },
  IDENTITY_NOT_PROVEN: { does: 'say', text: '人脸验证未通过，请重试或到柜台办理' },
  RESET_UNAVAILABLE: { does: 'say', text: '暂不支持线上重置密码，请本人携带身份证件到柜台办理' },
  RESET_CODE_WRONG: { does: 'correct', clear: ['code'], text: '重置码不正确或已失效，请核对' },
  RESET_LIMIT: { does: 'say', text: '今天重置次数已用完，请明天再试或到柜台办理' },

  CHANNEL_CLOSED: { does: 'say', offer: 'retry', text: '暂停服务，请稍后再试，或到柜台办理' },
  TOO_MANY_REQUESTS: { does: 'wait', offer: 'retry' },
  BUSY: { does: 'wait', offer: 'retry', text: '系统繁忙，本次未办理，请稍后再试' },
  RESULT_UNKNOWN: { does: 'ask', offer: 'retry', text: '暂未收到办理结果，请勿重复提交' },
  ALIPAY_UNAVAILABLE: { does: 'say', offer: 'retry' },
  INTERNAL: { does: 'say', report: true, text: '服务异常，请稍后再试' },

  // Errors detected on the phone.
  NETWORK: { does: 'say', offer: 'retry', text: '网络不给力，请检查网络后再试' },
  TIMEOUT: { does: 'say', offer: 'retry', text: '网络较慢，请稍后再试' },
  UNREADABLE: { does: 'say', offer: 'retry', text: '服务返回异常，请稍后再试' },
  DOMAIN: { does: 'say', text: '请求地址未在白名单内，请联系公积金中心' },
  CANCELLED: { does: 'say', offer: 'retry', text: '请求已取消' },
  PHONE_DENIED: { does: 'say', text: '没有取得手机号授权，手机号没有核对。可以再试一次，并在弹出的窗口中选择“同意”；也可以到柜台办理' },
  SUBSCRIBE_FAILED: { does: 'say', text: '提醒没有开启，可以再试一次' },
  LINK_LOCKED: { does: 'correct', clear: ['password'], offer: 'recover' },
  LINK_FROZEN: { does: 'say', offer: 'recover' },
  LINK_LOST: { does: 'say', text: '本支付宝现在没有绑定公积金账户，可能已被改绑或解除。如非本人操作，请立即联系公积金中心' },
  TRANSFER_OVER: { does: 'say', text: '这个改绑申请已经结束，不需要再拒绝' },
  NO_RANDOMNESS: { does: 'say', text: '当前支付宝版本过低，无法安全提交密码，请更新后再试' },
  TOO_LONG: { does: 'say', text: '密码太长，请缩短后再试' },
};

/** @type {Behaviour} */
const unknown = { does: 'say', report: true, text: '服务异常，请稍后再试' };

module.exports = {
  table,
  /** @param {string} code @returns {Behaviour} */
  behaviour: (code) => table[code] || unknown,
};
