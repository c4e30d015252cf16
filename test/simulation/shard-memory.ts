import type { Authority } from '../../runtime/cluster/authority.ts';
import {
  type CommitEffect,
  type CommitInput,
  type CommitLane,
  commitLane,
  isIdle,
  stepCommitLane,
} from '../../runtime/cluster/commit-lane.ts';
import type { Instant } from '../../runtime/cluster/instant.ts';
import { NO_SESSIONS, receive, type Sessions } from '../../runtime/cluster/session.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
import type { JournalRow, Turn } from './database.ts';
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
  now(): Instant;
  authority(shard: Shard): Authority | undefined;
  carryOut(effect: Extract<CommitEffect<Turn>, { kind: 'append' | 'readBack' }>): void;
  /** Runs later the answer that the journal has for a command, undefined for none; `failed` when it did not say. */
  answerOf(commandId: string, then: (row: JournalRow | undefined) => void, failed: () => void): void;
  committed(turn: Turn): void;
  fenced(shard: Shard, epoch: Epoch, reason: string): void;
  idle(shard: Shard, epoch: Epoch): void;
}

interface Account {
  total: number;
  seq: number;
  busy: Request | undefined;
  readonly mailbox: Request[];
}

/** What a process holds of a shard in memory: its entities with their mailboxes, its lane to the journal, its sessions. */
export class ShardMemory {
  readonly shard: Shard;
  readonly epoch: Epoch;
  /** `loaded` until opened; `moving` refuses what is new; `stopped` everything. */
  state: 'loaded' | 'open' | 'moving' | 'stopped' = 'loaded';
  readonly #host: ShardHost;
  readonly #sabotage: Sabotage;
  readonly #accounts = new Map<EntityId, Account>();
  #sessions: Sessions = NO_SESSIONS;
  readonly #believedLost = new Set<string>();
  #lane: CommitLane<Turn>;

  constructor(shard: Shard, epoch: Epoch, rows: readonly JournalRow[], host: ShardHost, sabotage: Sabotage) {
    this.shard = shard;
    this.epoch = epoch;
    this.#host = host;
    this.#sabotage = sabotage;
    this.#lane = commitLane(shard, epoch);
    for (const row of rows) {
      const account = this.#account(row.entity);
      account.total = row.total;
      account.seq = row.seq;
    }
  }

  get idle(): boolean {
    if (!isIdle(this.#lane)) return false;
    for (const account of this.#accounts.values()) if (account.busy || account.mailbox.length > 0) return false;
    return true;
  }

  get committing(): boolean {
    return !isIdle(this.#lane);
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

  commit(input: CommitInput<Turn>): void {
    const { state, effects } = stepCommitLane(this.#lane, input, TIMES);
    this.#lane = state;
    for (const effect of effects) this.#carryOut(effect);
    if (this.idle) this.#host.idle(this.shard, this.epoch);
  }

  /** What a shell without reading back would do: tell the sender that the command failed. */
  believeLost(turns: readonly Turn[], id: number): void {
    for (const { command } of turns) this.#believedLost.add(command.commandId);
    this.commit({ kind: 'appended', at: this.#host.now(), id, fates: turns.map(() => ({ kind: 'repeated' })) });
  }

  /** Refuses what has not begun; what is under way ends. */
  refuseWaiting(): void {
    for (const account of this.#accounts.values()) {
      for (const request of account.mailbox.splice(0)) request.refused(undefined);
    }
  }

  stop(): void {
    this.state = 'stopped';
    this.commit({ kind: 'close' });
    this.refuseWaiting();
    for (const account of this.#accounts.values()) account.busy?.refused(undefined);
  }

  #account(entity: EntityId): Account {
    let account = this.#accounts.get(entity);
    if (!account) {
      account = { total: 0, seq: 0, busy: undefined, mailbox: [] };
      this.#accounts.set(entity, account);
    }
    return account;
  }

  #pump(account: Account): void {
    while (!account.busy && this.state !== 'stopped') {
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
      const turn: Turn = { entity: command.entity, seq: account.seq + 1, command, total };
      this.commit({ kind: 'commit', at: this.#host.now(), turn });
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

  #carryOut(effect: CommitEffect<Turn>): void {
    switch (effect.kind) {
      case 'append':
      case 'readBack':
        this.#host.carryOut(effect);
        return;
      case 'fenced':
        this.#host.fenced(effect.shard, effect.epoch, effect.reason);
        return;
      case 'settled':
        this.#settled(effect.turn, effect.fate);
        return;
      case 'overloaded':
      case 'dropped': {
        this.#account(effect.turn.entity).busy?.refused(undefined);
        return;
      }
    }
  }

  #settled(turn: Turn, fate: 'committed' | 'repeated'): void {
    const account = this.#account(turn.entity);
    const request = account.busy;
    if (!request || this.state === 'stopped') return;
    if (fate === 'committed') {
      account.total = turn.total;
      account.seq = turn.seq;
      request.answered({ ok: true, total: turn.total });
      this.#host.committed(turn);
      this.#end(account);
      return;
    }
    if (this.#believedLost.has(turn.command.commandId)) {
      request.answered({ ok: false });
      this.#end(account);
      return;
    }
    const end = () => {
      if (account.busy === request) this.#end(account);
    };
    this.#host.answerOf(
      turn.command.commandId,
      (row) => {
        if (row) request.answered({ ok: true, total: row.total });
        else request.refused(undefined);
        end();
      },
      () => {
        request.refused(undefined);
        end();
      },
    );
  }

  #end(account: Account): void {
    account.busy = undefined;
    this.#pump(account);
    if (this.idle) this.#host.idle(this.shard, this.epoch);
  }
}
