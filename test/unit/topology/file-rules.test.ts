import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileRulesOf } from '../../../topology/file-rules.ts';
import { load, SOUND, spoil } from './sample.ts';

function rulesOf(text: string) {
  const result = load(text);
  assert.ok(result.ok, JSON.stringify(result));
  return fileRulesOf(result.plant).map(({ id, assets, rule }) => [id, assets, rule.webhook]);
}

test('a rule of a profile is one rule for all assets that are made from it, one of an asset its own', () => {
  assert.deepEqual(rulesOf(SOUND), [
    ['profile/pump:hot', ['pump-1'], undefined],
    ['profile/pump:lost', ['pump-1'], undefined],
  ]);
  const own = '[{ id: hot, name: Very hot, metric: temp, when: { above: 95 }, webhook: "https://ann:pw@x.org/a?b" }]';
  assert.deepEqual(rulesOf(spoil('        profile: pump\n', `        profile: pump\n        rules: ${own}\n`)), [
    ['asset/pump-1:hot', ['pump-1'], 'https://x.org/…'],
    ['profile/pump:hot', [], undefined],
    ['profile/pump:lost', ['pump-1'], undefined],
  ]);
});
