// Evaluates the expressions of axml's {{ }} without eval, so that they work under a strict
// content security policy: names, members, strings, numbers, + ! && || ?: and comparisons. As
// on the platform, an unknown name and a member of undefined are undefined.

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|'([^']*)'|([A-Za-z_$][\w$]*)|(===|!==|==|!=|<=|>=|&&|\|\||[-+!?:()[\].<>]))/y;
const WORDS = { true: true, false: false, null: null, undefined };
const LEVELS = [['||'], ['&&'], ['==', '!=', '===', '!=='], ['<', '>', '<=', '>='], ['+', '-']];
const WORK = {
  '||': (a, b) => a() || b(),
  '&&': (a, b) => a() && b(),
  '==': (a, b) => a() == b(), // loose equality, as on the platform
  '!=': (a, b) => a() != b(),
  '===': (a, b) => a() === b(),
  '!==': (a, b) => a() !== b(),
  '<': (a, b) => a() < b(),
  '>': (a, b) => a() > b(),
  '<=': (a, b) => a() <= b(),
  '>=': (a, b) => a() >= b(),
  '+': (a, b) => a() + b(),
  '-': (a, b) => a() - b(),
};

function tokens(text) {
  const all = [];
  TOKEN.lastIndex = 0;
  while (text.slice(TOKEN.lastIndex).trim()) {
    const at = TOKEN.lastIndex;
    const m = TOKEN.exec(text);
    if (!m) throw new Error(`axml: not understood in {{${text}}}: ${text.slice(at)}`);
    if (m[1]) all.push({ value: Number(m[1]) });
    else if (m[2] !== undefined) all.push({ value: m[2] });
    else if (m[3]) all.push({ name: m[3] });
    else all.push({ sign: m[4] });
  }
  return all;
}

const compiled = new Map();

/** @param {string} text @param {object} scope @returns {any} */
export function evaluate(text, scope) {
  if (!compiled.has(text)) compiled.set(text, compile(text));
  return compiled.get(text)(scope);
}

/** @param {string} text @returns {(scope: object) => any} */
function compile(text) {
  const all = tokens(text);
  let at = 0;
  const next = (sign) => all[at] && all[at].sign === sign && ++at > 0;
  const must = (sign) => {
    if (!next(sign)) throw new Error(`axml: {{${text}}} lacks ${sign}`);
  };

  function choice() {
    const test = binary(0);
    if (!next('?')) return test;
    const yes = choice();
    must(':');
    const no = choice();
    return (s) => (test(s) ? yes(s) : no(s));
  }
  function binary(level) {
    if (level === LEVELS.length) return unary();
    let left = binary(level + 1);
    while (all[at] && LEVELS[level].includes(all[at].sign)) {
      const [a, work, b] = [left, WORK[all[at++].sign], binary(level + 1)];
      left = (s) => work(() => a(s), () => b(s));
    }
    return left;
  }
  function unary() {
    if (!next('!')) return member();
    const value = unary();
    return (s) => !value(s);
  }
  function member() {
    let value = primary();
    for (;;) {
      const of = value;
      if (next('.')) {
        const { name } = all[at++];
        value = (s) => of(s)?.[name];
      } else if (next('[')) {
        const key = choice();
        must(']');
        value = (s) => of(s)?.[key(s)];
      } else return value;
    }
  }
  function primary() {
    if (next('(')) {
      const inner = choice();
      must(')');
      return inner;
    }
    const token = all[at++];
    if (!token || token.sign) throw new Error(`axml: {{${text}}} is not whole`);
    if (!token.name) return () => token.value;
    if (token.name in WORDS) return () => WORDS[token.name];
    return (s) => s[token.name];
  }

  const whole = choice();
  if (at < all.length) throw new Error(`axml: not understood in {{${text}}}`);
  return whole;
}
