// Runs the mini-program in Node without a screen. Pages run in a context with ECMAScript and
// timers only; a test acts on the visible nodes.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import vm from 'node:vm';
import { fileURLToPath } from 'node:url';
import { platform } from './platform.mjs';
import { Program } from './program.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const KINDS = ['.js', '.json', '.axml', '.acss'];
const OTHER = ['runtime', 'test', 'node_modules'];

/** Returns the mini-program's files by path. */
export function readFiles(dir = ROOT, base = dir, files = {}) {
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, entry.name);
    if (entry.isDirectory() && !OTHER.includes(entry.name)) readFiles(full, base, files);
    else if (KINDS.includes(path.extname(full))) files[path.relative(base, full)] = fs.readFileSync(full, 'utf8');
  }
  return files;
}

/** Sends every request to base, whatever its host. */
export function transportTo(base) {
  return ({ url, method, headers, body, timeout }) => new Promise((resolve, reject) => {
    const target = new URL(new URL(url).pathname, base);
    const request = http.request(target, { method, headers, timeout }, (reply) => {
      const chunks = [];
      reply.on('data', (chunk) => chunks.push(chunk));
      reply.on('end', () => resolve({ status: reply.statusCode, text: Buffer.concat(chunks).toString() }));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (e) => reject(e.message === 'timeout' ? 'timeout' : e));
    request.end(body);
  });
}

/** A simulated citizen with a phone. */
export class Citizen {
  /**
   * @param {object} o
   * @param {Function} o.transport
   * @param {() => Promise<string>} o.authCode
   * @param {string|{error: number}} [o.face] what startAPVerify says, '9000' = shown; an error if it fails
   * @param {(allowed: boolean) => Promise<string>} [o.phone] what my.getPhoneNumber gives
   * @param {(templates: string[], yes: boolean) => Promise<void>} [o.subscribe] tells Alipay of the answer
   * @param {object} [o.config] what differs from config.js
   * @param {string} [o.errors] @param {string} [o.client] see platform
   */
  constructor({ transport, authCode, face = '9000', phone, subscribe, config = {}, errors, client }) {
    this.told = []; // texts of dialogs
    this.dialled = []; // numbers
    this.says = true; // the answer to every dialog
    this.face = face;
    const { my, authorize, gesture } = platform({
      transport, errors, client,
      citizen: {
        authCode,
        phone,
        face: () => {
          if (this.face.error) throw this.face; // the page of the verification did not open
          return this.face;
        },
        authorize: () => this.says,
        subscribe: async (templates) => {
          if (subscribe) await subscribe(templates, this.says);
          return this.says;
        },
        confirm: (o) => {
          this.told.push(o.content);
          return this.says;
        },
        alert: (o) => { this.told.push(o.content); },
        dial: (number) => { this.dialled.push(number); },
      },
    });
    const hurried = (work, ms) => setTimeout(work, Math.min(ms, 5)); // tests need no real delays
    const context = vm.createContext({ setTimeout: hurried, clearTimeout, console });
    const evaluate = (file, scope) => {
      const source = `(function (${Object.keys(scope)}) {'use strict';${this.program.files[file]}\n})`;
      vm.runInContext(source, context, { filename: file })(...Object.values(scope));
    };
    this.program = new Program({ files: readFiles(), my, evaluate, authorize, gesture });
    Object.assign(this.program.require('', '/config.js'), config);
    this.program.start();
  }

  get route() {
    return this.program.page.route.split('/')[1];
  }

  get text() {
    return textOf({ kids: this.program.page.tree });
  }

  /** Returns the visible nodes in order. */
  nodes(kids = this.program.page.tree) {
    return kids.flatMap((node) => (node.tag ? [node, ...this.nodes(node.kids)] : []));
  }

  find(name, tags) {
    const names = labelsOf(this.nodes());
    const all = this.nodes().filter((node) => tags.includes(kindOf(node)) && nameOf(node, names) === name);
    if (all.length !== 1) throw new Error(`${this.route}: ${all.length} of ${name} in: ${this.text}`);
    return all[0];
  }

  sees(name) {
    return this.nodes().some((node) => kindOf(node) === 'button' && nameOf(node) === name);
  }

  fill(name, value) {
    this.program.emit(this.find(name, ['input']), 'input', { value });
  }

  async choose(name, value) {
    this.program.emit(this.find(name, ['picker']), 'change', { value });
    await this.program.quiet();
  }

  async tap(name) {
    this.press(name);
    await this.program.quiet();
  }

  /** Taps without waiting for the handler. */
  press(name) {
    const button = this.find(name, ['button']);
    if (button.attrs.disabled) throw new Error(`${this.route}: ${name} is disabled`);
    this.program.tap(button);
  }
}

/** Returns the tag, or 'button' for a view with the role of something to tap. */
function kindOf(node) {
  return node.tag === 'view' && node.on.tap && ['button', 'switch'].includes(node.attrs.role) ? 'button' : node.tag;
}

/** Returns the texts of labels by the id that they are for. */
function labelsOf(nodes) {
  return new Map(nodes.filter(({ tag }) => tag === 'label').map((node) => [node.attrs.for, textOf(node)]));
}

/** Returns the name by which a screen reader calls a node. */
function nameOf(node, labels) {
  if (node.tag === 'input') return labels?.get(node.attrs.id);
  if (node.tag === 'picker') return nameOf(node.kids[0]).split('，')[0]; // followed by the chosen value
  return node.attrs['aria-label'] ?? textOf(node);
}

function textOf(node) {
  return node.text ?? node.kids.map(textOf).join(' ').trim();
}
