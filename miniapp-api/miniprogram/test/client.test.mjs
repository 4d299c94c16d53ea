// @ts-check
// The API by a client whose types are generated from openapi.yaml: what a page that is not
// this mini-program does.
import assert from 'node:assert/strict';
import test from 'node:test';
import createClient from 'openapi-fetch';
import { base, personOf, post } from './citizens.mjs';

const skip = base ? false : 'FUNDPASS_BASE names no demo';

/** @typedef {import('./contract.js').paths} paths */

/** Returns a client with the session of a person of the demo. */
async function signedIn(/** @type {string} */ word) {
  /** @type {import('openapi-fetch').Client<paths>} */
  const client = createClient({ baseUrl: base });
  const { auth_code } = await post('/sim/auth-code', { person: word });
  const { data, error } = await client.POST('/v1/sessions', { body: { auth_code } });
  assert.ok(data, error?.message);
  client.use({ onRequest: ({ request }) => request.headers.set('Authorization', `Bearer ${data.data.token}`) });
  return client;
}

const once = () => ({ header: { 'Idempotency-Key': crypto.randomUUID() } });

test('a password is changed through the client', { skip }, async () => {
  const who = await personOf('ok');
  const client = await signedIn('ok');
  const unlinked = await client.GET('/v1/password');
  assert.equal(unlinked.error?.code, 'NOT_LINKED');

  const link = await client.POST('/v1/link', {
    params: once(), body: { name: who.name, id_type: '01', id_number: who.id_number, account_no: who.account_no, password: who.password },
  });
  assert.equal(link.data?.data.password_state, 'set', link.error?.message);

  const wrong = await client.POST('/v1/password/changes', { params: once(), body: { id_number: who.id_number, old_password: 'Not-This-One' } });
  assert.deepEqual([wrong.error?.code, wrong.error?.remaining_attempts], ['OLD_PASSWORD_WRONG', 4]);

  const change = await client.POST('/v1/password/changes', { params: once(), body: { id_number: who.id_number, old_password: who.password } });
  assert.ok(change.data, change.error?.message);
  const { id } = change.data.data;
  const secret = { new_password: 'Thistle-Meadow-15', new_password_again: 'Thistle-Meadow-15' };
  const done = await client.POST('/v1/password/changes/{id}/confirm', { params: { path: { id }, ...once() }, body: secret });
  assert.equal(done.data?.data.state, 'done', done.error?.message);
});
