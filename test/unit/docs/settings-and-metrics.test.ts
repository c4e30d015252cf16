import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { metricsReference } from '../../../scripts/reference/metrics.ts';
import { settingsReference } from '../../../scripts/reference/settings.ts';

const REFERENCE = new URL('../../../docs/reference/', import.meta.url);

test('the committed reference of settings is that of the code', async () => {
  assert.equal(await readFile(new URL('settings.md', REFERENCE), 'utf8'), settingsReference());
});

test('the committed reference of metrics is that of the code', async () => {
  assert.equal(await readFile(new URL('metrics.md', REFERENCE), 'utf8'), await metricsReference());
});
