// A strict parser for the part of axml that the pages use. A node is {tag, attrs, kids} or
// {text}; an attribute without a value is true.
import { checkComponent } from './components.mjs';

const TOKEN = /<!--[\s\S]*?-->|<\/([\w-]+)\s*>|<([\w-]+)((?:\s+[\w:.-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'))?)*)\s*(\/?)>|([^<]+)/g;
const ATTRIBUTE = /([\w:.-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?/g;

/** @param {string} source @param {(path: string) => string} include text of an included file */
export function parse(source, include) {
  const root = { tag: '#root', attrs: {}, kids: [] };
  const open = [root];
  let end = 0;
  for (const m of source.matchAll(TOKEN)) {
    if (m.index !== end) throw new Error(`axml: not understood: ${source.slice(end, end + 60)}`);
    end += m[0].length;
    const parent = open[open.length - 1];
    const [, closed, tag, attributes, alone, text] = m;
    if (closed) {
      if (open.pop().tag !== closed) throw new Error(`axml: </${closed}> closes <${parent.tag}>`);
    } else if (tag === 'include') {
      parent.kids.push(...parse(include(attributesOf(attributes).src), include).kids);
    } else if (tag) {
      const node = { tag, attrs: attributesOf(attributes), kids: [] };
      checkComponent(tag, node.attrs);
      parent.kids.push(node);
      if (!alone) open.push(node);
    } else if (text && text.trim()) parent.kids.push({ text: text.trim() });
  }
  if (end !== source.length || open.length > 1) throw new Error(`axml: <${open[open.length - 1].tag}> is not closed`);
  return root;
}

function attributesOf(text) {
  const attrs = {};
  for (const [, name, double, single] of text.matchAll(ATTRIBUTE)) attrs[name] = double ?? single ?? true;
  return attrs;
}
