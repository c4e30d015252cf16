import type { EntityId } from '../../runtime/ids.ts';
import type { Epoch } from '../../runtime/ownership.ts';
import type { Database, JournalRow, Turn } from './database.ts';
import { type Answer, type Command, decide, SHARDS, shardOfEntity } from './plant.ts';

/** What must never be seen, by name, so that a test can ask for one of them. */
export type Damage =
  | 'epoch-not-rising'
  | 'row-below-fence'
  | 'row-out-of-sequence'
  | 'command-twice'
  | 'history-not-sequential'
  | 'acknowledged-not-present'
  | 'answer-differs-from-history'
  | 'refused-but-present'
  | 'written-by-fenced-owner'
  | 'written-without-commit'
  | 'begun-twice'
  | 'order-of-sender'
  | 'decision-not-recorded'
  | 'not-settled-in-time'
  | 'invariant-broken';

export class DamageFound extends Error {
  readonly damage: Damage;

  constructor(damage: Damage, message: string) {
    super(`${damage}: ${message}`);
    this.damage = damage;
  }
}

interface Known {
  readonly total: number;
  readonly seq: number;
}

/**
 * Watches rows, answers and devices, and knows nothing of how nodes decide. It keeps its own account of every history, so that
 * neither the model of the database nor the machines are believed.
 */
export class Checker {
  readonly #database: Database;
  readonly #epochs: Epoch[] = Array.from({ length: SHARDS }, () => 0);
  readonly #owners: string[] = Array.from({ length: SHARDS }, () => '');
  readonly #rowEpochs: Epoch[] = Array.from({ length: SHARDS }, () => 0);
  readonly #entities = new Map<EntityId, Known>();
  readonly #rows = new Map<string, JournalRow>();
  readonly #refused = new Set<string>();
  /** Numbers under which a command was sent, per command; and the last number that has a row, per sender and entity. */
  readonly #sent = new Map<string, number[]>();
  readonly #order = new Map<string, number>();
  readonly #begun = new Set<string>();
  readonly #unwritten = new Set<string>();
  #checkedRows = 0;
  #checkedMoves = 0;
  #sends = 0;
  readonly seen = {
    acknowledged: 0,
    refused: 0,
    rows: 0,
    writes: 0,
    fences: 0,
    claims: 0,
    takeovers: 0,
    handovers: 0,
    sends: 0,
    unrecorded: 0,
  };

  constructor(database: Database) {
    this.#database = database;
  }

  /** Commands that are in a history and whose device was never written to. */
  get unwritten(): ReadonlySet<string> {
    return this.#unwritten;
  }

  sent(command: Command): void {
    const numbers = this.#sent.get(command.commandId);
    this.seen.sends += 1;
    if (numbers) numbers.push(this.#sends++);
    else this.#sent.set(command.commandId, [this.#sends++]);
  }

  sawFence(): void {
    this.seen.fences += 1;
  }

  answered(command: Command, answer: Answer): void {
    const { commandId } = command;
    this.check();
    const row = this.#rows.get(commandId);
    if (!answer.ok) {
      this.seen.refused += 1;
      this.#refused.add(commandId);
      if (row) throw new DamageFound('refused-but-present', commandId);
      return;
    }
    this.seen.acknowledged += 1;
    if (!row) throw new DamageFound('acknowledged-not-present', commandId);
    if (row.total !== answer.total)
      throw new DamageFound('answer-differs-from-history', `${commandId}: ${answer.total}, not ${row.total}`);
  }

  /** Of the readings in the logs those that nobody has decided on. */
  undecided(readings: Iterable<Command>): string[] {
    return [...readings].flatMap(({ commandId }) => (this.#rows.has(commandId) ? [] : commandId));
  }

  /** Something was decided while the journal was away. */
  sawUnrecorded(): void {
    this.seen.unrecorded += 1;
  }

  /** What an event leads to is begun by an owner. */
  began(owner: string, { command: { commandId } }: Turn): void {
    const key = `${owner} ${commandId}`;
    if (this.#begun.has(key)) throw new DamageFound('begun-twice', `${commandId} by ${owner}`);
    this.#begun.add(key);
  }

  wrote(node: string, turn: Turn, epoch: Epoch): void {
    this.check();
    this.seen.writes += 1;
    const { commandId } = turn.command;
    this.#unwritten.delete(commandId);
    if (!this.#rows.has(commandId)) throw new DamageFound('written-without-commit', commandId);
    const row = this.#database.shards[shardOfEntity(turn.entity)];
    if (row?.epoch !== epoch || row.owner?.node !== node)
      throw new DamageFound(
        'written-by-fenced-owner',
        `${node} wrote ${commandId} under ${epoch}, but the row is ${row?.owner?.node ?? 'nobody'}'s under ${row?.epoch}`,
      );
  }

  /** After every step of a simulation. */
  check(): void {
    if (this.#checkedMoves !== this.#database.moves) this.#checkOwners();
    const { journal } = this.#database;
    for (; this.#checkedRows < journal.length; this.#checkedRows++) {
      const row = journal[this.#checkedRows];
      if (row) this.#checkRow(row);
    }
  }

  #checkOwners(): void {
    this.#checkedMoves = this.#database.moves;
    for (const [shard, { epoch, owner }] of this.#database.shards.entries()) {
      const before = this.#epochs[shard] ?? 0;
      const holder = owner === null ? '' : owner.incarnation;
      const holderBefore = this.#owners[shard] ?? '';
      if (epoch === before && holder === holderBefore) continue;
      const claimed = holder !== '' && holder !== holderBefore;
      if (epoch < before || (claimed && epoch <= before))
        throw new DamageFound('epoch-not-rising', `shard ${shard}: ${before} then ${epoch}`);
      if (claimed) this.seen.claims += 1;
      if (claimed && holderBefore !== '') this.seen.takeovers += 1;
      if (holder === '') this.seen.handovers += 1;
      this.#epochs[shard] = epoch;
      this.#owners[shard] = holder;
    }
  }

  #checkRow(row: JournalRow): void {
    const { shard, epoch, entity, seq, command, total } = row;
    const { commandId, client } = command;
    this.seen.rows += 1;
    const fence = Math.max(this.#epochs[shard] ?? 0, this.#rowEpochs[shard] ?? 0);
    if (epoch < fence) throw new DamageFound('row-below-fence', `${commandId} under ${epoch}, the fence is ${fence}`);
    this.#rowEpochs[shard] = epoch;
    if (this.#rows.has(commandId)) throw new DamageFound('command-twice', commandId);
    if (this.#refused.has(commandId)) throw new DamageFound('refused-but-present', commandId);
    const known = this.#entities.get(entity) ?? { total: 0, seq: 0 };
    if (seq !== known.seq + 1) throw new DamageFound('row-out-of-sequence', `${entity}: ${known.seq} then ${seq}`);
    if (decide(known.total, command.amount) !== total)
      throw new DamageFound(
        'history-not-sequential',
        `${entity} ${seq}: ${known.total} and ${command.amount} is not ${total}`,
      );
    this.#entities.set(entity, { total, seq });
    this.#rows.set(commandId, row);
    if (command.writes) this.#unwritten.add(commandId);
    // Readings are decided on in the order of the log, like commands of one sender.
    const lane = `${client} ${entity}`;
    const last = this.#order.get(lane) ?? -1;
    const number = this.#sent.get(commandId)?.find((sent) => sent > last);
    if (number === undefined)
      throw new DamageFound('order-of-sender', `${commandId} came after one that was sent later`);
    this.#order.set(lane, number);
  }
}
