import type { View } from './actor-kind.ts';
import { type EntityId, kindOf } from './ids.ts';
import type { JournalEntry } from './journal.ts';
import type { Json } from './json.ts';
import { isGone, type LiveBus, type LiveCell, type Revision } from './live-bus.ts';
import { sameJson } from './same-json.ts';

/** A flush may take at most this share of the time; under load it therefore comes less often, not with less in it. */
const FLUSH_SHARE = 0.25;

/** A client that has not caught up by then is cut off, or has been. */
const GONE_KEPT_MS = 600_000;
const MAX_GONE = 1000;
const NOTHING: View = {};

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
  readonly #flushListeners = new Set<FlushListener>();
  readonly #commitListeners = new Set<(entries: readonly JournalEntry[]) => void>();
  readonly #flushIntervalMs: number;
  readonly #failed: (id: EntityId, error: unknown) => void;
  #revision: Revision = 0;
  #timer: NodeJS.Timeout | undefined;
  #nextFlushMs = 0;

  constructor(options: { flushIntervalMs: number; failed: (id: EntityId, error: unknown) => void }) {
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
    if (this.#dirty.has(id)) return;
    this.#dirty.set(id, view);
    if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.flush(), Math.max(0, this.#nextFlushMs - performance.now()));
    }
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#dirty.size === 0) return;
    const startedMs = performance.now();
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    this.#show(dirty, true);
    const tookMs = performance.now() - startedMs;
    this.#nextFlushMs = startedMs + Math.max(this.#flushIntervalMs, tookMs / FLUSH_SHARE);
  }

  /** Shows one entity now and not at the next flush, so that who has changed it and reads it back sees the change. */
  refresh(id: EntityId): void {
    const view = this.#dirty.get(id);
    if (view === undefined) return;
    this.#dirty.delete(id);
    this.#show([[id, view]], false);
  }

  /** An entity is gone: listeners are told so at once, and who was not looking can find that out for a while. */
  remove(id: EntityId): void {
    this.#dirty.delete(id);
    if (!this.#cells.has(id)) return;
    this.#show([[id, () => NOTHING]], false);
    this.#forgetGone(performance.now());
    this.#gone.set(id, performance.now());
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

  #show(dirty: readonly (readonly [EntityId, () => View])[], whole: boolean): void {
    const revision = ++this.#revision;
    const changed: Cell[] = [];
    for (const [id, view] of dirty) {
      try {
        const next = view();
        const cell = this.#cells.get(id) ?? this.#create(id, next);
        if (cell?.replace(next, revision)) changed.push(cell);
        if (this.#gone.size > 0 && !isGone({ view: next })) this.#gone.delete(id);
      } catch (error) {
        this.#failed(id, error);
      }
    }
    if (changed.length > 0) for (const listener of this.#flushListeners) listener(changed, revision, whole);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#dirty.clear();
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

class Cell implements LiveCell {
  readonly id: EntityId;
  readonly kind: string;
  revision: Revision = 0;
  view: View = {};
  appearedAt: Revision = 0;
  /** Per group: key -> revision at which the field changed or went away. */
  readonly #revisions = new Map<string, Map<string, Revision>>();

  constructor(id: EntityId) {
    this.id = id;
    this.kind = kindOf(id);
  }

  replace(next: View, revision: Revision): boolean {
    const last = this.view;
    if (isGone(this)) this.appearedAt = revision;
    let changed = false;
    for (const group of Object.keys(next)) {
      const fields = next[group];
      if (fields !== undefined && fields !== last[group] && this.#replaceGroup(group, last[group], fields, revision))
        changed = true;
    }
    for (const group of Object.keys(last)) {
      if (!(group in next) && this.#replaceGroup(group, last[group], {}, revision)) changed = true;
    }
    this.view = next;
    if (changed) this.revision = revision;
    return changed;
  }

  #replaceGroup(group: string, last: View[string] | undefined, next: View[string], revision: Revision): boolean {
    let revisions = this.#revisions.get(group);
    if (!revisions) {
      revisions = new Map();
      this.#revisions.set(group, revisions);
    }
    let changed = false;
    for (const key in next) {
      if (last !== undefined && key in last && sameJson(last[key], next[key])) continue;
      revisions.set(key, revision);
      changed = true;
    }
    for (const key in last) {
      if (key in next) continue;
      revisions.set(key, revision);
      changed = true;
    }
    return changed;
  }

  changesSince(since: Revision): Record<string, Record<string, Json>> | undefined {
    if (this.revision <= since) return undefined;
    let changes: Record<string, Record<string, Json>> | undefined;
    for (const [group, revisions] of this.#revisions) {
      let fields: Record<string, Json> | undefined;
      const now = this.view[group];
      for (const [key, revision] of revisions) {
        if (revision <= since) continue;
        fields ??= {};
        fields[key] = now?.[key] ?? null;
      }
      if (fields) {
        changes ??= {};
        changes[group] = fields;
      }
    }
    return changes;
  }
}
