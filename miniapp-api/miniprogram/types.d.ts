// Generated from openapi.yaml by: go test ./miniapp-api/httpapi -run Contract -update

/** 成功的回复 · A reply with data */
export interface Success {
  /** HTTP 状态 · HTTP status */
  status: 200;
  /** 成功 · Done */
  code: 'OK';
  /** 中文，可直接展示 · Chinese, ready to show */
  message: string;
  /** 每个接口不同 · Depends on the path */
  data: object;
  /** 反馈编号 · Identifies the request in the operator's log */
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
  /** 每个出错的字段或规则 · The wrong fields and violated rules */
  errors?: Array<FieldError>;
  /** 还可以输入几次密码 · Attempts left (≥ 0) */
  remaining_attempts?: number;
  /** 锁定到何时，只告诉本人 · When the lock ends; returned to the owner only [date-time] */
  locked_until?: string;
  pending?: PendingLink;
  /** 可以申请改绑到当前支付宝，只在 ALREADY_LINKED 中 · The link can be transferred; in ALREADY_LINKED only */
  transfer_offered?: true;
  /** 可以先刷脸再核对密码，只在 LINK_REFUSED 和绑定的 TOO_MANY_REQUESTS 中 · The face can be verified before the password; only in LINK_REFUSED and in TOO_MANY_REQUESTS of the link */
  face_first_offered?: true;
  transfer?: Transfer;
  /** 渠道为何关闭，只在 CHANNEL_CLOSED 中：hours 不在服务时间，automatic 因故障自动关闭，manual 由中心关闭。hours 和 automatic 时仍可登录、冻结密码、拒绝改绑。
   * Why the channel is closed, in CHANNEL_CLOSED only: outside its service hours, switched off by its failures, or by the
   * centre. In the first two cases signing in, freezing and rejecting a transfer still work. */
  why?: 'hours' | 'automatic' | 'manual';
  /** 何时重新开放，只在 CHANNEL_CLOSED 中，不确定时没有 · When the channel opens, in CHANNEL_CLOSED only; absent if it is not known [date-time] */
  opens_at?: string;
  /** 现在可用的其他渠道，只在 CHANNEL_CLOSED 中，没有则省略 · The other channels that are open now, in CHANNEL_CLOSED only; absent if there is none */
  channels?: Array<ChannelName>;
  /** 几秒后可重试；0 表示等待无用 · Seconds to wait before a retry; 0 if waiting does not help (≥ 0) */
  retry_after: number;
  /** 反馈编号 · Identifies the request in the operator's log */
  request_id: string;
}

/** 一处错误，不含所填的内容 · One error, without the value */
export interface FieldError {
  /** 字段名；空为整个请求体 · The field's name; empty for the whole body */
  field: string;
  /** 如 REQUIRED、TOO_SHORT · Such as REQUIRED or TOO_SHORT */
  code: string;
  /** 中文，可直接展示 · Chinese, ready to show */
  message: string;
}

/** 空对象 · The empty object */
export type Nothing = Record<string, never>;

export interface SessionRequest {
  /** my.getAuthCode 的授权码，只能用一次 · From my.getAuthCode, valid once (1–128 字符 characters) */
  auth_code: string;
}

export interface Session {
  /** 放进 Authorization: Bearer，只存内存 · For Authorization: Bearer; keep it in memory only (43 字符 characters) */
  token: string;
  /** 秒，无请求多久后失效 · Idle timeout in seconds (≥ 1) */
  expires_in: number;
  /** 是否已绑定 · Whether an account is linked */
  linked: boolean;
  /** 已绑定的账户 · The linked account, or null */
  account: Account | null;
  /** 关于初始密码的提示，中文，没有时为空 · What to say of initial passwords, in Chinese; empty for nothing */
  initial_hint: string;
}

/** 脱敏后的账户 · The masked account */
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

/** 证件类型 JGJ/T 320 ZJLX：01 居民身份证，02 军官证，03 护照，04 外国人永久居留身份证，20 港澳居民来往内地通行证，99 其他；中心可以另定。
 * Document type: 01 ID card, 02 officer, 03 passport, 04 permanent resident, 20 Hong Kong and Macao permit, 99 other; a
 * centre may have a list of its own. */
export type IDType = string;

/** 账户状态 JGJ/T 320 GRZHZT：01 正常，02 封存，03 合并销户，04 转出销户，05 提取销户，06 冻结，99 其他。
 * 01 normal, 02 sealed, 03 merged, 04 moved, 05 closed, 06 frozen, 99 other. */
export type AccountStatus = '01' | '02' | '03' | '04' | '05' | '06' | '99';

/** my.getPhoneNumber 的结果原样 · The result of my.getPhoneNumber, unchanged */
export interface PhoneRequest {
  /** 加密的手机号，或支付宝的报错 · The encrypted number, or Alipay's error */
  response: string | object;
  /** RSA2, base64 (≥ 1 字符 characters) */
  sign: string;
  /** 总是 RSA2 · Always RSA2 */
  sign_type?: string;
  /** 总是 AES · Always AES */
  encrypt_type?: string;
  /** 如 UTF-8 · Such as UTF-8 */
  charset?: string;
}

export interface Phone {
  /** 只留前三位和末两位 · The first three and the last two digits only */
  phone: string;
  /** 与中心登记的号码一致；未绑定时为 null · Whether it is the number on record; null if not linked */
  matches_record: boolean | null;
}

/** initial 初始密码，set 已设置，must_change 必须修改，frozen 已冻结，需重置或到柜台办理。
 * initial: never changed; must_change: must be changed; frozen: needs a reset or a visit to the counter. */
export type PasswordState = 'initial' | 'set' | 'must_change' | 'frozen';

/** 密码、加密的密码、柜台的重置码、先刷脸，恰好给出一种。
 * Exactly one of password, encrypted, reset_code and face_first. */
export type LinkRequest = (
  | {
      /** 公积金密码，不去空格 · The fund password; blanks are not trimmed (≥ 1 字符 characters) */
      password: string;
      encrypted?: never;
      reset_code?: never;
      face_first?: never;
    }
  | {
      password?: never;
      encrypted: Sealed;
      reset_code?: never;
      face_first?: never;
    }
  | {
      password?: never;
      encrypted?: never;
      /** 柜台发放的 10 位重置码，可带空格和短横 · The 10 digits from a clerk; blanks and dashes are ignored (≥ 10 字符 characters) */
      reset_code: string;
      face_first?: never;
    }
  | {
      password?: never;
      encrypted?: never;
      reset_code?: never;
      /** 先刷脸，再核对密码 · Verify the face before the password */
      face_first: true;
    }
) & {
  /** 与证件一致的姓名 · The name as on the document (≥ 1 字符 characters) */
  name: string;
  id_type: IDType;
  /** 证件号码，15 或 18 位身份证号均可 · The document's number; ID card numbers of 15 or 18 characters (≥ 1 字符 characters) */
  id_number: string;
  /** 个人账号，有多个账户时填写 · Needed by people with several accounts (0–20 字符 characters) */
  account_no?: string;
  /** LINK_PROOF_REQUIRED 给出多种方式时的选择 · The citizen's choice if LINK_PROOF_REQUIRED offers several */
  proof?: 'face' | 'phone';
  /** face_first 的 pending 的 id，刷脸通过后填写 · The id of pending after face_first, once the face has passed [uuid] */
  face_id?: string;
  /** 已绑定其他支付宝时改绑到当前支付宝 · Request the link from another Alipay user */
  transfer?: boolean;
};

export interface Link {
  account: Account;
  password_state: PasswordState;
}

/** 等待刷脸的绑定，只在 LINK_PROOF_REQUIRED 中 · A link that waits for a face verification; in LINK_PROOF_REQUIRED only */
export interface PendingLink {
  /** 用于 /v1/link/{id}/confirm · For /v1/link/{id}/confirm [uuid] */
  id: string;
  /** 交给 my.startAPVerify · For my.startAPVerify */
  certify_id: string;
  /** 交给 my.startAPVerify · For my.startAPVerify [uri] */
  certify_url: string;
  /** 有效至 · Valid until [date-time] */
  expires_at: string;
}

export interface Accounts {
  /** 账户 · The accounts */
  accounts: Array<AccountChoice>;
}

/** 脱敏后的账户 · A masked account */
export interface AccountChoice {
  /** 用于 /v1/accounts/{id}/choose · For /v1/accounts/{id}/choose [uuid] */
  id: string;
  /** 只留末两位 · The last two digits only */
  account_no: string;
  /** 单位账号，掩码，没有则为空 · The employer's number, masked; empty if there is none */
  employer_no: string;
  status: AccountStatus;
  password_state: PasswordState;
  /** 当前绑定的账户 · Whether the link is to this account */
  chosen: boolean;
}

export interface Transfers {
  /** 当前支付宝的申请 · The latest that this Alipay user requested, or null */
  own: Transfer | null;
  /** 其他支付宝对当前绑定的申请 · The one that waits for this user's link, or null */
  against: Transfer | null;
  /** 把当前支付宝的绑定改走的那次 · The one that took this user's link, or null */
  taken: Taken | null;
}

export interface Taken {
  /** [uuid] */
  id: string;
  /** 何时改绑 · When the link was transferred [date-time] */
  done_at: string;
  /** 在此之前可以冻结一次 · POST /v1/freeze works once until then [date-time] */
  freeze_until: string;
}

/** 改绑申请 · A requested link transfer */
export interface Transfer {
  /** 用于 /v1/link-transfers/{id}/… · For /v1/link-transfers/{id}/… [uuid] */
  id: string;
  state: TransferStatus;
  /** 何时申请 · When it was requested [date-time] */
  requested_at: string;
  /** 何时起可以完成；null 表示尚未通知到原绑定人 · When it can be confirmed; null until the holder is notified [date-time] */
  due_at: string | null;
  /** 有效至 · Valid until [date-time] */
  expires_at: string;
}

export interface TransferState {
  /** [uuid] */
  id: string;
  state: TransferStatus;
}

/** waiting 等待，done 已改绑，rejected 原绑定人已拒绝，cancelled 已撤回或绑定、密码已变化，expired 已过期，undeliverable 无法通知原绑定人。
 * rejected: by the holder; cancelled: by the requester, or the link or the password has changed; undeliverable: the holder cannot be notified. */
export type TransferStatus = 'waiting' | 'done' | 'rejected' | 'cancelled' | 'expired' | 'undeliverable';

export interface Consents {
  /** 每项都须单独同意 · Whether each needs a call of its own */
  required: boolean;
  /** 事项 · The purposes */
  consents: Array<Consent>;
}

export interface Consent {
  purpose: Purpose;
  /** 现行说明的版本 · Version of the current text */
  version: string;
  /** 现行说明，可直接展示 · The current text, ready to show */
  text: string;
  /** outdated 说明已更新 · outdated means that the text has changed since */
  state: 'none' | 'given' | 'outdated' | 'withdrawn';
  /** 上次同意 · When it was last given [date-time] */
  given_at: string | null;
  /** 何时撤回 · When it was withdrawn [date-time] */
  withdrawn_at: string | null;
}

export interface Subscriptions {
  /** my.requestSubscribeMessage 的 entityIds · For my.requestSubscribeMessage (0–3 项 items) */
  templates: Array<string>;
  /** none 没有问过，accepted 已订阅，rejected 页面上未同意，refused 发送时支付宝未接受。
   * none: never asked; accepted: subscribed; rejected: declined on the page; refused: declined by Alipay when a message was sent. */
  state: 'none' | 'accepted' | 'rejected' | 'refused';
}

export interface SubscriptionRequest {
  template_id: string;
  /** 已订阅 · Subscribed */
  accepted: boolean;
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

/** 密码或加密的密码，恰好给出一种 · Either password or encrypted */
export type UnlinkRequest = (
  | {
      /** 公积金密码 · The fund password (≥ 1 字符 characters) */
      password: string;
      encrypted?: never;
    }
  | {
      password?: never;
      encrypted: Sealed;
    }
);

export interface Password {
  /** locked 输错次数过多，其余同 PasswordState。
   * locked: too many failed attempts; the others as in PasswordState. */
  state: 'initial' | 'set' | 'must_change' | 'locked' | 'frozen';
  /** 上次修改 · When it was last changed; null if never [date-time] */
  changed_at: string | null;
  /** 还可以输入几次 · Attempts left (0–100) */
  remaining_attempts: number;
  /** 锁定到何时；9999 年表示只能重置 · When the lock ends; in the year 9999 if only a reset ends it [date-time] */
  locked_until: string | null;
  /** 新密码的规则，先城市的 · The rules for a new password, the city's first */
  rules: Array<Rule>;
  /** 使用同一密码的其他渠道，来自中心的渠道登记，没有时为空 · Other channels that use the same password, by the centre's registry; empty if there is none */
  channels: Array<Channel>;
  /** 使用单独电话密码的渠道 · Channels with a phone PIN of their own */
  separate_channels: Array<Channel>;
  /** 可以刷脸重置密码；柜台重置码总是可用 · Whether face verification can reset this password; a reset code always can */
  reset_offered: boolean;
  /** 未完成的修改 · The open change, or null */
  open_change: OpenStep | null;
  /** 未完成的重置 · The open reset, or null */
  open_reset: OpenStep | null;
}

/** 何时、在哪里开始 · When and where it was opened */
export interface OpenStep {
  /** 在别处开始的为 null · Null if it was opened elsewhere [uuid] */
  id: string | null;
  /** [date-time] */
  opened_at: string;
  /** 渠道，会增加新值 · The channel; values may be added */
  channel: string;
  /** [date-time] */
  expires_at: string;
}

export interface Rule {
  /** 如 min-length · Such as min-length */
  id: string;
  /** 中文，可直接展示 · Chinese, ready to show */
  text: string;
  check: Check;
}

/** 页面可边输边查的部分，只有一个字段 · The check that a page can make while the citizen types; exactly one field */
export interface Check {
  /** 至少几个字符（NFC 码点）· Minimum number of code points in NFC (≥ 1) */
  min_length?: number;
  /** 至多几个字符（NFC 码点）· Maximum number of code points in NFC (≥ 1) */
  max_length?: number;
  /** 各类至少一个 · At least one character of each class */
  require?: Array<'lower' | 'upper' | 'letter' | 'digit' | 'symbol'>;
  /** 允许的字符，如 A-Za-z0-9 · The allowed characters, such as A-Za-z0-9 */
  charset?: string;
  /** 不能有空格 · No blanks */
  no_space?: boolean;
  /** 只有服务器能查 · Only the server can check it */
  server?: boolean;
}

export interface ChannelName {
  /** 渠道，会增加新值 · The channel; values may be added */
  id: string;
  /** 名称，中文 · Its name in Chinese */
  name: string;
}

export interface Channel {
  /** 渠道，会增加新值 · The channel; values may be added */
  id: string;
  /** 名称，中文 · Its name in Chinese */
  name: string;
  /** 提示，中文 · A hint in Chinese */
  text: string;
  /** 能输入的字符，如 0-9 · The characters that can be typed, such as 0-9 */
  charset?: string;
}

export interface Ticket {
  /** 只能用一次 · Valid once (43 字符 characters) */
  ticket: string;
  /** 公钥的编号 · The key's identifier */
  kid: string;
  alg: 'RSA-OAEP-256';
  /** SubjectPublicKeyInfo（DER）的 base64 · Base64 of the DER of SubjectPublicKeyInfo [byte] */
  public_key: string;
  /** 秒 · Seconds (≥ 1) */
  expires_in: number;
}

/** 表单里的密码加密后放在这里，代替可读的密码字段，不能同时给出。有的中心只收加密的密码：可读的回复 BAD_REQUEST，field 为 encrypted；
 * 没有配置密钥的中心回复 NOT_OFFERED，此时用可读的字段。
 *
 * 明文是 JSON：o 现在的密码，n 新密码，a 再输一遍（可省略，页面自行比较），只写表单需要的。例如绑定、解绑和开始修改
 * {"o":"Quiet-River-1"}，确认 {"n":"Copper-Kettle-77","a":"Copper-Kettle-77"}。
 * 算法 RSA-OAEP（RFC 8017），摘要和 MGF1 都用 SHA-256，label 是 gjj-password/1|kid|ticket 的字节，kid 和 ticket 取自票据。
 * 2048 位密钥最多加密 190 字节。密文用带填充的标准 base64。
 *
 * 打不开的一律回复 DECRYPT_FAILED：重新领取票据，重新加密，换新的 Idempotency-Key 再提交一次。
 *
 * The encrypted passwords of a form, which replace the plain fields. A centre may reject plain fields with BAD_REQUEST
 * and the field encrypted. A centre without a key returns NOT_OFFERED: send the plain fields.
 *
 * The plaintext is JSON with the passwords of the form: o is the current one, n the new one, a the repetition of the new
 * one (optional if the page has compared them). The algorithm is RSA-OAEP (RFC 8017) with SHA-256 for the hash and for
 * MGF1. The label is the bytes of gjj-password/1|kid|ticket with the ticket's kid and ticket. A 2048-bit key encrypts
 * at most 190 bytes. The ciphertext is encoded in standard base64 with padding.
 *
 * Every failure is DECRYPT_FAILED: request a new ticket, encrypt again and repeat once with a new Idempotency-Key. */
export interface Sealed {
  /** 票据的 ticket · The ticket's ticket (≥ 1 字符 characters) */
  ticket: string;
  /** 票据的 kid · The ticket's kid (≥ 1 字符 characters) */
  kid: string;
  alg: 'RSA-OAEP-256';
  /** 密文，base64 · The ciphertext in base64 (≥ 1 字符 characters) [byte] */
  sealed: string;
}

/** 原密码或加密的原密码，恰好给出一种 · Either old_password or encrypted */
export type ChangeRequest = (
  | {
      /** 原密码 · The current password (≥ 1 字符 characters) */
      old_password: string;
      encrypted?: never;
    }
  | {
      old_password?: never;
      encrypted: Sealed;
    }
) & {
  /** 证件号码 · The document's number (≥ 1 字符 characters) */
  id_number: string;
};

export interface Change {
  /** [uuid] */
  id: string;
  /** open 办理中，done 已修改，cancelled 已取消，expired 已过期，unknown 查无此笔 · The state */
  state: 'open' | 'done' | 'cancelled' | 'expired' | 'unknown';
  /** open 时的期限 · The end of an open change [date-time] */
  expires_at?: string;
  /** 因本次开始而取消的上一笔，只在开始修改时返回 · The change that this one cancelled; only in the answer that opens it */
  replaced?: OpenStep;
}

/** 两遍新密码，或加密的新密码，恰好给出一种 · Either the new password twice or encrypted */
export type ConfirmRequest = (
  | {
      /** 新密码，规则见 GET /v1/password · The new password; GET /v1/password has the rules (≥ 1 字符 characters) */
      new_password: string;
      /** 再输一遍 · The new password again (≥ 1 字符 characters) */
      new_password_again: string;
      encrypted?: never;
    }
  | {
      new_password?: never;
      new_password_again?: never;
      encrypted: Sealed;
    }
);

export interface Confirmation {
  /** [uuid] */
  id: string;
  state: 'done';
  /** 何时修改 · When it was changed; never null [date-time] */
  changed_at: string | null;
  /** 同时失效的其他登录数 · Number of other sessions that ended (≥ 0) */
  sessions_ended: number;
  /** 已安排通知，且本人订阅了消息 · Whether a notice is queued and the owner has subscribed to messages */
  notified: boolean;
}

export interface ResetRequest {
  /** 柜台发放的 10 位重置码，可带空格和短横；不给出时刷脸 · The 10 digits from a clerk; blanks and dashes are ignored. Without it the face is verified */
  code?: string;
}

export interface Reset {
  /** [uuid] */
  id: string;
  /** started 等待验证，passed 已验证，failed 验证未通过可再试，done 已重置，cancelled 已取消，expired 已过期，unknown 查无此笔。
   * started: waiting for the verification; passed: identity proven; failed: verification failed, the citizen may retry; the others as in Change. */
  state: 'started' | 'passed' | 'failed' | 'done' | 'cancelled' | 'expired' | 'unknown';
  /** my.startAPVerify 的参数，只在刷脸开始时返回 · For my.startAPVerify; only in the answer that opens it */
  certify_id?: string;
  /** my.startAPVerify 的参数，只在刷脸开始时返回 · For my.startAPVerify; only in the answer that opens it [uri] */
  certify_url?: string;
  /** started、passed、failed 时的期限 · The end while started, passed or failed [date-time] */
  expires_at?: string;
}

export interface RecoveryRequest {
  /** 与证件一致的姓名 · The name as on the document */
  name: string;
  id_type: IDType;
  /** 证件号码 · The document's number */
  id_number: string;
  /** 有多个账户时填写 · Needed by people with several accounts */
  account_no?: string;
}

export interface Recovery {
  /** [uuid] */
  id: string;
  state: 'started';
  /** my.startAPVerify 的参数 · For my.startAPVerify */
  certify_id: string;
  /** my.startAPVerify 的参数 · For my.startAPVerify [uri] */
  certify_url: string;
  /** [date-time] */
  expires_at: string;
  /** 新密码的规则 · The rules for the new password */
  rules: Array<Rule>;
}

export interface Freeze {
  /** 同 PasswordState · As in PasswordState */
  state: 'frozen';
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
  /** linked 绑定，unlinked 解除绑定，change_opened 开始修改，password_changed 已修改，password_wrong 密码错误，password_locked 已锁定，
   * reset_opened 开始重置，reset_code_issued 柜台发放重置码，password_reset 已重置，password_frozen 已冻结，unlocked 中心解除锁定，
   * authorisation_withdrawn 取消支付宝授权、绑定解除，transfer_requested 其他支付宝申请改绑，transfer_rejected 已拒绝改绑，link_transferred 已改绑到其他支付宝，account_chosen 切换账户，link_moved 账户合并后绑定转到另一账户，link_ended 账户销户、转出或变更后绑定解除，messages_declined 不再接收消息提醒，erased 已按申请删除个人信息。会增加新值，展示用 text。
   * Values may be added; show text. */
  kind: string;
  /** 中文，可直接展示 · Chinese, ready to show */
  text: string;
  /** alipay 本小程序，operator 中心运维，counter 柜台，centre 中心数据更新。会增加新值。
   * alipay: this mini-program, operator: the centre's operators, counter: a clerk, centre: the centre's data. Values may be added. */
  channel: string;
}

export interface OwnData {
  account: OwnAccount;
  link: OwnLink;
  password: OwnPassword;
  sessions: Array<OwnSession>;
  notices: Array<OwnNotice>;
  /** 密码修改，包括未完成的 · Password changes, open or closed */
  changes: Array<OwnStep>;
  /** 密码重置，包括未完成的 · Password resets, open or closed */
  resets: Array<OwnStep>;
  /** 新的在前 · Newest first (0–500 项 items) */
  events: Array<Event>;
}

export interface OwnAccount {
  /** 掩码 · Masked */
  name: string;
  /** ZJLX */
  id_type: string;
  /** 掩码 · Masked */
  id_number: string;
  /** 掩码 · Masked */
  account_no: string;
  /** 掩码，没有则为空 · Masked; empty if there is none */
  phone: string;
  /** 掩码，没有则为空 · Masked; empty if there is none */
  employer_no: string;
  /** GRZHZT */
  status: string;
  /** [date-time] */
  updated_at: string;
}

export interface OwnLink {
  /** open_id 或 user_id · open_id or user_id */
  kind: string;
  /** 掩码 · Masked */
  identifier: string;
  /** [date-time] */
  linked_at: string;
  /** 最近打开小程序的时间 · When the user last signed in [date-time] */
  authorised_at: string;
}

export interface OwnPassword {
  state: string;
  /** [date-time] */
  changed_at: string | null;
  /** 现密码之前、为防重复使用而保留的密码记录数 · Number of earlier passwords that cannot be reused (≥ 0) */
  earlier: number;
}

export interface OwnSession {
  /** [date-time] */
  created_at: string;
  /** [date-time] */
  seen_at: string;
  /** 掩码，没有则为空 · Masked; empty if there is none */
  phone: string;
}

export interface OwnNotice {
  kind: string;
  /** [date-time] */
  created_at: string;
  /** [date-time] */
  sent_at: string | null;
}

export interface OwnStep {
  state: string;
  channel: string;
  /** [date-time] */
  opened_at: string;
  /** [date-time] */
  closed_at: string | null;
}

/** 支付宝签名的表单，字段由支付宝规定 · A form signed by Alipay, with fields defined by Alipay */
export interface Notification {
  /** RSA2, base64 */
  sign?: string;
  sign_type?: 'RSA2';
}

export interface SignedAnswer {
  response: { code: string; msg: string; sub_code?: string; sub_msg?: string };
  /** 证书模式 · In certificate mode */
  app_cert_sn?: string;
  /** response 原文的 RSA2 签名 · RSA2 signature of the bytes of response [byte] */
  sign: string;
}

export interface Health {
  state: 'alive' | 'ready';
}

/** 稳定的错误码，会增加新值 · Stable; values may be added */
export type Code = 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'AUTH_CODE_INVALID' | 'BAD_REQUEST' | 'NOT_FOUND' | 'METHOD_NOT_ALLOWED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'NOT_LINKED' | 'ALREADY_LINKED' | 'LINK_REFUSED' | 'ACCOUNT_CLOSED' | 'ACCOUNT_FROZEN' | 'PASSWORD_FROZEN' | 'TRANSFER_WAITING' | 'TRANSFER_REJECTED' | 'TRANSFER_UNDELIVERABLE' | 'TRANSFER_LIMIT' | 'TRANSFER_GONE' | 'NO_SUCH_ACCOUNT' | 'LINK_PROOF_REQUIRED' | 'LINK_PROOF_LIMIT' | 'LINK_GONE' | 'CONSENT_REQUIRED' | 'CONSENT_OUTDATED' | 'CONSENT_IN_USE' | 'PHONE_REFUSED' | 'OLD_PASSWORD_WRONG' | 'PASSWORD_LOCKED' | 'CHANGE_IN_PROGRESS' | 'CHANGE_GONE' | 'RESET_GONE' | 'RESET_UNAVAILABLE' | 'RESET_LIMIT' | 'RESET_CODE_WRONG' | 'IDENTITY_NOT_PROVEN' | 'PASSWORD_MISMATCH' | 'PASSWORD_WEAK' | 'PASSWORD_SAME' | 'PASSWORD_REUSED' | 'DECRYPT_FAILED' | 'NOT_OFFERED' | 'IDEMPOTENCY_KEY_REUSED' | 'CHANNEL_CLOSED' | 'TOO_MANY_REQUESTS' | 'BUSY' | 'RESULT_UNKNOWN' | 'ALIPAY_UNAVAILABLE' | 'INTERNAL';

/** The operations: method and path, body, data and error codes. */
export interface Operations {
  openSession: { call: "POST /v1/sessions"; body: SessionRequest; data: Session; codes: 'BAD_REQUEST' | 'AUTH_CODE_INVALID' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  endSession: { call: "POST /v1/sessions/end"; body: Nothing; data: Nothing; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'RESULT_UNKNOWN' };
  addLink: { call: "POST /v1/link"; body: LinkRequest; data: Link; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'LINK_REFUSED' | 'TRANSFER_REJECTED' | 'IDENTITY_NOT_PROVEN' | 'CONSENT_REQUIRED' | 'NOT_OFFERED' | 'ALREADY_LINKED' | 'LINK_PROOF_REQUIRED' | 'TRANSFER_WAITING' | 'ACCOUNT_CLOSED' | 'LINK_GONE' | 'TRANSFER_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'DECRYPT_FAILED' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_LOCKED' | 'TOO_MANY_REQUESTS' | 'LINK_PROOF_LIMIT' | 'TRANSFER_LIMIT' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showLink: { call: "GET /v1/link"; body: undefined; data: Link; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  confirmLink: { call: "POST /v1/link/{id}/confirm"; body: Nothing; data: Link; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'IDENTITY_NOT_PROVEN' | 'TRANSFER_REJECTED' | 'CONSENT_REQUIRED' | 'ALREADY_LINKED' | 'TRANSFER_WAITING' | 'ACCOUNT_CLOSED' | 'LINK_GONE' | 'TRANSFER_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_FROZEN' | 'TOO_MANY_REQUESTS' | 'TRANSFER_LIMIT' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showAccounts: { call: "GET /v1/accounts"; body: undefined; data: Accounts; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  chooseAccount: { call: "POST /v1/accounts/{id}/choose"; body: Nothing; data: Link; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NO_SUCH_ACCOUNT' | 'NOT_LINKED' | 'ACCOUNT_CLOSED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showTransfers: { call: "GET /v1/link-transfers"; body: undefined; data: Transfers; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  confirmTransfer: { call: "POST /v1/link-transfers/{id}/confirm"; body: Nothing; data: Link; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'TRANSFER_REJECTED' | 'CONSENT_REQUIRED' | 'TRANSFER_WAITING' | 'TRANSFER_UNDELIVERABLE' | 'ALREADY_LINKED' | 'ACCOUNT_CLOSED' | 'TRANSFER_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  cancelTransfer: { call: "POST /v1/link-transfers/{id}/cancel"; body: Nothing; data: TransferState; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'TRANSFER_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  rejectTransfer: { call: "POST /v1/link-transfers/{id}/reject"; body: Nothing; data: TransferState; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TRANSFER_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showConsents: { call: "GET /v1/consents"; body: undefined; data: Consents; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  giveConsent: { call: "POST /v1/consents"; body: ConsentRequest; data: Consent; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'CONSENT_OUTDATED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  withdrawConsent: { call: "POST /v1/consents/withdraw"; body: WithdrawRequest; data: Consent; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'CONSENT_IN_USE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  removeLink: { call: "POST /v1/link/remove"; body: UnlinkRequest; data: Nothing; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'OLD_PASSWORD_WRONG' | 'NOT_OFFERED' | 'NOT_LINKED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'DECRYPT_FAILED' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_LOCKED' | 'PASSWORD_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showSubscriptions: { call: "GET /v1/subscriptions"; body: undefined; data: Subscriptions; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  noteSubscription: { call: "POST /v1/subscriptions"; body: SubscriptionRequest; data: Subscriptions; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_OFFERED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showPhone: { call: "POST /v1/phone"; body: PhoneRequest; data: Phone; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'PHONE_REFUSED' | 'CONSENT_REQUIRED' | 'NOT_OFFERED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showPassword: { call: "GET /v1/password"; body: undefined; data: Password; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  makeTicket: { call: "POST /v1/password/tickets"; body: Nothing; data: Ticket; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_OFFERED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  openChange: { call: "POST /v1/password/changes"; body: ChangeRequest; data: Change; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'OLD_PASSWORD_WRONG' | 'NOT_OFFERED' | 'NOT_LINKED' | 'ACCOUNT_CLOSED' | 'CHANGE_IN_PROGRESS' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'DECRYPT_FAILED' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_LOCKED' | 'PASSWORD_FROZEN' | 'ACCOUNT_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showChange: { call: "GET /v1/password/changes/{id}"; body: undefined; data: Change; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_FOUND' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  confirmChange: { call: "POST /v1/password/changes/{id}/confirm"; body: ConfirmRequest; data: Confirmation; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_OFFERED' | 'NOT_LINKED' | 'ACCOUNT_CLOSED' | 'CHANGE_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'PASSWORD_MISMATCH' | 'PASSWORD_WEAK' | 'PASSWORD_SAME' | 'PASSWORD_REUSED' | 'DECRYPT_FAILED' | 'IDEMPOTENCY_KEY_REUSED' | 'PASSWORD_FROZEN' | 'ACCOUNT_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  cancelChange: { call: "POST /v1/password/changes/{id}/cancel"; body: Nothing; data: Change; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'CHANGE_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  openReset: { call: "POST /v1/password/resets"; body: ResetRequest; data: Reset; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'RESET_CODE_WRONG' | 'NOT_LINKED' | 'ACCOUNT_CLOSED' | 'CHANGE_IN_PROGRESS' | 'RESET_UNAVAILABLE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'ACCOUNT_FROZEN' | 'TOO_MANY_REQUESTS' | 'RESET_LIMIT' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showReset: { call: "GET /v1/password/resets/{id}"; body: undefined; data: Reset; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_FOUND' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  confirmReset: { call: "POST /v1/password/resets/{id}/confirm"; body: ConfirmRequest; data: Confirmation; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'IDENTITY_NOT_PROVEN' | 'NOT_OFFERED' | 'NOT_LINKED' | 'ACCOUNT_CLOSED' | 'RESET_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'PASSWORD_MISMATCH' | 'PASSWORD_WEAK' | 'PASSWORD_SAME' | 'PASSWORD_REUSED' | 'DECRYPT_FAILED' | 'IDEMPOTENCY_KEY_REUSED' | 'ACCOUNT_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  cancelReset: { call: "POST /v1/password/resets/{id}/cancel"; body: Nothing; data: Reset; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'RESET_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  openRecovery: { call: "POST /v1/password/recoveries"; body: RecoveryRequest; data: Recovery; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'LINK_REFUSED' | 'CONSENT_REQUIRED' | 'ALREADY_LINKED' | 'RESET_UNAVAILABLE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'LINK_PROOF_LIMIT' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showRecovery: { call: "GET /v1/password/recoveries/{id}"; body: undefined; data: Reset; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'LINK_REFUSED' | 'NOT_FOUND' | 'ACCOUNT_CLOSED' | 'ACCOUNT_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' };
  confirmRecovery: { call: "POST /v1/password/recoveries/{id}/confirm"; body: ConfirmRequest; data: Confirmation; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'IDENTITY_NOT_PROVEN' | 'LINK_REFUSED' | 'CONSENT_REQUIRED' | 'NOT_OFFERED' | 'ALREADY_LINKED' | 'ACCOUNT_CLOSED' | 'RESET_GONE' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'PASSWORD_MISMATCH' | 'PASSWORD_WEAK' | 'PASSWORD_SAME' | 'PASSWORD_REUSED' | 'DECRYPT_FAILED' | 'IDEMPOTENCY_KEY_REUSED' | 'ACCOUNT_FROZEN' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'ALIPAY_UNAVAILABLE' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  freeze: { call: "POST /v1/freeze"; body: Nothing; data: Freeze; codes: 'BAD_REQUEST' | 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE' | 'IDEMPOTENCY_KEY_REUSED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' | 'RESULT_UNKNOWN' };
  showEvents: { call: "GET /v1/events"; body: undefined; data: Events; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  showOwnData: { call: "GET /v1/me/data"; body: undefined; data: OwnData; codes: 'SESSION_REQUIRED' | 'SESSION_EXPIRED' | 'NOT_LINKED' | 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' | 'CHANNEL_CLOSED' };
  alive: { call: "GET /healthz"; body: undefined; data: Health; codes: 'TOO_MANY_REQUESTS' | 'INTERNAL' };
  ready: { call: "GET /readyz"; body: undefined; data: Health; codes: 'TOO_MANY_REQUESTS' | 'INTERNAL' | 'BUSY' };
}

/** A reply of an operation. Switch on code. */
export type Reply<Name extends keyof Operations> =
  | (Omit<Success, 'data'> & { data: Operations[Name]['data'] })
  | (Omit<Problem, 'code'> & { code: Operations[Name]['codes'] | 'NOT_FOUND' | 'METHOD_NOT_ALLOWED' });
