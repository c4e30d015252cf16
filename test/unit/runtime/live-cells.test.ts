import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { View } from '../../../runtime/actor-kind.ts';
import { entityId } from '../../../runtime/ids.ts';
import type { Json } from '../../../runtime/json.ts';
import { LiveCells } from '../../../runtime/live-cells.ts';

const A = entityId('thing', 'a');

function cells() {
  return new LiveCells({ flushIntervalMs: 5, failed: (_id, error) => assert.fail(String(error)) });
}

test('a flush asks a dirty entity once for its view and tells listeners what changed', () => {
  const live = cells();
  let asked = 0;
  const told: string[][] = [];
  live.onFlush((changed) => told.push(changed.map((cell) => cell.id)));
  const view = () => ({ props: { n: ++asked } });
  for (let touch = 0; touch < 100; touch++) live.touch(A, view);
  live.flush();
  assert.equal(asked, 1);
  assert.deepEqual(told, [[A]]);
  live.flush();
  assert.deepEqual(told, [[A]], 'nothing happened, so nobody is told');
  live.close();
});

test('a view that is the same in other objects is no change', () => {
  const live = cells();
  const view = () => ({ alarms: { hot: { state: 'ACTIVE', comments: [{ by: 'me' }] } } });
  live.touch(A, view);
  live.flush();
  const revision = live.cell(A)?.revision ?? 0;
  live.touch(A, view);
  live.flush();
  assert.equal(live.cell(A)?.revision, revision);
  assert.equal(live.cell(A)?.changesSince(revision), undefined);
  live.close();
});

test('an entity that is refreshed is shown at once, and the others at the next flush', () => {
  const live = cells();
  const b = entityId('thing', 'b');
  let n = 0;
  for (const id of [A, b]) live.touch(id, () => ({ props: { n: ++n } }));
  live.refresh(b);
  assert.deepEqual(live.cell(b)?.view, { props: { n: 1 } });
  assert.equal(live.cell(A), undefined);
  live.flush();
  assert.deepEqual(live.cell(A)?.view, { props: { n: 2 } });
  assert.ok((live.cell(A)?.revision ?? 0) > (live.cell(b)?.revision ?? 0));
  live.close();
});

test('a failing view is reported and does not keep the others from being flushed', () => {
  const failed: string[] = [];
  const live = new LiveCells({ flushIntervalMs: 5, failed: (id) => failed.push(id) });
  const b = entityId('thing', 'b');
  live.touch(A, () => {
    throw new Error('no view');
  });
  live.touch(b, () => ({ props: { ok: true } }));
  live.flush();
  assert.deepEqual(failed, [A]);
  assert.deepEqual(live.cell(b)?.view, { props: { ok: true } });
  live.close();
});

const view: fc.Arbitrary<View> = fc.dictionary(
  fc.constantFrom('props', 'values', 'marks'),
  fc.dictionary(
    fc.constantFrom('x', 'y', 'z'),
    fc.oneof(
      fc.integer({ min: 0, max: 3 }),
      fc.constant(null),
      fc.record({ q: fc.boolean() }, { noNullPrototype: true }),
    ),
  ),
);

test('whatever views follow each other, the changes since any revision turn the view of then into the view of now', () => {
  fc.assert(
    fc.property(fc.array(view, { minLength: 2, maxLength: 12 }), fc.nat(), (views, from) => {
      const live = cells();
      const known: Record<string, Record<string, Json>>[] = [];
      for (const next of views) {
        live.touch(A, () => next);
        live.flush();
        known.push(structuredClone(next) as Record<string, Record<string, Json>>);
      }
      const start = from % views.length;
      const client = structuredClone(known[start] ?? {});
      for (const [group, fields] of Object.entries(live.cell(A)?.changesSince(start + 1) ?? {})) {
        client[group] = { ...client[group], ...fields };
      }
      const now = live.cell(A)?.view ?? {};
      for (const group of new Set([...Object.keys(now), ...Object.keys(client)])) {
        for (const key of new Set([...Object.keys(now[group] ?? {}), ...Object.keys(client[group] ?? {})])) {
          assert.deepEqual(client[group]?.[key] ?? null, now[group]?.[key] ?? null, `${group}.${key}`);
        }
      }
      live.close();
    }),
  );
});

test('what is removed is told as gone, can be found out for a while, and comes back as new', () => {
  const live = cells();
  const told: [string, object][] = [];
  live.touch(A, () => ({ props: { n: 1 } }));
  live.flush();
  const seen = live.revision;
  live.onFlush((changed) => told.push(...changed.map((cell): [string, object] => [cell.id, cell.view])));
  live.remove(A);
  live.remove(entityId('thing', 'never-was'));
  assert.deepEqual(told, [[A, {}]]);
  assert.deepEqual(live.cell(A)?.changesSince(seen), { props: { n: null } }, 'also for who looks later');
  live.touch(A, () => ({ props: { n: 2 } }));
  live.flush();
  assert.ok((live.cell(A)?.appearedAt ?? 0) > seen);
  live.close();
});

test('cells of what is gone are bounded, and those that came back are not among them', () => {
  const live = cells();
  const id = (n: number) => entityId('thing', `t${n}`);
  const show = (n: number) => live.touch(id(n), () => ({ props: { n } }));
  show(0);
  for (let n = 1; n <= 3000; n++) {
    show(n);
    live.flush();
    const walked = live.cells('thing');
    const before = walked.length;
    live.remove(id(n));
    assert.equal(walked.length, before, 'nobody who walks through them loses his place');
    if (n === 1) show(1);
  }
  assert.ok(live.cells('thing').length <= 1002, `${live.cells('thing').length}`);
  assert.equal(live.cell(id(2)), undefined);
  assert.deepEqual(live.cell(id(1))?.view, { props: { n: 1 } });
  assert.deepEqual(live.cell(id(0))?.view, { props: { n: 0 } });
  live.close();
});

test('an entity that shows nothing, since it never was, has no cell', () => {
  const live = cells();
  live.touch(A, () => ({}));
  live.flush();
  assert.equal(live.cell(A), undefined);
  assert.deepEqual(live.cells('thing'), []);
  live.close();
});
