import { randomBytes } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import type { JournalSchema } from './schema.ts';

/** Of as many starts the tokens are still known; who comes with an older one begins anew. */
const KEPT = 1000;

export function drawIdentity(): string {
  return randomBytes(8).toString('hex');
}

/**
 * The identities of a journal, one a start. A backup that is put back brings the identities up to the copy with it and draws
 * another than the original has drawn since: so a position is known to be of this history without a look at anything outside
 * of the database, and without anybody having to say that it was restored.
 */
export class Identities {
  readonly #db: Kysely<JournalSchema>;

  constructor(db: Kysely<JournalSchema>) {
    this.#db = db;
  }

  async newest(): Promise<string> {
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

  /** The caller holds the end of the journal locked, so that nothing of an earlier start can still come after it. */
  async draw(trx: Transaction<JournalSchema>, end: number): Promise<void> {
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
