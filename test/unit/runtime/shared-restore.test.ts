import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorWithCode } from '../../../runtime/errors.ts';
import { type EntityId, entityId } from '../../../runtime/ids.ts';
import type { Restored } from '../../../runtime/journal.ts';
import { SharedRestore } from '../../../runtime/shared-restore.ts';

const unasked = (id: EntityId) => ({ id, isAwaited: false });
const idsOf = (count: number) => Array.from({ length: count }, (_, n) => entityId('asset', `a-${n}`));
const eventOf = (id: EntityId): Restored => ({
  snapshot: undefined,
  events: [{ seq: 1, event: id, timeMs: 0, by: { user: 'ann', via: 'http' }, logPosition: 0 }],
});

/** A journal that answers when it is told to, and refuses to read some entities. */
class SlowJournal {
  readonly reads: number[] = [];
  readonly #answers: (() => void)[] = [];
  failure: (ids: readonly EntityId[]) => Error | undefined = () => undefined;

  async restore(ids: readonly EntityId[]): Promise<Map<EntityId, Restored>> {
    this.reads.push(ids.length);
    await new Promise<void>((resolve) => this.#answers.push(resolve));
    const error = this.failure(ids);
    if (error !== undefined) throw error;
    return new Map(ids.map((id) => [id, eventOf(id)]));
  }

  async answerAll(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      const answers = this.#answers.splice(0);
      if (answers.length > 0) quiet = 0;
      for (const answer of answers) answer();
    }
  }
}

describe('what the journal has of many entities', () => {
  it('is read for many at a time, a bounded number of reads under way, and each gets its own', async () => {
    const journal = new SlowJournal();
    const shared = new SharedRestore(journal);
    const ids = idsOf(500);
    const restored = Promise.all(ids.map((id) => shared.restore(unasked(id))));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(journal.reads, [128, 128], 'two under way, the rest waits');
    await journal.answerAll();
    assert.deepEqual(
      (await restored).map(({ events }) => events[0]?.event),
      ids,
    );
    assert.deepEqual(journal.reads, [128, 128, 128, 116]);
  });

  it('is read first of those for whom somebody waits when a read begins', async () => {
    const journal = new SlowJournal();
    const shared = new SharedRestore(journal);
    const entities = idsOf(500).map((id) => ({ id, isAwaited: false }));
    const order: EntityId[] = [];
    const restored = Promise.all(entities.map((entity) => shared.restore(entity).then(() => order.push(entity.id))));
    await new Promise((resolve) => setImmediate(resolve));
    // Two reads are under way already.
    const last = entities.slice(-3);
    for (const entity of last) entity.isAwaited = true;
    shared.awaited();
    await journal.answerAll();
    await restored;
    assert.deepEqual(
      order.slice(256, 259),
      last.map(({ id }) => id),
    );
    assert.equal(new Set(order).size, 500);
  });

  it('is read of nobody else while something more urgent goes on, for a while', async () => {
    const journal = new SlowJournal();
    let isBusy = true;
    const shared = new SharedRestore(journal, () => isBusy);
    const [quiet, asked] = idsOf(2) as [EntityId, EntityId];
    const entity = { id: asked, isAwaited: false };
    const others = [shared.restore(unasked(quiet)), shared.restore(entity)];
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(journal.reads, [], 'nobody waits for them');
    entity.isAwaited = true;
    shared.awaited();
    await journal.answerAll();
    await others[1];
    assert.deepEqual(journal.reads, [1]);
    isBusy = false;
    while (journal.reads.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await journal.answerAll();
    await others[0];
    isBusy = true;
    const late = shared.restore(unasked(quiet));
    while (journal.reads.length < 3) await new Promise((resolve) => setTimeout(resolve, 50));
    await journal.answerAll();
    await late;
  });

  it('is read of nobody else while those are read for whom somebody waits', async () => {
    const journal = new SlowJournal();
    const shared = new SharedRestore(journal);
    const [asked, ...quiet] = idsOf(200);
    if (asked === undefined) throw new Error('there are none');
    let left = 0;
    const isLeft = () => left++;
    const first = shared.restore({ id: asked, isAwaited: true });
    await new Promise((resolve) => setImmediate(resolve));
    const others = quiet.map((id) => shared.restore(unasked(id)).then(isLeft));
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(journal.reads, [1], 'a second read would be allowed');
    await journal.answerAll();
    await first;
    while (left < others.length) {
      await journal.answerAll();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.deepEqual(journal.reads, [1, 128, 71]);
  });

  it('is calm when those are answered who were waiting, though others have come since', async () => {
    const journal = new SlowJournal();
    const shared = new SharedRestore(journal);
    await shared.calm();
    const [first, second] = [entityId('asset', 'first'), entityId('asset', 'second')];
    const one = shared.restore(unasked(first));
    let isCalm = false;
    const calm = shared.calm().then(() => {
      isCalm = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isCalm, false, 'nobody was answered yet');
    const two = shared.restore(unasked(second));
    await journal.answerAll();
    await Promise.all([one, two, calm]);
  });

  it('fails for all of a read when the journal is away, and for one alone when that cannot be read', async () => {
    const journal = new SlowJournal();
    const shared = new SharedRestore(journal);
    const ids = idsOf(3);
    const outcomes = async () => {
      const all = Promise.allSettled(ids.map((id) => shared.restore(unasked(id))));
      await journal.answerAll();
      return (await all).map(({ status }) => status);
    };
    journal.failure = () => new ErrorWithCode('STORE_LOST', 'the database is away');
    assert.deepEqual(await outcomes(), ['rejected', 'rejected', 'rejected']);
    assert.deepEqual(journal.reads, [3], 'a database that is away is not asked once for each');
    journal.failure = (read) =>
      ids[1] !== undefined && read.includes(ids[1]) ? new SyntaxError('no JSON') : undefined;
    assert.deepEqual(await outcomes(), ['fulfilled', 'rejected', 'fulfilled']);
    await shared.calm();
  });
});
