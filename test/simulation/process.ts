import { after, type Instant } from '../../runtime/cluster/instant.ts';
import {
  authorityAt,
  type Member,
  type MemberEffect,
  type MemberInput,
  memberOf,
  stepMember,
} from '../../runtime/cluster/member.ts';
import type { ShardAnswer } from '../../runtime/cluster/shard-phase.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
import type { Checker } from './checker.ts';
import type { Database, JournalRow, Turn } from './database.ts';
import { DeviceWrites } from './device-writes.ts';
import { JournalLine } from './journal-line.ts';
import { Life } from './life.ts';
import type { Network } from './network.ts';
import { CLIENTS, entitiesOf, type Sabotage, SHARDS, shardOfEntity, TIMES } from './plant.ts';
import type { Readings } from './readings.ts';
import { type Request, type ShardHost, ShardMemory } from './shard-memory.ts';
import { Clock, type World } from './world.ts';

export interface Surroundings {
  readonly world: World;
  readonly database: Database;
  readonly network: Network;
  readonly checker: Checker;
  readonly sabotage: Sabotage;
  readonly readings: Readings;
  processOf(node: string): Process | undefined;
  announce(client: string, shard: Shard, owner: { readonly node: string; readonly epoch: Epoch }): void;
}

/** A driver's queue on a slow link. */
const WRITE_SLOW_MS = 1200;

/**
 * A node as a process on a machine: the imperative shell around the machines. It can die, be stopped in its tracks with its
 * events waiting, or sleep together with its monotonic clock.
 */
export class Process {
  readonly node: string;
  /** Answers of renewals do not arrive. */
  renewalsHang = false;
  /** Answers of appends do not arrive. */
  commitsUnanswered = false;
  readonly #around: Surroundings;
  readonly #clock: Clock;
  readonly #life: Life;
  #member: Member;
  #inputs: MemberInput[] = [];
  #memory = new Map<Shard, ShardMemory>();
  #writes: DeviceWrites;
  #journal: JournalLine;
  #batches = 0;

  constructor(node: string, around: Surroundings) {
    this.node = node;
    this.#around = around;
    this.#clock = new Clock(around.world, 0.005);
    this.#life = new Life(around.world, this.#clock);
    this.#writes = this.#newWrites();
    this.#journal = this.#newJournal();
    this.#member = memberOf({ node, incarnation: 'none', shardCount: SHARDS }, this.#clock.read(), TIMES);
  }

  start(): void {
    this.#life.begin();
    this.#memory = new Map();
    this.#inputs = [];
    this.#writes = this.#newWrites();
    this.#journal = this.#newJournal();
    const incarnation = this.#newIncarnation();
    this.#member = memberOf({ node: this.node, incarnation, shardCount: SHARDS }, this.#clock.read(), TIMES);
    this.#tick();
  }

  crash(): void {
    this.#life.end();
  }

  /** Stands still: with the machine (`asleep`) its monotonic clock does too. */
  pause(ms: number, asleep: boolean): void {
    this.#life.pause(ms, asleep);
  }

  get paused(): boolean {
    return this.#life.paused;
  }

  /** Died, or said goodbye. */
  get ended(): boolean {
    return this.#life.ended;
  }

  setClockBy(ms: number): void {
    this.#clock.setBy(ms);
  }

  leave(): void {
    this.#life.event(() => this.#feed({ kind: 'leave', at: this.#now() }));
  }

  isOpen(shard: Shard, epoch: Epoch): boolean {
    const memory = this.#memory.get(shard);
    return !this.ended && memory?.state === 'open' && memory.epoch === epoch && !!this.#authority(shard);
  }

  /** For a report on what went wrong. */
  get member(): Member {
    return this.#member;
  }

  request(request: Request): void {
    this.#life.event(() => {
      const memory = this.#memory.get(request.shard);
      if (!memory) return request.refused(undefined);
      if (memory.epoch === request.epoch) return memory.take(request);
      const newer = memory.epoch > request.epoch && memory.state === 'open';
      return request.refused(newer ? { node: this.node, epoch: memory.epoch } : undefined);
    });
  }

  hint(shard: Shard, epoch: Epoch): void {
    this.#life.event(() => this.#feed({ kind: 'hinted', at: this.#now(), shard, epoch }));
  }

  #now(): Instant {
    return this.#clock.read();
  }

  #newIncarnation(): string {
    return `${this.node}.${this.#around.world.steps}.${this.#life.number}`;
  }

  #tick(): void {
    const at = this.#now();
    this.#feed({ kind: 'tick', at, random: this.#around.world.random.next() });
    this.#journal.settle();
    for (const [shard, memory] of this.#memory) memory.observe(entitiesOf(shard));
    this.#writes.begin();
    this.#life.in(TIMES.tickIntervalMs, () => this.#tick());
  }

  /** One input after the other: what an effect brings at once waits until the other effects are carried out. */
  #feed(input: MemberInput): void {
    this.#inputs.push(input);
    if (this.#inputs.length > 1) return;
    for (let next: MemberInput | undefined = input; next !== undefined; next = this.#inputs[0]) {
      const { state, effects } = stepMember(this.#member, next, TIMES);
      this.#member = state;
      for (const effect of effects) this.#carryOut(effect);
      this.#inputs.shift();
    }
  }

  #carryOut(effect: MemberEffect): void {
    const { database, network, world } = this.#around;
    const { node } = this;
    switch (effect.kind) {
      case 'join':
      case 'renew': {
        const { id, incarnation, leaving, kind } = effect;
        this.#ask(
          () => database[kind](node, incarnation, leaving),
          (taken) => {
            const at = this.#now();
            if (this.renewalsHang) return;
            if (taken) this.#feed({ kind: 'renewed', at, incarnation, id });
            else this.#feed({ kind: 'rejected', at, incarnation, reason: 'replaced or evicted' });
          },
        );
        return;
      }
      case 'view':
        this.#ask(
          () => database.view(),
          (view) => this.#feed({ kind: 'viewed', at: this.#now(), id: effect.id, view, random: world.random.next() }),
        );
        return;
      case 'reincarnate':
        this.#feed({ kind: 'rejoin', at: this.#now(), incarnation: this.#newIncarnation() });
        return;
      case 'goodbye':
        network.line(node, 'db', () => database.goodbye(node, effect.incarnation));
        this.crash();
        return;
      case 'health':
        return;
      default:
        this.#carryOutForShard(effect);
        return;
    }
  }

  #carryOutForShard(effect: Extract<MemberEffect, { shard: Shard }>): void {
    const { database, network, world } = this.#around;
    const { node } = this;
    const { shard, incarnation } = effect;
    const answer = (given: ShardAnswer) =>
      this.#feed({ kind: 'shard', at: this.#now(), shard, incarnation, answer: given });
    const soon = (ms: number, run: () => void) => this.#life.in(ms, run);
    if (effect.kind === 'claim') {
      this.#ask(
        () => database.claim(shard, node, incarnation, effect.expected),
        (epoch) => answer(epoch === undefined ? { kind: 'claimRefused' } : { kind: 'claimed', epoch }),
      );
      return;
    }
    const { epoch } = effect;
    const owned = { shard, node, incarnation, epoch };
    const memory = this.#memory.get(shard);
    switch (effect.kind) {
      case 'recover':
        this.#journal.read(
          () => database.load(shard),
          ({ rows, pending }) => this.#loaded(shard, epoch, rows, pending, answer),
          () => answer({ kind: 'recoveryFailed', epoch, reason: 'the database did not answer' }),
        );
        return;
      case 'open':
        if (memory?.epoch === epoch) memory.state = 'open';
        for (const client of CLIENTS)
          network.send(node, client, () => this.#around.announce(client, shard, { node, epoch }));
        return;
      case 'suspend':
      case 'resume':
        return;
      case 'mark':
        this.#ask(
          () => database.mark(owned, effect.as, effect.target),
          (done) => answer(done ? { kind: 'marked', epoch } : { kind: 'notOwner', epoch }),
        );
        return;
      case 'drain':
        if (memory) memory.state = 'moving';
        if (memory?.idle !== false) soon(0, () => answer({ kind: 'drained', epoch }));
        return;
      case 'flush':
        memory?.refuseWaiting();
        this.#flush(shard, epoch, () => soon(world.random.between(1, 30), () => answer({ kind: 'flushed', epoch })));
        return;
      case 'release':
        this.#ask(
          () => database.release(owned, effect.target),
          (done) => answer(done ? { kind: 'released', epoch } : { kind: 'notOwner', epoch }),
        );
        return;
      case 'hint':
        network.send(node, effect.to, () => this.#around.processOf(effect.to)?.hint(shard, epoch));
        return;
      case 'halt':
        memory?.stop();
        this.#memory.delete(shard);
        soon(world.random.between(0, 50), () => answer({ kind: 'halted', epoch }));
        return;
    }
  }

  #loaded(
    shard: Shard,
    epoch: Epoch,
    rows: readonly JournalRow[],
    pending: readonly JournalRow[],
    answer: (given: ShardAnswer) => void,
  ): void {
    const phase = this.#member.shards[shard]?.phase;
    // Given up meanwhile, or read twice.
    if (phase?.kind !== 'recovering' || phase.epoch !== epoch) return;
    this.#memory.set(shard, new ShardMemory(shard, epoch, rows, this.#hostOf(), this.#around.sabotage));
    for (const row of pending) this.#begin(row, epoch);
    answer({ kind: 'recovered', epoch });
  }

  #flush(shard: Shard, epoch: Epoch, flushed: () => void): void {
    const memory = this.#memory.get(shard);
    if (memory?.epoch !== epoch) {
      flushed();
      return;
    }
    if (memory.committing) {
      this.#life.in(20, () => this.#flush(shard, epoch, flushed));
      return;
    }
    memory.stop();
    this.#memory.delete(shard);
    flushed();
  }

  #hostOf(): ShardHost {
    const { database } = this.#around;
    return {
      authority: (shard) => this.#authority(shard),
      commit: (turn) => this.#journal.commit(turn),
      answerOf: (commandId, then, failed) => this.#journal.read(() => database.byCommand.get(commandId), then, failed),
      history: (entity, then, failed) => this.#journal.read(() => database.events(entity), then, failed),
      reading: (entity, place) => this.#around.readings.after(entity, place),
      unrecorded: () => this.#around.checker.sawUnrecorded(),
      nowMs: () => this.#now().wallMs,
      later: (run) => this.#life.in(TIMES.retryMs, run),
      committed: (turn) => this.#begin(turn, turn.epoch),
      fenced: (shard, epoch, reason) => {
        const { incarnation } = this.#member.lease;
        this.#feed({ kind: 'shard', at: this.#now(), shard, incarnation, answer: { kind: 'fenced', epoch, reason } });
      },
      idle: (shard, epoch) => {
        if (this.#memory.get(shard)?.state !== 'moving') return;
        const { incarnation } = this.#member.lease;
        this.#feed({ kind: 'shard', at: this.#now(), shard, incarnation, answer: { kind: 'drained', epoch } });
      },
    };
  }

  #newJournal(): JournalLine {
    const { database, checker, network, sabotage, world } = this.#around;
    return new JournalLine({
      sabotage,
      database,
      writer: () => ({ node: this.node, incarnation: this.#member.lease.incarnation }),
      // Now and then it waits for a connection, and leaves though the process has slept since.
      call: (call) => this.#call({ ...call, leavesInMs: network.connectionMs() }),
      hears: () => !this.commitsUnanswered,
      isAway: () => world.random.chance(0.8),
      batch: () => `${this.node}.${this.#batches++}`,
      soon: (run) => this.#life.in(0, run),
      judged: (answers) => {
        if (answers?.some(({ kind }) => kind === 'fenced')) checker.sawFence();
      },
      answered: (turn, answer) => this.#memoryOf(turn)?.answered(turn, answer),
      unknown: (turn) => this.#memoryOf(turn)?.unknown(turn),
      found: (turn) => {
        // Under another epoch it was among what was pending when the shard was read.
        if (this.#memoryOf(turn)) this.#begin(turn, turn.epoch);
      },
    });
  }

  /** The memory that a turn is of. */
  #memoryOf({ entity, epoch }: Turn): ShardMemory | undefined {
    const memory = this.#memory.get(shardOfEntity(entity));
    return memory?.epoch === epoch ? memory : undefined;
  }

  /** Begins what an event leads to. */
  #begin(turn: Turn, epoch: Epoch): void {
    if (!turn.command.writes) return;
    this.#around.checker.began(`${this.node} ${this.#life.number} ${epoch}`, turn);
    this.#writes.add(turn);
    this.#writes.begin();
  }

  #authority(shard: Shard) {
    const at = this.#now();
    if (!this.#around.sabotage.noDeadline) return authorityAt(this.#member, shard, at, TIMES);
    const phase = this.#member.shards[shard]?.phase;
    if (phase?.kind !== 'open' && phase?.kind !== 'suspended') return undefined;
    return { shard, epoch: phase.epoch, deadline: after(at, 1e9) };
  }

  #newWrites(): DeviceWrites {
    const { world, checker, database, network, sabotage } = this.#around;
    return new DeviceWrites({
      sabotage,
      now: () => this.#now(),
      epochInMemory: (shard) => this.#memory.get(shard)?.epoch,
      authority: (shard) => (this.#memory.get(shard)?.state === 'loaded' ? undefined : this.#authority(shard)),
      later: (run) => this.#life.in(world.random.between(1, WRITE_SLOW_MS), run),
      write: (turn, epoch) => {
        checker.wrote(this.node, turn, epoch);
        network.line(this.node, 'db', () => database.settle(turn.command.commandId));
      },
    });
  }

  #ask<Result>(transaction: () => Result, answered: (result: Result) => void): void {
    this.#call({ transaction, answered });
  }

  /** A call to the database. `failed` after a time-out, when the call may have been carried out or may yet be. */
  #call<Result>({ transaction, answered, failed, timeoutMs = 0, heard = HEARD, leavesInMs = 0 }: Call<Result>): void {
    const { network, world } = this.#around;
    const life = this.#life.number;
    let open = true;
    const once = (run: () => void) => {
      if (life !== this.#life.number) return;
      this.#life.event(() => {
        if (!open) return;
        open = false;
        run();
      });
    };
    const leave = () =>
      network.line(this.node, 'db', () => {
        const result = transaction();
        network.line('db', this.node, () => heard() && once(() => answered(result)));
      });
    if (leavesInMs > 0) this.#life.in(leavesInMs, leave);
    else leave();
    if (failed) world.in(timeoutMs, () => once(failed));
  }
}

const HEARD = () => true;

interface Call<Result> {
  readonly transaction: () => Result;
  readonly answered: (result: Result) => void;
  readonly failed?: () => void;
  readonly timeoutMs?: number;
  /** The answer arrives. */
  readonly heard?: () => boolean;
  /** It waits so long in the process before it leaves. */
  readonly leavesInMs?: number;
}
