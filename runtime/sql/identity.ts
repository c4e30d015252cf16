import { randomBytes } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Dialect } from './dialect.ts';
import type { JournalSchema } from './schema.ts';

/** Of as many identities the tokens are still known; who comes with an older one begins anew. */
const KEPT = 1000;

export function drawIdentity(): string {
  return randomBytes(8).toString('hex');
}

/**
 * The identities of a journal. A backup that is put back brings those up to the copy with it and draws another than the original
 * has drawn since: so a position is known to be of this history without a look at anything outside of the database, and without
 * anybody having to say that it was restored.
 *
 * One is drawn wherever the history may go on from a copy. In SQLite that is every start, since the process is the database.
 * On PostgreSQL it is every life of the server, or of the tables (`continue_journal`): nodes come and go beside each other, and
 * the start of one says nothing of what the others have handed out.
 */
export class Identities {
  readonly #db: Kysely<JournalSchema>;
  readonly #dialect: Dialect;

  constructor(db: Kysely<JournalSchema>, dialect: Dialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  async newest(): Promise<string> {
    if (this.#dialect.name === 'postgres') return continued(this.#db);
    const { identity } = await this.#db
      .selectFrom('journal_identity')
      .select('identity')
      .orderBy('n', 'desc')
      .limit(1)
      .executeTakeFirstOrThrow();
    return identity;
  }

  async include(identity: string, position: number): Promise<boolean> {
    const given = await this.#db
      .selectFrom('journal_identity')
      .select('n')
      .where('identity', '=', identity)
      .executeTakeFirst();
    if (given === undefined) return false;
    const next = await this.#db
      .selectFrom('journal_identity')
      .select('after_position as last')
      .where('n', '>', given.n)
      .orderBy('n')
      .limit(1)
      .executeTakeFirst();
    const { last } =
      next ?? (await this.#db.selectFrom('journal_end').select('position as last').executeTakeFirstOrThrow());
    return position <= last;
  }

  /** A process takes over the journal. It holds the end locked, so that nothing of an earlier one can still come after it. */
  async takenOver(trx: Transaction<JournalSchema>, end: number): Promise<void> {
    if (this.#dialect.name === 'postgres') {
      await continued(trx);
      return;
    }
    const { highest } = await trx
      .selectFrom('journal_identity')
      .select((eb) => eb.fn.max('n').as('highest'))
      .executeTakeFirstOrThrow();
    const n = (highest ?? 0) + 1;
    await trx
      .insertInto('journal_identity')
      .values({ n, identity: drawIdentity(), after_position: end, since_ms: Date.now() })
      .execute();
    await trx
      .deleteFrom('journal_identity')
      .where('n', '<=', n - KEPT)
      .execute();
  }
}

async function continued(db: Kysely<JournalSchema>): Promise<string> {
  const { rows } = await sql<{ identity: string }>`select continue_journal() as identity`.execute(db);
  const identity = rows[0]?.identity;
  if (identity === undefined) throw new Error('a function that gives no row');
  return identity;
}
