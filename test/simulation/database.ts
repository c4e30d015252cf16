import type { ClusterView, ShardRow } from '../../runtime/cluster/shard-map.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
import { type Command, ENTITIES, isReading, type Sabotage, SHARDS, shardOfEntity, TIMES } from './plant.ts';
import { Clock, type World } from './world.ts';

interface NodeRow {
  readonly node: string;
  readonly incarnation: string;
  /** Order of joining: of two rows of a node the newer one counts. */
  readonly joined: number;
  beatMs: number;
  /** Another incarnation came, somebody took a shard of it, or it said goodbye: no renewal any more. */
  state: 'live' | 'replaced' | 'evicted' | 'gone';
  leaving: boolean;
}

interface OwnerRow {
  epoch: Epoch;
  state: ShardRow['state'];
  owner: { readonly node: string; readonly incarnation: string } | null;
  target: string | null;
}

export interface JournalRow {
  readonly entity: EntityId;
  readonly seq: number;
  readonly shard: Shard;
  readonly epoch: Epoch;
  readonly command: Command;
  readonly total: number;
  /** Readings of the entity's log that had been decided on. */
  readonly logPosition: number;
  readonly timeMs: number;
}

export interface Turn {
  readonly entity: EntityId;
  readonly seq: number;
  readonly epoch: Epoch;
  readonly command: Command;
  readonly total: number;
  readonly logPosition: number;
  readonly timeMs: number;
}

export type Appended =
  | { readonly kind: 'committed'; readonly position: number }
  | { readonly kind: 'repeated'; readonly total: number }
  | { readonly kind: 'fenced'; readonly reason: string };

interface Writer {
  readonly node: string;
  readonly incarnation: string;
}

interface Owned extends Writer {
  readonly shard: Shard;
  readonly epoch: Epoch;
}

/** The rows of a cell and the transactions on them: each method is one, and reads the database's own clock. */
export class Database {
  readonly nodes: NodeRow[] = [];
  /** How often an owner or an epoch has changed. */
  moves = 0;
  readonly shards: OwnerRow[];
  readonly journal: JournalRow[] = [];
  /** Effects of committed events that nobody has settled. */
  readonly pending = new Set<JournalRow>();
  readonly byCommand = new Map<string, JournalRow>();
  readonly #histories = new Map<EntityId, JournalRow[]>();
  /** Batches that their writer gave up: they are in the journal already, or never will be. */
  readonly #givenUp = new Set<string>();
  readonly #clock: Clock;
  readonly #lives = new Map<string, NodeRow>();
  readonly #sabotage: Sabotage;

  constructor(world: World, sabotage: Sabotage) {
    this.#clock = new Clock(world, 0.002);
    this.#sabotage = sabotage;
    this.shards = Array.from({ length: SHARDS }, () => ({ epoch: 0, state: 'free', owner: null, target: null }));
  }

  join(node: string, incarnation: string, leaving: boolean): boolean {
    const known = this.#row({ node, incarnation });
    if (known) return this.renew(node, incarnation, leaving);
    for (const row of this.nodes) if (row.node === node && row.state === 'live') row.state = 'replaced';
    const joined = this.nodes.length;
    const row: NodeRow = { node, incarnation, joined, beatMs: this.#nowMs, state: 'live', leaving };
    this.nodes.push(row);
    this.#lives.set(incarnation, row);
    return true;
  }

  renew(node: string, incarnation: string, leaving: boolean): boolean {
    const row = this.#row({ node, incarnation });
    if (row?.state !== 'live') return false;
    row.beatMs = this.#nowMs;
    row.leaving = leaving;
    return true;
  }

  goodbye(node: string, incarnation: string): void {
    const row = this.#row({ node, incarnation });
    if (row?.state === 'live') row.state = 'gone';
  }

  view(): ClusterView {
    const newest = new Map<string, NodeRow>();
    for (const row of this.nodes) newest.set(row.node, row);
    return {
      members: [...newest.values()].map((row) => ({
        node: row.node,
        incarnation: row.incarnation,
        live: row.state === 'live' && !this.#expired(row),
        mayHold: true,
        leaving: row.leaving,
      })),
      shards: this.shards.map(({ epoch, state, owner, target }, shard) => {
        const row = owner && this.#row(owner);
        return { shard, epoch, state, owner, target, ownerLive: row !== null && !this.#mayBeTakenFrom(row) };
      }),
    };
  }

  /** The new epoch, or undefined when it is not to be had. */
  claim(shard: Shard, node: string, incarnation: string, expected: Epoch): Epoch | undefined {
    const claimant = this.#row({ node, incarnation });
    const row = this.#shard(shard);
    if (claimant?.state !== 'live' || this.#expired(claimant) || row.epoch !== expected) return undefined;
    if (row.owner !== null) {
      const owner = this.#row(row.owner);
      if (!this.#mayBeTakenFrom(owner)) return undefined;
      if (owner !== undefined) owner.state = 'evicted';
    }
    this.moves += 1;
    row.epoch += 1;
    row.owner = { node, incarnation };
    row.state = 'claiming';
    row.target = null;
    return row.epoch;
  }

  mark(owned: Owned, state: 'open' | 'handing_off', target: string | null): boolean {
    if (!this.#owns(owned)) return false;
    const row = this.#shard(owned.shard);
    row.state = state;
    row.target = target;
    return true;
  }

  release(owned: Owned, target: string | null): boolean {
    if (!this.#owns(owned)) return false;
    const row = this.#shard(owned.shard);
    this.moves += 1;
    row.owner = null;
    row.state = 'released';
    row.target = target;
    return true;
  }

  /** Undefined: the batch was given up before it arrived. */
  append(batch: string, writer: Writer, turns: readonly Turn[]): Appended[] | undefined {
    if (this.#givenUp.has(batch)) return undefined;
    return turns.map((turn) => this.#append(turn, writer));
  }

  giveUp(batch: string): void {
    this.#givenUp.add(batch);
  }

  #append(turn: Turn, writer: Writer): Appended {
    const { entity, seq, epoch, command } = turn;
    const shard = shardOfEntity(entity);
    if (!this.#sabotage.noFence && !this.#owns({ ...writer, shard, epoch }))
      return { kind: 'fenced', reason: 'another owner or epoch' };
    // What nobody sent has no id to be known by.
    const known = isReading(command) ? undefined : this.byCommand.get(command.commandId);
    if (known !== undefined) return { kind: 'repeated', total: known.total };
    const history = this.#history(entity);
    if (seq !== history.length + 1) return { kind: 'fenced', reason: 'the number is taken' };
    const row: JournalRow = { ...turn, shard };
    this.journal.push(row);
    this.byCommand.set(command.commandId, row);
    history.push(row);
    if (command.writes) this.pending.add(row);
    return { kind: 'committed', position: this.journal.length };
  }

  /** The history of an entity. */
  events(entity: EntityId): readonly JournalRow[] {
    return [...this.#history(entity)];
  }

  /** What recovery reads: the newest row of each of a shard's entities, and the effects not settled. */
  load(shard: Shard): { readonly rows: readonly JournalRow[]; readonly pending: readonly JournalRow[] } {
    const rows = ENTITIES.flatMap((entity) =>
      shardOfEntity(entity) === shard ? (this.#history(entity).at(-1) ?? []) : [],
    );
    return { rows, pending: [...this.pending].filter((row) => row.shard === shard) };
  }

  settle(commandId: string): void {
    const row = this.byCommand.get(commandId);
    if (row) this.pending.delete(row);
  }

  #history(entity: EntityId): JournalRow[] {
    let history = this.#histories.get(entity);
    if (history === undefined) {
      history = [];
      this.#histories.set(entity, history);
    }
    return history;
  }

  #owns({ shard, node, incarnation, epoch }: Owned): boolean {
    const row = this.#shard(shard);
    return row.epoch === epoch && row.owner?.node === node && row.owner.incarnation === incarnation;
  }

  /** A replaced incarnation may still be running: only its age tells that it has stopped. */
  #mayBeTakenFrom(row: NodeRow | undefined): boolean {
    return row === undefined || row.state === 'evicted' || row.state === 'gone' || this.#expired(row);
  }

  #expired(row: NodeRow): boolean {
    return this.#nowMs - row.beatMs > TIMES.leaseTtlMs;
  }

  #row({ node, incarnation }: { node: string; incarnation: string }): NodeRow | undefined {
    const row = this.#lives.get(incarnation);
    return row?.node === node ? row : undefined;
  }

  #shard(shard: Shard): OwnerRow {
    const row = this.shards[shard];
    if (!row) throw new RangeError(`there is no shard ${shard}`);
    return row;
  }

  get #nowMs(): number {
    return this.#clock.read().wallMs;
  }
}
