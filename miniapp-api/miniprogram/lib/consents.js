// Consents: the texts of GET /v1/consents, given and withdrawn. Nothing is ticked beforehand,
// and a changed text is shown again before the citizen consents to it.
const { form } = require('./request.js');
const { time } = require('./words.js');

/**
 * @typedef {object} Consent of GET /v1/consents
 * @property {string} purpose @property {string} version @property {string} text
 * @property {'none'|'given'|'outdated'|'withdrawn'} state
 * @property {string|null} given_at @property {string|null} withdrawn_at
 */

/** The headings of the texts. @type {Record<string, string>} */
const NAMES = {
  link: '绑定公积金账户',
  certdoc: '核对姓名和证件号码',
  face: '人脸验证（刷脸）',
  phone: '核对手机号',
  message: '消息提醒',
};

/** The purpose of messages, which are sent unless the citizen declines them. */
const MESSAGE = 'message';

/** The effect of withdrawing a consent. @type {Record<string, string>} */
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
 * Returns a consent as pages show it. `asks` means that it needs a tap of its own, which
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

/** The data of a page with consents. */
const data = {
  consents: [], // of Shown
  listed: [], // those of them that parts/consents.axml shows
  asking: false, // whether one of them needs a tap of its own
  required: false, // whether each needs a tap of its own
};

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Loads the texts. The page's `lists` returns additional data for each. */
  async loadConsents() {
    const { required, consents } = await this.call({ path: '/v1/consents' });
    /** @type {Shown[]} */
    const all = consents.map((/** @type {Consent} */ one) => {
      const c = shown(one, required);
      return Object.assign(c, this.lists(c, required));
    });
    const listed = all.filter((c) => c.listed);
    this.setData({ required, consents: all, listed, asking: listed.some((c) => c.asks) });
  },

  /** @param {string} purpose @returns {Shown|undefined} */
  consentTo(purpose) {
    return this.data.consents.find((/** @type {Shown} */ c) => c.purpose === purpose);
  },

  /** Consents to the text on screen, or shows a newer one. @param {string} purpose */
  async giveConsent(purpose) {
    const { version } = this.consentTo(purpose);
    try {
      await this.send(form(), { path: '/v1/consents', data: { purpose, version } }); // idempotent
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
