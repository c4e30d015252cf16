import { randomUUID } from 'node:crypto';
import type { EntityId } from '../ids.ts';
import type { Json } from '../json.ts';
import { isGone, type LiveBus, type LiveCell } from '../live-bus.ts';
import type { EntityChange, ViewMessage, ViewPage } from './view-message.ts';

export interface ViewLaneOptions {
  readonly live: LiveBus;
  /** Kinds of entities that are shown elsewhere. */
  readonly kinds: readonly string[];
  /** Lost in silence while there is no link: the mirror finds the gap. */
  readonly tell: (message: ViewMessage) => void;
  readonly status: () => Readonly<Record<string, Json>>;
  /** Shortest time between two messages: views are conflated to it. Default 250. */
  readonly intervalMs?: number;
  /** A message goes at least so often. Default 1000. */
  readonly beatMs?: number;
}

const ENTITIES_A_MESSAGE = 100;
const ENTITIES_A_PAGE = 50;
/** Fields that go together, so that a message stays far below what a server takes: a device may have thousands of points. */
const FIELDS_A_MESSAGE = 2000;

/**
 * The newest views of this cell for a mirror elsewhere, conflated: what changed since the last message, with its absolute
 * values. Messages are numbered and may be lost. Who misses one asks for all views in pages, and goes on from there: to have
 * a change twice does no harm.
 */
export class ViewLane {
  readonly #options: ViewLaneOptions;
  readonly #kinds: ReadonlySet<string>;
  readonly #run = randomUUID();
  readonly #beatMs: number;
  readonly #dirty = new Set<LiveCell>();
  readonly #unsubscribe: () => void;
  readonly #timer: NodeJS.Timeout;
  /** All changes up to this revision were told. */
  #revision: number;
  #n = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: ViewLaneOptions) {
    this.#options = options;
    this.#kinds = new Set(options.kinds);
    this.#beatMs = options.beatMs ?? 1000;
    this.#revision = options.live.revision;
    this.#unsubscribe = options.live.onFlush((changed) => {
      for (const cell of changed) if (this.#kinds.has(cell.kind)) this.#dirty.add(cell);
    });
    this.#timer = setInterval(() => this.tick(), options.intervalMs ?? 250);
  }

  tick(): void {
    if (this.#dirty.size === 0 && performance.now() - this.#toldMs < this.#beatMs) return;
    const since = this.#revision;
    this.#revision = this.#options.live.revision;
    const changes: EntityChange[] = [];
    for (const cell of this.#dirty) {
      const change = changeOf(cell, since);
      if (change) changes.push(change);
    }
    this.#dirty.clear();
    for (let from = 0, count = 0; from === 0 || from < changes.length; from += count) {
      count = Math.max(1, countOf(changes, from, ENTITIES_A_MESSAGE));
      this.#tell(changes.slice(from, from + count));
    }
  }

  /** @param after id of the last entity of the page before; empty for the first */
  page(after: string): ViewPage {
    const ids: EntityId[] = [];
    for (const kind of this.#kinds) {
      for (const cell of this.#options.live.cells(kind)) if (cell.id > after && !isGone(cell)) ids.push(cell.id);
    }
    const wanted = ids.sort().slice(0, ENTITIES_A_PAGE);
    const views = wanted.map((id) => ({ id, whole: true, groups: this.#options.live.cell(id)?.view ?? {} }));
    const changes = views.slice(0, countOf(views, 0, ENTITIES_A_PAGE));
    const last = changes.at(-1)?.id;
    return {
      run: this.#run,
      n: this.#n,
      atMs: Date.now(),
      changes,
      next: last === undefined || ids.length === changes.length ? null : last,
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  #tell(changes: EntityChange[]): void {
    this.#toldMs = performance.now();
    const status = this.#options.status();
    this.#options.tell({ run: this.#run, n: ++this.#n, atMs: Date.now(), changes, status });
  }
}

/** How many from there on go together: one at least, where there is one. */
function countOf(changes: readonly EntityChange[], from: number, most: number): number {
  let fields = 0;
  for (let count = 0; count < most; count++) {
    const change = changes[from + count];
    if (change === undefined) return count;
    for (const group of Object.values(change.groups)) fields += Object.keys(group).length;
    if (fields > FIELDS_A_MESSAGE) return Math.max(1, count);
  }
  return most;
}

function changeOf(cell: LiveCell, since: number): EntityChange | undefined {
  const { id, view } = cell;
  if (isGone(cell)) return { id, whole: true, groups: {} };
  if (cell.appearedAt > since) return { id, whole: true, groups: view };
  const changes = cell.changesSince(since);
  if (changes === undefined) return undefined;
  const groups: Record<string, Record<string, Json>> = {};
  let gone: Record<string, string[]> | undefined;
  for (const [group, fields] of Object.entries(changes)) {
    const now = view[group] ?? {};
    const here: Record<string, Json> = {};
    for (const [key, value] of Object.entries(fields)) {
      if (key in now) here[key] = value;
      else {
        gone ??= {};
        gone[group] = [...(gone[group] ?? []), key];
      }
    }
    groups[group] = here;
  }
  return gone === undefined ? { id, whole: false, groups } : { id, whole: false, groups, gone };
}
