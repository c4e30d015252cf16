/**
 * Goal: how fast a journal gives what entities are built from, to a node that takes over thousands: snapshot and events of one
 * after the other in groups of 64, two queries each, beside many in one read, in one run on one machine. Method: entities with a
 * snapshot of 1 KB and one event after it, on SQLite in a worker and on a private PostgreSQL; both ways in turn, three times.
 *
 *     node --import ./test/support/register.mjs test/bench/restore.ts [entities=10000]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import { SharedRestore } from '../../runtime/shared-restore.ts';
import { type JournalStore, openJournal } from '../../runtime/sql/open.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { turn } from '../contract/storage-support.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';

const ENTITIES = Number(process.argv[2] ?? 10_000);
const ROUNDS = 3;
const WRITTEN_AT_ONCE = 500;
const READ_AT_ONCE = 64;
const STATE = new Uint8Array(1024).fill(7);

const ids = Array.from({ length: ENTITIES }, (_, n) => entityId('asset', `tank-${n}`));

async function fill({ journal, claims }: JournalStore): Promise<void> {
  const epoch = await claims.claimAllShards('bench');
  for (const part of parts(WRITTEN_AT_ONCE)) {
    await journal.append(part.map((id) => turn(id, 1, { epoch, kinds: ['AlarmRaised', 'AlarmCleared'] })));
    await journal.saveSnapshots(part.map((entity) => ({ entity, seq: 1, logPosition: 1, timeMs: 1, state: STATE })));
  }
}

async function oneByOne(journal: Journal): Promise<number> {
  const fromMs = performance.now();
  for (const part of parts(READ_AT_ONCE)) {
    await Promise.all(
      part.map(async (id) => {
        const snapshot = await journal.snapshot(id);
        return journal.events(id, snapshot?.seq ?? 0);
      }),
    );
  }
  return Math.round(performance.now() - fromMs);
}

async function together(journal: Journal): Promise<number> {
  const restores = new SharedRestore(journal);
  const fromMs = performance.now();
  const restored = await Promise.all(ids.map((id) => restores.restore({ id, isAwaited: false })));
  if (restored.some(({ snapshot, events }) => snapshot?.seq !== 1 || events.length !== 1))
    throw new Error('an entity was not restored');
  return Math.round(performance.now() - fromMs);
}

async function measure(name: string, store: JournalStore): Promise<void> {
  await fill(store);
  const single: number[] = [];
  const bulk: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    single.push(await oneByOne(store.journal));
    bulk.push(await together(store.journal));
  }
  console.log(`${name}: ${ENTITIES} entities one by one ${spread(single)} ms, together ${spread(bulk)} ms`);
}

function* parts(size: number): Generator<readonly EntityId[]> {
  for (let from = 0; from < ids.length; from += size) yield ids.slice(from, from + size);
}

function spread(values: readonly number[]): string {
  return values.toSorted((a, b) => a - b).join(' / ');
}

const dir = mkdtempSync(path.join(tmpdir(), 'signalbox-restore-'));
try {
  const sqlite = await openJournal(dir);
  await measure('SQLite', sqlite);
  await sqlite.close();
  if (NO_POSTGRES === false) {
    const server = await PostgresServer.start();
    const postgres = await openPostgres(postgresAddress(await server.newDatabase(), {}));
    await measure('PostgreSQL', postgres);
    await postgres.close();
    await server.remove();
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
