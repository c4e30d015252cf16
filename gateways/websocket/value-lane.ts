import type { LiveBus, LiveCell, Loading, Revision } from '../../runtime/live-bus.ts';
import type { Outlet } from './outlet.ts';
import type { Changes, Selection } from './selection.ts';
import { snapshotHead } from './snapshot-head.ts';
import { bodiesOf, Walk } from './walk.ts';

/**
 * The lane of values. On each flush of the live bus the delta of a selection is made and serialised once, and shared by all
 * clients that are up to date. A client whose socket is congested is skipped: it keeps the revision it has seen, and later
 * walks through what changed since, at its own pace. So it gets fewer frames, never older values, and costs no memory.
 */
export class ValueLane {
  readonly #live: LiveBus;
  readonly #now: () => number;
  readonly #skipped: () => void;
  readonly #groups = new Map<string, Group>();
  #revision: Revision;

  constructor(options: { live: LiveBus; now: () => number; skipped: () => void }) {
    this.#live = options.live;
    this.#now = options.now;
    this.#skipped = options.skipped;
    this.#revision = options.live.revision;
  }

  /**
   * The snapshot begins at once.
   *
   * @param options.loading what the snapshot may be lacking
   */
  subscribe(options: {
    selection: Selection;
    sub: string;
    outlet: Outlet;
    token: string;
    loading?: Loading | undefined;
  }): ValueFeed {
    const { selection } = options;
    const group = this.#groups.get(selection.key) ?? { selection, feeds: new Set() };
    this.#groups.set(selection.key, group);
    const sub = JSON.stringify(options.sub);
    const { token, loading } = options;
    const head = (more: boolean) => snapshotHead({ sub, timeMs: this.#now(), token, more, loading });
    const feed: ValueFeed = {
      outlet: options.outlet,
      sub,
      upTo: this.#live.revision,
      walk: new Walk({
        things: selection.cells(this.#live),
        items: (cell) => [selection.whole(cell)],
        head,
        evenIfEmpty: true,
      }),
      behindSince: undefined,
      close: () => {
        feed.walk = undefined;
        feed.behindSince = undefined;
        group.feeds.delete(feed);
        if (group.feeds.size === 0) this.#groups.delete(selection.key);
      },
      pump: () => this.#pump(feed, selection),
    };
    group.feeds.add(feed);
    feed.pump();
    return feed;
  }

  get selections(): number {
    return this.#groups.size;
  }

  flush(changed: readonly LiveCell[], revision: Revision): void {
    const since = this.#revision;
    this.#revision = revision;
    if (this.#groups.size === 0) return;
    const flush = new Flush(changed, since);
    for (const { selection, feeds } of this.#groups.values()) {
      let bodies: readonly Buffer[] | undefined;
      for (const feed of feeds) {
        if (feed.walk !== undefined || feed.behindSince !== undefined) {
          feed.pump();
          continue;
        }
        bodies ??= bodiesOf(flush.items(selection));
        this.#share(feed, bodies, since);
      }
    }
  }

  #share(feed: ValueFeed, bodies: readonly Buffer[], since: Revision): void {
    const head = `"op":"delta","sub":${feed.sub},"timeMs":${this.#now()},"items":`;
    for (const body of bodies) {
      if (feed.outlet.congested) {
        this.#skipped();
        feed.behindSince = since;
        return;
      }
      feed.outlet.frame(head, body);
    }
  }

  #pump(feed: ValueFeed, selection: Selection): void {
    for (;;) {
      // A walk begins when there is room for it and not before, so that it takes the newest of everything.
      if (feed.walk === undefined && feed.behindSince !== undefined && !feed.outlet.congested) {
        this.#follow(feed, selection, feed.behindSince);
      }
      if (feed.walk === undefined) return;
      const outcome = feed.walk.step(feed.outlet);
      if (outcome === 'more') setImmediate(feed.pump);
      if (outcome !== 'done') return;
      // The walk may have taken long: what changed since it began has to follow before the client may share again.
      feed.walk = undefined;
      if (feed.upTo < this.#revision) feed.behindSince = feed.upTo;
    }
  }

  /** The feed walks by itself through what changed after `since`. */
  #follow(feed: ValueFeed, selection: Selection, since: Revision): void {
    feed.behindSince = undefined;
    feed.upTo = this.#live.revision;
    feed.walk = new Walk({
      things: selection.changed(this.#live, since),
      items: (cell) => {
        const changes = cell.changesSince(since);
        const item = changes && selection.delta(cell, changes, since);
        return item === undefined ? [] : [item];
      },
      head: () => `"op":"delta","sub":${feed.sub},"timeMs":${this.#now()},"items":`,
      evenIfEmpty: false,
    });
  }
}

/** One subscription of one client. It shares when it neither walks nor is behind. */
export interface ValueFeed {
  readonly outlet: Outlet;
  readonly sub: string;
  /** The revision that the client has seen once its walk is done. */
  upTo: Revision;
  walk: Walk<LiveCell> | undefined;
  /** It was skipped, and waits for room to walk through what changed after this. */
  behindSince: Revision | undefined;
  /** Goes on with the walk; to be called when the client has drained. */
  readonly pump: () => void;
  readonly close: () => void;
}

interface Group {
  readonly selection: Selection;
  readonly feeds: Set<ValueFeed>;
}

/** What changed in one flush; the changes of a cell are found once, and so is the item that everybody gets who wants all of it. */
class Flush {
  readonly #changed: readonly LiveCell[];
  readonly #since: Revision;
  readonly #changes = new Map<LiveCell, Changes | undefined>();
  readonly #items = new Map<LiveCell, string | undefined>();
  #byId: Map<string, LiveCell> | undefined;

  constructor(changed: readonly LiveCell[], since: Revision) {
    this.#changed = changed;
    this.#since = since;
  }

  items(selection: Selection): string[] {
    const items: string[] = [];
    for (const cell of selection.among(this.#changed, this.#cellsById)) {
      const item = selection.everyField ? this.#shared(cell, selection) : this.#own(cell, selection);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  readonly #cellsById = (): ReadonlyMap<string, LiveCell> => {
    this.#byId ??= new Map(this.#changed.map((cell) => [cell.id, cell]));
    return this.#byId;
  };

  #shared(cell: LiveCell, selection: Selection): string | undefined {
    if (this.#items.has(cell)) return this.#items.get(cell);
    const item = this.#own(cell, selection);
    this.#items.set(cell, item);
    return item;
  }

  #own(cell: LiveCell, selection: Selection): string | undefined {
    const changes = this.#changesOf(cell);
    return changes && selection.delta(cell, changes, this.#since);
  }

  #changesOf(cell: LiveCell): Changes | undefined {
    if (this.#changes.has(cell)) return this.#changes.get(cell);
    const changes = cell.changesSince(this.#since);
    this.#changes.set(cell, changes);
    return changes;
  }
}
