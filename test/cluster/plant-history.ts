import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Frame } from '../../actors/frame.ts';
import { callersCommandId } from '../../runtime/command-identity.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { JournalEntry } from '../../runtime/journal.ts';
import type { PositionedRecord } from '../../runtime/log.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import {
  assertSent,
  checkCommands,
  checkStates,
  REMEMBERED,
  type Shown,
  wholeJournal,
  wholeLog,
} from '../chaos/kill-checks.ts';
import type { SentReadings } from '../chaos/meters.ts';
import type { Command } from '../chaos/operators.ts';
import type { PlantCell } from './plant-cell.ts';

const FIRST_USER = 'first-key';
const REST_MS = 300;

/** What a cell has in its stores, read by nobody of the cell. */
export interface Kept {
  readonly entries: readonly JournalEntry[];
  readonly log: readonly PositionedRecord[];
}

/** What the run is held against in the end; `shown` is what a gateway said at rest. */
export interface Told {
  readonly commands: readonly Command[];
  readonly sent: ReadonlyMap<string, SentReadings>;
  readonly shown: Shown;
}

export async function readKept({ database, nats }: PlantCell): Promise<Kept> {
  const store = await openPostgres(postgresAddress(database, {}));
  const shared = await openNatsLog({
    url: nats.url,
    name: 'checker',
    startTimeoutMs: 20_000,
    prefix: 'signalbox',
    replicas: 1,
    maxAgeMs: 30 * 86_400_000,
  });
  try {
    return { entries: await wholeJournal(store.journal), log: await wholeLog(shared) };
  } finally {
    await Promise.all([store.close(), shared.close()]);
  }
}

/**
 * Holds what clients were told against journal and log, and what the API shows against both folded without the engine.
 * @returns readings that the log has twice, further apart than they may not be
 */
export async function checkCell(cell: PlantCell, { entries, log }: Kept, told: Told): Promise<number> {
  const { commands, sent, shown } = told;
  checkRows(entries);
  checkCommands(commands, entries);
  checkOrder(commands, entries);
  const twice = checkLogged(sent, log);
  await checkStates(shown, cell.plant, log, entries);
  return twice;
}

/** Every node shows the newest reading of each device, and the journal grows no more. */
export async function isAtRest({ running }: PlantCell, sent: Told['sent']): Promise<boolean> {
  const [first] = running;
  if (first === undefined) return false;
  const end = async () =>
    (await first.get<{ items: { position: number }[] }>('/audit?limit=1')).items[0]?.position ?? 0;
  const before = await end();
  const newest = new Map([...sent].map(([meter, { published }]) => [deviceOf(meter), [...published.keys()].at(-1)]));
  for (const node of running) {
    const devices = await node.list<{ id: string; times: { level?: number } }>('/devices');
    if (!devices.every(({ id, times }) => times.level === newest.get(id))) return false;
  }
  await pause(REST_MS);
  return before === (await end());
}

/** The device behind what a meter is called in its topic. */
function deviceOf(meter: string): string {
  return meter.slice(meter.indexOf('/') + 1);
}

/** One history: no gap in the positions nor in that of an entity, and under no shard an epoch below the one before it. */
export function checkRows(entries: readonly JournalEntry[]): void {
  const heads = new Map<EntityId, number>();
  const epochs = new Map<number, number>();
  for (const [index, { position, entity, seq, shard, epoch }] of entries.entries()) {
    assert.equal(position, index + 1, 'positions of the journal');
    assert.equal(seq, (heads.get(entity) ?? 0) + 1, `${entity} has a gap, or a row twice`);
    heads.set(entity, seq);
    assert.ok(epoch >= (epochs.get(shard) ?? 0), `shard ${shard}: row ${position} was written below the fence`);
    epochs.set(shard, epoch);
  }
}

/** A command that was sent after another of the same entity was answered stands behind it: linearizable, entity by entity. */
export function checkOrder(commands: readonly Command[], entries: readonly JournalEntry[]): void {
  const seqs = new Map<string, number>();
  for (const { entity, commandId, seq } of entries) {
    const key = `${entity} ${commandId}`;
    if (commandId !== null && !seqs.has(key)) seqs.set(key, seq);
  }
  const done = commands
    .filter(({ ok }) => ok)
    .flatMap((command) => {
      const seq = seqs.get(`${command.entity} ${callersCommandId(FIRST_USER, command.id)}`);
      return seq === undefined ? [] : [{ ...command, seq }];
    });
  const answered = done.toSorted((a, b) => a.answeredMs - b.answeredMs);
  const highest = new Map<EntityId, number>();
  let next = 0;
  for (const { id, entity, seq, sentMs } of done.toSorted((a, b) => a.sentMs - b.sentMs)) {
    for (let before = answered[next]; before && before.answeredMs < sentMs; before = answered[++next])
      highest.set(before.entity, Math.max(highest.get(before.entity) ?? 0, before.seq));
    assert.ok(seq > (highest.get(entity) ?? 0), `${id} stands before what was answered before it was sent`);
  }
}

/** What the broker acknowledged is in the log as it was sent, and nothing else is. */
function checkLogged(sent: ReadonlyMap<string, SentReadings>, log: readonly PositionedRecord[]): number {
  let twice = 0;
  for (const [meter, { published, acknowledged }] of sent) {
    const device = deviceOf(meter);
    const source = entityId('device', device);
    const found = log
      .filter((record) => record.source === source)
      .map(({ observation }) => observation as Frame)
      .filter(({ points }) => points.length > 0)
      .map((frame) => [frame.deviceTimeMs ?? 0, frame.values[0]] as const);
    twice += assertSent(`log of ${device}`, found, published, acknowledged, REMEMBERED);
  }
  return twice;
}
