import type { EntityId } from '../ids.ts';
import type { Epoch, Shard } from '../ownership.ts';
import type { AskOptions, Reply } from '../runtime.ts';
import type { RoutedAnswer, RoutedRequest } from './request.ts';
import { NO_SESSIONS, receive, type Sessions } from './session.ts';
import type { Timing } from './timing.ts';

/** Nothing was decided, and another try may find a better moment or another node. */
const NOT_DECIDED = new Set(['STALE_ROUTE', 'UNAVAILABLE', 'STOPPED', 'MOVING']);

export interface RequestDeskOptions {
  readonly timing: Timing;
  /** Under which epoch this node may act for the shard now. */
  readonly epochOf: (shard: Shard) => Epoch | undefined;
  readonly ownerOf: (shard: Shard) => { readonly node: string; readonly epoch: Epoch } | undefined;
  /** Why nothing can be decided for a shard of this node for longer than a sender should hold its command. */
  readonly whyNot: (shard: Shard, epoch: Epoch) => string | undefined;
  readonly ask: (to: EntityId, command: unknown, options: AskOptions) => Promise<Reply>;
}

/**
 * The owner's side of commands in a cell: takes what is for its shards under its epoch, in the order in which each sender sent
 * it, and sends the rest away with the newer owner where it knows one.
 */
export class RequestDesk {
  readonly #options: RequestDeskOptions;
  readonly #sessions = new Map<Shard, { readonly epoch: Epoch; sessions: Sessions }>();
  readonly #moving = new Set<Shard>();

  constructor(options: RequestDeskOptions) {
    this.#options = options;
  }

  async take(request: RoutedRequest): Promise<RoutedAnswer> {
    const { shard, epoch, entity, command, options } = request;
    const whyNot = this.#options.whyNot(shard, epoch);
    if (whyNot !== undefined) return { kind: 'decided', reply: { ok: false, code: 'UNAVAILABLE', message: whyNot } };
    if (this.#options.epochOf(shard) !== epoch || this.#moving.has(shard)) return this.#refused(shard, epoch);
    if (!this.#isFresh(request)) return { kind: 'outdated' };
    const reply = await this.#options.ask(entity, command, {
      ...options,
      timeoutMs: this.#options.timing.requestTimeoutMs,
    });
    if (!reply.ok && NOT_DECIDED.has(reply.code)) return this.#refused(shard, epoch);
    // The command may still be decided: its sender repeats it, and the command id tells.
    if (!reply.ok && reply.code === 'TIMEOUT') return { kind: 'outdated' };
    return { kind: 'decided', reply };
  }

  /** A shard is on its way to another node: what still comes for it is sent away. */
  move(shard: Shard): void {
    this.#moving.add(shard);
  }

  /** A shard begins here, or has ended here. */
  forget(shard: Shard): void {
    this.#moving.delete(shard);
    this.#sessions.delete(shard);
  }

  #isFresh(request: RoutedRequest): boolean {
    const { shard, epoch } = request;
    let known = this.#sessions.get(shard);
    if (known?.epoch !== epoch) {
      known = { epoch, sessions: NO_SESSIONS };
      this.#sessions.set(shard, known);
    }
    const { sessions, fresh } = receive(known.sessions, request, this.#options.timing);
    known.sessions = sessions;
    return fresh;
  }

  #refused(shard: Shard, epoch: Epoch): RoutedAnswer {
    const owner = this.#options.ownerOf(shard);
    return { kind: 'refused', owner: owner !== undefined && owner.epoch > epoch ? owner : undefined };
  }
}
