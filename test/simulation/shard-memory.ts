import type { Authority } from '../../runtime/cluster/authority.ts';
import { NO_SESSIONS, receive, type Sessions } from '../../runtime/cluster/session.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
import { Account, eventOf, type KeptTurn, keptOf } from './account.ts';
import type { Appended, JournalRow, Turn } from './database.ts';
import { type Answer, type Command, decide, type Sabotage, TIMES } from './plant.ts';

export interface Request {
  readonly shard: Shard;
  readonly entity: EntityId;
  readonly sender: string;
  readonly epoch: Epoch;
  readonly n: number;
  readonly floor: number;
  readonly command: Command;
  readonly answered: (answer: Answer) => void;
  readonly refused: (owner: { readonly node: string; readonly epoch: Epoch } | undefined) => void;
}

/** What a shard needs of its process. */
export interface ShardHost {
  authority(shard: Shard): Authority | undefined;
  commit(turn: Turn): void;
  /** Runs later the answer that the journal has for a command, undefined for none; `failed` when it did not say. */
  answerOf(commandId: string, then: (row: JournalRow | undefined) => void, failed: () => void): void;
  /** Runs later the history of an entity. */
  history(entity: EntityId, then: (rows: readonly JournalRow[]) => void, failed: () => void): void;
  /** The reading at a place of the entity's log. */
  reading(entity: EntityId, place: number): Command | undefined;
  /** Something was decided while the journal was away. */
  unrecorded(): void;
  nowMs(): number;
  /** After the time that a store is left alone. */
  later(run: () => void): void;
  committed(turn: Turn): void;
  fenced(shard: Shard, epoch: Epoch, reason: string): void;
  idle(shard: Shard, epoch: Epoch): void;
}

/** What a process holds of a shard in memory: its entities with their mailboxes, and its sessions. */
export class ShardMemory {
  readonly shard: Shard;
  readonly epoch: Epoch;
  /** `loaded` until opened; `moving` refuses what is new; `stopped` everything. */
  state: 'loaded' | 'open' | 'moving' | 'stopped' = 'loaded';
  readonly #host: ShardHost;
  readonly #sabotage: Sabotage;
  readonly #accounts = new Map<EntityId, Account>();
  #sessions: Sessions = NO_SESSIONS;

  constructor(shard: Shard, epoch: Epoch, rows: readonly JournalRow[], host: ShardHost, sabotage: Sabotage) {
    this.shard = shard;
    this.epoch = epoch;
    this.#host = host;
    this.#sabotage = sabotage;
    for (const row of rows) this.#build(this.#account(row.entity), row);
  }

  get idle(): boolean {
    for (const { idle } of this.#accounts.values()) if (!idle) return false;
    return true;
  }

  get committing(): boolean {
    for (const { underWay } of this.#accounts.values()) if (underWay > 0) return true;
    return false;
  }

  take(request: Request): void {
    if (this.state !== 'open') {
      request.refused(undefined);
      return;
    }
    if (!this.#host.authority(this.shard)) {
      request.refused(undefined);
      return;
    }
    if (!this.#sabotage.noSessions) {
      const { sessions, fresh } = receive(this.#sessions, request, TIMES);
      if (!fresh) return;
      this.#sessions = sessions;
    }
    const account = this.#account(request.entity);
    account.mailbox.push(request);
    this.#pump(account);
  }

  /** Its entities look at their logs. */
  observe(entities: readonly EntityId[]): void {
    for (const entity of entities) if (this.state === 'open') this.#pump(this.#account(entity));
  }

  /** What the journal said to a turn of this memory. */
  answered(turn: Turn, answer: Appended): void {
    const account = this.#account(turn.entity);
    account.underWay -= 1;
    if (this.state === 'stopped') return;
    if (answer.kind === 'fenced') {
      this.#host.fenced(this.shard, this.epoch, answer.reason);
      return;
    }
    const { busy } = account;
    if (answer.kind === 'committed') {
      account.seq = turn.seq;
      this.#host.committed(turn);
      // Recorded late, it is in the total since it was decided.
      if (account.closed) account.unrecorded?.taken();
      else [account.total, account.logPosition] = [turn.total, turn.logPosition];
    }
    busy?.answered({ ok: true, total: answer.kind === 'committed' ? turn.total : answer.total });
    if (account.closed && account.underWay === 0) this.#recorded(account);
    else if (!account.closed) this.#end(account);
  }

  /** Whether the journal has a turn of this memory is not known. */
  unknown(turn: Turn): void {
    const account = this.#account(turn.entity);
    account.underWay -= 1;
    if (this.state === 'stopped') return;
    if (account.closed) {
      if (account.underWay === 0) this.#host.later(() => this.#record(account));
      return;
    }
    const { busy } = account;
    if (busy && this.#sabotage.noReadBack === 'believes-lost') {
      busy.answered({ ok: false });
      this.#end(account);
      return;
    }
    busy?.refused(undefined);
    const kept = keptOf(turn);
    account.goOn(this.#host.nowMs()).sent([kept]);
    if (!busy) this.#keep(account, kept);
    this.#host.later(() => this.#record(account));
    this.#end(account);
  }

  /** Refuses what has not begun; what is under way ends. */
  refuseWaiting(): void {
    for (const account of this.#accounts.values()) {
      for (const request of account.mailbox.splice(0)) request.refused(undefined);
    }
  }

  stop(): void {
    this.state = 'stopped';
    this.refuseWaiting();
    for (const account of this.#accounts.values()) account.busy?.refused(undefined);
  }

  /** The journal may be back: what was decided without it becomes history, as it was decided. */
  #record(account: Account): void {
    const { unrecorded, entity } = account;
    if (this.state === 'stopped' || unrecorded === undefined) return;
    account.closed = true;
    const again = () => this.#host.later(() => this.#record(account));
    if (!this.#host.authority(this.shard)) {
      again();
      return;
    }
    if (!unrecorded.isDoubtful) {
      this.#send(account);
      return;
    }
    if (this.#sabotage.noUnrecordedReadBack) {
      account.seq += unrecorded.turns.length;
      this.#recorded(account);
      return;
    }
    this.#host.history(
      entity,
      (rows) => {
        account.seq = unrecorded.settle(account.seq, rows.slice(account.seq).map(eventOf));
        if (unrecorded.superseded) this.#rebuild(account, rows.at(-1));
        else this.#send(account);
      },
      again,
    );
  }

  #send(account: Account): void {
    const turns = [...(account.unrecorded?.turns ?? [])];
    if (this.state === 'stopped') return;
    if (turns.length === 0) {
      this.#recorded(account);
      return;
    }
    account.unrecorded?.sent(turns);
    account.underWay += turns.length;
    for (const { turn } of turns) this.#host.commit(turn);
  }

  /** All of what it decided has an answer, or has none to come. */
  #recorded(account: Account): void {
    if (account.unrecorded?.isDoubtful && !this.#sabotage.noUnrecordedReadBack) {
      this.#host.later(() => this.#record(account));
      return;
    }
    account.unrecorded = undefined;
    account.closed = false;
    this.#end(account);
  }

  /** What it has in memory does not follow from what the journal has: the log decides. */
  #rebuild(account: Account, row: JournalRow | undefined): void {
    this.#build(account, row);
    account.closed = false;
    this.#end(account);
  }

  #build(account: Account, row: JournalRow | undefined): void {
    account.build(row);
    if (this.#sabotage.noLogPosition) account.logPosition = Math.max(0, account.logPosition - 1);
  }

  #keep(account: Account, kept: KeptTurn): void {
    this.#host.unrecorded();
    account.keep(kept);
  }

  #account(entity: EntityId): Account {
    let account = this.#accounts.get(entity);
    if (!account) {
      account = new Account(entity);
      this.#accounts.set(entity, account);
    }
    return account;
  }

  #pump(account: Account): void {
    while (!account.busy && account.underWay === 0 && !account.closed && this.state !== 'stopped') {
      const reading = this.state === 'open' ? this.#host.reading(account.entity, account.logPosition) : undefined;
      if (reading) {
        this.#observe(account, reading);
        continue;
      }
      const next = account.mailbox.shift();
      if (!next) return;
      if (account.unrecorded !== undefined || !this.#host.authority(this.shard)) {
        next.refused(undefined);
        continue;
      }
      this.#turn(account, next);
    }
  }

  /** What the entity decides by itself: recorded, or kept until that can be. */
  #observe(account: Account, reading: Command): void {
    const turn = this.#turnOf(account, reading, account.total + reading.amount, account.logPosition + 1);
    if (account.unrecorded !== undefined) {
      this.#keep(account, keptOf(turn));
      return;
    }
    if (this.#host.authority(this.shard)) {
      this.#commit(account, turn);
      return;
    }
    account.goOn(turn.timeMs);
    this.#keep(account, keptOf(turn));
    this.#host.later(() => this.#record(account));
  }

  #turnOf(account: Account, command: Command, total: number, logPosition: number): Turn {
    const { entity, seq, unrecorded } = account;
    const timeMs = Math.floor(this.#host.nowMs());
    return { entity, seq: unrecorded?.nextSeq(seq) ?? seq + 1, epoch: this.epoch, command, total, logPosition, timeMs };
  }

  #commit(account: Account, turn: Turn): void {
    account.underWay += 1;
    this.#host.commit(turn);
  }

  #turn(account: Account, request: Request): void {
    const { command } = request;
    const total = decide(account.total, command.amount);
    account.busy = request;
    if (total !== undefined) {
      this.#commit(account, this.#turnOf(account, command, total, account.logPosition));
      return;
    }
    // A repeat may be refused by the state that its first arrival left behind: then the first answer counts.
    const end = (answer: Answer | undefined) => {
      if (account.busy !== request || this.state === 'stopped') return;
      if (answer) request.answered(answer);
      else request.refused(undefined);
      this.#end(account);
    };
    this.#host.answerOf(
      command.commandId,
      (row) => end(row ? { ok: true, total: row.total } : { ok: false }),
      () => end(undefined),
    );
  }

  #end(account: Account): void {
    account.busy = undefined;
    this.#pump(account);
    if (this.idle) this.#host.idle(this.shard, this.epoch);
  }
}
