// The demo page's list of requests. A click shows what was sent and received.
import { curlOf, replyText, requestText } from './exchange.mjs';

/** The entries that are kept. */
const KEPT = 100;

/**
 * Returns the transport of the phone, which sends every request to the demo, whatever its host.
 * @param {{list: HTMLElement, empty: HTMLElement, texts: Record<string, string>, sent: (path: string) => void}} page `sent` is told of every request that was answered
 */
export function listed({ list, empty, texts, sent }) {
  return async ({ url, method, headers, body, timeout }) => {
    const path = new URL(url).pathname;
    const begun = performance.now();
    const request = { method, path, headers, body };
    try {
      const reply = await fetch(path, { method, headers, body, cache: 'no-store', signal: AbortSignal.timeout(timeout) });
      const text = await reply.text();
      const received = { status: reply.status, headers: Object.fromEntries(reply.headers), text };
      add(request, read(text).code ?? `HTTP ${reply.status}`, performance.now() - begun, received);
      if (method !== 'GET') sent(path);
      return { status: reply.status, text };
    } catch (e) {
      add(request, e.name, performance.now() - begun);
      throw e.name === 'TimeoutError' ? 'timeout' : e;
    }
  };

  function add(request, code, took, received) {
    empty.hidden = true;
    const item = document.createElement('details');
    item.className = code === 'OK' ? 'exchange' : 'exchange exchange-refused';
    const line = document.createElement('summary');
    for (const text of [`${request.method} ${request.path.replace(/[0-9a-f-]{36}/, '{id}')}`, code, `${Math.round(took)} ms`]) line.append(span(text));
    item.append(line);
    item.addEventListener('toggle', () => {
      if (item.open && item.childElementCount === 1) item.append(...detail(request, received));
    });
    list.prepend(item);
    while (list.childElementCount > KEPT) list.lastElementChild.remove();
  }

  /** What a click shows. */
  function detail(request, received) {
    const id = received && read(received.text).request_id;
    const command = curlOf(location.origin, request);
    const copy = document.createElement('button');
    Object.assign(copy, { type: 'button', textContent: texts.curl });
    copy.addEventListener('click', async () => {
      await navigator.clipboard.writeText(command).catch(() => {}); // the command is also there to be selected
      copy.textContent = texts.copied;
    });
    return [
      ...(id ? [line(`${texts.requestId} ${id}`)] : []),
      title(texts.sent), pre(requestText(request)),
      ...(received ? [title(texts.received), pre(replyText(received))] : []),
      title('curl'), pre(command), copy, line(texts.masked),
    ];
  }
}

function read(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch (e) {
    return {};
  }
}

const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
const span = (text) => made('span', text);
const line = (text) => made('p', text);
const title = (text) => made('h3', text);
const pre = (text) => made('pre', text);
