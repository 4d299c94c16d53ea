// One request and its reply as the demo's page shows them: secrets are masked, and curl takes
// them from variables.

/** The fields that nobody should read over a shoulder. */
const SECRETS = ['password', 'old_password', 'new_password', 'new_password_again', 'reset_code', 'auth_code', 'token', 'response'];

/** The code in a request is a clerk's; in a reply it is the API's. */
const SENT = [...SECRETS, 'code'];

const MASK = '••••••';

/** Returns JSON with secrets replaced. @param {string|undefined} text @param {string[]} names @param {(name: string) => string} instead @param {number} [indent] */
function without(text, names, instead, indent) {
  if (!text) return '';
  try {
    return JSON.stringify(JSON.parse(text), (name, value) => (names.includes(name) && value ? instead(name) : value), indent);
  } catch (e) {
    return text;
  }
}

/** @param {{headers: Record<string, string>, body?: string, method: string, path: string}} sent */
export function requestText({ method, path, headers, body }) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${name === 'authorization' ? `Bearer ${MASK}` : value}`);
  return [`${method} ${path}`, ...lines, ...(body ? ['', without(body, SENT, () => MASK, 2)] : [])].join('\n');
}

/** @param {{status: number, headers: Record<string, string>, text: string}} reply */
export function replyText({ status, headers, text }) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP ${status}`, ...lines, '', without(text, SECRETS, () => MASK, 2)].join('\n');
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Returns the command that repeats a request. @param {string} base @param {Parameters<typeof requestText>[0]} sent */
export function curlOf(base, { method, path, headers, body }) {
  const parts = [`curl -s${method === 'GET' ? '' : ` -X ${method}`} ${quoted(base + path)}`];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(name === 'authorization' ? '-H "Authorization: Bearer $TOKEN"' : `-H ${quoted(`${name}: ${value}`)}`);
  }
  if (body) {
    const plain = quoted(without(body, SENT, (name) => `\u0000${name.toUpperCase()}\u0000`));
    parts.push(`--data ${plain.replace(/\\u0000(\w+)\\u0000/g, `'"$$$1"'`)}`);
  }
  return parts.join(' \\\n  ');
}
