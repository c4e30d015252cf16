import type { Authority } from '../../runtime/cluster/authority.ts';
import { NO_SESSIONS, receive, type Sessions } from '../../runtime/cluster/session.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
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
  /** Runs later the newest row of an entity, undefined for none. */
  restore(entity: EntityId, then: (row: JournalRow | undefined) => void, failed: () => void): void;
  /** After the time that a store is left alone. */
  later(run: () => void): void;
  committed(turn: Turn): void;
  fenced(shard: Shard, epoch: Epoch, reason: string): void;
  idle(shard: Shard, epoch: Epoch): void;
}

interface Account {
  readonly entity: EntityId;
  total: number;
  seq: number;
  busy: Request | undefined;
  /** Its turn is on the way to the journal. */
  committing: boolean;
  /** Whether the journal has its last turn is not known: it is built again before anything else. */
  doubtful: boolean;
  readonly mailbox: Request[];
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
    for (const row of rows) {
      const account = this.#account(row.entity);
      account.total = row.total;
      account.seq = row.seq;
    }
  }

  get idle(): boolean {
    for (const { busy, mailbox } of this.#accounts.values()) if (busy || mailbox.length > 0) return false;
    return !this.committing;
  }

  get committing(): boolean {
    for (const { committing } of this.#accounts.values()) if (committing) return true;
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

  /** What the journal said to a turn of this memory. */
  answered(turn: Turn, answer: Appended): void {
    const account = this.#account(turn.entity);
    account.committing = false;
    const request = account.busy;
    if (!request || this.state === 'stopped') return;
    switch (answer.kind) {
      case 'committed':
        account.total = turn.total;
        account.seq = turn.seq;
        request.answered({ ok: true, total: turn.total });
        this.#host.committed(turn);
        this.#end(account);
        return;
      case 'repeated':
        request.answered({ ok: true, total: answer.total });
        this.#end(account);
        return;
      case 'fenced':
        this.#host.fenced(this.shard, this.epoch, answer.reason);
        return;
    }
  }

  /** Whether the journal has a turn of this memory is not known. */
  unknown({ entity }: Turn): void {
    const account = this.#account(entity);
    account.committing = false;
    const request = account.busy;
    if (!request || this.state === 'stopped') return;
    if (this.#sabotage.noReadBack === 'believes-lost') {
      request.answered({ ok: false });
      this.#end(account);
      return;
    }
    request.refused(undefined);
    account.doubtful = true;
    this.#restore(account);
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

  #restore(account: Account): void {
    this.#host.restore(
      account.entity,
      (row) => {
        account.doubtful = false;
        account.total = row?.total ?? 0;
        account.seq = row?.seq ?? 0;
        this.#pump(account);
      },
      () => this.#host.later(() => this.state !== 'stopped' && this.#restore(account)),
    );
  }

  #account(entity: EntityId): Account {
    let account = this.#accounts.get(entity);
    if (!account) {
      account = { entity, total: 0, seq: 0, busy: undefined, committing: false, doubtful: false, mailbox: [] };
      this.#accounts.set(entity, account);
    }
    return account;
  }

  #pump(account: Account): void {
    while (!account.busy && !account.doubtful && this.state !== 'stopped') {
      const next = account.mailbox.shift();
      if (!next) return;
      if (!this.#host.authority(this.shard)) {
        next.refused(undefined);
        continue;
      }
      this.#turn(account, next);
    }
  }

  #turn(account: Account, request: Request): void {
    const { command } = request;
    const total = decide(account.total, command.amount);
    account.busy = request;
    if (total !== undefined) {
      account.committing = true;
      this.#host.commit({ entity: command.entity, seq: account.seq + 1, epoch: this.epoch, command, total });
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
