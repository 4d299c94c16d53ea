// Renders a page's tree into a browser's document. An element stays that of its axml node, so
// that an input keeps its text, focus and caret when the page is rendered again.

const TAGS = { view: 'div', text: 'span', label: 'label', button: 'button', input: 'input', picker: 'div' };
/** The attributes with the same meaning in a browser. */
const COPIED = /^(class|id|role|aria-[a-z]+|placeholder|maxlength)$/;

/** The roles of views that a tap operates, here also a key. */
const OPERATED = ['button', 'switch'];

/** @param {Element} parent @param {object[]} tree @param {(node, event, detail) => void} emit receives taps and the events with a handler */
export function paint(parent, tree, emit) {
  const left = [...parent.childNodes];
  const elements = tree.map((node) => {
    const at = left.findIndex((element) => element.source === node.source);
    return at < 0 ? create(node) : left.splice(at, 1)[0];
  });
  for (const element of left) element.remove();
  elements.forEach((element, i) => {
    if (parent.childNodes[i] !== element) parent.insertBefore(element, parent.childNodes[i] ?? null);
    const node = tree[i];
    if (node.tag) update(element, node, emit);
    else if (element.data !== node.text) element.data = node.text;
  });
}

function create(node) {
  const element = node.tag ? document.createElement(TAGS[node.tag]) : document.createTextNode(node.text);
  element.source = node.source;
  if (node.tag === 'button') element.type = 'button';
  if (node.tag) listen(element, node.tag);
  return element;
}

/** Passes the events of axml to the page that was rendered last. */
function listen(element, tag) {
  element.addEventListener('click', () => element.emit(element.node, tag === 'picker' ? 'pick' : 'tap', {}));
  element.addEventListener('input', (e) => {
    if (e.target === element && element.node.on.input) element.emit(element.node, 'input', { value: element.value });
  });
  element.addEventListener('keydown', (e) => {
    if (e.target === element && element.tabIndex === 0 && tag === 'view' && (e.key === 'Enter' || e.key === ' ')) element.click();
  });
}

function update(element, node, emit) {
  Object.assign(element, { node, emit });
  const { attrs } = node;
  for (const { name } of [...element.attributes]) if (COPIED.test(name) && !(name in attrs)) element.removeAttribute(name);
  for (const [name, value] of Object.entries(attrs)) if (COPIED.test(name)) set(element, name, value);
  if (node.tag === 'view' && OPERATED.includes(attrs.role)) set(element, 'tabindex', '0');
  if (node.tag === 'button') element.disabled = Boolean(attrs.disabled);
  if (node.tag === 'label') element.htmlFor = attrs.for ?? '';
  if (node.tag === 'input') updateInput(element, attrs);
  else paint(element, node.kids, emit);
}

function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A phone writes into an input only when its value changes. */
function updateInput(element, attrs) {
  const type = attrs.password ? 'password' : 'text';
  if (element.type !== type) element.type = type;
  set(element, 'autocomplete', attrs.password ? 'new-password' : 'off');
  set(element, 'inputmode', attrs.type === 'number' ? 'numeric' : 'text');
  if (element.rendered !== attrs.value) element.rendered = element.value = attrs.value;
  element.style.setProperty('--placeholder', colourOf(attrs['placeholder-class']));
}

/** Returns the colour of a placeholder, pale as on a phone without its class. */
function colourOf(name) {
  if (!name) return '#cccccc';
  const probe = document.createElement('span');
  probe.className = name;
  document.querySelector('#page .page').append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
