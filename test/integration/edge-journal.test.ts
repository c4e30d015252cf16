/**
 * Goal: a journal is copied to the centre once and in order, and a box that comes with another history than the centre has of its
 * cell is found out: an old copy of its data folder, or a new folder under an old name.
 * Method: journals in SQLite, the lane of the edge and the intake of the centre over a link that is a function call.
 */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { pack, unpack } from 'msgpackr';
import { JournalLane } from '../../runtime/edge/journal-lane.ts';
import { ReplicaRequest } from '../../runtime/edge/journal-replica.ts';
import { entityId } from '../../runtime/ids.ts';
import { type JournalStore, openJournal } from '../../runtime/sql/open.ts';
import { turn } from '../contract/storage-support.ts';
import { tempDir } from '../support/temp-dir.ts';

const tank = entityId('asset', 'tank');

function folder(t: TestContext): string {
  const { dir, remove } = tempDir('edge-journal');
  t.after(remove);
  return dir;
}

async function start(dir: string): Promise<JournalStore & { readonly epoch: number }> {
  const store = await openJournal(dir);
  return { ...store, epoch: await store.claims.claimAllShards('edge') };
}

/** As the centre answers, with everything having been on the wire. */
function linkTo({ replicas }: JournalStore) {
  const wire = <T>(value: T): T => unpack(pack(value));
  return {
    request: async (_cell: string, what: string, body: unknown) => {
      if (what === 'journal-place') return wire({ kind: 'taken', ...(await replicas.place('edge-7')) });
      const { kind, place } = await replicas.take({ cell: 'edge-7', ...ReplicaRequest.parse(wire(body)) });
      return wire({ kind, ...place });
    },
  };
}

async function forward(edge: JournalStore, centre: JournalStore): Promise<number> {
  const lane = new JournalLane({ journal: edge.journal, link: linkTo(centre), memory: edge.uplinkMemory });
  let place = await lane.learn();
  for (let batch = await lane.read(place.position); batch; batch = await lane.read(place.position))
    place = await lane.send(place, batch);
  return place.position;
}

const write = async ({ journal, epoch }: Awaited<ReturnType<typeof start>>, seqs: readonly number[]) => {
  for (const seq of seqs) await journal.append([turn(tank, seq, { epoch })]);
};

test('over many messages and restarts of the edge the rows are those of the edge', async (t) => {
  const centre = await openJournal(folder(t));
  t.after(() => centre.close());
  const dir = folder(t);
  let edge = await start(dir);
  const big = 'x'.repeat(10_000);
  for (let seq = 1; seq <= 700; seq++)
    await edge.journal.append([
      {
        ...turn(tank, seq, { epoch: edge.epoch }),
        events: [{ kind: 'Noted', event: { big, seq }, before: null, after: null }],
      },
    ]);
  assert.equal(await forward(edge, centre), 700);
  await edge.close();
  edge = await start(dir);
  t.after(() => edge.close());
  await write(edge, [701, 702]);
  assert.equal(await forward(edge, centre), 702);
  assert.equal(await forward(edge, centre), 702);
  const rows = await centre.journal.query({ limit: 1000 });
  assert.deepEqual(
    rows.map(({ seq }) => seq),
    Array.from({ length: 702 }, (_, index) => index + 1),
  );
});

test('an old copy of the data folder, and another folder under the same name, are refused before a row is sent', async (t) => {
  const centre = await openJournal(folder(t));
  t.after(() => centre.close());
  const [dir, copy, other] = [folder(t), folder(t), folder(t)];
  let edge = await start(dir);
  await write(edge, [1, 2]);
  await edge.close();
  cpSync(dir, copy, { recursive: true });
  edge = await start(dir);
  await write(edge, [3, 4]);
  await forward(edge, centre);
  await edge.close();
  for (const wrong of [copy, other]) {
    const box = await start(wrong);
    await write(box, wrong === copy ? [3, 4, 5] : [1, 2, 3, 4, 5]);
    await assert.rejects(forward(box, centre), { code: 'EDGE_HISTORY_DIFFERS', retryable: false });
    await box.close();
  }
  const right = await start(dir);
  await write(right, [5]);
  assert.equal(await forward(right, centre), 5);
  await right.close();
  assert.equal(await centre.journal.end(), 5);
});

test('a copy that is elsewhere is a conflict, and nothing is written', async (t) => {
  const centre = await openJournal(folder(t));
  t.after(() => centre.close());
  const edge = await start(folder(t));
  t.after(() => edge.close());
  await write(edge, [1, 2, 3]);
  const lane = new JournalLane({ journal: edge.journal, link: linkTo(centre), memory: edge.uplinkMemory });
  const batch = await lane.read(0);
  assert.ok(batch);
  await lane.send({ position: 0 }, batch);
  await assert.rejects(lane.send({ position: 0 }, batch), { code: 'UPLINK_CONFLICT' });
  assert.equal(await centre.journal.end(), 3);
});
