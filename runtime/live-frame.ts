import { Packr, Unpackr } from 'msgpackr';
import { z } from 'zod';
import type { View } from './actor-kind.ts';
import { EntityId } from './ids.ts';
import type { Json } from './json.ts';
import type { Group, Revision } from './live-bus.ts';
import type { Epoch, Shard } from './ownership.ts';

/**
 * What nodes of a cell tell each other of live views, as bytes. A frame says what changed in one group of one node; frames of
 * a group are numbered without a gap for as long as the process runs. A beat says each second how far the numbers are, so that
 * the loss of the last frame is noticed too. Shapes are described once a frame: measured for cells of which
 * 36 fields change, that is 321 bytes a cell instead of 840 (`test/bench/live-lane.ts`).
 */
const VERSION = 1;
const FRAME = 0;
const BEAT = 1;
const options = { useRecords: true, mapsAsObjects: true };
const packr = new Packr(options);
const unpackr = new Unpackr(options);

type Fields = { readonly [key: string]: Json };

/** What changed in a view: the fields, undefined for one that went away, and for a group that did. */
export type Delta = { readonly [group: string]: { readonly [key: string]: Json | undefined } | undefined };

/** `whole`: all that the entity shows. */
export type CellChange =
  | { readonly kind: 'whole'; readonly id: EntityId; readonly epoch: Epoch; readonly groups: View }
  | { readonly kind: 'delta'; readonly id: EntityId; readonly epoch: Epoch; readonly groups: Delta }
  | { readonly kind: 'gone'; readonly id: EntityId; readonly epoch: Epoch };

export interface LiveFrame {
  readonly kind: 'frame';
  readonly node: string;
  /** Of the process: numbers and revisions begin anew with it. */
  readonly run: string;
  readonly group: Group;
  readonly number: number;
  readonly revision: Revision;
  readonly changes: readonly CellChange[];
}

export interface LiveBeat {
  readonly kind: 'beat';
  readonly node: string;
  readonly run: string;
  /** Number of the last frame of each group. */
  readonly numbers: ReadonlyMap<Group, number>;
  /** Groups that somebody looks at there; frames of others need not be sent. */
  readonly wants: readonly Group[] | 'all';
  /** What it owns, under which epochs. */
  readonly shards: ReadonlyMap<Shard, Epoch>;
}

type Head = Pick<LiveFrame, 'node' | 'run' | 'group' | 'revision'>;

const KINDS = ['whole', 'delta', 'gone'] as const;

/**
 * As few frames as the size allows, numbered from `firstNumber` on. A view that does not fit into one is told in several parts,
 * a field that does not is left out and counted.
 */
export function encodeFrames(
  head: Head,
  firstNumber: number,
  changes: readonly CellChange[],
  maxBytes: number,
): { readonly frames: readonly Uint8Array[]; readonly dropped: number } {
  const frames: Uint8Array[] = [];
  let dropped = 0;
  const encode = (some: readonly CellChange[]): void => {
    const { node, run, group, revision } = head;
    const cells = some.map((change) => [
      change.id,
      change.epoch,
      KINDS.indexOf(change.kind),
      change.kind === 'gone' ? null : change.groups,
    ]);
    const bytes = packr.encode([VERSION, FRAME, node, run, group, firstNumber + frames.length, revision, cells]);
    const [only] = some;
    if (bytes.byteLength <= maxBytes) frames.push(bytes);
    else if (some.length > 1) for (const half of halves(some)) encode(half);
    else if (only !== undefined) {
      const parts = partsOf(only);
      if (parts === undefined) dropped++;
      else for (const part of parts) encode([part]);
    }
  };
  if (changes.length > 0) encode(changes);
  return { frames, dropped };
}

function halves<T>(list: readonly T[]): [readonly T[], readonly T[]] {
  const middle = list.length >> 1;
  return [list.slice(0, middle), list.slice(middle)];
}

/** Half of the fields, and the other half as a delta upon it. */
function partsOf(change: CellChange): [CellChange, CellChange] | undefined {
  if (change.kind === 'gone') return undefined;
  const { id, epoch } = change;
  const fields = Object.entries(change.groups).flatMap(([group, keys]) =>
    Object.entries(keys ?? {}).map(([key, value]) => [group, key, value] as const),
  );
  if (fields.length < 2) return undefined;
  const [first, second] = halves(fields);
  const rest: CellChange = { kind: 'delta', id, epoch, groups: deltaOf(second) };
  if (change.kind === 'delta') return [{ kind: 'delta', id, epoch, groups: deltaOf(first) }, rest];
  return [{ kind: 'whole', id, epoch, groups: viewOf(first) }, rest];
}

type Field<Value> = readonly [string, string, Value];

function viewOf(fields: readonly Field<Json | undefined>[]): View {
  const view: Record<string, Record<string, Json>> = {};
  for (const [group, key, value] of fields) {
    view[group] ??= {};
    if (value !== undefined) view[group][key] = value;
  }
  return view;
}

function deltaOf(fields: readonly Field<Json | undefined>[]): Delta {
  const delta: Record<string, Record<string, Json | undefined>> = {};
  for (const [group, key, value] of fields) {
    delta[group] ??= {};
    delta[group][key] = value;
  }
  return delta;
}

/** One or several, where the groups are too many for one. */
export function encodeBeat(beat: Omit<LiveBeat, 'kind'>, maxBytes: number): Uint8Array[] {
  const { node, run, numbers, wants, shards } = beat;
  const encode = (some: readonly (readonly [Group, number])[]): Uint8Array[] => {
    const bytes = packr.encode([VERSION, BEAT, node, run, some, wants === 'all' ? null : wants, [...shards]]);
    if (bytes.byteLength <= maxBytes || some.length < 2) return [bytes];
    return halves(some).flatMap(encode);
  };
  return encode([...numbers]);
}

const Count = z.int().min(0);
const FrameHead = z.tuple([
  z.literal(VERSION),
  z.literal(FRAME),
  z.string(),
  z.string(),
  z.string(),
  Count,
  Count,
  z.array(z.unknown()),
]);
const BeatParts = z.tuple([
  z.literal(VERSION),
  z.literal(BEAT),
  z.string(),
  z.string(),
  z.array(z.tuple([z.string(), Count])),
  z.array(z.string()).nullable(),
  z.array(z.tuple([Count, Count])),
]);

/** Undefined for what is none: from another version, or damaged. */
export function decodeLive(bytes: Uint8Array): LiveFrame | LiveBeat | undefined {
  let raw: unknown;
  try {
    raw = unpackr.decode(bytes);
  } catch {
    return undefined;
  }
  if (Array.isArray(raw) && raw[1] === BEAT) {
    const beat = BeatParts.safeParse(raw);
    if (!beat.success) return undefined;
    const [, , node, run, numbers, wants, shards] = beat.data;
    return { kind: 'beat', node, run, numbers: new Map(numbers), wants: wants ?? 'all', shards: new Map(shards) };
  }
  const frame = FrameHead.safeParse(raw);
  if (!frame.success) return undefined;
  const [, , node, run, group, number, revision, cells] = frame.data;
  const changes: CellChange[] = [];
  for (const cell of cells) {
    const change = changeOf(cell);
    if (change === undefined) return undefined;
    changes.push(change);
  }
  return { kind: 'frame', node, run, group, number, revision, changes };
}

/** By hand: a schema for each of a thousand cells would cost more than all the rest. */
function changeOf(cell: unknown): CellChange | undefined {
  if (!Array.isArray(cell)) return undefined;
  const [id, epoch, place, groups]: unknown[] = cell;
  if (!isEntityId(id) || typeof epoch !== 'number' || typeof place !== 'number') return undefined;
  const kind = KINDS[place];
  if (kind === 'gone') return { kind, id, epoch };
  if (kind === 'whole' && isView(groups)) return { kind, id, epoch, groups };
  return kind === 'delta' && isDelta(groups) ? { kind, id, epoch, groups } : undefined;
}

/** Ids come again and again, so each is looked at once. */
const known = new Set<string>();
const MAX_KNOWN = 200_000;

export function isEntityId(text: unknown): text is EntityId {
  if (typeof text !== 'string') return false;
  if (known.has(text)) return true;
  if (!EntityId.safeParse(text).success) return false;
  if (known.size >= MAX_KNOWN) known.clear();
  known.add(text);
  return true;
}

/** Groups of fields. What the fields hold is JSON as another node of ours has written it. */
export function isView(value: unknown): value is View {
  if (!isFields(value)) return false;
  for (const group in value) if (!isFields(value[group])) return false;
  return true;
}

function isDelta(value: unknown): value is Delta {
  if (!isFields(value)) return false;
  for (const group in value) if (value[group] !== undefined && !isFields(value[group])) return false;
  return true;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
