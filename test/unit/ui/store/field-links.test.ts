import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldLinks } from '../../../../ui/store/field-links.ts';

const link = (connection: string, name: string) => ({ connection, name, state: 'connected' });

test('a link is found by its connection, and by the part of it that is at another site', async () => {
  const links = new FieldLinks(async () => ({
    ok: true,
    body: { links: [link('broker', 'Plant broker'), link('broker.old', 'Old broker'), { name: 'no link' }] },
  }));
  assert.equal(links.of('broker'), undefined);
  await links.load();
  assert.equal(links.of('broker')?.name, 'Plant broker');
  assert.equal(links.of('broker.south')?.name, 'Plant broker');
  assert.equal(links.of('broker.old')?.name, 'Old broker');
  assert.equal(links.of('brokers'), undefined);
  assert.equal(links.links.value?.size, 2);
});

test('what was known stays when the server does not answer, and is said not to be of now', async () => {
  let answers = true;
  const links = new FieldLinks(async () =>
    answers
      ? { ok: true, body: { links: [link('broker', 'Plant broker')] } }
      : { ok: false, status: 0, code: 'NO_LINK', message: 'The server did not answer.' },
  );
  await links.load();
  answers = false;
  await links.load();
  assert.equal(links.of('broker')?.name, 'Plant broker');
  assert.equal(links.problem.value, 'The server did not answer.');
  answers = true;
  await links.load();
  assert.equal(links.problem.value, null);
});
