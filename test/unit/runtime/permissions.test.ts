import assert from 'node:assert/strict';
import { test } from 'node:test';
import { permits } from '../../../runtime/permissions.ts';

test('a permission is given by its name, by all verbs of its resource, or by the star', () => {
  assert.ok(permits(['alarm:acknowledge'], 'alarm:acknowledge'));
  assert.ok(permits(['alarm:*'], 'alarm:acknowledge'));
  assert.ok(permits(['*'], 'alarm:acknowledge'));
  assert.ok(!permits(['alarm:shelve', 'workorder:*'], 'alarm:acknowledge'));
});

test('the star does not make anybody an actor', () => {
  assert.ok(!permits(['*'], 'internal:command'));
  assert.ok(permits(['internal:*'], 'internal:command'));
});
