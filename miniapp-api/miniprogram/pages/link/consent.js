// 绑定: the consents beside the form, and the step for a missing consent, such as one that was
// withdrawn.

/** @typedef {import('../../lib/consents.js').Shown} Shown */
/** @typedef {import('../../lib/request.js').Problem} Problem */

/** The purposes of submitting the form. The phone number has its own button. */
const BY_FORM = ['link', 'certdoc', 'face'];
const BY_TAP = BY_FORM.concat('phone');

/** The data of such a page. */
const data = { about: '' }; // the purpose of the step's text

/** @type {Record<string, any> & ThisType<any>} */
const methods = {
  /** Says which texts are shown beside the form. @param {Shown} c @param {boolean} required */
  lists(c, required) {
    return { listed: (required ? BY_TAP : BY_FORM).includes(c.purpose) };
  },

  /** Reports whether the consent to the link is given, as far as the page knows. */
  agreedToLink() {
    const link = this.consentTo('link');
    return !link || !link.asks;
  },

  /** Shows the text of the first purpose that suffices. @param {Problem} e */
  async askConsent(e) {
    await this.loadConsents();
    return this.showWanted(e.fields.map((f) => f.field).filter((purpose) => this.consentTo(purpose)));
  },

  /** @param {string[]} purposes the link's is required; one of the proofs suffices */
  showWanted(purposes) {
    if (purposes.length === 0) return false;
    if (this.data.step !== 'consent') this.cameFrom = this.data.step;
    this.wanted = purposes;
    this.toStep('consent', { about: purposes[0] });
    return true;
  },

  agreeAbout() {
    return this.run(async () => {
      await this.giveConsent(this.data.about);
      if (this.cameFrom) return this.toStep(this.cameFrom, { about: this.cameFrom });
      await this.link(this.chosen);
    });
  },

  disagreeAbout() {
    const [first, ...others] = this.wanted;
    if (first !== 'link' && this.showWanted(others)) return;
    this.toForm();
    const what = first === 'link' ? '“绑定公积金账户”的说明' : '任何一种核验方式';
    this.tell(`您没有同意${what}，还不能在这里绑定。可以重新点“确认绑定”，也可以到柜台办理。`);
  },
};

module.exports = { data, methods };
