// What Alipay's documents allow of the components, and of ACSS. The runtime refuses the rest,
// because a phone ignores it without a word.

/** The components that support role and aria-*. */
const ARIA = ['view', 'text', 'icon', 'button', 'label', 'checkbox', 'switch', 'image', 'radio'];

/** The attributes of each component besides those of every component. */
const ATTRIBUTES = {
  view: [],
  text: ['selectable', 'decode'],
  label: ['for'],
  button: ['size', 'type', 'plain', 'disabled', 'loading', 'hover-class', 'form-type', 'open-type', 'scope'],
  input: ['value', 'name', 'type', 'password', 'placeholder', 'placeholder-style', 'placeholder-class', 'disabled', 'maxlength', 'focus', 'confirm-type', 'random-number', 'controlled', 'always-system'],
  picker: ['title', 'range', 'range-key', 'value', 'disabled'],
  block: [],
};

const EVENTS = {
  view: ['onTap', 'catchTap'],
  text: ['onTap', 'catchTap'],
  label: [],
  button: ['onTap', 'catchTap', 'onGetAuthorize', 'onError'],
  input: ['onInput', 'onConfirm', 'onFocus', 'onBlur'],
  picker: ['onChange', 'onCancel'],
  block: [],
};

const EVERYWHERE = /^(class|id|style|hidden|data-[a-z_-]+|a:(if|elif|else))$/;

/** Throws unless the component and its attributes are documented. @param {string} tag @param {object} attrs */
export function checkComponent(tag, attrs) {
  if (!(tag in ATTRIBUTES)) throw new Error(`axml: <${tag}> is not supported`);
  for (const name of Object.keys(attrs)) if (!allowed(tag, name, attrs)) throw new Error(`axml: ${name} of <${tag}> is not supported`);
}

function allowed(tag, name, attrs) {
  if (tag === 'block') return /^a:(if|elif|else|for)$/.test(name); // a:key belongs to a component
  if (name === 'a:for') return true;
  if (name === 'a:key') return 'a:for' in attrs;
  if (name === 'role' || name.startsWith('aria-')) return ARIA.includes(tag);
  return EVERYWHERE.test(name) || ATTRIBUTES[tag].includes(name) || EVENTS[tag].includes(name);
}

/** Throws unless a phone applies the style sheet. @param {string} source */
export function checkStyle(source) {
  const rules = source.replace(/\/\*[\s\S]*?\*\//g, '');
  for (const [, selector] of rules.matchAll(/(?:^|[{}])([^{}]+)(?=\{)/g)) {
    if (/\[/.test(selector)) throw new Error(`acss: attribute selectors are not supported: ${selector.trim()}`);
    if (/\.(a|am)-/.test(selector)) throw new Error(`acss: .a- and .am- belong to the platform: ${selector.trim()}`);
  }
  if (/url\(\s*['"]?\.\.?\//.test(rules)) throw new Error('acss: relative addresses are not supported');
}
