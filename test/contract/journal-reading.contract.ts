import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Who } from '../../runtime/actor-kind.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { Journal, JournalQuery } from '../../runtime/journal.ts';

export interface Fact {
  readonly entity: EntityId;
  readonly kind: string;
  readonly timeMs: number;
  readonly by: Who;
}

/** The part of a journal that gateways read, and a way to fill it. */
export interface ReadableJournal {
  readonly journal: Pick<Journal, 'query' | 'end' | 'events' | 'entities'>;
  add(facts: readonly Fact[]): Promise<void>;
}

const PUMP = entityId('asset', 'pump-1');
const FAN = entityId('asset', 'fan-1');
const PLC = entityId('device', 'plc-1');
const SYSTEM: Who = { user: 'system', via: 'log' };
const ANN: Who = { user: 'ann', via: 'http' };

const FACTS: readonly Fact[] = [
  { entity: PUMP, kind: 'AlarmRaised', timeMs: 10, by: SYSTEM },
  { entity: PLC, kind: 'DeviceOnline', timeMs: 20, by: SYSTEM },
  { entity: PUMP, kind: 'AlarmAcknowledged', timeMs: 30, by: ANN },
  { entity: FAN, kind: 'AlarmRaised', timeMs: 30, by: SYSTEM },
  { entity: PUMP, kind: 'AlarmCleared', timeMs: 40, by: SYSTEM },
];

/** How every journal is read, that of tests included. */
export function journalReadingContract(
  name: string,
  open: (t: TestContext) => Promise<ReadableJournal>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (what: string, run: (opened: ReadableJournal['journal']) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => {
      const opened = await open(t);
      assert.equal(await opened.journal.end(), 0);
      await opened.add(FACTS);
      await run(opened.journal);
    });

  contract('rows are filtered by what they are about, who did it and when', async (journal) => {
    const positions = async (query: Partial<JournalQuery>) =>
      (await journal.query({ limit: 9, ...query })).map(({ position }) => position);
    assert.deepEqual(await positions({}), [1, 2, 3, 4, 5]);
    assert.deepEqual(await positions({ entity: PUMP }), [1, 3, 5]);
    assert.deepEqual(await positions({ kinds: ['AlarmRaised', 'DeviceOnline'] }), [1, 2, 4]);
    assert.deepEqual(await positions({ user: 'ann' }), [3]);
    assert.deepEqual(await positions({ fromMs: 20, toMs: 40 }), [2, 3, 4], 'from an instant on, and before another');
    assert.deepEqual(await positions({ after: 2, before: 5 }), [3, 4]);
    assert.deepEqual(await positions({ newestFirst: true, limit: 2 }), [5, 4]);
    assert.deepEqual(await positions({ newestFirst: true, before: 4, entity: PUMP }), [3, 1]);
    assert.deepEqual(await positions({ entity: PUMP, after: 1, kinds: ['AlarmRaised'] }), []);
    assert.equal(await journal.end(), 5);
  });

  contract('rows say what happened, to whom, by whom and when', async (journal) => {
    const [row] = await journal.query({ user: 'ann', limit: 1 });
    assert.deepEqual([row?.entity, row?.seq, row?.kind, row?.timeMs, row?.by], [PUMP, 2, 'AlarmAcknowledged', 30, ANN]);
  });

  contract('an entity has its events in order, and is listed by its kind', async (journal) => {
    const kinds = async (after: number) => (await journal.events(PUMP, after)).map(({ seq, kind }) => `${seq} ${kind}`);
    assert.deepEqual(await kinds(0), ['1 AlarmRaised', '2 AlarmAcknowledged', '3 AlarmCleared']);
    assert.deepEqual(await kinds(2), ['3 AlarmCleared']);
    assert.deepEqual(await journal.entities(), [FAN, PUMP, PLC]);
    assert.deepEqual(await journal.entities('device'), [PLC]);
    assert.deepEqual(await journal.entities('site'), []);
  });
}
