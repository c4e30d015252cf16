import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EventFeed } from '../../../../gateways/websocket/event-lane.ts';
import { EventLane } from '../../../../gateways/websocket/event-lane.ts';
import { EventSelection } from '../../../../gateways/websocket/event-selection.ts';
import { Subscribe } from '../../../../gateways/websocket/protocol.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { JournalEntry, JournalQuery } from '../../../../runtime/journal.ts';
import { FakeOutlet } from '../../../support/fake-outlet.ts';
import { MemoryJournal, MemoryRuntime } from '../../../support/memory-runtime.ts';
import { positionIn } from '../../../support/ws-client.ts';

const live = new MemoryRuntime().live;

function select(filter: object = {}, permissions: readonly string[] = ['*'], topic = 'events'): EventSelection {
  return new EventSelection(Subscribe.parse({ op: 'subscribe', sub: 's', topic, filter }), live, permissions);
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

/** A journal that answers late, before and after it has looked. */
class SlowJournal extends MemoryJournal {
  delays: number[] = [];

  override async query(query: JournalQuery): Promise<JournalEntry[]> {
    await turns(this.delays.shift() ?? 0);
    const rows = await super.query(query);
    await turns(this.delays.shift() ?? 0);
    return rows;
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('announce' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('congest' as const), count: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drain' as const), count: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const), count: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 9 }) }) },
);

describe('the lane of events', () => {
  it('gives every event once and in order, whatever is slow, ahead, congested or cut off', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80 }),
        fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 80 }),
        fc.record({ before: fc.integer({ min: 0, max: 12 }), missed: fc.integer({ min: 0, max: 12 }) }),
        fc.record({ recentEvents: fc.integer({ min: 1, max: 8 }), pageEvents: fc.integer({ min: 1, max: 8 }) }),
        fc.constantFrom<object>({}, { kinds: ['A'] }, { kinds: ['B'] }),
        async (steps, delays, { before, missed }, sizes, filter) => {
          const journal = new SlowJournal();
          journal.delays = delays;
          const commit = () => journal.add(entityId('asset', 'a'), journal.rows.length % 3 === 0 ? 'B' : 'A', null);
          for (let i = 0; i < before; i++) commit();
          let announced = before;
          const announce = (count: number) => {
            const entries = journal.rows.slice(announced, announced + count);
            announced += entries.length;
            lane.committed(entries);
          };
          const lane = new EventLane({
            journal,
            skipped: () => {},
            failed: (error) => assert.fail(String(error)),
            ...sizes,
          });
          await lane.start();
          const from = Math.max(0, lane.seen - missed);
          const selection = select(filter);
          const received: number[] = [];
          let outlet = new FakeOutlet();
          let feed: EventFeed = lane.subscribe({ selection, sub: 's', outlet, from });
          feed.pump();
          const reconnect = () => {
            received.push(...tokens(outlet));
            feed.close();
            outlet = new FakeOutlet();
            feed = lane.subscribe({ selection, sub: 's', outlet, from: received.at(-1) ?? from });
            feed.pump();
          };
          for (const { do: what, count } of steps) {
            if (what === 'commit') for (let i = 0; i < count; i++) commit();
            if (what === 'announce') announce(count);
            if (what === 'congest') outlet.room = count;
            if (what === 'drain') {
              outlet.room = Number.POSITIVE_INFINITY;
              feed.pump();
            }
            if (what === 'reconnect') reconnect();
            if (what === 'turns') await turns(count);
          }
          announce(Number.POSITIVE_INFINITY);
          outlet.room = Number.POSITIVE_INFINITY;
          await turns(200);
          feed.pump();
          for (let i = 0; i < 500 && feed.state !== 'live'; i++) await turns(10);
          assert.equal(feed.state, 'live');
          received.push(...tokens(outlet));
          const wanted = journal.rows.filter((row) => row.position > from && selection.selects(row));
          assert.deepEqual(
            received,
            wanted.map(({ position }) => position),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('serialises an event once for all clients that share a selection', async () => {
    const journal = new MemoryJournal();
    const lane = new EventLane({ journal, skipped: () => {}, failed: () => {} });
    await lane.start();
    let serialised = 0;
    const outlets = Array.from({ length: 50 }, () => new FakeOutlet());
    for (const outlet of outlets) lane.subscribe({ selection: select(), sub: 's', outlet, from: 0 }).pump();
    await turns(10);
    const after = { toJSON: () => ++serialised };
    const entry = journal.add(entityId('asset', 'a'), 'A', null);
    lane.committed([{ ...entry, after: after as unknown as null }]);
    assert.equal(serialised, 1);
    for (const outlet of outlets) assert.deepEqual(tokens(outlet), [1]);
  });

  it('asks the journal nothing while clients keep up', async () => {
    const journal = new MemoryJournal();
    const lane = new EventLane({ journal, skipped: () => {}, failed: () => {} });
    await lane.start();
    const outlet = new FakeOutlet();
    lane.subscribe({ selection: select(), sub: 's', outlet, from: 0 }).pump();
    await turns(10);
    for (let i = 0; i < 5000; i++) lane.committed([journal.add(entityId('asset', 'a'), 'A', null)]);
    assert.equal(journal.queries, 0);
    assert.equal(tokens(outlet).length, 5000);
  });

  it('gives places under the identity of a database that was started again, unless that has lost rows', async () => {
    for (const kept of [3, 2]) {
      const journal = new MemoryJournal();
      for (let i = 0; i < 3; i++) journal.add(entityId('asset', 'a'), 'A', null);
      const lane = new EventLane({
        journal,
        skipped: () => {},
        failed: (error) => assert.fail(String(error)),
        identityEveryMs: 0,
      });
      await lane.start();
      assert.equal(lane.tokenAt(3), 'memory-3');
      journal.identityNow = 'again';
      journal.includes = async (identity, position) => position <= (identity === 'memory' ? kept : journal.rows.length);
      lane.committed([journal.add(entityId('asset', 'a'), 'A', null)]);
      await turns(10);
      assert.equal(lane.tokenAt(4), kept === 3 ? 'again-4' : 'memory-4');
    }
  });

  it('goes on by itself once the journal can be read again', async () => {
    const journal = new MemoryJournal();
    for (let i = 0; i < 5; i++) journal.add(entityId('asset', 'a'), 'A', null);
    let failures = 0;
    const lane = new EventLane({ journal, skipped: () => {}, failed: () => failures++ });
    await lane.start();
    journal.beforeQuery = () => Promise.reject(new Error('down'));
    const outlet = new FakeOutlet();
    lane.subscribe({ selection: select(), sub: 's', outlet, from: 0 }).pump();
    await turns(20);
    assert.equal(failures, 1);
    journal.beforeQuery = async () => {};
    lane.pumpAll();
    await turns(50);
    assert.deepEqual(tokens(outlet), [1, 2, 3, 4, 5]);
  });

  it('shows only what the client may read', async () => {
    const journal = new MemoryJournal();
    const rows = [
      journal.add(entityId('asset', 'a'), 'AlarmRaised', { severity: 'HIGH' }),
      journal.add(entityId('asset', 'a'), 'AssetStatusChanged', null),
      journal.add(entityId('device', 'd'), 'ConnectivityChanged', null),
      journal.add(entityId('work-order', 'w'), 'WorkOrderCreated', null),
      journal.add(entityId('something', 'x'), 'Else', null),
    ];
    const seen = (permissions: string[]) =>
      rows.filter((row) => select({}, permissions).selects(row)).map((r) => r.kind);
    assert.deepEqual(seen(['alarm:read']), ['AlarmRaised']);
    assert.deepEqual(seen(['device:read', 'workorder:*']), ['ConnectivityChanged', 'WorkOrderCreated']);
    assert.deepEqual(seen(['audit:read']), ['Else']);
    assert.equal(seen(['*']).length, 5);
    assert.deepEqual(
      rows.filter((row) => select({ severity: ['HIGH'] }, ['*'], 'alarms').selects(row)).map((row) => row.position),
      [1],
    );
    assert.deepEqual(
      rows.filter((row) => select({ severity: ['LOW'] }, ['*'], 'alarms').selects(row)),
      [],
    );
  });
});

function tokens(outlet: FakeOutlet): number[] {
  return outlet.all('event', 'events').map((event) => {
    assert.ok(typeof event === 'object' && event !== null && 'token' in event);
    return positionIn(event.token);
  });
}
