import type { Journal, JournalEntry } from '../../runtime/journal.ts';
import { type EventSelection, wireEvent } from './event-selection.ts';
import type { Outlet } from './outlet.ts';
import { positionOf, resumeToken } from './resume-token.ts';
import { bodiesOf } from './walk.ts';

/** Newest committed events kept in memory, so that a client that was held up for a moment costs no query. */
const RECENT_EVENTS = 2048;
/** Events that a client gets in one go. */
const PAGE_EVENTS = 200;
/** A database that was started again has another identity from then on; places under the former would soon be worth nothing. */
const IDENTITY_EVERY_MS = 1000;

type LaneJournal = Pick<Journal, 'query' | 'end' | 'identity' | 'includes'>;

/**
 * The lane of events: every one, in the order of its commit, to clients of any speed and across reconnects.
 *
 * A feed is one number, the position up to which its client has everything. Live events go out to feeds that stand right
 * before them. A feed that was skipped or resumed is `behind` and catches up, from memory or in pages from the journal. It
 * becomes live again only in the same turn of the event loop in which it was found to stand at the newest position seen, so
 * that no commit can slip in between; and whatever it has is told from its position alone, so that nothing comes twice, not
 * even where the journal shows a row before the live bus announces it.
 */
export class EventLane {
  readonly #journal: LaneJournal;
  readonly #skipped: () => void;
  readonly #failed: (error: unknown) => void;
  readonly #recentEvents: number;
  readonly #pageEvents: number;
  readonly #identityEveryMs: number;
  readonly #groups = new Map<string, Group>();
  readonly #recent: Recent[] = [];
  /** `#recent` has everything after this position. */
  #recentAfter = 0;
  #seen = 0;
  #identity = '';
  #identityAtMs = 0;

  constructor(options: {
    journal: LaneJournal;
    skipped: () => void;
    failed: (error: unknown) => void;
    recentEvents?: number;
    pageEvents?: number;
    identityEveryMs?: number;
  }) {
    this.#identityEveryMs = options.identityEveryMs ?? IDENTITY_EVERY_MS;
    this.#recentEvents = options.recentEvents ?? RECENT_EVENTS;
    this.#pageEvents = options.pageEvents ?? PAGE_EVENTS;
    this.#journal = options.journal;
    this.#skipped = options.skipped;
    this.#failed = options.failed;
  }

  /** Call after `committed` is attached to the live bus, and before the first subscription. */
  async start(): Promise<void> {
    await this.#identify();
    const end = await this.#journal.end();
    if (this.#recent.length === 0) this.#recentAfter = Math.max(this.#recentAfter, end);
    this.#seen = Math.max(this.#seen, end);
  }

  /** Position of the newest event that was announced. */
  get seen(): number {
    return this.#seen;
  }

  /** To be given to clients for a position up to which they have everything. */
  tokenAt(position: number): string {
    return resumeToken(this.#identity, position);
  }

  /** What a client may resume after, or undefined where its token is not of this history. */
  resumeFrom(token: string): Promise<number | undefined> {
    return positionOf(token, this.#journal);
  }

  committed(entries: readonly JournalEntry[]): void {
    const fresh = entries.filter((entry) => entry.position > this.#seen);
    const last = fresh.at(-1);
    if (last === undefined) return;
    if (performance.now() - this.#identityAtMs >= this.#identityEveryMs) this.#identify().catch(this.#failed);
    const before = this.#seen;
    this.#seen = last.position;
    const recent = fresh.map((entry) => new Recent(entry, this.tokenAt(entry.position)));
    this.#remember(recent);
    for (const group of this.#groups.values()) this.#share(group, recent, before);
  }

  /** `from`: the position up to which the client has everything. The feed rests until it is first pumped. */
  subscribe(options: { selection: EventSelection; sub: string; outlet: Outlet; from: number }): EventFeed {
    const { selection } = options;
    const group = this.#groups.get(selection.key) ?? { selection, feeds: new Set() };
    this.#groups.set(selection.key, group);
    const feed: EventFeed = {
      outlet: options.outlet,
      head: `"op":"event","sub":${JSON.stringify(options.sub)},"events":`,
      position: options.from,
      state: 'behind',
      pump: () => {
        if (feed.state === 'behind') void this.#catchUp(feed, selection);
      },
      close: () => {
        feed.state = 'closed';
        group.feeds.delete(feed);
        if (group.feeds.size === 0) this.#groups.delete(selection.key);
      },
    };
    group.feeds.add(feed);
    return feed;
  }

  /** Tries again those who could not read the journal; cheap when nobody is behind. */
  pumpAll(): void {
    for (const { feeds } of this.#groups.values()) for (const feed of feeds) if (feed.primed) feed.pump();
  }

  /**
   * Another identity is taken over only where the history went on from what was seen: places of one that lost rows must not
   * come to look like its own. There the old one is kept, which nobody takes any more, and clients begin anew.
   */
  async #identify(): Promise<void> {
    this.#identityAtMs = performance.now();
    const [known, seen] = [this.#identity, this.#seen];
    const identity = await this.#journal.identity();
    if (identity === known) return;
    if (known === '' || (await this.#journal.includes(known, seen))) this.#identity = identity;
  }

  #remember(entries: readonly Recent[]): void {
    const first = entries[0];
    if (this.#recent.length === 0 && this.#recentAfter === 0 && first) this.#recentAfter = first.entry.position - 1;
    this.#recent.push(...entries);
    const surplus = this.#recent.length - this.#recentEvents;
    if (surplus < this.#recentEvents / 4) return;
    for (const dropped of this.#recent.splice(0, surplus)) this.#recentAfter = dropped.entry.position;
  }

  #share(group: Group, fresh: readonly Recent[], before: number): void {
    const chosen = fresh.filter(({ entry }) => group.selection.selects(entry));
    let bodies: readonly Buffer[] | undefined;
    for (const feed of group.feeds) {
      if (feed.state !== 'live') continue;
      if (chosen.length === 0) {
        feed.position = Math.max(feed.position, this.#seen);
      } else if (feed.outlet.congested) {
        feed.state = 'behind';
        this.#skipped();
      } else if (feed.position > before) {
        // It has read part of these from the journal already.
        this.#send(feed, jsonOf(chosen, feed.position), this.#seen);
      } else {
        bodies ??= bodiesOf(jsonOf(chosen, before));
        for (const body of bodies) feed.outlet.frame(feed.head, body);
        feed.position = this.#seen;
      }
    }
  }

  async #catchUp(feed: EventFeed, selection: EventSelection): Promise<void> {
    feed.state = 'catching up';
    feed.primed = true;
    try {
      while (isOpen(feed)) {
        if (feed.outlet.congested) break;
        if (feed.position < this.#recentAfter) {
          await this.#page(feed, selection);
        } else if (feed.position < this.#seen) {
          this.#fromMemory(feed, selection);
        } else {
          feed.state = 'live';
          return;
        }
      }
    } catch (error) {
      this.#failed(error);
    }
    if (isOpen(feed)) feed.state = 'behind';
  }

  async #page(feed: EventFeed, selection: EventSelection): Promise<void> {
    // Whatever was announced before the query started is in its answer, if it is short of a full page.
    const seen = this.#seen;
    const rows = await this.#journal.query({ ...selection.query, after: feed.position, limit: this.#pageEvents });
    if (!isOpen(feed)) return;
    const last = rows.at(-1)?.position ?? feed.position;
    const chosen = rows
      .filter((row) => selection.selects(row))
      .map((row) => new Recent(row, this.tokenAt(row.position)));
    this.#send(feed, jsonOf(chosen, feed.position), rows.length < this.#pageEvents ? Math.max(last, seen) : last);
  }

  #fromMemory(feed: EventFeed, selection: EventSelection): void {
    const page = this.#recent.slice(firstAfter(this.#recent, feed.position)).slice(0, this.#pageEvents);
    const chosen = page.filter(({ entry }) => selection.selects(entry));
    this.#send(feed, jsonOf(chosen, feed.position), page.at(-1)?.entry.position ?? this.#seen);
  }

  #send(feed: EventFeed, events: readonly string[], position: number): void {
    for (const body of bodiesOf(events)) feed.outlet.frame(feed.head, body);
    feed.position = Math.max(feed.position, position);
  }
}

/** One subscription of one client. */
export interface EventFeed {
  readonly outlet: Outlet;
  readonly head: string;
  position: number;
  state: 'behind' | 'catching up' | 'live' | 'closed';
  /** Its snapshot is out and it was pumped before. */
  primed?: boolean;
  /** Goes on with catching up; to be called after the snapshot and when the client has drained. */
  readonly pump: () => void;
  readonly close: () => void;
}

interface Group {
  readonly selection: EventSelection;
  readonly feeds: Set<EventFeed>;
}

/** An event with its JSON, made once, when first wanted. */
class Recent {
  readonly entry: JournalEntry;
  readonly #token: string;
  #json: string | undefined;

  constructor(entry: JournalEntry, token: string) {
    this.entry = entry;
    this.#token = token;
  }

  get json(): string {
    this.#json ??= JSON.stringify(wireEvent(this.entry, this.#token));
    return this.#json;
  }
}

function jsonOf(events: readonly Recent[], after: number): string[] {
  const json: string[] = [];
  for (const event of events) if (event.entry.position > after) json.push(event.json);
  return json;
}

/** Asked after every await, since the client may have gone meanwhile. */
function isOpen(feed: EventFeed): boolean {
  return feed.state !== 'closed';
}

/** Index of the first event after a position; the list is in order. */
function firstAfter(events: readonly Recent[], position: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.entry.position ?? 0) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
