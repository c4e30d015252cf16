import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { callersCommandId, commandHash, journalCommandId } from '../../../runtime/command-identity.ts';
import { effectId } from '../../../runtime/effects.ts';
import { CommandId, entityId } from '../../../runtime/ids.ts';

const OF_ACTORS = ['*', 'internal:*'];

test('whatever callers choose, they never meet each other nor an id of the product', () => {
  const chosen = fc.oneof(
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.constantFrom('asset/pump-1#7.0', 'caller:ann:x', ':', '%3A'),
  );
  fc.assert(
    fc.property(chosen, chosen, chosen, chosen, (ann, bob, a, b) => {
      const same = ann === bob && a === b;
      assert.equal(callersCommandId(ann, a) === callersCommandId(bob, b), same);
      assert.notEqual(callersCommandId(ann, a), effectId({ entity: entityId('asset', 'pump-1'), seq: 7, index: 0 }));
    }),
  );
});

test('an id is whole only when it comes from inside of the product', () => {
  const effect = effectId({ entity: entityId('asset', 'pump-1'), seq: 7, index: 0 });
  assert.equal(effect, 'asset/pump-1#7.0');
  const byActor = { user: 'asset/pump-1', via: 'entity' } as const;
  assert.equal(journalCommandId({ commandId: effect, by: byActor, permissions: OF_ACTORS }), effect);
  for (const via of ['http', 'websocket', 'entity', 'driver'] as const) {
    const forged = journalCommandId({ commandId: effect, by: { user: 'ann', via }, permissions: ['*'] });
    assert.equal(forged, 'caller:ann:asset/pump-1#7.0');
  }
});

test('the longest id of the longest name is an id still', () => {
  assert.equal(CommandId.safeParse(callersCommandId('%'.repeat(80), 'x'.repeat(200))).success, true);
});

test('a command has one hash, in whatever order its members stand, and every other has another', () => {
  const hash = commandHash({ kind: 'Add', amount: 1, to: { a: [1, { b: 2, c: null }] } });
  assert.equal(commandHash({ to: { a: [1, { c: null, b: 2 }] }, amount: 1, kind: 'Add', left: undefined }), hash);
  for (const other of [
    { kind: 'Add', amount: 2, to: { a: [1, { b: 2, c: null }] } },
    { kind: 'Add', amount: 1, to: { a: [{ b: 2, c: null }, 1] } },
    { kind: 'Add', amount: '1', to: { a: [1, { b: 2, c: null }] } },
    { kind: 'Add', amount: 1, to: { a: [1, { b: 2 }] } },
  ])
    assert.notEqual(commandHash(other), hash);
});
