const ui = SwaggerUIBundle({
  url: '/openapi.yaml',
  dom_id: '#swagger-ui',
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  deepLinking: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: ['get', 'post'],
  validatorUrl: null,
  onComplete: () => { document.documentElement.dataset.ready = 'yes'; },
});

// Opens a session of one of the demo's people, for the operations that require one.
const person = document.getElementById('person');
const button = document.getElementById('sign-in');
const signedIn = document.getElementById('signed-in');

async function json(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const reply = await fetch(path, body && { method: 'POST', headers, body: JSON.stringify(body) });
  return reply.json();
}

button.addEventListener('click', async () => {
  signedIn.value = '…';
  const { auth_code } = await json('/sim/auth-code', { person: person.value });
  const reply = await json('/v1/sessions', { auth_code });
  if (reply.code === 'OK') ui.preauthorizeApiKey('session', reply.data.token);
  signedIn.value = reply.message;
});

for (const { person: word, name } of await json('/sim/people')) person.add(new Option(`${word} ${name}`, word));
button.disabled = false;
