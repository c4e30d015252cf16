import { randomUUID } from 'node:crypto';
import type { ClusterRows, NodeLife } from '../cluster-rows.ts';
import { messageOf } from '../errors.ts';
import type { Epoch, Ownership, Shard } from '../ownership.ts';
import type { Authority } from './authority.ts';
import type { Instant } from './instant.ts';
import { isHeld, type Lease } from './lease.ts';
import { authorityAt, type Member, type MemberEffect, type MemberInput, memberOf, stepMember } from './member.ts';
import { epochHeld } from './shard.ts';
import type { ClusterView } from './shard-map.ts';
import type { ShardAnswer } from './shard-phase.ts';
import { checkTiming, TIMING, type Timing } from './timing.ts';

/** What of a node holds the entities of its shards. Every promise is bounded by whoever waits: the machine has the deadlines. */
export interface ShardHost {
  /** Snapshots, journal and log into memory; rejects when that failed. A second call for the same epoch replaces the first. */
  recover(shard: Shard, epoch: Epoch): Promise<void>;
  /** Takes requests from here on, begins pending effects and timers, and tells every node. */
  open(shard: Shard, epoch: Epoch): void;
  /** Requests are answered MOVING from here on. Resolves when what was accepted is worked off. */
  drain(shard: Shard, epoch: Epoch, target: string | null): Promise<void>;
  /** What is left is refused; commits under way and snapshots are awaited; then nothing of the shard is in memory. */
  flush(shard: Shard, epoch: Epoch): Promise<void>;
  /** Stops at once; drops everything, counted. Resolves when nothing of the shard can act any more. */
  halt(shard: Shard, epoch: Epoch, reason: string): Promise<void>;
}

export interface MembershipOptions {
  readonly node: string;
  readonly mayHold: boolean;
  /** The former process of this node is known to be gone: this one holds a lock that it had. */
  readonly successor: boolean;
  readonly rows: ClusterRows;
  readonly host: ShardHost;
  readonly shardCount?: number;
  readonly timing?: Timing;
  /** Tells a node that a shard is free for it, so that it need not wait for its next look at the rows. */
  readonly hint: (to: string, shard: Shard, epoch: Epoch) => void;
  /** The lease was gained, suspended or lost. */
  readonly changed: (lease: Lease['status'], reason: string) => void;
  /** The machine found itself in a state that it holds impossible: a defect of ours. The node must end. */
  readonly broken: (error: unknown) => void;
  /** An operation on the rows failed; it is tried again. */
  readonly failed: (what: string, reason: string) => void;
}

/**
 * One node's part in a cell: feeds clock and database into the machine of `member.ts` and carries out what it asks for. It
 * decides nothing itself. As `Ownership` it answers, at the very moment of asking, under which epoch this node may act.
 */
export class Membership implements Ownership {
  readonly #options: MembershipOptions;
  readonly #timing: Timing;
  #member: Member;
  #inputs: MemberInput[] = [];
  #view: ClusterView | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #ended = false;
  #left: (() => void) | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#timing = checkTiming(options.timing ?? TIMING);
    const { node, successor, shardCount } = options;
    this.#member = memberOf(
      { node, incarnation: randomUUID(), successor, ...(shardCount !== undefined && { shardCount }) },
      instant(),
      this.#timing,
    );
  }

  start(): void {
    this.#ticking = setInterval(() => this.#tick(), this.#timing.tickIntervalMs);
    this.#tick();
  }

  /** Hands everything over and says goodbye. Resolves when that is done; `end` cuts it short. */
  leave(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#left = resolve;
      this.#feed({ kind: 'leave', at: instant() });
    });
  }

  /** Stops at once, without a word to the others: what this node owns is free when its lease has run out. */
  end(): void {
    this.#ended = true;
    clearInterval(this.#ticking);
    this.#left?.();
  }

  /** Another node released the shard for this one. */
  hinted(shard: Shard, epoch: Epoch): void {
    this.#feed({ kind: 'hinted', at: instant(), shard, epoch });
  }

  /** This life of the node, as its rows in the database name it. */
  get life(): NodeLife {
    const { node, incarnation } = this.#member.lease;
    return { node, incarnation };
  }

  get lease(): Lease['status'] {
    return this.#member.lease.status;
  }

  /** As it was read last; undefined before the first time. */
  get view(): ClusterView | undefined {
    return this.#view;
  }

  authority(shard: Shard): Authority | undefined {
    return this.#ended ? undefined : authorityAt(this.#member, shard, instant(), this.#timing);
  }

  /** Also while the shard recovers, which may lead to decisions; requests are for `authority` to let in. */
  epochOf(shard: Shard): Epoch | undefined {
    if (this.#ended) return undefined;
    const state = this.#member.shards[shard];
    if (state?.phase.kind === 'recovering')
      return isHeld(this.#member.lease, instant(), this.#timing) ? state.phase.epoch : undefined;
    return this.authority(shard)?.epoch;
  }

  heldUnder(shard: Shard): Epoch | undefined {
    const state = this.#member.shards[shard];
    return this.#ended || state === undefined ? undefined : epochHeld(state);
  }

  ownerOf(shard: Shard): { readonly node: string; readonly epoch: Epoch } | undefined {
    const mine = this.authority(shard);
    if (mine !== undefined) return { node: this.#options.node, epoch: mine.epoch };
    const row = this.#view?.shards[shard];
    if (row?.owner == null || !row.ownerLive) return undefined;
    return { node: row.owner.node, epoch: row.epoch };
  }

  fenced(shard: Shard, reason: string): void {
    const phase = this.#member.shards[shard]?.phase;
    if (phase !== undefined && 'epoch' in phase) this.#answer(shard, { kind: 'fenced', epoch: phase.epoch, reason });
  }

  /** The shards that are open here. */
  get open(): readonly Shard[] {
    return this.#member.shards.filter(({ phase }) => phase.kind === 'open').map(({ shard }) => shard);
  }

  /** Those that are this node's and not yet open. */
  get recovering(): readonly Shard[] {
    return this.#member.shards.filter(({ phase }) => phase.kind === 'recovering').map(({ shard }) => shard);
  }

  #tick(): void {
    this.#feed({ kind: 'tick', at: instant(), random: Math.random() });
  }

  /** One input after the other: what an effect brings at once waits until the other effects are carried out. */
  #feed(input: MemberInput): void {
    if (this.#ended) return;
    this.#inputs.push(input);
    if (this.#inputs.length > 1) return;
    try {
      for (let next: MemberInput | undefined = input; next !== undefined; next = this.#inputs[0]) {
        const { state, effects } = stepMember(this.#member, next, this.#timing);
        this.#member = state;
        for (const effect of effects) this.#carryOut(effect);
        this.#inputs.shift();
      }
    } catch (error) {
      this.end();
      this.#options.broken(error);
    }
  }

  #carryOut(effect: MemberEffect): void {
    const { rows, node, mayHold, changed } = this.#options;
    switch (effect.kind) {
      case 'join': {
        const { incarnation, leaving, successor } = effect;
        this.#renewed(effect, rows.join({ node, incarnation, leaving, successor, mayHold }));
        return;
      }
      case 'renew':
        this.#renewed(effect, rows.renew({ node, incarnation: effect.incarnation }, effect.leaving));
        return;
      case 'view':
        this.#viewed(effect.id);
        return;
      case 'health':
        changed(effect.lease, effect.reason);
        return;
      case 'reincarnate':
        this.#feed({ kind: 'rejoin', at: instant(), incarnation: randomUUID() });
        return;
      case 'goodbye':
        this.#sayGoodbye({ node, incarnation: effect.incarnation });
        return;
      case 'claim':
      case 'mark':
      case 'release':
        this.#onRows(effect);
        return;
      default:
        this.#onMemory(effect);
        return;
    }
  }

  #renewed({ id, incarnation }: { readonly id: number; readonly incarnation: string }, done: Promise<boolean>): void {
    done.then(
      (taken) => {
        const at = instant();
        if (taken) this.#feed({ kind: 'renewed', at, incarnation, id });
        else this.#feed({ kind: 'rejected', at, incarnation, reason: 'another life of this node, or an eviction' });
      },
      (error: unknown) => {
        this.#options.failed('renew the lease', messageOf(error));
        this.#feed({ kind: 'renewFailed', at: instant(), incarnation, id });
      },
    );
  }

  #viewed(id: number): void {
    this.#options.rows.view().then(
      (view) => {
        this.#view = view;
        this.#feed({ kind: 'viewed', at: instant(), id, view, random: Math.random() });
      },
      (error: unknown) => {
        this.#options.failed('read who owns what', messageOf(error));
        this.#feed({ kind: 'viewFailed', at: instant(), id });
      },
    );
  }

  #sayGoodbye(life: NodeLife): void {
    const ended = () => this.end();
    // Unsaid, it is only that the others wait for the lease to run out.
    this.#options.rows.goodbye(life).then(ended, ended);
  }

  #onRows(effect: Extract<MemberEffect, { kind: 'claim' | 'mark' | 'release' }>): void {
    const { rows, node } = this.#options;
    const { shard, incarnation } = effect;
    const failed = (error: unknown) => this.#options.failed(`${effect.kind} shard ${shard}`, messageOf(error));
    if (effect.kind === 'claim') {
      rows.claim({ node, incarnation }, shard, effect.expected).then(
        (epoch) => {
          const claimed: ShardAnswer = epoch === undefined ? { kind: 'claimRefused' } : { kind: 'claimed', epoch };
          this.#answer(shard, claimed, incarnation);
        },
        (error: unknown) => {
          failed(error);
          this.#answer(shard, { kind: 'claimFailed' }, incarnation);
        },
      );
      return;
    }
    const { epoch, target } = effect;
    const owned = { shard, node, incarnation, epoch };
    const done = effect.kind === 'mark' ? rows.mark(owned, effect.as, target) : rows.release(owned, target);
    const kind = effect.kind === 'mark' ? 'marked' : 'released';
    // One that failed is sent again by the machine, which has the deadline.
    done.then((ours) => this.#answer(shard, { kind: ours ? kind : 'notOwner', epoch }, incarnation), failed);
  }

  #onMemory(
    effect: Extract<
      MemberEffect,
      { kind: 'recover' | 'open' | 'suspend' | 'resume' | 'drain' | 'flush' | 'hint' | 'halt' }
    >,
  ): void {
    const { host, hint, failed } = this.#options;
    const { shard, epoch, incarnation } = effect;
    const answer = (kind: 'recovered' | 'drained' | 'flushed' | 'halted') => () =>
      this.#answer(shard, { kind, epoch }, incarnation);
    switch (effect.kind) {
      case 'recover':
        host.recover(shard, epoch).then(answer('recovered'), (error: unknown) => {
          const reason = messageOf(error);
          failed(`recover shard ${shard}`, reason);
          this.#answer(shard, { kind: 'recoveryFailed', epoch, reason }, incarnation);
        });
        return;
      case 'open':
        host.open(shard, epoch);
        return;
      case 'suspend':
      case 'resume':
        // Every turn asks for its authority; nothing has to be told.
        return;
      case 'drain':
        host.drain(shard, epoch, effect.target).then(answer('drained'), answer('drained'));
        return;
      case 'flush':
        // Without its snapshots the successor reads more of the log, nothing else.
        host.flush(shard, epoch).then(answer('flushed'), answer('flushed'));
        return;
      case 'hint':
        hint(effect.to, shard, epoch);
        return;
      case 'halt':
        host.halt(shard, epoch, effect.reason).then(answer('halted'), answer('halted'));
        return;
    }
  }

  #answer(
    shard: Shard,
    answer: Extract<MemberInput, { kind: 'shard' }>['answer'],
    incarnation = this.#member.lease.incarnation,
  ): void {
    this.#feed({ kind: 'shard', at: instant(), shard, incarnation, answer });
  }
}

function instant(): Instant {
  return { monoMs: performance.now(), wallMs: Date.now() };
}
