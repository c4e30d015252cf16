import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Cell } from './cluster/cell.ts';
import type { ShardHost } from './cluster/membership.ts';
import type { Timing } from './cluster/timing.ts';
import type { ClusterRows } from './cluster-rows.ts';
import { ErrorWithCode } from './errors.ts';
import type { EntityId } from './ids.ts';
import type { Journal, JournalEntry } from './journal.ts';
import { JournalTail } from './journal-tail.ts';
import type { Link } from './link.ts';
import type { LiveCache } from './live-cache.ts';
import type { LiveCells } from './live-cells.ts';
import type { LiveLane } from './live-lane.ts';
import { LiveMirror } from './live-mirror.ts';
import type { Shard } from './ownership.ts';
import { type Population, shardIn } from './population.ts';
import type { AskOptions, Health, Reply, Restarted } from './runtime.ts';

/** The place of a node among others that share its journal and its log. */
export interface Seat {
  readonly link: Link;
  readonly rows: ClusterRows;
  /** Carries what this node shows to the others, and back. */
  readonly lane: LiveLane;
  readonly cache?: LiveCache;
  readonly timing?: Timing;
  /** Tells one file of a plant from another, to see whether all nodes have the same. */
  readonly plant?: string;
  /** A defect of ours was found: the process has to end, at once. */
  readonly broken: (error: unknown) => void;
}

export interface TakenSeatOptions extends Seat {
  readonly node: string;
  readonly host: ShardHost;
  readonly rising: () => ReadonlySet<Shard>;
  readonly population: Population;
  readonly live: LiveCells;
  readonly journal: Journal;
  readonly ask: (to: EntityId, command: unknown, options: AskOptions) => Promise<Reply>;
  readonly restart: (id: EntityId) => Promise<Restarted>;
  readonly log: Logger;
}

/** A start goes on after so long, though not every shard has its owner: what is there is of use. */
const SETTLED_WITHIN_MS = 30_000;

/** What a node has to do with the others of its cell: who owns what, the rows that they commit, the views that they show. */
export class TakenSeat {
  readonly cell: Cell;
  readonly #tail: JournalTail;
  readonly #mirror: LiveMirror;
  readonly #options: TakenSeatOptions;

  constructor(options: TakenSeatOptions) {
    this.#options = options;
    const {
      node,
      link,
      rows,
      timing,
      plant,
      host,
      rising,
      population,
      live,
      journal,
      lane,
      cache,
      ask,
      restart,
      log,
      broken,
    } = options;
    this.cell = new Cell({
      node,
      link,
      rows,
      ...(timing && { timing }),
      ...(plant !== undefined && { plant }),
      host,
      rising,
      shardOf: (id) => shardIn(population, id),
      ask,
      restart,
      committed: (position) => this.#tail.hint(position),
      log,
      broken,
    });
    // Rows of all nodes, in the one order in which every gateway of the cell shows them.
    this.#tail = new JournalTail({
      journal,
      take: (entries) => live.committed(entries),
      // What its actors remember may never have been.
      broken: (position) =>
        broken(
          new ErrorWithCode('JOURNAL_WENT_BACK', `the journal ends at ${position} and not where this node has seen it`),
        ),
      changed: (failure) => {
        if (failure === undefined) log.info({}, 'the events of the cell are followed again');
        else
          log.warn(
            { reason: failure },
            'the events of the cell cannot be followed; they come when the journal answers',
          );
      },
    });
    this.#mirror = new LiveMirror({
      node,
      live,
      lane,
      link,
      ...(cache && { cache }),
      population,
      // What a node shows while it may not decide is still the newest that there is.
      epochOf: (shard) => this.cell.membership.heldUnder(shard),
      recovering: () => this.cell.recovering,
      note: (what, facts) => log.warn(facts, what),
    });
  }

  /** What is this node's comes to it from here on, shard by shard. */
  async start(): Promise<void> {
    this.#tail.start(await this.#options.journal.end());
    await this.#options.link.start();
    this.#mirror.start();
    this.cell.start();
  }

  /** Resolves when every shard has an owner, or it has taken too long. */
  async settled(): Promise<void> {
    const enough = new AbortController();
    await Promise.race([
      this.cell.settled(enough.signal),
      delay(SETTLED_WITHIN_MS, undefined, { signal: enough.signal }).catch(() => undefined),
    ]);
    enough.abort();
  }

  /** Rows that this node has committed. */
  committed(entries: readonly JournalEntry[]): void {
    this.#tail.committed(entries);
    const last = entries.at(-1);
    if (last !== undefined) this.cell.committed(last.position);
  }

  /** That live now, this one among them. */
  get nodes(): readonly string[] {
    return (this.cell.membership.view?.members ?? []).filter(({ live }) => live).map(({ node }) => node);
  }

  health(): Health['parts'] {
    return [this.cell.health(), this.#eventsPart(), ...this.#mirror.parts()];
  }

  #eventsPart(): Health['parts'][number] {
    const { failure, position } = this.#tail;
    if (failure === undefined) return { name: 'events', status: 'healthy', detail: `shown up to ${position}` };
    const seconds = Math.round((Date.now() - failure.sinceMs) / 1000);
    const detail = `those of the cell come when the journal answers: ${failure.reason}, for ${seconds} s`;
    return { name: 'events', status: 'degraded', detail };
  }

  /** Hands everything over. What is shown to people here goes on until `close`. */
  leave(): Promise<void> {
    return this.cell.leave();
  }

  /** Ends as a crash would. */
  end(): void {
    this.cell.end();
  }

  async close(): Promise<void> {
    await this.#tail.close();
    this.#mirror.close();
    await this.#options.link.stop();
  }
}
