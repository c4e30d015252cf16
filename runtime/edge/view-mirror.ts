import type { View } from '../actor-kind.ts';
import { messageOf } from '../errors.ts';
import type { EntityId } from '../ids.ts';
import type { Json } from '../json.ts';
import { isGone } from '../live-bus.ts';
import { type EntityChange, ViewMessage, ViewPage } from './view-message.ts';

/** Messages that may come while all views are fetched. */
const MAX_MEANWHILE = 2000;

export interface ViewMirrorOptions {
  /** Asks the cell for a page of all views. */
  readonly page: (after: string) => Promise<unknown>;
  /** A view has changed, or what is beside it; `undefined`: there is no such entity any more. */
  readonly changed: (id: EntityId, view: View | undefined) => void;
  /** The link was lost or is there again: every view has changed in that. */
  readonly linkChanged: () => void;
  /** Without a sign of life for so long the link counts as lost. Default 3000. */
  readonly silentAfterMs?: number;
  readonly now?: () => number;
}

export interface MirrorState {
  readonly linked: boolean;
  /** All views have come once, in this run or before it: what is not among them is not there. */
  readonly whole: boolean;
  /** Since when it is linked; null while it is not. By our clock. */
  readonly linkedMs: number | null;
  /** When the last word came, by our clock; null: none ever. */
  readonly heardMs: number | null;
  /** When that was said, by the clock of the cell; null: none came since this start. */
  readonly toldMs: number | null;
  readonly status: Readonly<Record<string, Json>>;
  readonly problem: string | undefined;
}

interface Mirrored {
  view: View;
  /** The last time that all views were fetched it was among them, or came meanwhile. */
  sync: number;
}

/** Views of a cell as they were at one time, kept so that a start has something to show. */
export interface MirrorImage {
  readonly heardMs: number;
  readonly views: readonly (readonly [EntityId, View])[];
}

/**
 * What another cell shows, as far as is known here. It follows the numbered messages of that cell; after a gap, a restart over
 * there or here it fetches all views in pages and applies what comes meanwhile beside it. Silence makes it lost, not empty:
 * what was shown last stays, and says so.
 */
export class ViewMirror {
  readonly #options: ViewMirrorOptions;
  readonly #now: () => number;
  readonly #views = new Map<EntityId, Mirrored>();
  #run: string | undefined;
  #n = 0;
  #heardMs: number | null = null;
  #toldMs: number | null = null;
  #linkedMs: number | null = null;
  #whole = false;
  #status: Readonly<Record<string, Json>> = {};
  #problem: string | undefined;
  #syncs = 0;
  /** What comes while all views are fetched: it may be newer than the page of its entity. */
  #meanwhile: ViewMessage[] | undefined;
  /** A message was missed. */
  #wanted = false;

  constructor(options: ViewMirrorOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  get state(): MirrorState {
    const [linkedMs, whole, heardMs, toldMs] = [this.#linkedMs, this.#whole, this.#heardMs, this.#toldMs];
    return {
      linked: linkedMs !== null,
      linkedMs,
      whole,
      heardMs,
      toldMs,
      status: this.#status,
      problem: this.#problem,
    };
  }

  get size(): number {
    return this.#views.size;
  }

  view(id: EntityId): View | undefined {
    return this.#views.get(id)?.view;
  }

  ids(): IterableIterator<EntityId> {
    return this.#views.keys();
  }

  image(): MirrorImage | undefined {
    // Part of them would be taken for all of them by the next start.
    if (this.#heardMs === null || !this.#whole) return undefined;
    return { heardMs: this.#heardMs, views: [...this.#views].map(([id, { view }]) => [id, view]) };
  }

  /** What was shown before a restart, until the cell is heard again. */
  restore({ heardMs, views }: MirrorImage): void {
    if (this.#heardMs !== null) return;
    this.#heardMs = heardMs;
    this.#whole = true;
    for (const [id, view] of views) {
      this.#views.set(id, { view, sync: 0 });
      this.#options.changed(id, view);
    }
  }

  take(body: unknown): void {
    const parsed = ViewMessage.safeParse(body);
    if (!parsed.success) {
      this.#problem = 'a message of its views cannot be read: it runs another version';
      return;
    }
    const message = parsed.data;
    const { run, n } = message;
    if (run === this.#run && n <= this.#n) return;
    if (run !== this.#run || n !== this.#n + 1) this.#wanted = true;
    this.#run = run;
    this.#n = n;
    this.#status = message.status;
    this.#toldMs = message.atMs;
    this.#heard();
    for (const change of message.changes) this.#apply(change);
    this.#meanwhile?.push(message);
    if (this.#wanted && this.#meanwhile === undefined) void this.#sync();
  }

  /** Called a few times a second: silence is noticed by nothing else. */
  tick(): void {
    const silentMs = this.#now() - (this.#heardMs ?? Number.NEGATIVE_INFINITY);
    if (this.#linkedMs === null || silentMs <= (this.#options.silentAfterMs ?? 3000)) return;
    this.#linkedMs = null;
    this.#options.linkChanged();
  }

  #heard(): void {
    this.#heardMs = this.#now();
    if (this.#linkedMs !== null) return;
    this.#linkedMs = this.#heardMs;
    this.#options.linkChanged();
  }

  #apply(change: EntityChange): void {
    const known = this.#views.get(change.id);
    // Of an entity that is not known yet a part says little; the page that brings the whole is not older.
    if (known === undefined && !change.whole) return;
    this.#put(change.id, after(known?.view ?? {}, change), change.whole ? this.#syncs : (known?.sync ?? 0));
  }

  #put(id: EntityId, view: View, sync: number): void {
    if (isGone({ view })) {
      if (this.#views.delete(id)) this.#options.changed(id, undefined);
      return;
    }
    this.#views.set(id, { view, sync });
    this.#options.changed(id, view);
  }

  /** Fetches all views. What was missed is missed in all of them until their page has come. */
  async #sync(): Promise<void> {
    this.#wanted = false;
    const sync = ++this.#syncs;
    this.#meanwhile = [];
    try {
      const run = this.#run;
      for (let from: string | null = ''; from !== null; ) {
        const page: ViewPage = ViewPage.parse(await this.#options.page(from));
        if (page.run !== run || run !== this.#run) throw new Error('it was started again meanwhile');
        if (this.#wanted || this.#meanwhile.length > MAX_MEANWHILE) throw new Error('messages were lost meanwhile');
        this.#takePage(page, this.#meanwhile, sync);
        from = page.next;
      }
      for (const [id, mirrored] of this.#views) if (mirrored.sync < sync) this.#put(id, {}, sync);
      this.#whole = true;
      this.#problem = undefined;
    } catch (error) {
      // Tried again with the next message, at most a second from now.
      this.#wanted = true;
      this.#problem = `its views could not be fetched: ${messageOf(error)}`;
    } finally {
      this.#meanwhile = undefined;
    }
  }

  #takePage({ n, changes }: ViewPage, meanwhile: readonly ViewMessage[], sync: number): void {
    const pages = new Map<EntityId, View>(changes.map(({ id, groups }) => [id, groups]));
    for (const message of meanwhile) {
      if (message.n <= n) continue;
      for (const change of message.changes) {
        const view = pages.get(change.id);
        if (view !== undefined) pages.set(change.id, after(view, change));
      }
    }
    for (const [id, view] of pages) this.#put(id, view, sync);
  }
}

/** A view with a change of it; empty when it is gone. */
function after(view: View, { whole, groups, gone = {} }: EntityChange): View {
  if (whole) return groups;
  const next: Record<string, View[string]> = { ...view };
  for (const [group, fields] of Object.entries(groups)) next[group] = { ...next[group], ...fields };
  for (const [group, keys] of Object.entries(gone)) {
    const left = Object.entries(next[group] ?? {}).filter(([key]) => !keys.includes(key));
    next[group] = Object.fromEntries(left);
  }
  return next;
}
