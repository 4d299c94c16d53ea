// The demo page's people: whose phone it is, what to type into it, and what a clerk of the centre
// does for them.

const post = async (path, body) => {
  const reply = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return { ok: reply.ok, ...(await reply.json()) };
};

const FROZEN = '06';
const MOVED = '04';

/**
 * Draws the panel and keeps it true.
 * @param {object} page
 * @param {Record<string, string>} page.texts @param {'zh'|'en'} page.language
 * @param {(alipay: string) => void} page.become gives the phone to the Alipay account
 * @param {() => void} page.resume tells the phone that the citizen looks at it again
 * @param {(value: string) => void} page.type types into the phone
 */
export class People {
  constructor(page) {
    Object.assign(this, page);
    this.codes = new Map(); // by person, as long as the page is open
    this.said = '';
    this.alipays = new Map(); // the Alipay account on each person's phone
  }

  /** Loads everybody and draws what has changed. */
  async load() {
    this.demo = await (await fetch('/demo/people', { cache: 'no-store' })).json();
    const drawn = JSON.stringify([this.demo, this.current]);
    if (drawn !== this.drawn) this.draw();
    this.drawn = drawn;
  }

  draw() {
    const { texts, demo } = this;
    document.getElementById('policy').textContent = `${texts.policy}: ${demo.policy}${demo.city ? ` (${demo.city})` : ''}`;
    if (document.getElementById('list').childElementCount === 0) this.drawList();
    for (const b of document.querySelectorAll('#list button')) b.setAttribute('aria-pressed', String(b.dataset.person === this.current));
    const p = this.person();
    if (p) this.drawPerson(p);
  }

  person() {
    return this.demo.people.find(({ person }) => person === this.current);
  }

  drawList() {
    for (const p of this.demo.people) {
      const b = button('', () => this.choose(p.person));
      b.dataset.person = p.person;
      b.append(chinese(p.name), Object.assign(chinese(p[this.language]), { lang: this.language === 'zh' ? 'zh-CN' : 'en' }));
      const item = document.createElement('li');
      item.append(b);
      document.getElementById('list').append(item);
    }
  }

  /** Gives the phone to a person. */
  choose(person) {
    this.current = person;
    this.said = '';
    this.draw();
    this.become(this.alipays.get(person) ?? person);
  }

  /** Lists what can be typed, and the clerk's buttons. */
  drawPerson(p) {
    const { texts } = this;
    const lines = [
      [texts.name, p.name], [texts.id, p.id_number], [texts.account, p.account_no],
      [p.changed ? texts.passwordNow : texts.password, p.password], [texts.code, this.codes.get(p.person)], [texts.example, (this.demo.examples ?? []).find((example) => example !== p.password)],
    ];
    const typed = lines.filter(([, value]) => value).map(([label, value]) => {
      const b = button('', () => this.type(value));
      b.append(span(label), chinese(value));
      return b;
    });
    if (p.changed && !p.password) typed.push(made('p', `${texts.passwordNow}: ${texts.unknown}`));
    const focused = [...document.querySelectorAll('#person button')].indexOf(document.activeElement);
    document.getElementById('person').replaceChildren(made('p', texts.typeHint), ...typed, ...(p.account_no ? this.counter(p) : []));
    document.getElementById('said').textContent = this.said;
    document.querySelectorAll('#person button')[focused]?.focus();
  }

  counter(p) {
    const { texts } = this;
    const act = (label, name, said) => button(label, () => this.act(name, said));
    const second = this.alipays.has(p.person);
    const row = document.createElement('div');
    row.className = 'acts';
    row.append(
      act(texts.issue, 'reset_code', texts.issued),
      p.status === FROZEN ? act(texts.unfreeze, 'restore', texts.restored) : act(texts.freeze, 'freeze', texts.frozen),
      p.status === MOVED ? act(texts.moveBack, 'restore', texts.restored) : act(texts.moveOut, 'move_out', texts.movedOut),
      second ? button(texts.firstAlipay, () => this.useFirst()) : act(texts.otherAlipay, 'other_alipay', texts.second),
    );
    return [made('h3', texts.counter), row];
  }

  /** Has the centre do something for the current person. */
  async act(name, said) {
    const person = this.current;
    const reply = await post('/demo/counter', { person, act: name });
    this.said = reply.ok ? said : this.texts.refused + reply.error;
    if (reply.code) this.codes.set(person, reply.code);
    if (reply.person) {
      this.alipays.set(person, reply.person);
      this.become(reply.person);
    }
    this.drawn = '';
    await this.load();
    if (reply.ok && !reply.person) this.resume();
  }

  useFirst() {
    this.alipays.delete(this.current);
    this.said = this.texts.first;
    this.draw();
    this.become(this.current);
  }
}

function button(label, act) {
  const b = made('button', label);
  b.type = 'button';
  b.addEventListener('click', act);
  return b;
}

const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
const span = (text) => made('span', text);
const chinese = (text) => Object.assign(span(text), { lang: 'zh-CN' });
