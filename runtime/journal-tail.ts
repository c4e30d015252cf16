import { messageOf } from './errors.ts';
import type { Journal, JournalEntry } from './journal.ts';

const DEFAULT_LOOK_EVERY_MS = 500;
const DEFAULT_BATCH = 512;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;

export interface JournalTailOptions {
  readonly journal: Pick<Journal, 'query' | 'end'>;
  /**
   * Gets every row, in the order of position. The next batch waits for the promise; what it refuses it is given again after
   * a pause, and nothing behind it before.
   */
  readonly take: (entries: readonly JournalEntry[]) => void | Promise<void>;
  /**
   * The database is another than it was: it went on from a copy that did not have everything which was handed out. From here
   * on come the rows after `position`; what was learned from those before may never have been.
   */
  readonly broken?: (position: number) => void;
  /** Once when the journal, or the taker, fails, and once when both work again. */
  readonly changed?: (failure: string | undefined) => void;
  /** How often it looks where nobody gives a hint. */
  readonly lookEveryMs?: number;
  /** Rows in memory at a time. */
  readonly batch?: number;
}

/**
 * All committed rows of a cell in the order of their positions, whichever node wrote them. The journal hands out positions in
 * the order of the commits and without a gap, so one number is all there is to remember, and nothing waits in memory: what
 * cannot be handed on now is read again from the journal.
 *
 * Three things move it: rows that this node has committed itself (`committed`), which go through as they are where they are the
 * very next; news that others have committed (`hint`), which may be lost, late or twice; and its own look every so often.
 */
export class JournalTail {
  readonly #options: JournalTailOptions;
  readonly #lookEveryMs: number;
  readonly #batch: number;
  #state: 'new' | 'running' | 'closed' = 'new';
  #position = 0;
  /** The newest row that was taken: as long as the journal has it where it was, this is the same history. */
  #last: JournalEntry | undefined;
  #working = false;
  #workingSinceMs: number | undefined;
  #taking: void | Promise<void> = undefined;
  /** There may be rows that the read under way does not see. */
  #more = false;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #failure: { readonly reason: string; readonly sinceMs: number } | undefined;

  constructor(options: JournalTailOptions) {
    this.#options = options;
    this.#lookEveryMs = options.lookEveryMs ?? DEFAULT_LOOK_EVERY_MS;
    this.#batch = options.batch ?? DEFAULT_BATCH;
  }

  /** Up to here everything was taken. */
  get position(): number {
    return this.#position;
  }

  /** Why nothing comes, and since when; undefined while all is well. */
  get failure(): { readonly reason: string; readonly sinceMs: number } | undefined {
    return this.#failure;
  }

  /** Since when the journal, or the taker, has been at one batch; undefined between two. */
  get workingSinceMs(): number | undefined {
    return this.#workingSinceMs;
  }

  /** Begins with the row after this position. */
  start(from: number): void {
    if (this.#state !== 'new') throw new Error('a tail is started once');
    this.#state = 'running';
    this.#position = from;
    this.#advance();
  }

  /** Rows of one append of this node, as the journal has them now. */
  committed(entries: readonly JournalEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined || this.#state !== 'running' || last.position <= this.#position) return;
    const fresh = entries.filter(({ position }) => position > this.#position);
    const isNext = fresh[0]?.position === this.#position + 1;
    const isReady = !this.#working && this.#failure === undefined;
    if (isNext && isReady) this.#pass(fresh);
    else this.hint(last.position);
  }

  /** Somebody has committed up to this position. */
  hint(position: number): void {
    if (this.#state !== 'running' || position <= this.#position) return;
    this.#more = true;
    // After a failure the pause counts: others may reach the journal where this node does not.
    if (this.#failure === undefined) this.#advance();
  }

  /** Hands out nothing more; resolves when what was being taken has been. */
  async close(): Promise<void> {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    await Promise.resolve(this.#taking).catch(() => undefined);
  }

  /** What is the very next needs no way to the journal and back. */
  #pass(entries: readonly JournalEntry[]): void {
    try {
      const taken = this.#options.take(entries);
      if (taken === undefined) this.#isAt(entries);
      else void this.#work(() => this.#taken(entries, taken));
    } catch (error) {
      this.#failed(error);
    }
  }

  #advance(): void {
    if (!this.#working) void this.#work(() => this.#read());
  }

  async #work(run: () => Promise<void>): Promise<void> {
    clearTimeout(this.#timer);
    this.#working = true;
    this.#workingSinceMs = Date.now();
    try {
      await run();
      this.#works();
      this.#later(this.#lookEveryMs);
    } catch (error) {
      this.#failed(error);
    }
    this.#working = false;
    this.#workingSinceMs = undefined;
    if (this.#more && this.#failure === undefined && this.#state === 'running') this.#advance();
  }

  async #read(): Promise<void> {
    do {
      this.#more = false;
      const entries = await this.#next();
      if (this.#state !== 'running') return;
      if (entries.length > 0) await this.#taken(entries, this.#options.take(entries));
      this.#more ||= entries.length === this.#batch;
      this.#works();
    } while (this.#more && this.#state === 'running');
  }

  async #taken(entries: readonly JournalEntry[], taken: void | Promise<void>): Promise<void> {
    this.#taking = taken;
    await taken;
    this.#isAt(entries);
    this.#workingSinceMs = Date.now();
  }

  #isAt(entries: readonly JournalEntry[]): void {
    this.#last = entries.at(-1);
    this.#position = this.#last?.position ?? this.#position;
  }

  /**
   * The rows behind the newest that was taken, which is read once more with them: a restored database gives its position to
   * another row, or ends before it. Who waited there for the next would lose some, and believe others that never were.
   */
  async #next(): Promise<readonly JournalEntry[]> {
    const { journal, broken } = this.#options;
    const last = this.#last;
    const after = last === undefined ? this.#position : this.#position - 1;
    const rows = await journal.query({ after, limit: this.#batch + (last === undefined ? 0 : 1) });
    const [first, ...next] = rows;
    if (last !== undefined && first !== undefined && isSame(first, last)) return next;
    if (last === undefined && (first !== undefined || (await journal.end()) >= this.#position)) return rows;
    const end = await journal.end();
    if (this.#state !== 'running') return [];
    this.#last = undefined;
    this.#position = end;
    broken?.(end);
    return [];
  }

  #works(): void {
    this.#failures = 0;
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.changed?.(undefined);
  }

  #failed(error: unknown): void {
    const reason = messageOf(error);
    const isNew = this.#failure === undefined;
    this.#failure = { reason, sinceMs: this.#failure?.sinceMs ?? Date.now() };
    if (isNew && this.#state === 'running') this.#options.changed?.(reason);
    const pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** this.#failures++);
    this.#later(pauseMs * (0.5 + Math.random() / 2));
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#state === 'running') this.#timer = setTimeout(() => this.#advance(), ms);
  }
}

function isSame(a: JournalEntry, b: JournalEntry): boolean {
  const { position, entity, seq, epoch, kind, timeMs } = a;
  const isPlace = position === b.position && entity === b.entity && seq === b.seq;
  return isPlace && epoch === b.epoch && kind === b.kind && timeMs === b.timeMs;
}
