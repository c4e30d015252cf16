import { ErrorWithCode } from '../errors.ts';
import type { Journal, JournalEntry } from '../journal.ts';
import { type CellLink, CORE } from './cell-link.ts';
import type { Batch, Lane, Place } from './forwarder.ts';
import { ReplicaAnswer } from './journal-replica.ts';

interface JournalBatch extends Batch {
  readonly entries: readonly JournalEntry[];
  readonly identity: string;
}

const ROWS_A_MESSAGE = 256;
/** What a server takes in one message is a megabyte by default; this is before it is packed. */
const MAX_BYTES = 600_000;
const ANSWER_WITHIN_MS = 15_000;

/** The journal of an edge on its way to the centre: every decision, whatever it is of, in the order of the commits. */
export class JournalLane implements Lane<Place, JournalBatch> {
  readonly #journal: Pick<Journal, 'query' | 'identity' | 'includes'>;
  readonly #link: Pick<CellLink, 'request'>;

  constructor(journal: Pick<Journal, 'query' | 'identity' | 'includes'>, link: Pick<CellLink, 'request'>) {
    this.#journal = journal;
    this.#link = link;
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
