import type { Effect } from './actor-kind.ts';
import { ErrorWithCode, messageOf } from './errors.ts';
import { CommandId, EntityId } from './ids.ts';
import type { Journal, PendingEffect } from './journal.ts';
import type { Json } from './json.ts';
import type { DeadLetter } from './log.ts';
import type { AskOptions, Reply } from './runtime.ts';

/** Carries out work outside of the actors (`device-write`, `webhook`). Rejects when it failed; it is tried again unless the error says that this cannot help. */
export type Outlet = (
  body: Json,
  effect: { readonly id: string; readonly entity: EntityId; readonly epoch: number },
) => Promise<void>;

const MAX_ATTEMPTS = 8;
const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 30_000;
const SETTLE_DELAY_MS = 20;
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
  epochOf(entity: EntityId): number | undefined;
  deadLetter(letter: DeadLetter): void;
  now(): number;
}

/**
 * Carries out what committed events ask for, at least once: an effect stands in the journal beside its event until it is
 * settled, and is begun again after a crash. Effects of one entity run in order, one after the other, so that what it
 * tells another entity arrives in order; entities do not wait for each other. What cannot be done becomes a dead letter.
 */
export class EffectRunner {
  readonly #options: EffectRunnerOptions;
  readonly #lanes = new Map<EntityId, PendingEffect[]>();
  #settled: { entity: EntityId; seq: number; index: number }[] = [];
  #settleTimer: NodeJS.Timeout | undefined;
  #stopped = false;
  #running = 0;
  #idle: (() => void) | undefined;

  constructor(options: EffectRunnerOptions) {
    this.#options = options;
  }

  get pending(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) count += lane.length;
    return count;
  }

  begin(effect: PendingEffect): void {
    if (this.#stopped) return;
    const lane = this.#lanes.get(effect.entity);
    if (lane) {
      lane.push(effect);
      return;
    }
    const begun = [effect];
    this.#lanes.set(effect.entity, begun);
    void this.#run(effect.entity, begun);
  }

  /** Begins nothing more and waits for what runs; the rest stands in the journal. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    clearTimeout(this.#settleTimer);
    await this.#settle();
  }

  /** Begins and settles nothing more; what was begun is begun again after the next start. */
  async halt(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#settleTimer);
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    clearTimeout(this.#settleTimer);
  }

  async #run(entity: EntityId, lane: PendingEffect[]): Promise<void> {
    this.#running++;
    for (let effect = lane[0]; effect && !this.#stopped; effect = lane[0]) {
      if (await this.#carryOut(effect)) this.#settleSoon(effect);
      lane.shift();
    }
    this.#lanes.delete(entity);
    if (--this.#running === 0) this.#idle?.();
  }

  /** True when nothing is left to do for it. */
  async #carryOut(pending: PendingEffect): Promise<boolean> {
    const effect = pending.effect as unknown as Effect;
    const id = effectId(pending);
    let reason = '';
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (attempt > 0)
        await this.#pause(Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** attempt) * (0.5 + Math.random() / 2));
      if (this.#stopped) return false;
      const outcome =
        effect.kind === 'tell'
          ? await this.#tell(effect, id, pending.entity)
          : await this.#out(effect, id, pending.entity);
      if (outcome === undefined) return true;
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
    if (epoch === undefined) return { reason: 'this node does not own the entity', final: true };
    try {
      await outlet(effect.body, { id, entity, epoch });
      return undefined;
    } catch (error) {
      return { reason: messageOf(error), final: error instanceof ErrorWithCode && !error.retryable };
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms).unref());
  }

  #settleSoon({ entity, seq, index }: PendingEffect): void {
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
