import { ErrorWithCode } from '../errors.ts';
import type { Journal, JournalEntry } from '../journal.ts';
import { type CellLink, CORE } from './cell-link.ts';
import type { Backlog, Batch, Lane, Place } from './forwarder.ts';
import { ReplicaAnswer } from './journal-replica.ts';
import type { UplinkMemory } from './uplink-memory.ts';

interface JournalBatch extends Batch {
  readonly entries: readonly JournalEntry[];
  readonly identity: string;
}

const ROWS_A_MESSAGE = 256;
/** What a server takes in one message is a megabyte by default; this is before it is packed. */
const MAX_BYTES = 600_000;
const ANSWER_WITHIN_MS = 15_000;
const LANE = 'journal';
/** The database that remembers it is the journal's own. */
const OF = 'this journal';

export interface JournalLaneOptions {
  readonly journal: Pick<Journal, 'query' | 'end' | 'identity' | 'includes'>;
  readonly link: Pick<CellLink, 'request'>;
  readonly memory: Pick<UplinkMemory, 'place' | 'keepPlace'>;
}

/** The journal of an edge on its way to the centre: every decision, whatever it is of, in the order of the commits. */
export class JournalLane implements Lane<Place, JournalBatch> {
  readonly #journal: JournalLaneOptions['journal'];
  readonly #link: JournalLaneOptions['link'];
  readonly #memory: JournalLaneOptions['memory'];

  constructor({ journal, link, memory }: JournalLaneOptions) {
    this.#journal = journal;
    this.#link = link;
    this.#memory = memory;
  }

  async recall(): Promise<number | undefined> {
    return (await this.#memory.place(LANE))?.position;
  }

  remember(position: number): Promise<void> {
    return this.#memory.keepPlace(LANE, { of: OF, position });
  }

  async backlog(after: number): Promise<Backlog> {
    const left = Math.max(0, (await this.#journal.end()) - after);
    const [oldest] = left === 0 ? [] : await this.#journal.query({ after, limit: 1 });
    return { left, oldestMs: oldest?.timeMs ?? null };
  }

  async learn(): Promise<Place> {
    const place = ReplicaAnswer.parse(await this.#link.request(CORE, 'journal-place', {}, ANSWER_WITHIN_MS));
    const { identity, position } = place;
    if (identity !== null && !(await this.#journal.includes(identity, position))) {
      const text = `the centre has ${position} events of this cell that are not those of this journal: the data folder is another one, or an old copy. Put the right one back, or give this box the name of a new cell`;
      throw new ErrorWithCode('EDGE_HISTORY_DIFFERS', text, { retryable: false });
    }
    return { position };
  }

  async read(after: number): Promise<JournalBatch | undefined> {
    const identity = await this.#journal.identity();
    const rows = await this.#journal.query({ after, limit: ROWS_A_MESSAGE });
    let bytes = 0;
    let count = 0;
    for (const row of rows) {
      bytes += JSON.stringify([row.event, row.before, row.after]).length + 200;
      if (count > 0 && bytes > MAX_BYTES) break;
      count++;
    }
    const entries = rows.slice(0, count);
    const [first, last] = [entries[0], entries.at(-1)];
    if (!first || !last) return undefined;
    const full = rows.length > count || rows.length === ROWS_A_MESSAGE;
    return { entries, identity, bytes, oldestMs: first.timeMs, newestMs: last.timeMs, full };
  }

  async send(at: Place, { entries, identity }: JournalBatch): Promise<Place> {
    const body = { after: at.position, identity, entries };
    const answer = ReplicaAnswer.parse(await this.#link.request(CORE, 'journal', body, ANSWER_WITHIN_MS));
    if (answer.kind === 'taken') return { position: answer.position };
    throw new ErrorWithCode('UPLINK_CONFLICT', `the centre is at ${answer.position}, not at ${at.position}`);
  }
}
