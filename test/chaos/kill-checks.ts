import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { assetKind } from '../../actors/asset/asset.ts';
import type { AssetState } from '../../actors/asset/state.ts';
import { deviceKind } from '../../actors/device/device.ts';
import type { DeviceState } from '../../actors/device/state.ts';
import type { Frame } from '../../actors/frame.ts';
import { populationOf } from '../../actors/population.ts';
import { workOrderKind } from '../../actors/work-order/work-order.ts';
import type { AnyActorKind, View } from '../../runtime/actor-kind.ts';
import { callersCommandId } from '../../runtime/command-identity.ts';
import type { Historian } from '../../runtime/historian.ts';
import { type EntityId, entityId, kindOf } from '../../runtime/ids.ts';
import type { Journal, JournalEntry } from '../../runtime/journal.ts';
import type { PositionedRecord, TelemetryLog } from '../../runtime/log.ts';
import { loadTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import type { Product } from '../support/product.ts';
import { replayPurely } from '../support/pure-replay.ts';
import type { ChaosPlant } from './chaos-plant.ts';
import type { SentReadings } from './meters.ts';
import type { Command } from './operators.ts';

const COMPLETE_WITHIN_MS = 60_000;

type Item = { readonly id: string } & Readonly<Record<string, Record<string, unknown>>>;

/** What the product shows through its API at one point of its history. */
export interface Shown {
  /** Newest row of the journal that it includes. */
  readonly position: number;
  readonly items: ReadonlyMap<EntityId, Item>;
  readonly alarmHistory: readonly { readonly position: number; readonly kind: string }[];
}

/** Reads everything; again when something was decided meanwhile. */
export async function readApi(product: Product): Promise<Shown> {
  const end = async () =>
    (await product.get<{ items: { position: number }[] }>('/audit?limit=1')).items[0]?.position ?? 0;
  const isComplete = async () => (await product.get<{ complete: boolean }>('/workorders?limit=1')).complete;
  for (let attempt = 0; attempt < 50; attempt++) {
    // A node that has just taken shards over says that there is more than it can show yet.
    await until('the lists of a node are complete', isComplete, COMPLETE_WITHIN_MS);
    const position = await end();
    const items = new Map<EntityId, Item>();
    for (const [route, kind] of [
      ['assets', 'asset'],
      ['devices', 'device'],
      ['workorders', 'work-order'],
    ] as const) {
      const list = await product.list<Item>(`/${route}?limit=1000`);
      for (const item of list) items.set(entityId(kind, item.id), item);
    }
    const alarmHistory = await product.list<{ position: number; kind: string }>('/alarms/history?limit=1000');
    if (position === (await end()) && (await isComplete())) return { position, items, alarmHistory };
  }
  throw new Error('the plant does not come to rest');
}

/** The whole journal, in the order of its commits. */
export async function wholeJournal(journal: Journal): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (;;) {
    const page = await journal.query({ after: entries.at(-1)?.position ?? 0, limit: 5000 });
    if (page.length === 0) return entries;
    entries.push(...page);
  }
}

/** Name of the token that the product makes at its first start, with which the operators work. */
const FIRST_USER = 'first-key';

/** Acknowledged means present exactly once; refused means absent. */
export function checkCommands(commands: readonly Command[], entries: readonly JournalEntry[]): void {
  const byCommand = groupBy(
    entries.filter(({ commandId }) => commandId !== null),
    ({ entity, commandId }) => `${entity} ${commandId}`,
  );
  for (const { id, entity, kind, ok, code } of commands) {
    // Every row of a turn carries the id: one turn means rows without a gap.
    const rows = byCommand.get(`${entity} ${callersCommandId(FIRST_USER, id)}`) ?? [];
    const what = `${kind} ${id} of ${entity}, answered ${ok ? 'ok' : code}`;
    if (!ok) assert.equal(rows.length, 0, `${what}, is in the journal`);
    else {
      assert.ok(rows.length > 0, `${what}, is lost`);
      const first = rows[0]?.seq ?? 0;
      for (const [index, row] of rows.entries()) assert.equal(row.seq, first + index, `${what}, was applied twice`);
    }
  }
  const texts = new Map<string, number>();
  for (const { event, entity } of entries) {
    // What a work order hears of its beginning repeats the words of the request to the order book.
    if (kindOf(entity) === 'work-order' && isCreated(event)) continue;
    for (const text of JSON.stringify(event).match(/note \d+-\d+/g) ?? []) texts.set(text, (texts.get(text) ?? 0) + 1);
  }
  for (const { text, ok, id } of commands) {
    if (text !== null) assert.equal(texts.get(text) ?? 0, ok ? 1 : 0, `the words of ${id} in the journal`);
  }
}

function isCreated(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'kind' in event && event.kind === 'WorkOrderCreated';
}

/** One history: positions and the numbers of each entity have no gap, epochs only rise. */
export function checkHistory(entries: readonly JournalEntry[]): void {
  const heads = new Map<EntityId, number>();
  let epoch = 0;
  entries.forEach((entry, index) => {
    assert.equal(entry.position, index + 1, 'positions of the journal');
    const seq = (heads.get(entry.entity) ?? 0) + 1;
    assert.equal(entry.seq, seq, `${entry.entity} has a gap`);
    heads.set(entry.entity, seq);
    assert.ok(entry.epoch >= epoch, `row ${entry.position} was written under epoch ${entry.epoch} after ${epoch}`);
    epoch = entry.epoch;
  });
}

/** What the API showed is what journal and log give when they are folded without the engine. */
export async function checkStates(
  shown: Shown,
  plant: ChaosPlant,
  records: readonly PositionedRecord[],
  entries: readonly JournalEntry[],
): Promise<void> {
  const upTo = entries.filter(({ position }) => position <= shown.position);
  const rows = groupBy(upTo, ({ entity }) => entity);
  const alarms = upTo.filter(({ kind }) => kind.startsWith('Alarm'));
  assert.deepEqual(
    shown.alarmHistory.map(({ position, kind }) => `${position} ${kind}`),
    alarms.toReversed().map(({ position, kind }) => `${position} ${kind}`),
    'the alarm history is that of the journal',
  );
  const orders = [...rows.keys()].filter((id) => kindOf(id) === 'work-order');
  assert.deepEqual([...shown.items.keys()].filter((id) => kindOf(id) === 'work-order').toSorted(), orders.toSorted());
  for (const id of orders)
    assertShown(shown, id, workOrderKind.view(fold(workOrderKind, id, rows.get(id) ?? []), self(id)));

  const loaded = await loadTopology(plant.topology);
  assert.ok(loaded.ok);
  const population = populationOf(loaded.plant);
  const journal = { events: async (id: EntityId) => rows.get(id) ?? [] };
  const log = {
    read: async (after: number) => (after === 0 ? [...records] : []),
  };
  const replay = async <State>(kind: AnyActorKind, id: EntityId): Promise<View> => {
    const definition = population.definitionOf(id);
    const follows = (source: EntityId) => population.followersOf(source).includes(id);
    const state = await replayPurely<State>({ kind, id, definition, journal, log, follows });
    return kind.view(state, { id, definition });
  };
  for (const name of plant.assets) {
    const id = entityId('asset', name);
    assertShown(shown, id, await replay<AssetState>(assetKind, id), ['alarms', 'values', 'times']);
  }
  for (const name of plant.devices) {
    const id = entityId('device', name);
    assertShown(shown, id, await replay<DeviceState>(deviceKind, id), ['values', 'times']);
  }
}

function self(id: EntityId) {
  return { id, definition: null };
}

function fold<State>(
  kind: { initial(self: { id: EntityId; definition: null }): State } & AnyActorKind,
  id: EntityId,
  entries: readonly JournalEntry[],
): State {
  let state: State = kind.initial(self(id));
  for (const { event, timeMs, by } of entries) {
    state = kind.evolve(state, event, { ...self(id), nowMs: timeMs, by, permissions: [] });
  }
  return state;
}

function assertShown(shown: Shown, id: EntityId, view: View, groups: readonly string[] = Object.keys(view)): void {
  const item = shown.items.get(id);
  for (const group of groups) {
    const folded: unknown = JSON.parse(JSON.stringify(view[group]));
    if (!isDeepStrictEqual(item?.[group], folded)) assert.deepEqual(item?.[group], folded, `${group} of ${id}`);
  }
}

export async function wholeLog(log: TelemetryLog): Promise<PositionedRecord[]> {
  const records: PositionedRecord[] = [];
  for (;;) {
    const batch = await log.read(records.at(-1)?.position ?? 0, 5000);
    if (batch.length === 0) return records;
    records.push(...batch);
  }
}

/** Frames that a device remembers: one delivered again within so many is refused. */
export const REMEMBERED = 256;

/**
 * What the broker acknowledged is in the log, and in the history once, as it was sent; and nothing else is.
 * @returns readings that the log has twice, since they came again after so many others that the device knew them no more
 */
export async function checkReadings(
  sent: ReadonlyMap<string, SentReadings>,
  log: readonly PositionedRecord[],
  historian: Historian,
): Promise<number> {
  const logged = groupBy(log, ({ source }) => source);
  let twice = 0;
  for (const [device, { published, acknowledged }] of sent) {
    const id = entityId('device', device);
    const frames = (logged.get(id) ?? []).map(({ observation }) => observation as Frame);
    const inLog = frames
      .filter(({ points }) => points.length > 0)
      .map((frame) => [frame.deviceTimeMs ?? 0, frame.values[0]] as const);
    twice += assertSent(`log of ${device}`, inLog, published, acknowledged, REMEMBERED);
    const samples = await historian.raw({ entity: id, series: 'level', fromMs: 0, toMs: 9e15, limit: 100_000 });
    const inHistory = samples.map(({ timeMs, value }) => [timeMs, value] as const);
    assertSent(`history of ${device}`, inHistory, published, acknowledged, Number.POSITIVE_INFINITY);
  }
  return twice;
}

/** @returns how many are there again, further apart than `remembered` */
export function assertSent(
  where: string,
  found: readonly (readonly [number, unknown])[],
  published: ReadonlyMap<number, number>,
  acknowledged: ReadonlySet<number>,
  remembered: number,
): number {
  const places = new Map<number, number>();
  let again = 0;
  for (const [place, [timeMs, value]] of found.entries()) {
    const before = places.get(timeMs);
    if (before !== undefined) {
      again++;
      assert.ok(place - before > remembered, `${where}: the reading of ${timeMs} is there twice`);
    }
    places.set(timeMs, place);
    assert.equal(value, published.get(timeMs), `${where}: the reading of ${timeMs} was not sent so`);
  }
  const lost = [...acknowledged].filter((timeMs) => !places.has(timeMs));
  assert.deepEqual(lost, [], `${where}: of ${acknowledged.size} acknowledged readings ${lost.length} are lost`);
  return again;
}

function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
