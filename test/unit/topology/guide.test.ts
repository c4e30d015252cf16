import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { load, problemsOf } from './sample.ts';

test('the smallest file of the guide loads as it stands', async () => {
  const guide = await readFile(new URL('../../../docs/guides/topology-file.md', import.meta.url), 'utf8');
  const blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text ?? '');
  const whole = blocks.find((text) => text.startsWith('signalbox: 1'));
  assert.ok(whole);
  assert.deepEqual(problemsOf(load(whole)), []);
});
