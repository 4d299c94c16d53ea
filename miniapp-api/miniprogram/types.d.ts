// Written from openapi.yaml by: go test ./miniapp-api -run Contract -update

/** 成功的回复 · A reply with data */
export interface Success {
  /** HTTP 状态 · HTTP status */
  status: 200;
  /** 成功 · Done */
  code: 'OK';
  /** 中文，可直接展示 · Chinese, ready to show */
  message: string;
  /** 每个接口不同 · Differs from path to path */
  data: object;
  /** 反馈编号 · Names the request in the operator's log */
  request_id: string;
}

/** 失败的回复（RFC 9457）· A reply with an error */
export interface Problem {
  /** /docs/errors#CODE [uri-reference] */
  type: string;
  /** 英文，给开发者 · English, for developers */
  title: string;
  /** HTTP 状态 · HTTP status (400–599) */
  status: number;
  code: Code;
  /** 中文，可直接展示 · Chinese, ready to show */
  message: string;
  /** 每个出错的字段或规则 · Every field or rule that is wrong */
  errors?: Array<FieldError>;
  /** 还可以输入几次密码 · Guesses left (≥ 0) */
  remaining_attempts?: number;
  /** 锁定到何时，只告诉本人 · When the lock opens; told to the owner only [date-time] */
  locked_until?: string;
  pending?: PendingLink;
  /** 几秒后可重试；0 表示等待无用 · Seconds to wait; 0 means that waiting does not help (≥ 0) */
  retry_after: number;
  /** 反馈编号 · Names the request in the operator's log */
  request_id: string;
}

/** 一处错误，不含所填的内容 · One thing wrong, without its value */
export interface FieldError {
  /** 字段名；空为整个请求体 · The field; empty for the whole body */
  field: string;
  /** 如 REQUIRED、TOO_SHORT · Such as REQUIRED or TOO_SHORT */
  code: string;
  /** 中文，可直接展示 · Chinese, ready to show */
  message: string;
}

/** 空对象 · The empty object */
export type Nothing = Record<string, never>;

export interface SessionRequest {
  /** my.getAuthCode 的授权码，只能用一次 · From my.getAuthCode, good once (1–128 字符 characters) */
  auth_code: string;
}

export interface Session {
  /** 放进 Authorization: Bearer，只存内存 · For Authorization: Bearer; keep it in memory only (43 字符 characters) */
  token: string;
  /** 秒，无请求多久后失效 · Seconds without a request until it ends (≥ 1) */
  expires_in: number;
  /** 是否已绑定 · Whether an account is linked */
  linked: boolean;
  /** 已绑定的账户 · The linked account, else null */
  account: Account | null;
}

/** 脱敏后的账户 · The account, masked */
export interface Account {
  /** 只留末字 · The last character only */
  name: string;
  id_type: IDType;
  /** 只留首尾 · First and last character only */
  id_number: string;
  /** 只留末两位 · The last two digits only */
  account_no: string;
  status: AccountStatus;
}

/** 证件类型 JGJ/T 320 ZJLX：01 居民身份证，02 军官证，03 护照，04 外国人永久居留身份证，20 港澳居民来往内地通行证，99 其他。
 * Document type: 01 ID card, 02 officer, 03 passport, 04 permanent resident, 20 Hong Kong and Macao permit, 99 other. */
export type IDType = '01' | '02' | '03' | '04' | '20' | '99';

/** 账户状态 JGJ/T 320 GRZHZT：01 正常，02 封存，03 合并销户，04 转出销户，05 提取销户，06 冻结，99 其他。
 * 01 normal, 02 sealed, 03 merged, 04 moved, 05 closed, 06 frozen, 99 other. */
export type AccountStatus = '01' | '02' | '03' | '04' | '05' | '06' | '99';

/** initial 初始密码，set 已设置，must_change 必须修改，frozen 已冻结。
 * initial: never changed; must_change: change it now; frozen: nothing can be done here. */
export type PasswordState = 'initial' | 'set' | 'must_change' | 'frozen';

export interface LinkRequest {
  /** 与证件一致的姓名 · The name as on the document (≥ 1 字符 characters) */
  name: string;
  id_type: IDType;
  /** 证件号码，15 或 18 位身份证号均可 · The document's number; an ID number of 15 or 18 characters (≥ 1 字符 characters) */
  id_number: string;
  /** 个人账号，有多个账户时填写 · For people with several accounts (0–20 字符 characters) */
  account_no?: string;
  /** 公积金密码，不去空格 · The fund password; blanks count (≥ 1 字符 characters) */
  password: string;
  /** LINK_PROOF_REQUIRED 给出多种方式时的选择 · The choice where LINK_PROOF_REQUIRED gave several */
  proof?: 'face' | 'phone';
}

export interface Link {
  account: Account;
  password_state: PasswordState;
}

/** 等待刷脸的绑定，只在 LINK_PROOF_REQUIRED 中 · A link that waits for the citizen's face; in LINK_PROOF_REQUIRED only */
export interface PendingLink {
  /** 用于 /v1/link/{id}/confirm · For /v1/link/{id}/confirm [uuid] */
  id: string;
  /** 交给 my.startAPVerify · For my.startAPVerify */
  certify_id: string;
  /** 交给 my.startAPVerify · For my.startAPVerify [uri] */
  certify_url: string;
  /** 有效至 · Good until [date-time] */
  expires_at: string;
}

export interface Consents {
  /** 每项都须单独同意 · Each wants a consent of its own */
  required: boolean;
  /** 事项 · The purposes */
  consents: Array<Consent>;
}

export interface Consent {
  purpose: Purpose;
  /** 现行说明的版本 · Version of the present text */
  version: string;
  /** 现行说明，可直接展示 · The present text, ready to show */
  text: string;
  /** outdated 说明已更新 · outdated means that the text has changed since */
  state: 'none' | 'given' | 'outdated' | 'withdrawn';
  /** 上次同意 · When it was last given [date-time] */
  given_at: string | null;
  /** 何时撤回 · When it was withdrawn [date-time] */
  withdrawn_at: string | null;
}

/** link 绑定，certdoc 核对姓名和证件，face 刷脸，phone 核对手机号，message 消息提醒。
 * link: the link itself; certdoc: name and document compared; face: face verification; phone: phone number compared; message: messages to the owner. */
export type Purpose = 'link' | 'certdoc' | 'face' | 'phone' | 'message';

export interface ConsentRequest {
  purpose: Purpose;
  /** 所展示说明的版本 · Version of the text that was shown (≥ 1 字符 characters) */
  version: string;
}

export interface WithdrawRequest {
  purpose: Purpose;
}

export interface UnlinkRequest {
  /** 公积金密码 · The fund password (≥ 1 字符 characters) */
  password: string;
}

export interface Password {
  /** locked 输错次数过多，其余同 PasswordState。
   * locked: too many wrong guesses; the others as in PasswordState. */
  state: 'initial' | 'set' | 'must_change' | 'locked' | 'frozen';
  /** 上次修改 · The last change; null for never [date-time] */
  changed_at: string | null;
  /** 还可以输入几次 · Guesses left (0–100) */
  remaining_attempts: number;
  /** 锁定到何时；9999 年表示只能重置 · When the lock opens; the year 9999 means that only a reset opens it [date-time] */
  locked_until: string | null;
  /** 新密码的规则，先城市的 · Rules of a new password, the city's first */
  rules: Array<Rule>;
  /** 同一密码的其他使用渠道 · Where the same password is used and not every character can be typed */
  channels: Array<Channel>;
}

export interface Rule {
  /** 如 min-length · Such as min-length */
  id: string;
  /** 中文，可直接展示 · Chinese, ready to show */
  text: string;
  check: Check;
}

/** 页面可边输边查的部分，只有一个字段 · What a page can check while the citizen types; exactly one field */
export interface Check {
  /** 至少几个字符（NFC 码点）· Code points after NFC (≥ 1) */
  min_length?: number;
  /** 至多几个字符（NFC 码点）· Code points after NFC (≥ 1) */
  max_length?: number;
  /** 各类至少一个 · One character of each class */
  require?: Array<'lower' | 'upper' | 'letter' | 'digit' | 'symbol'>;
  /** 允许的字符，如 A-Za-z0-9 · What it may consist of, such as A-Za-z0-9 */
  charset?: string;
  /** 不能有空格 · No blanks */
  no_space?: boolean;
  /** 只有服务器能查 · Only the server can check it */
  server?: boolean;
}

export interface Channel {
  id: string;
  /** 提示，中文 · A hint in Chinese */
  text: string;
  /** 能输入的字符，如 0-9 · What can be typed there, such as 0-9 */
  charset?: string;
}

export interface ChangeRequest {
  /** 证件号码 · The document's number (≥ 1 字符 characters) */
  id_number: string;
  /** 原密码 · The present password (≥ 1 字符 characters) */
  old_password: string;
}

export interface Change {
  /** [uuid] */
  id: string;
  /** open 办理中，done 已修改，cancelled 已取消，expired 已过期，unknown 查无此笔 · What became of it */
  state: 'open' | 'done' | 'cancelled' | 'expired' | 'unknown';
  /** open 时的期限 · While open [date-time] */
  expires_at?: string;
}

export interface ConfirmRequest {
  /** 新密码，规则见 GET /v1/password · The new password; its rules are in GET /v1/password (≥ 1 字符 characters) */
  new_password: string;
  /** 再输一遍 · The same again (≥ 1 字符 characters) */
  new_password_again: string;
}

export interface Confirmation {
  /** [uuid] */
  id: string;
  state: 'done';
  /** 何时修改 · When it was changed; never null [date-time] */
  changed_at: string | null;
  /** 同时失效的其他登录数 · Other sessions that ended with it (≥ 0) */
  sessions_ended: number;
  /** 给本人的通知已安排 · The notice to the owner is on its way */
  notified: boolean;
}

export interface Events {
  /** (0–50 项 items) */
  events: Array<Event>;
}

export interface Event {
  /** [uuid] */
  id: string;
  /** [date-time] */
  at: string;
  /** 会增加新值 · More may come */
  kind: string;
  /** 中文，可直接展示 · Chinese, ready to show */
  text: string;
  /** alipay 等 · Where it was done */
  channel: string;
}

/** 支付宝签名的表单，字段由支付宝规定 · A form that Alipay signed; its fields are Alipay's */
export interface Notification {
  /** RSA2, base64 */
  sign?: string;
  sign_type?: 'RSA2';
}

export interface SignedAnswer {
  response: { code: string; msg: string; sub_code?: string; sub_msg?: string };
  /** 证书模式 · In certificate mode */
  app_cert_sn?: string;
  /** response 原文的 RSA2 签名 · RSA2 over the very bytes of response [byte] */
  sign: string;
}

export interface Health {
  state: 'alive' | 'ready';
}

/** 稳定的错误码，会增加新值 · Stable; more may come */
export type Code = 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'AUTH_CODE_INVALID' | 'BAD_REQUEST' | 'NOT_FOUND' | 'METHOD_NOT_ALLOWED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'NOT_LINKED' | 'ALREADY_LINKED' | 'LINK_REFUSED' | 'ACCOUNT_CLOSED' | 'ACCOUNT_FROZEN' | 'PASSWORD_FROZEN' | 'LINK_PROOF_REQUIRED' | 'LINK_PROOF_LIMIT' | 'LINK_GONE' | 'CONSENT_REQUIRED' | 'CONSENT_OUTDATED' | 'CONSENT_IN_USE' | 'PHONE_REFUSED' | 'PHONE_NOT_OFFERED' | 'OLD_PASSWORD_WRONG' | 'PASSWORD_LOCKED' | 'CHANGE_IN_PROGRESS' | 'CHANGE_GONE' | 'RESET_GONE' | 'RESET_UNAVAILABLE' | 'RESET_LIMIT' | 'RESET_CODE_WRONG' | 'IDENTITY_NOT_PROVEN' | 'PASSWORD_MISMATCH' | 'PASSWORD_WEAK' | 'PASSWORD_SAME' | 'PASSWORD_REUSED' | 'DECRYPT_FAILED' | 'NOT_OFFERED' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'BUSY' | 'RESULT_UNKNOWN' | 'ALIPAY_UNAVAILABLE' | 'INTERNAL';

/** Every operation: its method and path, what it takes and what stands in data. */
export interface Operations {
  openSession: { call: "POST /v1/sessions"; body: SessionRequest; data: Session; codes: 'BAD_REQUEST' | 'AUTH_CODE_INVALID' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'RESULT_UNKNOWN' };
  endSession: { call: "POST /v1/sessions/end"; body: Nothing; data: Nothing; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'RESULT_UNKNOWN' };
  addLink: { call: "POST /v1/link"; body: LinkRequest; data: Link; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'LINK_REFUSED' | 'CONSENT_REQUIRED' | 'ALREADY_LINKED' | 'LINK_PROOF_REQUIRED' | 'ACCOUNT_CLOSED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'LINK_PROOF_LIMIT' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'RESULT_UNKNOWN' };
  showLink: { call: "GET /v1/link"; body: undefined; data: Link; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' };
  confirmLink: { call: "POST /v1/link/{id}/confirm"; body: Nothing; data: Link; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'IDENTITY_NOT_PROVEN' | 'CONSENT_REQUIRED' | 'ALREADY_LINKED' | 'ACCOUNT_CLOSED' | 'LINK_GONE' | 'PASSWORD_FROZEN' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'RESULT_UNKNOWN' };
  showConsents: { call: "GET /v1/consents"; body: undefined; data: Consents; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' };
  giveConsent: { call: "POST /v1/consents"; body: ConsentRequest; data: Consent; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'CONSENT_OUTDATED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'RESULT_UNKNOWN' };
  withdrawConsent: { call: "POST /v1/consents/withdraw"; body: WithdrawRequest; data: Consent; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'CONSENT_IN_USE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'RESULT_UNKNOWN' };
  removeLink: { call: "POST /v1/link/remove"; body: UnlinkRequest; data: Nothing; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'OLD_PASSWORD_WRONG' | 'NOT_LINKED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_LOCKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'RESULT_UNKNOWN' };
  showPassword: { call: "GET /v1/password"; body: undefined; data: Password; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' };
  openChange: { call: "POST /v1/password/changes"; body: ChangeRequest; data: Change; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'OLD_PASSWORD_WRONG' | 'NOT_LINKED' | 'ACCOUNT_CLOSED' | 'CHANGE_IN_PROGRESS' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_LOCKED' | 'PASSWORD_FROZEN' | 'ACCOUNT_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'RESULT_UNKNOWN' };
  showChange: { call: "GET /v1/password/changes/{id}"; body: undefined; data: Change; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' };
  confirmChange: { call: "POST /v1/password/changes/{id}/confirm"; body: ConfirmRequest; data: Confirmation; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'ACCOUNT_CLOSED' | 'CHANGE_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'PASSWORD_MISMATCH' | 'PASSWORD_WEAK' | 'PASSWORD_SAME' | 'PASSWORD_REUSED' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_FROZEN' | 'ACCOUNT_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'RESULT_UNKNOWN' };
  cancelChange: { call: "POST /v1/password/changes/{id}/cancel"; body: Nothing; data: Change; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'CHANGE_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'RESULT_UNKNOWN' };
  showEvents: { call: "GET /v1/events"; body: undefined; data: Events; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' };
  alive: { call: "GET /healthz"; body: undefined; data: Health; codes: 'TOO_MANY_REQUESTS' | 'INTERNAL' };
  ready: { call: "GET /readyz"; body: undefined; data: Health; codes: 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' };
}

/** A reply of an operation. Switch on code. */
export type Reply<Name extends keyof Operations> =
  | (Omit<Success, 'data'> & { data: Operations[Name]['data'] })
  | (Omit<Problem, 'code'> & { code: Operations[Name]['codes'] | 'NOT_FOUND' | 'METHOD_NOT_ALLOWED' });
