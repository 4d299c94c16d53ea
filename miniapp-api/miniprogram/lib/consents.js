// What citizens agree to: the texts of GET /v1/consents, given and withdrawn. Nothing
// is ticked beforehand, and a text that has changed is read again before it counts.
const { form } = require('./request.js');
const { time } = require('./words.js');

/**
 * @typedef {object} Consent of GET /v1/consents
 * @property {string} purpose @property {string} version @property {string} text
 * @property {'none'|'given'|'outdated'|'withdrawn'} state
 * @property {string|null} given_at @property {string|null} withdrawn_at
 */

/** Headings of the texts. @type {Record<string, string>} */
const NAMES = {
  link: '绑定公积金账户',
  certdoc: '核对姓名和证件号码',
  face: '人脸验证（刷脸）',
  phone: '核对手机号',
  message: '消息提醒',
};

/** Messages are sent until the citizen declines them, asked or not. */
const MESSAGE = 'message';

/** What ending a consent brings about. @type {Record<string, string>} */
const ENDS = {
  link: '撤回后，不能在支付宝绑定公积金账户，仍可到柜台办理。',
  certdoc: '撤回后，绑定时不再用这种方式核验，需要时可以重新同意。',
  face: '撤回后，绑定时不再用这种方式核验，需要时可以重新同意。',
  phone: '撤回后，绑定时不再用这种方式核验，需要时可以重新同意。',
  message: '不再提醒后，密码被修改时您可能无法及时知道。有其他支付宝申请改绑的，仍会通知您。',
};

/** @param {Consent} c */
function stateText(c) {
  if (c.state === 'given') return `已同意 ${time(c.given_at)}`;
  if (c.state === 'withdrawn') return c.given_at ? `已撤回 ${time(c.withdrawn_at)}` : `不同意 ${time(c.withdrawn_at)}`;
  if (c.state === 'outdated') return '说明内容已更新，请重新阅读';
  return c.purpose === MESSAGE ? '您还没有选择，目前会发送提醒' : '您还没有同意';
}

/**
 * A consent as pages show it. `asks` is whether it waits for a tap of its own, which
 * submitting a form cannot replace.
 * @param {Consent} c @param {boolean} required
 */
function shown(c, required) {
  const given = c.state === 'given';
  return {
    purpose: c.purpose,
    version: c.version,
    text: c.text,
    name: NAMES[c.purpose] || c.purpose,
    state: c.state,
    stateText: stateText(c),
    given,
    asks: c.state === 'withdrawn' || (required && !given),
    listed: false,
    ending: '',
  };
}

/** @typedef {ReturnType<typeof shown>} Shown */

/** What such a page has in its data. */
const data = {
  consents: [], // of Shown, the listed ones in parts/consents.axml
  listed: 0, // how many those are
  asking: false, // whether one of them waits for a tap of its own
  required: false, // each needs a tap of its own
};

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Reads the texts; the page's `lists` says of each what it is shown with. */
  async loadConsents() {
    const { required, consents } = await this.call({ path: '/v1/consents' });
    /** @type {Shown[]} */
    const all = consents.map((/** @type {Consent} */ one) => {
      const c = shown(one, required);
      return Object.assign(c, this.lists(c, required));
    });
    const listed = all.filter((c) => c.listed);
    this.setData({ required, consents: all, listed: listed.length, asking: listed.some((c) => c.asks) });
  },

  /** @param {string} purpose @returns {Shown|undefined} */
  consentTo(purpose) {
    return this.data.consents.find((/** @type {Shown} */ c) => c.purpose === purpose);
  },

  /** Agrees to the text on screen; a newer one is shown instead. @param {string} purpose */
  async giveConsent(purpose) {
    const { version } = this.consentTo(purpose);
    try {
      await this.send(form(), { path: '/v1/consents', data: { purpose, version } }); // safe to do twice
    } catch (e) {
      if (e.code === 'CONSENT_OUTDATED') await this.loadConsents();
      throw e;
    }
    await this.loadConsents();
  },

  /** @param {any} e */
  agree(e) {
    const { purpose } = e.currentTarget.dataset;
    return this.run(async () => {
      this.setData({ at: purpose });
      await this.giveConsent(purpose);
    });
  },
};

module.exports = { MESSAGE, ENDS, data, methods };
