// Texts used by several pages, and the formatting of times.

/**
 * The texts of a password's state. `closed` is frozen together with the account.
 * @type {Record<string, {title: string, text: string, tone: string}>}
 */
const states = {
  initial: { title: '初始密码', text: '初始密码容易被猜到，请尽快修改。', tone: 'warn' },
  set: { title: '正常', text: '', tone: 'good' },
  must_change: { title: '需要修改', text: '现在的密码不够安全，请尽快修改。', tone: 'warn' },
  locked: { title: '暂时锁定', text: '密码错误次数过多，', tone: 'bad' },
  closed: { title: '账户已冻结', text: '您的公积金账户已冻结，暂不能修改密码，请到柜台办理。', tone: 'bad' },
  frozen: { title: '已冻结', text: '要重新设置密码才能使用。', tone: 'bad' },
};

/**
 * The texts of a link transfer's state, for its requester. A completed one has none.
 * @type {Record<string, {title: string, lines: string[], tone: string}>}
 */
const transfers = {
  waiting: {
    title: '等待中',
    lines: [
      '到时请回到“我的密码”，点“完成改绑”，不用重新填写。',
      '在您完成之前，原绑定的支付宝可以拒绝。如被拒绝，请本人携带身份证件到柜台办理。',
      '等待期间修改公积金密码，申请就会失效。',
    ],
    tone: 'warn',
  },
  telling: {
    title: '正在通知',
    lines: [
      '正在通知原绑定的支付宝，通知送达后才开始计算等待时间。请稍后回到“我的密码”查看。',
      '无法通知的，请本人携带身份证件到柜台办理。',
    ],
    tone: 'warn',
  },
  undeliverable: { title: '无法改绑', lines: ['无法通知原绑定的支付宝，不能在线改绑。请本人携带身份证件到柜台办理。'], tone: 'bad' },
  due: { title: '可以完成', lines: ['请点“完成改绑”。完成后，原绑定的支付宝将不能再使用这个公积金账户。'], tone: 'good' },
  rejected: { title: '已被拒绝', lines: ['原绑定的支付宝拒绝了改绑，30天内不能再申请。请本人携带身份证件到柜台办理。'], tone: 'bad' },
  cancelled: { title: '已失效', lines: ['申请已撤回，或密码、绑定有了变化。需要时可以重新绑定。'], tone: 'warn' },
  expired: { title: '已过期', lines: ['申请没有在期限内完成。需要时可以重新绑定。'], tone: 'warn' },
};

/** The states of an account (GRZHZT). @type {Record<string, string>} */
const statuses = { '01': '正常', '02': '封存', '03': '合并销户', '04': '转出销户', '05': '提取销户', '06': '冻结' };

/** The document types (ZJLX). */
const idTypes = [
  { code: '01', name: '居民身份证' },
  { code: '02', name: '军官证' },
  { code: '03', name: '护照' },
  { code: '04', name: '外国人永久居留身份证' },
  { code: '20', name: '港澳居民来往内地通行证' },
  { code: '99', name: '其他证件' },
];

const BEIJING = 8 * 60 * 60 * 1000;

/** @param {number} n */
const two = (n) => (n < 10 ? '0' : '') + n;

/** @param {string|null|undefined} at RFC 3339 @returns {number} milliseconds since 1970, truncated to seconds; NaN without a time */
function instant(at) {
  const m = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(at || '');
  if (!m) return NaN;
  const [year, month, day, hour, minute, second] = m.slice(1, 7).map(Number);
  const zone = m[7] === 'Z' ? 0 : (m[7][0] === '-' ? -1 : 1) * (Number(m[7].slice(1, 3)) * 60 + Number(m[7].slice(4)));
  return Date.UTC(year, month - 1, day, hour, minute - zone, second);
}

/**
 * Formats a time in Beijing's zone, whatever the phone's zone is.
 * @param {string|null|undefined} at RFC 3339 @returns {string} '2026年1月5日 09:30'; '' without a time
 */
function time(at) {
  const t = new Date(instant(at) + BEIJING);
  if (isNaN(t.getTime())) return '';
  return `${t.getUTCFullYear()}年${t.getUTCMonth() + 1}月${t.getUTCDate()}日 ${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
}

const MINUTE = 60 * 1000;

/** @param {number} t milliseconds since 1970 @returns {number} the day in Beijing */
const dayOf = (t) => Math.floor((t + BEIJING) / (24 * 60 * MINUTE));

/** Formats the way to a time: '约15分钟后'. @param {number} left milliseconds */
function wayTo(left) {
  const minutes = Math.max(1, Math.ceil(left / MINUTE));
  return minutes < 90 ? `约${minutes}分钟后` : `约${Math.round(minutes / 60)}小时后`;
}

/**
 * Says when a lock ends: '今天18:40自动解锁，约15分钟后。' If only a reset ends it, its end is in
 * the year 9999.
 * @param {string|null|undefined} until RFC 3339
 */
function lockText(until) {
  if (!until || until > '2100') return '不会自动解锁，要重新设置密码才能使用。';
  const t = instant(until);
  const days = dayOf(t) - dayOf(Date.now());
  const day = days === 0 ? '今天' : days === 1 ? '明天' : time(until).split(' ')[0];
  return `${day}${time(until).split(' ')[1]}自动解锁，${wayTo(t - Date.now())}。`;
}

/** The names of the channels. @type {Record<string, string>} */
const channels = {
  alipay: '支付宝', website: '网站', app: '手机应用', wechat: '微信', hotline: '12329热线', kiosk: '自助终端',
  operator: '公积金中心', counter: '柜台', centre: '公积金中心',
};

/** Says where the same password is used, '' if the centre names no other channel. @param {{name: string}[]} used */
function sameText(used) {
  const names = used.map(({ name }) => name).filter((name, i, all) => all.indexOf(name) === i);
  return names.length > 0 ? `${names.join('、')}也使用这个密码。` : '';
}

/** Names the channels that have another password. @param {{text: string}[]|undefined} separate */
const separateText = (separate) => (separate || []).map(({ text }) => `${text}。`).join('');

/** Draws a mask with at most four dots, so that a number fits on its line. @param {string} masked */
const dots = (masked) => masked.replace(/\*+/g, (stars) => '•'.repeat(Math.min(stars.length, 4)));

/** Returns an account as pages show it. @template T @param {T} a @returns {T} */
function maskedAccount(a) {
  /** @type {any} */
  const shown = Object.assign({}, a);
  for (const name of ['name', 'id_number', 'account_no', 'employer_no']) if (shown[name]) shown[name] = dots(shown[name]);
  return shown;
}

/**
 * Returns the text about an open change or reset.
 * @param {{open_change?: Step|null, open_reset?: Step|null}} password
 * @typedef {{opened_at: string, channel: string}} Step
 */
function openText(password) {
  const what = password.open_change ? '密码修改' : '密码重置';
  const step = password.open_change || password.open_reset;
  if (!step) return '';
  const where = channels[step.channel] ? `在${channels[step.channel]}` : '';
  return `有一笔${what}还没有完成，${time(step.opened_at)}${where}开始。重新办理会取消它。如果不是您本人开始的，请点“不是我操作的”。`;
}

/** The state (GRZHZT) of an account that the centre froze. */
const ACCOUNT_FROZEN = '06';

module.exports = { ACCOUNT_FROZEN, states, statuses, transfers, idTypes, instant, time, lockText, maskedAccount, openText, sameText, separateText };
