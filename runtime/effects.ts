import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Effect } from './actor-kind.ts';
import { ErrorWithCode, messageOf } from './errors.ts';
import { CommandId, EntityId } from './ids.ts';
import type { Journal, PendingEffect } from './journal.ts';
import type { Json } from './json.ts';
import type { DeadLetter } from './log.ts';
import type { AskOptions, Reply } from './runtime.ts';

/** Carries out work outside of the actors (`device-write`, `webhook`). */
export interface Outlet {
  /** Rejects when it failed; it is tried again unless the error says that this cannot help. Has a time-out of its own. */
  (body: Json, effect: OutletCall): Promise<void>;
  /**
   * Where the work goes, where that is not one place for all: one that does not answer then keeps only its own work waiting.
   */
  readonly destinationOf?: (body: Json) => string;
}

export interface OutletCall {
  readonly id: string;
  readonly entity: EntityId;
  readonly epoch: number;
  /** False once this node may no longer act under the epoch: to be asked right before what cannot be undone. */
  readonly mayAct: () => boolean;
  /** Aborted when the node stops: what can be done once more after the next start may then be given up. */
  readonly signal: AbortSignal;
}

const MAX_ATTEMPTS = 8;
const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 30_000;
const OWNER_LOOK_MS = 200;
const SETTLE_DELAY_MS = 20;
/** What runs when the node stops gets so long to end; what has not is begun again after the next start. */
const STOP_GRACE_MS = 2000;
/** Replies after which a repeat may succeed; every other refusal is final. */
const PASSING = new Set(['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT', 'STOPPED', 'STALE_ROUTE']);

/** Follows from the event, so that an effect has the same id however often it is begun. Callers' ids never look like it. */
export function effectId({ entity, seq, index }: Omit<PendingEffect, 'effect'>): CommandId {
  return CommandId.parse(`${entity}#${seq}.${index}`);
}

export interface EffectRunnerOptions {
  readonly journal: Journal;
  readonly outlets: Readonly<Record<string, Outlet>>;
  ask(to: EntityId, command: Json, options: AskOptions): Promise<Reply>;
  /** Under which epoch this node may act for the entity now. */
  epochOf(entity: EntityId): number | undefined;
  /** Under which epoch it has the entity, though it may have to wait before it acts. */
  heldUnder(entity: EntityId): number | undefined;
  deadLetter(letter: DeadLetter): void;
  now(): number;
}

/** Under which epoch it was begun: under another it is somebody else's, who finds it in the journal. */
interface Begun extends PendingEffect {
  readonly epoch: number | undefined;
}

/**
 * Carries out what committed events ask for, at least once: an effect stands in the journal beside its event until it is
 * settled, and is begun again after a crash. What one entity has for one destination, another entity or a place outside, is
 * done in order, one after the other; nobody else waits for a destination that does not answer. What cannot be done becomes a
 * dead letter.
 */
export class EffectRunner {
  readonly #options: EffectRunnerOptions;
  readonly #lanes = new Map<string, Begun[]>();
  readonly #stopping = new AbortController();
  #settled: { entity: EntityId; seq: number; index: number }[] = [];
  #settleTimer: NodeJS.Timeout | undefined;
  #closed = false;
  #running = 0;
  #nextLook: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(options: EffectRunnerOptions) {
    this.#options = options;
    // One for each effect that waits for its next attempt; node warns of more than ten.
    setMaxListeners(0, this.#stopping.signal);
  }

  get pending(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) count += lane.length;
    return count;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  begin(pending: PendingEffect): void {
    if (this.#stopped) return;
    const effect = { ...pending, epoch: this.#options.heldUnder(pending.entity) };
    const key = this.#laneOf(effect);
    const lane = this.#lanes.get(key);
    if (lane) {
      lane.push(effect);
      return;
    }
    const begun = [effect];
    this.#lanes.set(key, begun);
    void this.#run(key, begun);
  }

  /** Begins nothing more, wakes what pauses and waits a moment for what runs; the rest stands in the journal. */
  async stop(): Promise<void> {
    await this.#end();
    clearTimeout(this.#settleTimer);
    await this.#settle();
    this.#closed = true;
  }

  /** Begins and settles nothing more; what was begun is begun again after the next start. */
  async halt(): Promise<void> {
    this.#closed = true;
    await this.#end();
    clearTimeout(this.#settleTimer);
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const grace = setTimeout(resolve, STOP_GRACE_MS);
      this.#idle = () => {
        clearTimeout(grace);
        resolve();
      };
    });
  }

  #laneOf({ entity, effect: asked }: PendingEffect): string {
    const effect = asked as unknown as Effect;
    if (effect.kind === 'tell') return `${entity} ${effect.to}`;
    const destination = this.#options.outlets[effect.port]?.destinationOf?.(effect.body) ?? '';
    return `${entity} ${effect.port} ${destination}`;
  }

  async #run(key: string, lane: Begun[]): Promise<void> {
    this.#running++;
    for (let effect = lane[0]; effect && !this.#stopped; effect = lane[0]) {
      if (await this.#carryOut(effect)) this.#settleSoon(effect);
      lane.shift();
    }
    this.#lanes.delete(key);
    if (--this.#running === 0) this.#idle?.();
  }

  /** True when nothing is left to do for it. */
  async #carryOut(pending: Begun): Promise<boolean> {
    const effect = pending.effect as unknown as Effect;
    const id = effectId(pending);
    let reason = '';
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (attempt > 0)
        await this.#pause(Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** attempt) * (0.5 + Math.random() / 2));
      if (!(await this.#isOurs(pending))) return false;
      const outcome =
        effect.kind === 'tell'
          ? await this.#tell(effect, id, pending.entity)
          : await this.#out(effect, id, pending.entity);
      if (outcome === undefined) return true;
      // Cut short by the stop: nobody knows whether it could be done.
      if (this.#stopped) return false;
      // It did not fail, its entity went to another node meanwhile.
      if (this.#options.heldUnder(pending.entity) !== pending.epoch) return false;
      reason = outcome.reason;
      if (outcome.final) break;
    }
    const body = { effect: pending.effect, id };
    this.#options.deadLetter({
      timeMs: this.#options.now(),
      stream: 'effects',
      source: pending.entity,
      code: 'NOT_CARRIED_OUT',
      reason,
      body,
    });
    return true;
  }

  async #tell(
    effect: Extract<Effect, { kind: 'tell' }>,
    id: CommandId,
    entity: EntityId,
  ): Promise<{ reason: string; final: boolean } | undefined> {
    const to = EntityId.safeParse(effect.to);
    if (!to.success) return { reason: `no entity id: ${effect.to}`, final: true };
    const reply = await this.#options.ask(to.data, effect.command, {
      commandId: id,
      by: { user: entity, via: 'entity' },
      permissions: ['*', 'internal:*'],
    });
    return reply.ok ? undefined : { reason: `${reply.code}: ${reply.message}`, final: !PASSING.has(reply.code) };
  }

  async #out(
    effect: Extract<Effect, { kind: 'out' }>,
    id: string,
    entity: EntityId,
  ): Promise<{ reason: string; final: boolean } | undefined> {
    const outlet = this.#options.outlets[effect.port];
    if (!outlet) return { reason: `nothing carries out ${effect.port}`, final: true };
    const epoch = this.#options.epochOf(entity);
    if (epoch === undefined) return { reason: 'this node does not own the entity', final: false };
    try {
      const mayAct = () => this.#options.epochOf(entity) === epoch;
      await outlet(effect.body, { id, entity, epoch, mayAct, signal: this.#stopping.signal });
      return undefined;
    } catch (error) {
      return { reason: messageOf(error), final: error instanceof ErrorWithCode && !error.retryable };
    }
  }

  /** Waits while it is ours and we may not act. What is another node's is not ours to give up: it finds it in the journal. */
  async #isOurs({ entity, epoch }: Begun): Promise<boolean> {
    const { epochOf, heldUnder } = this.#options;
    while (!this.#stopped && heldUnder(entity) === epoch) {
      if (epochOf(entity) !== undefined) return true;
      await this.#lookAgain();
    }
    return false;
  }

  /** One pause for all that wait for it: while a node may not act, thousands do. */
  #lookAgain(): Promise<void> {
    this.#nextLook ??= this.#pause(OWNER_LOOK_MS).finally(() => {
      this.#nextLook = undefined;
    });
    return this.#nextLook;
  }

  /** Ends early when the node stops. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
  }

  #settleSoon({ entity, seq, index }: PendingEffect): void {
    if (this.#closed) return;
    this.#settled.push({ entity, seq, index });
    this.#settleTimer ??= setTimeout(() => void this.#settle(), SETTLE_DELAY_MS);
  }

  async #settle(): Promise<void> {
    this.#settleTimer = undefined;
    const settled = this.#settled;
    this.#settled = [];
    if (settled.length === 0) return;
    // Not settled means carried out once more after a restart, which an idempotent receiver does not notice.
    await this.#options.journal.settle(settled).catch(() => undefined);
  }
}
