import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JournalReplicas } from '../../runtime/edge/journal-replica.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { Journal, JournalEntry } from '../../runtime/journal.ts';
import type { Claims } from '../../runtime/sql/open.ts';
import { turn } from './storage-support.ts';

export interface ReplicatedJournal {
  readonly journal: Journal;
  readonly replicas: JournalReplicas;
  readonly claims: Claims;
}

const pump = entityId('asset', 'pump-1');
const tank = entityId('asset', 'tank');

/** As the journal of a cell has it. */
function row(position: number, entity: EntityId = tank, seq = position): JournalEntry {
  return {
    position,
    entity,
    seq,
    shard: 3,
    epoch: 9,
    commandId: null,
    kind: 'AlarmRaised',
    event: { kind: 'AlarmRaised', n: position },
    timeMs: 5000 + position,
    by: { user: 'asset/tank', via: 'timer' },
    logPosition: 1_000_000 + position,
    before: null,
    after: { state: 'ACTIVE' },
  };
}

const rows = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => row(from + index));

/** Journals of other cells in that of this one: each row once, in order, beside what is decided here. */
export function journalReplicasContract(
  name: string,
  open: (t: TestContext) => Promise<ReplicatedJournal>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (what: string, run: (opened: ReplicatedJournal) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => run(await open(t)));

  contract('rows of a cell stand between our own, in one order, and say whose they are', async (opened) => {
    const { journal, replicas, claims } = opened;
    const epoch = await claims.claimAllShards('test');
    assert.deepEqual(await replicas.place('edge-7'), { position: 0, identity: null });
    await journal.append([turn(pump, 1, { epoch, logPosition: 40 })]);
    const taken = await replicas.take({ cell: 'edge-7', after: 0, identity: 'first', entries: rows(1, 3) });
    await journal.append([turn(pump, 2, { epoch, logPosition: 41 })]);
    await replicas.take({
      cell: 'edge-8',
      after: 0,
      identity: 'other',
      entries: [row(7, entityId('asset', 'fan'), 1)],
    });
    const all = await journal.query({ limit: 100 });
    assert.deepEqual(
      all.map(({ position, entity, seq, cell = null }) => [position, entity, seq, cell]),
      [
        [1, pump, 1, null],
        [2, tank, 1, 'edge-7'],
        [3, tank, 2, 'edge-7'],
        [4, tank, 3, 'edge-7'],
        [5, pump, 2, null],
        [6, 'asset/fan', 1, 'edge-8'],
      ],
    );
    assert.ok(taken.kind === 'taken');
    assert.deepEqual(
      taken.entries.map(({ position }) => position),
      [2, 3, 4],
    );
    const { position: _, logPosition: __, ...rest } = row(2);
    const { position: ___, logPosition: ____, ...stored } = all[2] ?? row(0);
    assert.deepEqual(stored, { ...rest, cell: 'edge-7' });
    assert.equal(await journal.end(), 6);
    assert.deepEqual(await replicas.place('edge-7'), { position: 3, identity: 'first' });
    assert.deepEqual(await replicas.place('edge-8'), { position: 7, identity: 'other' });
  });

  contract(
    'what comes again, too early or too late is refused, and says where the copy is',
    async ({ replicas, journal }) => {
      await replicas.take({ cell: 'edge-7', after: 0, identity: 'x', entries: rows(1, 3) });
      for (const after of [0, 2, 4]) {
        const answer = await replicas.take({
          cell: 'edge-7',
          after,
          identity: 'x',
          entries: rows(after + 1, after + 2),
        });
        assert.deepEqual(answer, { kind: 'elsewhere', place: { position: 3, identity: 'x' } });
      }
      assert.equal(
        (await replicas.take({ cell: 'edge-7', after: 3, identity: 'y', entries: rows(4, 4) })).kind,
        'taken',
      );
      assert.equal(await journal.end(), 4);
    },
  );

  contract('of several who bring the same rows at once one is taken', async ({ replicas, journal }) => {
    const offers = Array.from({ length: 8 }, () =>
      replicas.take({ cell: 'edge-7', after: 0, identity: 'x', entries: rows(1, 100) }),
    );
    const kinds = (await Promise.all(offers)).map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === 'taken').length, 1);
    const all = await journal.query({ limit: 1000 });
    assert.deepEqual(
      all.map(({ seq }) => seq),
      rows(1, 100).map(({ seq }) => seq),
    );
  });

  contract('nothing of the cell is brought up here, and its log positions mean nothing', async (opened) => {
    const { journal, replicas, claims } = opened;
    const epoch = await claims.claimAllShards('test');
    await journal.append([turn(pump, 1, { epoch, logPosition: 40 })]);
    await replicas.take({ cell: 'edge-7', after: 0, identity: 'x', entries: rows(1, 3) });
    assert.deepEqual(await journal.entities(), [pump]);
    assert.equal(await claims.logPosition(), 40);
    assert.equal((await journal.events(tank, 0)).length, 3, 'its history can be read');
  });
}
