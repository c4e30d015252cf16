import assert from 'node:assert/strict';
import path from 'node:path';
import type { Frame } from '../../actors/frame.ts';
import { callersCommandId } from '../../runtime/command-identity.ts';
import { entityId, kindOf, nameOf } from '../../runtime/ids.ts';
import type { JournalEntry } from '../../runtime/journal.ts';
import type { PositionedRecord } from '../../runtime/log.ts';
import { openJournal } from '../../runtime/sql/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import type { Kept } from '../cluster/plant-history.ts';
import { EDGE, PLC } from './edge-plant.ts';
import { type SentWrite, WRITE_TIMEOUT_MS } from './edge-writers.ts';
import { checkCommands, wholeJournal, wholeLog } from './kill-checks.ts';
import type { SentReadings } from './meters.ts';
import type { Command } from './operators.ts';

const FIRST_USER = 'first-key';
/** Between what the edge notes and what the PLC sees of it, on one machine that is busy. */
const TOLERANCE_MS = 2000;

/** What reached the PLC. */
export interface Written {
  readonly value: number;
  readonly atMs: number;
}

/** Journal and log in the folder of an edge that does not run. */
export async function readEdge(dataDir: string): Promise<Kept> {
  const store = await openJournal(dataDir);
  const log = await SqlLog.open({ file: path.join(dataDir, 'telemetry.db') });
  try {
    return { entries: await wholeJournal(store.journal), log: await wholeLog(log) };
  } finally {
    await Promise.all([store.close(), log.close()]);
  }
}

/** The centre has what the log of the edge has, each record once and in its order; at the end the newest may be on their way. */
export function checkTelemetry(edge: Kept, centre: Kept, sent: ReadonlyMap<string, SentReadings>): number {
  const sources = new Set(edge.log.map(({ source }) => source));
  const there = centre.log.filter(({ source }) => sources.has(source));
  const written = edge.log.map(textOf);
  assert.ok(there.length <= written.length, `the centre has ${there.length} records of ${written.length}`);
  for (const [index, record] of there.entries())
    assert.equal(textOf(record), written[index], `record ${index} of the edge at the centre`);
  for (const [meter, { acknowledged, published }] of sent) {
    if (!meter.startsWith('farm-net/')) continue;
    const source = entityId('device', meter.slice(meter.indexOf('/') + 1));
    const readings = new Map<number, unknown>();
    for (const { source: of, observation } of there) {
      const { deviceTimeMs, values } = observation as Frame;
      if (of === source && deviceTimeMs !== null && deviceTimeMs !== undefined) readings.set(deviceTimeMs, values[0]);
    }
    for (const timeMs of acknowledged)
      assert.equal(readings.get(timeMs), published.get(timeMs), `a reading of ${source} that was acknowledged`);
  }
  return there.length;
}

function textOf({ source, observation }: PositionedRecord): string {
  return JSON.stringify([source, observation]);
}

/** Every row of the edge is in the copy once, in its order and as it was; nothing of the edge was decided at the centre. */
export function checkCopy(edge: Kept, centre: Kept): number {
  const copy = centre.entries.filter(({ cell }) => cell === EDGE);
  assert.deepEqual(
    copy.map(({ entity, seq, kind }) => `${nameInside(entity)} ${seq} ${kind}`),
    edge.entries.map(({ entity, seq, kind }) => `${entity} ${seq} ${kind}`),
    'the rows of the edge at the centre',
  );
  for (const [index, { event, timeMs, commandId, by, before, after }] of copy.entries()) {
    const own = edge.entries[index];
    const told = own && [own.event, own.timeMs, own.commandId, own.by, own.before, own.after];
    assert.deepEqual([event, timeMs, commandId, by, before, after], told, `row ${index} of the edge`);
  }
  const ofEdge = new Set(edge.entries.map(({ entity }) => entity).filter((id) => !isBook(id)));
  const decidedHere = centre.entries.filter(({ cell, entity }) => cell !== EDGE && ofEdge.has(entity));
  assert.deepEqual(decidedHere, [], 'the centre decided about entities of the edge');
  return copy.length;
}

function isBook(id: JournalEntry['entity']): boolean {
  return ['order-book', 'access', 'rule'].includes(kindOf(id));
}

function nameInside(id: JournalEntry['entity']): string {
  return isBook(id) && nameOf(id) === EDGE ? `${kindOf(id)}/main` : id;
}

/** As of one cell: an acknowledged command is in the journal of whoever it was for exactly once, a refused one never. */
export function checkPeople(commands: readonly Command[], centre: Kept): void {
  checkCommands(
    commands,
    // Who asks for an order of either cell asks the book.
    centre.entries.map((entry) => ({ ...entry, entity: entityId(kindOf(entry.entity), bookName(entry)) })),
  );
}

function bookName({ entity, cell }: JournalEntry): string {
  return cell === EDGE && kindOf(entity) === 'order-book' ? 'main' : nameOf(entity);
}

/**
 * No value reached the PLC twice, none that was said to have expired, and none later than its time; whoever was
 * told that it is accepted has it in the journal of the edge once.
 */
export function checkWrites(writes: readonly SentWrite[], written: readonly Written[], edge: Kept): void {
  const reached = new Map<number, Written[]>();
  for (const one of written) reached.set(one.value, [...(reached.get(one.value) ?? []), one]);
  for (const { id, value, code } of writes) {
    const what = `write ${value}, answered ${code ?? 'by nobody'}`;
    const here = reached.get(value) ?? [];
    const asked = edge.entries.filter(
      ({ entity, kind, commandId }) =>
        entity === entityId('device', PLC) &&
        kind === 'WriteRequested' &&
        commandId === callersCommandId(FIRST_USER, id),
    );
    assert.ok(here.length <= 1, `${what}, reached the device ${here.length} times`);
    assert.ok(asked.length <= 1, `${what}, was journaled ${asked.length} times`);
    if (code === 'EXPIRED') assert.deepEqual([here.length, asked.length], [0, 0], what);
    if (code === 'ok') assert.equal(asked.length, 1, what);
    if (here.length > 0) assert.equal(asked.length, 1, `${what}, was sent without being journaled`);
    // What was left of its time when the edge took it: a node that is suspended reads what was sent to it when it goes on.
    const takenMs = asked[0]?.timeMs ?? 0;
    const deadlineMs = Number(Reflect.get(Object(asked[0]?.event), 'deadlineMs'));
    if (asked.length > 0)
      assert.ok(deadlineMs - takenMs <= WRITE_TIMEOUT_MS, `${what}, was given ${deadlineMs - takenMs} ms by the edge`);
    for (const { atMs } of here)
      assert.ok(
        atMs <= deadlineMs + TOLERANCE_MS,
        `${what}, reached the device ${atMs - deadlineMs} ms after its deadline, which was ${deadlineMs - takenMs} ms after it was taken`,
      );
  }
}
