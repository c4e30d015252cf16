import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cells } from '../../../../ui/store/cells.ts';

interface View {
  readonly props: { readonly name: string; readonly health: number | null };
  readonly values: Readonly<Record<string, number>>;
}

function filled(): Cells<View> {
  const cells = new Cells<View>();
  cells.replace([
    { id: 'a', props: { name: 'A', health: 90 }, values: { x: 1, y: 2 } },
    { id: 'b', props: { name: 'B', health: 80 }, values: { x: 3 } },
  ]);
  return cells;
}

test('a delta calls those who listen to the changed field and nobody else', () => {
  const cells = filled();
  const called: string[] = [];
  const watch = (id: string, group?: string, key?: string) =>
    cells.watch(() => called.push([id, group, key].filter(Boolean).join('.')), id, group, key);
  watch('a', 'values', 'x');
  watch('a', 'values', 'y');
  watch('a', 'values');
  watch('a', 'props');
  watch('b', 'values', 'x');
  cells.merge([{ id: 'a', values: { x: 5 } }]);
  assert.deepEqual(called.sort(), ['a.values', 'a.values.x']);
  assert.deepEqual(cells.get('a')?.values, { x: 5, y: 2 });
});

test('a field that went away is gone, while a property may be null', () => {
  const cells = filled();
  cells.merge([{ id: 'a', props: { health: null }, values: { x: null } }]);
  assert.deepEqual(cells.get('a'), { props: { name: 'A', health: null }, values: { y: 2 } });
});

test('an entity that is gone leaves, and those who watch any of its fields are told; one never known is no news', () => {
  const cells = filled();
  const called: string[] = [];
  cells.watch(() => called.push('x'), 'a', 'values', 'x');
  cells.watch(() => called.push('b'), 'b');
  const ids = cells.ids.value;
  cells.merge([{ id: 'unheard-of', gone: true }]);
  assert.equal(cells.ids.value, ids);
  cells.merge([{ id: 'a', gone: true }]);
  assert.deepEqual(cells.ids.value, ['b']);
  assert.deepEqual(called, ['x']);
  assert.equal(cells.get('a'), undefined);
});

test('a snapshot replaces everything and tells those whose entity is gone', () => {
  const cells = filled();
  let calls = 0;
  cells.watch(() => calls++, 'b', 'values', 'x');
  cells.replace([{ id: 'a', props: { name: 'A', health: 1 }, values: {} }]);
  assert.deepEqual(cells.ids.value, ['a']);
  assert.equal(cells.get('b'), undefined);
  assert.equal(calls, 1);
});

test('an entity that is new in a delta joins the list; others leave the list as it is', () => {
  const cells = filled();
  const before = cells.ids.value;
  cells.merge([{ id: 'a', values: { x: 9 } }]);
  assert.equal(cells.ids.value, before);
  cells.merge([{ id: 'c', props: { name: 'C', health: null } }]);
  assert.deepEqual(cells.ids.value, ['a', 'b', 'c']);
});

test('who stopped listening is not called again', () => {
  const cells = filled();
  let calls = 0;
  const stop = cells.watch(() => calls++, 'a', 'values', 'x');
  stop();
  cells.merge([{ id: 'a', values: { x: 7 } }]);
  assert.equal(calls, 0);
});
