import type { View } from './actor-kind.ts';
import { type EntityId, kindOf } from './ids.ts';
import type { JournalEntry } from './journal.ts';
import {
  COMMON_GROUP,
  type Group,
  type Interest,
  isGone,
  type LiveBus,
  type LiveCell,
  type Loading,
  type Revision,
} from './live-bus.ts';
import { Cell } from './live-cell.ts';
import { SHARD_COUNT } from './ownership.ts';

/** A flush may take at most this share of the time; under load it therefore comes less often, not with less in it. */
const FLUSH_SHARE = 0.25;

/** A client that has not caught up by then is cut off, or has been. */
const GONE_KEPT_MS = 600_000;
const MAX_GONE = 1000;
const NOTHING: View = {};

/** What a node says to whoever looks at entities of other nodes. */
export interface Elsewhere extends Pick<LiveBus, 'groupOf' | 'want' | 'loading'> {
  /** Whether an entity is another node's now, and is shown here as that node tells it. */
  isTold(id: EntityId): boolean;
}

/** One node has everything. */
const NOWHERE_ELSE: Elsewhere = {
  groupOf: () => COMMON_GROUP,
  want: () => SHOWN,
  loading: () => undefined,
  isTold: () => false,
};
type Groups = readonly Group[] | 'all' | undefined;
const NO_CELLS: readonly string[] = [];
const SHOWN: Interest = { isReady: true, ready: Promise.resolve(), release: () => undefined };

type Dirty = readonly [EntityId, () => View];
const NONE: readonly Dirty[] = [];

type FlushListener = Parameters<LiveBus['onFlush']>[0];

/**
 * The live bus of one process. An actor that did something is marked dirty; the flush asks it for its view once, however
 * many readings came meanwhile, and finds what changed. So the cost follows the flush rate and not the message rate.
 */
export class LiveCells implements LiveBus {
  readonly #cells = new Map<EntityId, Cell>();
  readonly #byKind = new Map<string, Cell[]>();
  /** Cells of entities that are gone, the oldest first, with the time since when. */
  readonly #gone = new Map<EntityId, number>();
  readonly #dirty = new Map<EntityId, () => View>();
  /** Of entities of other nodes. Apart from the others, since what an entity of this node shows comes last. */
  readonly #dirtyMirrored = new Map<EntityId, () => View>();
  readonly #flushListeners = new Set<FlushListener>();
  readonly #commitListeners = new Set<(entries: readonly JournalEntry[]) => void>();
  readonly #flushIntervalMs: number;
  readonly #failed: (id: EntityId, error: unknown) => void;
  #revision: Revision = 0;
  #timer: NodeJS.Timeout | undefined;
  #nextFlushMs = 0;
  #elsewhere: Elsewhere;
  #unheard: (groups: Groups) => readonly string[] = () => NO_CELLS;
  /** How many cells were unheard when somebody asked last. */
  #lacking = 0;

  constructor(options: {
    flushIntervalMs: number;
    failed: (id: EntityId, error: unknown) => void;
    groupOf?: ((id: EntityId) => Group) | undefined;
  }) {
    const { groupOf } = options;
    this.#elsewhere = groupOf === undefined ? NOWHERE_ELSE : { ...NOWHERE_ELSE, groupOf };
    this.#flushIntervalMs = options.flushIntervalMs;
    this.#failed = options.failed;
  }

  get revision(): Revision {
    return this.#revision;
  }

  cell(id: EntityId): LiveCell | undefined {
    return this.#cells.get(id);
  }

  cells(kind: string): readonly LiveCell[] {
    return this.#byKind.get(kind) ?? [];
  }

  /** Of every entity that is shown, or was not long ago. */
  all(): Iterable<LiveCell> {
    return this.#cells.values();
  }

  groupOf(id: EntityId): Group {
    return this.#elsewhere.groupOf(id);
  }

  want(groups: readonly Group[] | 'all'): Interest {
    return this.#elsewhere.want(groups);
  }

  loading(groups?: readonly Group[] | 'all'): Loading | undefined {
    const loading = this.#elsewhere.loading(groups);
    const cells = this.#unheard(groups);
    const lacking = this.#unheard('all').length;
    // What a cell has told just now is to be there once it is no longer named.
    if (lacking < this.#lacking) this.flush();
    this.#lacking = lacking;
    return cells.length === 0 ? loading : { shards: 0, of: SHARD_COUNT, ...loading, cells };
  }

  /** Other cells have entities too that are shown here: which of them were never heard that have some of these groups. */
  reachCells(unheard: (groups: Groups) => readonly string[]): void {
    this.#unheard = unheard;
  }

  /** From now on others' entities are shown too, as far as somebody wants them. */
  reach(elsewhere: Elsewhere): void {
    this.#elsewhere = elsewhere;
  }

  onFlush(listener: FlushListener): () => void {
    this.#flushListeners.add(listener);
    return () => this.#flushListeners.delete(listener);
  }

  onCommitted(listener: (entries: readonly JournalEntry[]) => void): () => void {
    this.#commitListeners.add(listener);
    return () => this.#commitListeners.delete(listener);
  }

  committed(entries: readonly JournalEntry[]): void {
    for (const listener of this.#commitListeners) listener(entries);
  }

  /** The entity's view may have changed: `view` is called at the next flush. */
  touch(id: EntityId, view: () => View): void {
    if (this.#dirty.get(id) === view) return;
    // The newest counts: the entity may have been built anew since the last flush.
    this.#dirty.set(id, view);
    this.#schedule();
  }

  /** As `touch`, for an entity of another node: at the flush it becomes a copy of what that node shows. */
  mirror(id: EntityId, view: () => View): void {
    this.#dirtyMirrored.set(id, view);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), Math.max(0, this.#nextFlushMs - performance.now()));
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#dirty.size === 0 && this.#dirtyMirrored.size === 0) return;
    const startedMs = performance.now();
    const dirty = [...this.#dirty];
    const mirrored = [...this.#dirtyMirrored];
    this.#dirty.clear();
    this.#dirtyMirrored.clear();
    this.#show(dirty, mirrored, true);
    const tookMs = performance.now() - startedMs;
    this.#nextFlushMs = startedMs + Math.max(this.#flushIntervalMs, tookMs / FLUSH_SHARE);
  }

  /** Shows one entity now and not at the next flush, so that who has changed it and reads it back sees the change. */
  refresh(id: EntityId): void {
    const view = this.#dirty.get(id);
    if (view === undefined) return;
    this.#dirty.delete(id);
    this.#show([[id, view]], NONE, false);
  }

  /** An entity is gone: listeners are told so at once, and who was not looking can find that out for a while. */
  remove(id: EntityId): void {
    this.#dirty.delete(id);
    if (!this.#cells.has(id)) return;
    this.#show([[id, () => NOTHING]], NONE, false);
    this.#forgetGone(performance.now());
    this.#gone.set(id, performance.now());
  }

  /** As `remove`, of many at once: this node does not own them any more. */
  disown(ids: Iterable<EntityId>): void {
    const own: Dirty[] = [];
    const copies: EntityId[] = [];
    for (const id of ids) {
      this.#dirty.delete(id);
      this.#dirtyMirrored.delete(id);
      const cell = this.#cells.get(id);
      if (cell?.mirrored) copies.push(id);
      else if (cell !== undefined && !isGone(cell)) own.push([id, () => NOTHING]);
    }
    this.unmirror(copies);
    this.#goneNow(own, NONE);
  }

  /** As `remove`, of copies; an entity of this node is left as it is. */
  unmirror(ids: Iterable<EntityId>): void {
    const gone: Dirty[] = [];
    for (const id of ids) {
      this.#dirtyMirrored.delete(id);
      const cell = this.#cells.get(id);
      if (cell?.mirrored && !isGone(cell)) gone.push([id, () => NOTHING]);
    }
    this.#goneNow(NONE, gone);
  }

  #goneNow(own: readonly Dirty[], mirrored: readonly Dirty[]): void {
    if (own.length + mirrored.length === 0) return;
    this.#show(own, mirrored, false);
    const nowMs = performance.now();
    for (const [id] of [...own, ...mirrored]) this.#gone.set(id, nowMs);
    this.#forgetGone(nowMs);
  }

  #forgetGone(nowMs: number): void {
    const forgotten = new Set<EntityId>();
    for (const [id, goneMs] of this.#gone) {
      if (nowMs - goneMs < GONE_KEPT_MS && this.#gone.size - forgotten.size < MAX_GONE) break;
      forgotten.add(id);
    }
    for (const id of forgotten) {
      this.#gone.delete(id);
      this.#cells.delete(id);
    }
    // New arrays: somebody may be walking through the old ones.
    for (const kind of new Set([...forgotten].map(kindOf))) {
      this.#byKind.set(
        kind,
        (this.#byKind.get(kind) ?? []).filter((cell) => !forgotten.has(cell.id)),
      );
    }
  }

  #show(dirty: readonly Dirty[], mirrored: readonly Dirty[], whole: boolean): void {
    const revision = ++this.#revision;
    const changed = new Set<Cell>();
    for (const [id, view] of mirrored) this.#showOne(id, view, true, revision, changed);
    // What a shard that went away still had to show comes too late, and would hide what its new owner has told meanwhile.
    for (const [id, view] of dirty) if (!this.#elsewhere.isTold(id)) this.#showOne(id, view, false, revision, changed);
    if (changed.size === 0) return;
    const cells = [...changed];
    for (const listener of this.#flushListeners) listener(cells, revision, whole);
  }

  #showOne(id: EntityId, view: () => View, mirrored: boolean, revision: Revision, changed: Set<Cell>): void {
    try {
      const next = view();
      const cell = this.#cells.get(id) ?? this.#create(id, next);
      if (cell === undefined) return;
      const moved = cell.become(mirrored, revision);
      if (cell.replace(next, revision) || moved) changed.add(cell);
      if (this.#gone.size > 0 && !isGone({ view: next })) this.#gone.delete(id);
    } catch (error) {
      this.#failed(id, error);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#dirty.clear();
    this.#dirtyMirrored.clear();
    this.#flushListeners.clear();
    this.#commitListeners.clear();
  }

  /** None for what shows nothing: somebody asked for an entity that never was. */
  #create(id: EntityId, view: View): Cell | undefined {
    if (isGone({ view })) return undefined;
    const cell = new Cell(id);
    this.#cells.set(id, cell);
    const kind = this.#byKind.get(cell.kind);
    if (kind) kind.push(cell);
    else this.#byKind.set(cell.kind, [cell]);
    return cell;
  }
}
