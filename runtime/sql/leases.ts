import { type Kysely, sql } from 'kysely';
import type { ClusterView } from '../cluster/shard-map.ts';
import type { ClusterRows, Joining, NodeLife, OwnedShard } from '../cluster-rows.ts';
import type { Epoch, Shard } from '../ownership.ts';
import type { Dialect } from './dialect.ts';
import type { JournalSchema } from './schema.ts';

/** No renewal and no claim of a life that was silent for so long is still on its way. */
const FORGOTTEN_AFTER_MS = 86_400_000;

type Db = Kysely<JournalSchema>;
type NodeRow = JournalSchema['node'];

/**
 * The rows of a cell in SQL, beside its journal. Whoever takes a shard looks at the lease of its owner with both rows locked,
 * and by a clock that is read after the locks: a renewal comes before, and the shard is not to be had, or after, and is
 * rejected.
 */
export class SqlClusterRows implements ClusterRows {
  readonly #db: Db;
  readonly #dialect: Dialect;
  readonly #leaseTtlMs: number;

  /** @param options.leaseTtlMs the same for all nodes of a cell */
  constructor(db: Db, dialect: Dialect, options: { readonly leaseTtlMs: number }) {
    this.#db = db;
    this.#dialect = dialect;
    this.#leaseTtlMs = options.leaseTtlMs;
  }

  async join({ node, incarnation, leaving, successor, mayHold }: Joining): Promise<boolean> {
    const { nowMs } = this.#dialect;
    return this.#db.transaction().execute(async (trx) => {
      await this.#dialect.lock(trx, 'nodes');
      const lives = await trx.selectFrom('node').select('incarnation').where('id', '=', node).execute();
      if (lives.some((life) => life.incarnation === incarnation))
        return renewIn(trx, this.#dialect, { node, incarnation }, leaving);
      // A former life may still be running, until its lease is over; a successor knows that it is not.
      await trx
        .updateTable('node')
        .set({ state: successor ? 'gone' : 'replaced' })
        .where('id', '=', node)
        .where('state', 'in', successor ? ['live', 'replaced'] : ['live'])
        .execute();
      const { newest } = await trx
        .selectFrom('node')
        .select((eb) => eb.fn.max('joined').as('newest'))
        .executeTakeFirstOrThrow();
      await trx
        .insertInto('node')
        .values({
          id: node,
          incarnation,
          joined: (newest ?? 0) + 1,
          beat_ms: nowMs,
          state: 'live',
          may_hold: Number(mayHold),
          leaving: Number(leaving),
        })
        .execute();
      await trx
        .deleteFrom('node')
        .where((eb) => eb('beat_ms', '<', eb(nowMs, '-', FORGOTTEN_AFTER_MS)))
        .execute();
      return true;
    });
  }

  renew(life: NodeLife, leaving: boolean): Promise<boolean> {
    return renewIn(this.#db, this.#dialect, life, leaving);
  }

  async goodbye({ node, incarnation }: NodeLife): Promise<void> {
    await this.#db
      .updateTable('node')
      .set({ state: 'gone' })
      .where('id', '=', node)
      .where('incarnation', '=', incarnation)
      .where('state', '=', 'live')
      .execute();
  }

  /** Shards first, each with its owner in one statement: who is there may be newer than that, which costs a refused claim at worst. */
  async view(): Promise<ClusterView> {
    const { nowMs } = this.#dialect;
    const shards = await this.#db
      .selectFrom('shard')
      .leftJoin('node', (join) =>
        join.onRef('node.id', '=', 'shard.owner').onRef('node.incarnation', '=', 'shard.incarnation'),
      )
      .select(['shard.n', 'shard.epoch', 'shard.state', 'shard.owner', 'shard.incarnation', 'shard.target'])
      .select(['node.state as life', 'node.beat_ms as beatMs', nowMs.as('nowMs')])
      .orderBy('shard.n')
      .execute();
    const nodes = await this.#db.selectFrom('node').selectAll().select(nowMs.as('nowMs')).orderBy('joined').execute();
    const newest = new Map(nodes.map((row) => [row.id, row]));
    return {
      members: [...newest.values()].map((row) => ({
        node: row.id,
        incarnation: row.incarnation,
        live: row.state === 'live' && !this.#expired(row.beat_ms, row.nowMs),
        mayHold: row.may_hold === 1,
        leaving: row.leaving === 1,
      })),
      shards: shards.map(({ n, epoch, state, owner, incarnation, target, life, beatMs, nowMs: atMs }) => ({
        shard: n,
        epoch,
        state,
        owner: owner === null || incarnation === null ? null : { node: owner, incarnation },
        ownerLive: life !== null && beatMs !== null && !this.#mayBeTakenFrom({ state: life, beat_ms: beatMs }, atMs),
        target,
      })),
    };
  }

  claim(life: NodeLife, shard: Shard, expected: Epoch): Promise<Epoch | undefined> {
    return this.#dialect.rowLocks ? this.#claimInOneCall(life, shard, expected) : this.#claim(life, shard, expected);
  }

  /** By the function `claim_shard` of the database, where a statement is a way over the network; see there. */
  async #claimInOneCall({ node, incarnation }: NodeLife, shard: Shard, expected: Epoch): Promise<Epoch | undefined> {
    const { rows } = await sql<{ epoch: Epoch | null }>`
      select claim_shard(${shard}, ${expected}, ${node}, ${incarnation}, ${this.#leaseTtlMs}) as epoch`.execute(
      this.#db,
    );
    return rows[0]?.epoch ?? undefined;
  }

  /** Where one transaction runs at a time, and needs no locks. */
  async #claim({ node, incarnation }: NodeLife, shard: Shard, expected: Epoch): Promise<Epoch | undefined> {
    const { nowMs } = this.#dialect;
    return this.#db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('shard').selectAll().where('n', '=', shard).executeTakeFirst();
      if (row === undefined || row.epoch !== expected) return undefined;
      const lives = await trx
        .selectFrom('node')
        .selectAll()
        .where((eb) =>
          eb.or([
            eb.and({ id: node, incarnation }),
            eb.and([eb('id', '=', row.owner), eb('incarnation', '=', row.incarnation)]),
          ]),
        )
        .execute();
      const { atMs } = await trx.selectNoFrom(nowMs.as('atMs')).executeTakeFirstOrThrow();
      const claimant = lives.find((life) => life.id === node && life.incarnation === incarnation);
      if (claimant?.state !== 'live' || this.#expired(claimant.beat_ms, atMs)) return undefined;
      if (row.owner !== null) {
        const owner = lives.find((life) => life.id === row.owner && life.incarnation === row.incarnation);
        if (!this.#mayBeTakenFrom(owner, atMs)) return undefined;
        await trx
          .updateTable('node')
          .set({ state: 'evicted' })
          .where('id', '=', row.owner)
          .where('incarnation', '=', row.incarnation)
          .execute();
      }
      const epoch = row.epoch + 1;
      await trx
        .updateTable('shard')
        .set({ epoch, owner: node, incarnation, state: 'claiming', target: null })
        .where('n', '=', shard)
        .execute();
      return epoch;
    });
  }

  mark(owned: OwnedShard, as: 'open' | 'handing_off', target: string | null): Promise<boolean> {
    return this.#ofOwner(owned, { state: as, target });
  }

  release(owned: OwnedShard, target: string | null): Promise<boolean> {
    return this.#ofOwner(owned, { state: 'released', owner: null, incarnation: null, target });
  }

  async #ofOwner(
    { shard, node, incarnation, epoch }: OwnedShard,
    change: Partial<JournalSchema['shard']>,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('shard')
      .set(change)
      .where('n', '=', shard)
      .where('owner', '=', node)
      .where('incarnation', '=', incarnation)
      .where('epoch', '=', epoch)
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  /** A replaced life may still be running: only its age tells that it has stopped. */
  #mayBeTakenFrom(life: Pick<NodeRow, 'state' | 'beat_ms'> | undefined, atMs: number): boolean {
    return life === undefined || life.state === 'evicted' || life.state === 'gone' || this.#expired(life.beat_ms, atMs);
  }

  #expired(beatMs: number, atMs: number): boolean {
    return atMs - beatMs > this.#leaseTtlMs;
  }
}

async function renewIn(db: Db, { nowMs }: Dialect, { node, incarnation }: NodeLife, leaving: boolean) {
  const { numUpdatedRows } = await db
    .updateTable('node')
    .set({ beat_ms: nowMs, leaving: Number(leaving) })
    .where('id', '=', node)
    .where('incarnation', '=', incarnation)
    .where('state', '=', 'live')
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}
