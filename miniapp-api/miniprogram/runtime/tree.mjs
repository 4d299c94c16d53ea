// Renders parsed axml with a page's data into nodes {tag, attrs, on, kids, source} or
// {text, source}. on maps events to handler names; source is the parsed node.
import { evaluate } from './expression.mjs';

/** @param {{kids: object[]}} the result of parse @param {object} data */
export function render(root, data) {
  return kidsOf(root.kids, data);
}

function fill(value, scope) {
  if (typeof value !== 'string') return value;
  const whole = /^\{\{([^{}]*)\}\}$/.exec(value);
  if (whole) return evaluate(whole[1], scope);
  return value.replace(/\{\{([^{}]*)\}\}/g, (_, text) => evaluate(text, scope) ?? '');
}

function kidsOf(kids, scope) {
  const out = [];
  let taken = false; // whether a branch of the current a:if chain was taken
  for (const node of kids) {
    if (node.text !== undefined) {
      out.push({ text: String(fill(node.text, scope) ?? ''), source: node });
      continue;
    }
    const { attrs } = node;
    const chained = 'a:elif' in attrs || 'a:else' in attrs;
    const test = attrs['a:if'] ?? attrs['a:elif'] ?? true;
    const wanted = !(chained && taken) && Boolean(fill(test, scope));
    if ('a:if' in attrs || chained) taken = chained ? taken || wanted : wanted;
    if (wanted) out.push(...repeated(node, scope));
  }
  return out;
}

function repeated(node, scope) {
  if (!('a:for' in node.attrs)) return one(node, scope);
  const list = Array.from(fill(node.attrs['a:for'], scope) || []);
  return list.flatMap((item, index) => one(node, { ...scope, item, index }));
}

function one(node, scope) {
  const kids = kidsOf(node.kids, scope);
  if (node.tag === 'block') return kids;
  const out = { tag: node.tag, attrs: {}, on: {}, kids, source: node };
  for (const [name, value] of Object.entries(node.attrs)) {
    const event = /^(?:on|catch)([A-Z]\w*)$/.exec(name);
    if (event) out.on[event[1].toLowerCase()] = value;
    else if (!name.startsWith('a:')) out.attrs[name] = fill(value, scope);
  }
  return [out];
}

/** Returns the data-* attributes of a node as an event's dataset. */
export function datasetOf(attrs) {
  const all = Object.entries(attrs).filter(([name]) => name.startsWith('data-'));
  return Object.fromEntries(all.map(([name, value]) => [name.slice(5).replace(/-(\w)/g, (_, c) => c.toUpperCase()), value]));
}
