// Runs the unchanged files of a mini-program: App, Page, setData, navigation and the life cycle
// of pages. The host renders the pages and provides my.*.
import { parse } from './axml.mjs';
import { checkStyle } from './components.mjs';
import { datasetOf, render } from './tree.mjs';

/** Resolves name in a file of directory from. */
export function resolve(from, name) {
  const parts = name.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

/** Sets 'a.b[0].c' in data in place, as the platform does. */
function setPath(data, path, value) {
  const keys = path.replace(/\[(\d+)\]/g, '.$1').split('.');
  const last = keys.pop();
  let at = data;
  for (const key of keys) at = at[key] ??= {};
  at[last] = value;
}

/** The largest number of pages on the stack. */
const DEPTH = 10;

export class Program {
  /**
   * @param {object} host
   * @param {Record<string, string>} host.files text by path
   * @param {object} host.my the platform; its navigation is added here
   * @param {(path: string, scope: object) => void} host.evaluate runs a module
   * @param {(page: object, tree: object[]) => void} [host.paint]
   * @param {(scope: string) => Promise<void>} [host.authorize] the dialog of a button that
   *   asks for an authorisation; rejects when it is not given
   * @param {{on: boolean, ever: boolean}} [host.gesture] told of taps
   */
  constructor({ files, my, evaluate, paint = () => {}, authorize, gesture = { on: false, ever: false } }) {
    Object.assign(this, { files, my, evaluate, paint, authorize, gesture });
    this.modules = new Map();
    this.definitions = new Map();
    this.stack = [];
    this.pending = new Set();
    this.routes = JSON.parse(files['app.json']).pages;
    if (files['app.acss']) checkStyle(files['app.acss']);
    this.addNavigation();
  }

  /** Launches the app on its first page. */
  start() {
    this.require('', '/app.js');
    this.app.onLaunch?.({});
    this.open('/' + this.routes[0]);
  }

  get page() {
    return this.stack[this.stack.length - 1];
  }

  require(from, name) {
    const path = resolve(from, name);
    if (!(path in this.files)) throw new Error(`${from} requires ${name}, which is not there`);
    if (!this.modules.has(path)) {
      const module = { exports: {} };
      this.modules.set(path, module);
      this.evaluate(path, {
        module,
        exports: module.exports,
        require: (inner) => this.require(path, inner),
        my: this.my,
        App: (definition) => { this.app = definition; },
        Page: (definition) => { this.definitions.set(this.loading, definition); },
        getApp: () => this.app,
      });
    }
    return this.modules.get(path).exports;
  }

  open(url, closed = 0) {
    const [path, query = ''] = url.split('?');
    const route = resolve('', path);
    if (!this.routes.includes(route)) throw new Error(`${route} is no page of app.json`);
    this.loading = route; // the route whose Page is called, possibly by a module
    this.require('', `/${route}.js`);
    for (const old of this.stack.splice(this.stack.length - closed)) this.unload(old);
    if (this.stack.length === DEPTH) throw new Error(`more than ${DEPTH} pages`);
    const page = this.create(route);
    this.stack.push(page);
    this.show(page);
    this.track(page.onLoad?.(Object.fromEntries(new URLSearchParams(query))));
    this.track(page.onShow?.());
    page.onReady?.();
  }

  create(route) {
    const definition = this.definitions.get(route);
    const { data } = definition; // visits share the objects inside, unless a function makes them
    const page = Object.assign({}, definition, { route, data: typeof data === 'function' ? data() : { ...data } });
    page.title = JSON.parse(this.files[`${route}.json`]).defaultTitle;
    page.axml = parse(this.files[`${route}.axml`], (src) => this.files[resolve(`${route}.axml`, src)]);
    page.setData = (patch, done) => {
      if (page.unloaded) return; // without effect, as on a phone
      for (const [key, value] of Object.entries(patch)) setPath(page.data, key, value);
      if (this.page === page) this.show(page);
      done?.();
    };
    return page;
  }

  unload(page) {
    page.unloaded = true;
    page.onUnload?.();
  }

  /** Shows the page again, as after a look at another app. */
  resume() {
    this.track(this.page.onShow?.());
  }

  show(page) {
    page.tree = render(page.axml, page.data);
    this.paint(page, page.tree);
  }

  /** Taps a node, and opens the dialog of a button with open-type first. */
  tap(node) {
    Object.assign(this.gesture, { on: true, ever: true });
    try {
      if (node.on.tap) this.emit(node, 'tap');
    } finally {
      this.gesture.on = false;
    }
    const openType = node.attrs['open-type'];
    if (openType === undefined) return;
    if (openType !== 'getAuthorize' || node.tag !== 'button') throw new Error(`open-type ${openType} is not played`);
    const page = this.page;
    const answered = (event, detail) => {
      if (this.page === page && node.on[event]) this.emit(node, event, detail);
    };
    this.track(this.authorize(node.attrs.scope).then(
      () => answered('getauthorize', {}),
      (e) => answered('error', { type: 'getAuthorize', ...e }),
    ));
  }

  /** Passes an event to the page's handler. */
  emit(node, event, detail = {}) {
    const page = this.page;
    const handler = page[node.on[event]];
    if (typeof handler !== 'function') throw new Error(`${page.route}: no handler ${node.on[event]}`);
    const target = { dataset: datasetOf(node.attrs) };
    this.track(handler.call(page, { type: event, target, currentTarget: target, detail }));
  }

  /** Records a handler's promise, so that quiet can wait for it. */
  track(result) {
    if (typeof result?.then !== 'function') return;
    const done = Promise.resolve(result).finally(() => this.pending.delete(done));
    this.pending.add(done);
    done.catch(() => {}); // quiet reports the error
  }

  /** Resolves when no handler is running; rejects with a handler's error. */
  async quiet() {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }

  addNavigation() {
    const back = () => {
      if (this.stack.length < 2) throw new Error(`${this.page.route}: nothing to navigate back to`);
      this.unload(this.stack.pop());
      this.show(this.page);
      this.track(this.page.onShow?.());
    };
    Object.assign(this.my, {
      navigateTo: ({ url }) => {
        this.page.onHide?.();
        this.open(url);
      },
      redirectTo: ({ url }) => this.open(url, 1),
      reLaunch: ({ url }) => this.open(url, this.stack.length),
      navigateBack: back,
    });
  }
}
