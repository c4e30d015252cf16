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
import type { Database, JournalRow } from './database.ts';
import { DeviceWrites } from './device-writes.ts';
import type { Network } from './network.ts';
import { CLIENTS, type Sabotage, SHARDS, TIMES } from './plant.ts';
import { type Request, type ShardHost, ShardMemory } from './shard-memory.ts';
import { Clock, type World } from './world.ts';

export interface Surroundings {
  readonly world: World;
  readonly database: Database;
  readonly network: Network;
  readonly checker: Checker;
  readonly sabotage: Sabotage;
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
  /** Died, or said goodbye. */
  ended = true;
  readonly #around: Surroundings;
  readonly #clock: Clock;
  #life = 0;
  #paused = false;
  #backlog: (() => void)[] = [];
  #member: Member;
  #inputs: MemberInput[] = [];
  #memory = new Map<Shard, ShardMemory>();
  #writes: DeviceWrites;

  constructor(node: string, around: Surroundings) {
    this.node = node;
    this.#around = around;
    this.#clock = new Clock(around.world, 0.005);
    this.#writes = this.#newWrites();
    this.#member = memberOf({ node, incarnation: 'none', shardCount: SHARDS }, this.#clock.read(), TIMES);
  }

  start(): void {
    this.#life += 1;
    this.ended = false;
    this.#memory = new Map();
    this.#inputs = [];
    this.#writes = this.#newWrites();
    const incarnation = this.#newIncarnation();
    this.#member = memberOf({ node: this.node, incarnation, shardCount: SHARDS }, this.#clock.read(), TIMES);
    this.#tick();
  }

  crash(): void {
    this.#life += 1;
    this.ended = true;
    this.#paused = false;
    this.#backlog = [];
  }

  /** Stands still: with the machine (`asleep`) its monotonic clock does too. */
  pause(ms: number, asleep: boolean): void {
    if (this.#paused || this.ended) return;
    this.#paused = true;
    const life = this.#life;
    this.#around.world.in(ms, () => {
      if (life !== this.#life) return;
      if (asleep) this.#clock.slept(ms);
      this.#paused = false;
      const backlog = this.#backlog;
      this.#backlog = [];
      for (const run of backlog) this.#run(life, run);
    });
  }

  get paused(): boolean {
    return this.#paused;
  }

  setClockBy(ms: number): void {
    this.#clock.setBy(ms);
  }

  leave(): void {
    this.#event(() => this.#feed({ kind: 'leave', at: this.#now() }));
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
    this.#event(() => {
      const memory = this.#memory.get(request.shard);
      if (!memory) return request.refused(undefined);
      if (memory.epoch === request.epoch) return memory.take(request);
      const newer = memory.epoch > request.epoch && memory.state === 'open';
      return request.refused(newer ? { node: this.node, epoch: memory.epoch } : undefined);
    });
  }

  hint(shard: Shard, epoch: Epoch): void {
    this.#event(() => this.#feed({ kind: 'hinted', at: this.#now(), shard, epoch }));
  }

  /** An event of this life: waits while the process stands still, is nothing to the next life. */
  #event(run: () => void): void {
    const life = this.#life;
    if (this.ended) return;
    if (!this.#paused) {
      this.#run(life, run);
      return;
    }
    // Which of the waiting events comes first after a stop is anybody's guess.
    const { random } = this.#around.world;
    if (random.chance(0.2)) this.#backlog.splice(random.below(this.#backlog.length + 1), 0, run);
    else this.#backlog.push(run);
  }

  #run(life: number, run: () => void): void {
    if (life === this.#life && !this.ended) run();
  }

  #now(): Instant {
    return this.#clock.read();
  }

  #newIncarnation(): string {
    return `${this.node}.${this.#around.world.steps}.${this.#life}`;
  }

  #tick(): void {
    const at = this.#now();
    this.#feed({ kind: 'tick', at, random: this.#around.world.random.next() });
    for (const memory of this.#memory.values()) memory.commit({ kind: 'tick', at });
    this.#writes.begin();
    const life = this.#life;
    this.#around.world.in(TIMES.tickIntervalMs, () => {
      if (life === this.#life) this.#event(() => this.#tick());
    });
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
    const soon = (ms: number, run: () => void) => {
      const life = this.#life;
      world.in(ms, () => life === this.#life && this.#event(run));
    };
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
        this.#ask(
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
    for (const { entity, seq, command, total } of pending) this.#writes.add({ entity, seq, command, total });
    answer({ kind: 'recovered', epoch });
  }

  #flush(shard: Shard, epoch: Epoch, flushed: () => void): void {
    const memory = this.#memory.get(shard);
    if (memory?.epoch !== epoch) {
      flushed();
      return;
    }
    if (memory.committing) {
      this.#around.world.in(20, () => this.#event(() => this.#flush(shard, epoch, flushed)));
      return;
    }
    memory.stop();
    this.#memory.delete(shard);
    flushed();
  }

  #hostOf(): ShardHost {
    const { database, checker, sabotage } = this.#around;
    return {
      now: () => this.#now(),
      authority: (shard) => this.#authority(shard),
      answerOf: (commandId, then, failed) => this.#ask(() => database.byCommand.get(commandId), then, failed),
      committed: (turn) => {
        if (!turn.command.writes) return;
        this.#writes.add(turn);
        this.#writes.begin();
      },
      fenced: (shard, epoch, reason) => {
        const { incarnation } = this.#member.lease;
        checker.sawFence();
        this.#feed({ kind: 'shard', at: this.#now(), shard, incarnation, answer: { kind: 'fenced', epoch, reason } });
      },
      idle: (shard, epoch) => {
        if (this.#memory.get(shard)?.state !== 'moving') return;
        const { incarnation } = this.#member.lease;
        this.#feed({ kind: 'shard', at: this.#now(), shard, incarnation, answer: { kind: 'drained', epoch } });
      },
      carryOut: (effect) => {
        const { shard, epoch, id, turns } = effect;
        const { incarnation } = this.#member.lease;
        const lane = () => this.#memory.get(shard);
        if (effect.kind === 'readBack') {
          return this.#ask(
            () => database.readBack(epoch, turns),
            (found) => lane()?.epoch === epoch && lane()?.commit({ kind: 'readBack', at: this.#now(), id, found }),
            () => lane()?.epoch === epoch && lane()?.commit({ kind: 'readBackFailed', at: this.#now(), id }),
          );
        }
        const failed = () => {
          if (lane()?.epoch !== epoch) return;
          const at = this.#now();
          if (sabotage.noReadBack === undefined) return lane()?.commit({ kind: 'appendFailed', at, id });
          if (sabotage.noReadBack === 'believes-lost') return lane()?.believeLost(turns, id);
          lane()?.commit({ kind: 'appended', at, id, fates: turns.map(() => ({ kind: 'committed' })) });
        };
        return this.#ask(
          () => database.append({ shard, node: this.node, incarnation, epoch }, turns),
          (fates) => {
            if (this.commitsUnanswered) return;
            if (lane()?.epoch === epoch) lane()?.commit({ kind: 'appended', at: this.#now(), id, fates });
          },
          failed,
          TIMES.appendTimeoutMs * 0.9,
        );
      },
    };
  }

  #authority(shard: Shard) {
    const at = this.#now();
    if (!this.#around.sabotage.noDeadline) return authorityAt(this.#member, shard, at, TIMES);
    const phase = this.#member.shards[shard]?.phase;
    if (phase?.kind !== 'open' && phase?.kind !== 'suspended') return undefined;
    return { shard, epoch: phase.epoch, deadline: after(at, 1e9) };
  }

  #newWrites(): DeviceWrites {
    const { world, checker, database, network } = this.#around;
    return new DeviceWrites({
      now: () => this.#now(),
      epochInMemory: (shard) => this.#memory.get(shard)?.epoch,
      authority: (shard) => (this.#memory.get(shard)?.state === 'loaded' ? undefined : this.#authority(shard)),
      later: (run) => {
        const life = this.#life;
        world.in(world.random.between(1, WRITE_SLOW_MS), () => life === this.#life && this.#event(run));
      },
      write: (turn, epoch) => {
        checker.wrote(this.node, turn, epoch);
        network.line(this.node, 'db', () => database.settle(turn.command.commandId));
      },
    });
  }

  /** A call to the database. `failed` after a time-out, when the call may have been carried out or may yet be. */
  #ask<Result>(
    transaction: () => Result,
    then: (result: Result) => void,
    failed?: () => void,
    timeoutMs: number = TIMES.databaseTimeoutMs * 0.9,
  ): void {
    const { network, world } = this.#around;
    const life = this.#life;
    let open = true;
    const once = (run: () => void) => {
      if (life !== this.#life) return;
      this.#event(() => {
        if (!open) return;
        open = false;
        run();
      });
    };
    network.line(this.node, 'db', () => {
      const result = transaction();
      network.line('db', this.node, () => once(() => then(result)));
    });
    if (failed) world.in(timeoutMs, () => once(failed));
  }
}
