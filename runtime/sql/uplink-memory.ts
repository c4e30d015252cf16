import type { Kysely } from 'kysely';
import type { RememberedPlace, UplinkMemory } from '../edge/uplink-memory.ts';
import type { Reply } from '../runtime.ts';
import type { JournalSchema } from './schema.ts';
import { storable } from './storable.ts';

/** What an edge keeps of its uplink, in the database of its journal. Every step is one statement. */
export class SqlUplinkMemory implements UplinkMemory {
  readonly #db: Kysely<JournalSchema>;

  constructor(db: Kysely<JournalSchema>) {
    this.#db = db;
  }

  async refusal(key: string): Promise<Reply | undefined> {
    const row = await this.#db
      .selectFrom('refused_command')
      .select('reply')
      .where('key', '=', storable(key))
      .executeTakeFirst();
    // Written by `refuse` alone.
    return row && (JSON.parse(row.reply) as Reply);
  }

  async refuse(key: string, reply: Reply, nowMs: number): Promise<void> {
    await this.#db
      .insertInto('refused_command')
      .values({ key: storable(key), reply: JSON.stringify(reply), at_ms: nowMs })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute();
  }

  async trimRefusals(beforeMs: number, most: number): Promise<void> {
    await this.#db.deleteFrom('refused_command').where('at_ms', '<', beforeMs).execute();
    const newest = this.#db.selectFrom('refused_command').select('key').orderBy('at_ms', 'desc').orderBy('key');
    await this.#db.deleteFrom('refused_command').where('key', 'not in', newest.limit(most)).execute();
  }

  async place(lane: string): Promise<RememberedPlace | undefined> {
    const row = await this.#db
      .selectFrom('uplink_place')
      .select(['of', 'position'])
      .where('lane', '=', lane)
      .executeTakeFirst();
    return row && { of: row.of, position: row.position };
  }

  async keepPlace(lane: string, { of, position }: RememberedPlace): Promise<void> {
    await this.#db
      .insertInto('uplink_place')
      .values({ lane, of, position })
      .onConflict((conflict) => conflict.column('lane').doUpdateSet({ of, position }))
      .execute();
  }
}
