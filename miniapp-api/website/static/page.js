// What makes the pages more comfortable. Without it everything works: the server checks all.
'use strict';

// A problem is read out and reached first.
document.getElementById('problem')?.focus();

// A second click on a button does not send the form again while the first is under way. The
// server would answer it with the first answer.
for (const form of document.querySelectorAll('form[data-once]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = 'yes';
  });
}
addEventListener('pageshow', (event) => {
  for (const form of document.querySelectorAll('form[data-once]')) delete form.dataset.sent;
  if (event.persisted) location.reload(); // a page that the browser kept may be of a session that has ended
});

// Passwords can be shown while they are typed.
for (const input of document.querySelectorAll('input[type=password]')) {
  const row = document.createElement('div');
  row.className = 'with-eye';
  input.replaceWith(row);
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet';
  button.textContent = '显示';
  button.setAttribute('aria-label', `显示${document.querySelector(`label[for=${input.id}]`).textContent}`);
  button.setAttribute('aria-pressed', 'false');
  button.addEventListener('click', () => {
    const shown = input.type === 'text';
    input.type = shown ? 'password' : 'text';
    button.textContent = shown ? '显示' : '隐藏';
    button.setAttribute('aria-pressed', String(!shown));
  });
  row.append(input, button);
  input.form.addEventListener('submit', () => { input.type = 'password'; });
}

const CLASSES = { lower: 'a-z', upper: 'A-Z', letter: 'a-zA-Z', digit: '0-9', symbol: '!-/:-@[-`{-~' };

/** Reports whether c is in a set written like the inside of a regular expression's brackets. */
function within(charset, c) {
  for (let i = 0; i < charset.length; i++) {
    const range = charset[i + 1] === '-' && i + 2 < charset.length;
    if (charset[i] <= c && c <= charset[range ? i + 2 : i]) return true;
    if (range) i += 2;
  }
  return false;
}

/** Reports whether a password meets a rule. */
function meets(check, password) {
  const all = Array.from(password.normalize('NFC'));
  if (check.min_length) return all.length >= check.min_length;
  if (check.max_length) return all.length <= check.max_length;
  if (check.require) return check.require.every((name) => all.some((c) => within(CLASSES[name], c)));
  if (check.charset) return all.every((c) => within(check.charset, c));
  if (check.no_space) return !/\s/.test(password);
  return true;
}

// The rules that a browser can check are marked while the citizen types.
const typed = document.getElementById('new_password');
if (typed) {
  const rules = Array.from(document.querySelectorAll('[data-check]'), (item) => {
    const state = document.createElement('span');
    state.className = 'hidden';
    item.append(state);
    return { item, state, check: JSON.parse(item.dataset.check) };
  });
  typed.addEventListener('input', () => {
    for (const { item, state, check } of rules) {
      const met = meets(check, typed.value);
      item.classList.toggle('met', met && typed.value !== '');
      item.classList.toggle('unmet', !met && typed.value !== '');
      state.textContent = typed.value === '' ? '' : met ? '（已满足）' : '（未满足）';
    }
  });
}
