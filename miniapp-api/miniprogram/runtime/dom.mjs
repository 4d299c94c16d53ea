// Renders a page's tree into a browser's document. It reuses elements, so that an input keeps
// focus and caret when the page is rendered again.

const TAGS = { view: 'div', text: 'span', button: 'button', input: 'input', picker: 'select', switch: 'input' };
/** The attributes with the same meaning in a browser. */
const COPIED = /^(class|id|role|aria-[a-z]+|placeholder|maxlength)$/;

/** @param {Element} parent @param {object[]} tree @param {(node, event, detail) => void} emit receives taps and the events with a handler */
export function paint(parent, tree, emit) {
  tree.forEach((node, i) => {
    const old = parent.childNodes[i];
    const fresh = old && old.axml === (node.tag ?? '#text') ? old : create(node);
    if (!old) parent.append(fresh);
    else if (fresh !== old) old.replaceWith(fresh);
    if (node.tag) update(fresh, node, emit);
    else if (fresh.data !== node.text) fresh.data = node.text;
  });
  while (parent.childNodes.length > tree.length) parent.lastChild.remove();
}

function create(node) {
  const element = node.tag ? document.createElement(TAGS[node.tag]) : document.createTextNode(node.text);
  element.axml = node.tag ?? '#text';
  if (node.tag === 'button') element.type = 'button';
  if (node.tag === 'switch') {
    element.type = 'checkbox';
    element.setAttribute('role', 'switch');
  }
  if (node.tag) listen(element);
  return element;
}

/** Passes the events of axml to the page that was rendered last. */
function listen(element) {
  const give = (event, detail) => {
    if (element.node.on[event]) element.emit(element.node, event, detail);
  };
  element.addEventListener('click', () => element.emit(element.node, 'tap', {}));
  element.addEventListener('input', () => give('input', { value: element.value }));
  element.addEventListener('change', () => give('change', { value: element.axml === 'switch' ? element.checked : element.value }));
}

function update(element, node, emit) {
  Object.assign(element, { node, emit });
  const { attrs } = node;
  const stale = [...element.attributes].filter(({ name }) => COPIED.test(name) && !(name in attrs));
  if (node.tag !== 'switch') for (const { name } of stale) element.removeAttribute(name);
  for (const [name, value] of Object.entries(attrs)) if (COPIED.test(name)) set(element, name, value);
  if (node.tag === 'button') element.disabled = Boolean(attrs.disabled);
  if (node.tag === 'switch') element.checked = Boolean(attrs.checked);
  if (node.tag === 'input') updateInput(element, attrs);
  if (node.tag === 'picker') updatePicker(element, attrs);
  else if (element.axml !== 'input' && element.axml !== 'switch') paint(element, node.kids, emit);
}

function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function updateInput(element, attrs) {
  const type = attrs.password ? 'password' : 'text';
  if (element.type !== type) element.type = type;
  set(element, 'autocomplete', attrs.password ? 'new-password' : 'off');
  if (attrs.type === 'number') set(element, 'inputmode', 'numeric');
  if (element.value !== attrs.value) element.value = attrs.value;
}

function updatePicker(element, attrs) {
  const names = attrs.range.map((item) => item[attrs['range-key']]);
  if (element.options.length !== names.length) element.replaceChildren(...names.map((name, i) => new Option(name, String(i))));
  element.selectedIndex = attrs.value;
}
