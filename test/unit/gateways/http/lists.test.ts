import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fieldOf, pageOf, sparse } from '../../../../gateways/http/lists.ts';
import type { Json } from '../../../../runtime/json.ts';

interface Thing {
  readonly id: string;
  readonly props: { readonly health: Json; readonly name: Json };
}
const read = { id: ({ id }: Thing) => id, field: (thing: Thing, path: string) => fieldOf({ ...thing }, path) };
const code = (error: unknown) => (error instanceof Error ? error.name : '');

const thing = fc.record({
  id: fc.string({ minLength: 1, maxLength: 4 }),
  props: fc.record({
    health: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(null)),
    name: fc.constantFrom<Json>('a', 'B', 'ä', '', 1, true, null, ['list']),
  }),
});
const sort = fc.constantFrom(undefined, 'health', '-health', '-health,name', 'name,-health', 'props.name', 'nothing');

describe('a list', () => {
  it('gives, page by page, every item once and in order, whatever is sorted by', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(thing, { maxLength: 40, selector: ({ id }) => id }),
        sort,
        fc.integer({ min: 1, max: 9 }),
        (things, sorted, limit) => {
          const whole = pageOf(things, { limit: 1000, sort: sorted }, read);
          const paged: Thing[] = [];
          let cursor: string | undefined;
          do {
            const page = pageOf(things, { limit, sort: sorted, cursor }, read);
            assert.equal(page.total, things.length);
            assert.ok(page.items.length <= limit);
            paged.push(...page.items);
            cursor = page.next ?? undefined;
          } while (cursor !== undefined);
          assert.deepEqual(paged, whole.items);
          assert.equal(new Set(paged).size, things.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('hides and repeats nothing that stays, when others come and go between two pages', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(thing, { minLength: 4, maxLength: 30, selector: ({ id }) => id }),
        fc.uniqueArray(thing, { maxLength: 10, selector: ({ id }) => id }),
        fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
        sort,
        (things, come, goes, sorted) => {
          const stays = things.filter((_, index) => !goes[index]);
          const known = new Set(things.map(({ id }) => id));
          const later = [...stays, ...come.filter(({ id }) => !known.has(id))];
          const first = pageOf(things, { limit: 3, sort: sorted }, read);
          const rest =
            first.next === null ? [] : pageOf(later, { limit: 1000, sort: sorted, cursor: first.next }, read).items;
          const seen = [...first.items, ...rest].map(({ id }) => id);
          assert.equal(new Set(seen).size, seen.length);
          for (const { id } of stays) assert.ok(seen.includes(id));
        },
      ),
    );
  });

  it('puts what is not known last, whichever way it is sorted', () => {
    const of = (id: string, health: Json) => ({ id, props: { health, name: '' } });
    const things = [of('a', null), of('b', 1), of('c', 2)];
    assert.deepEqual(pageOf(things, { limit: 9, sort: 'health' }, read).items.map(read.id), ['b', 'c', 'a']);
    assert.deepEqual(pageOf(things, { limit: 9, sort: '-health' }, read).items.map(read.id), ['c', 'b', 'a']);
  });

  it('refuses a cursor that is none, or of another sort', () => {
    const things = [1, 2, 3].map((n) => ({ id: `${n}`, props: { health: n, name: '' } }));
    const { next } = pageOf(things, { limit: 1, sort: 'health' }, read);
    for (const cursor of ['', 'x', 'e30', Buffer.from('[{"a":1}]').toString('base64url'), next ?? '']) {
      assert.throws(
        () => pageOf(things, { limit: 1, cursor }, read),
        (error) => code(error) === 'INVALID_REQUEST',
        cursor,
      );
    }
  });

  it('keeps only the fields that were asked for, in their groups', () => {
    const view = { id: 'a', props: { name: 'A', health: 3 }, values: { t: 1, p: 2 } };
    assert.deepEqual(sparse(view, undefined), view);
    assert.deepEqual(sparse(view, 'name, values.t'), { id: 'a', props: { name: 'A' }, values: { t: 1 } });
    assert.deepEqual(sparse(view, 'values,props.health,name'), { id: 'a', values: view.values, props: view.props });
    assert.deepEqual(sparse(view, 'values.t,values'), { id: 'a', values: view.values });
    assert.deepEqual(sparse(view, 'constructor,__proto__,props.toString,nothing'), { id: 'a' });
  });
});
