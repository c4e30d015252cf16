import type { Instant } from '../../runtime/cluster/instant.ts';
import {
  type Member,
  type MemberEffect,
  type MemberInput,
  memberOf,
  stepMember,
} from '../../runtime/cluster/member.ts';
import type { Epoch, Shard } from '../../runtime/ownership.ts';
import { DatabaseCalls } from './database-calls.ts';
import { Life } from './life.ts';
import { SHARDS, TIMES } from './plant.ts';
import { ProcessShards, type ShardProcess } from './process-shards.ts';
import type { Request } from './shard-memory.ts';
import type { Surroundings } from './surroundings.ts';
import { Clock } from './world.ts';

/**
 * A node as a process on a machine: the imperative shell around the machines. It can die, be stopped in its tracks with its
 * events waiting, or sleep together with its monotonic clock.
 */
export class Process implements ShardProcess {
  readonly node: string;
  /** Answers of renewals do not arrive. */
  renewalsHang = false;
  /** Answers of appends do not arrive. */
  commitsUnanswered = false;
  readonly #around: Surroundings;
  readonly #clock: Clock;
  readonly #life: Life;
  readonly #calls: DatabaseCalls;
  readonly #shards: ProcessShards;
  #member: Member;
  #inputs: MemberInput[] = [];

  constructor(node: string, around: Surroundings) {
    this.node = node;
    this.#around = around;
    this.#clock = new Clock(around.world, 0.005);
    this.#life = new Life(around.world, this.#clock);
    this.#calls = new DatabaseCalls(node, around, this.#life);
    this.#shards = new ProcessShards(this, around, this.#life, this.#calls);
    this.#member = memberOf({ node, incarnation: 'none', shardCount: SHARDS }, this.#clock.read(), TIMES);
  }

  start(): void {
    this.#life.begin();
    this.#inputs = [];
    this.#shards.begin();
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
    this.#life.event(() => this.feed({ kind: 'leave', at: this.now() }));
  }

  isOpen(shard: Shard, epoch: Epoch): boolean {
    return !this.ended && this.#shards.isOpen(shard, epoch);
  }

  /** For a report on what went wrong. */
  get member(): Member {
    return this.#member;
  }

  request(request: Request): void {
    this.#life.event(() => this.#shards.request(request));
  }

  hint(shard: Shard, epoch: Epoch): void {
    this.#life.event(() => this.feed({ kind: 'hinted', at: this.now(), shard, epoch }));
  }

  now(): Instant {
    return this.#clock.read();
  }

  #newIncarnation(): string {
    return `${this.node}.${this.#around.world.steps}.${this.#life.number}`;
  }

  #tick(): void {
    const at = this.now();
    this.feed({ kind: 'tick', at, random: this.#around.world.random.next() });
    this.#shards.tick();
    this.#life.in(TIMES.tickIntervalMs, () => this.#tick());
  }

  /** One input after the other: what an effect brings at once waits until the other effects are carried out. */
  feed(input: MemberInput): void {
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
        this.#calls.ask(
          () => database[kind](node, incarnation, leaving),
          (taken) => {
            const at = this.now();
            if (this.renewalsHang) return;
            if (taken) this.feed({ kind: 'renewed', at, incarnation, id });
            else this.feed({ kind: 'rejected', at, incarnation, reason: 'replaced or evicted' });
          },
        );
        return;
      }
      case 'view':
        this.#calls.ask(
          () => database.view(),
          (view) => this.feed({ kind: 'viewed', at: this.now(), id: effect.id, view, random: world.random.next() }),
        );
        return;
      case 'reincarnate':
        this.feed({ kind: 'rejoin', at: this.now(), incarnation: this.#newIncarnation() });
        return;
      case 'goodbye':
        network.line(node, 'db', () => database.goodbye(node, effect.incarnation));
        this.crash();
        return;
      case 'health':
        return;
      default:
        this.#shards.carryOut(effect);
        return;
    }
  }
}
