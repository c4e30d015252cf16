import { randomUUID } from 'node:crypto';
import { codeOf } from '../errors.ts';
import type { EntityId } from '../ids.ts';
import type { Link } from '../link.ts';
import type { Shard } from '../ownership.ts';
import type { AskOptions, Reply } from '../runtime.ts';
import type { Instant } from './instant.ts';
import { type RoutedAnswer, RoutedAnswerSchema, type RoutedRequest } from './request.ts';
import { type Owner, type Route, type RouteEffect, type RouteInput, routeOf, stepRoute } from './route.ts';
import type { Timing } from './timing.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
/** The name under which an owner answers. */
export const ASK = 'ask';

interface Call {
  readonly to: EntityId;
  readonly command: unknown;
  readonly options: Omit<AskOptions, 'timeoutMs'>;
  resolve(reply: Reply): void;
}

export interface RoutesOptions {
  readonly node: string;
  readonly link: Link;
  readonly timing: Timing;
  readonly shardCount: number;
  readonly shardOf: (id: EntityId) => Shard;
  /** Works a request off that this node sends to itself. */
  readonly local: (request: RoutedRequest) => Promise<RoutedAnswer>;
  /** From the cell's rows as they are now; undefined where nobody owns the shard, or the rows cannot be read. */
  readonly lookUp: (shard: Shard) => Promise<Owner | undefined>;
}

/**
 * The sender's side of commands in a cell: to whichever node owns an entity, in order for each sender and entity, held while a
 * shard moves, sent again until somebody decided or the time is up. What a repeat may do twice the command id prevents.
 */
export class Routes {
  readonly #options: RoutesOptions;
  /** A new one each time the process starts: numbers begin anew with it. */
  readonly #sender: string;
  readonly #routes: Route[];
  readonly #calls = new Map<string, Call>();
  readonly #ticking: NodeJS.Timeout;
  #nextCall = 1;

  constructor(options: RoutesOptions) {
    this.#options = options;
    this.#sender = `${options.node}#${randomUUID()}`;
    this.#routes = Array.from({ length: options.shardCount }, (_, shard) => routeOf(shard));
    this.#ticking = setInterval(() => this.#tick(), options.timing.tickIntervalMs);
  }

  /** Never rejects: a command that nobody decided in time is answered TIMEOUT, one that finds no room OVERLOADED. */
  ask(to: EntityId, command: unknown, { timeoutMs = DEFAULT_TIMEOUT_MS, ...options }: AskOptions): Promise<Reply> {
    return new Promise((resolve) => {
      const at = instant();
      const call = `${this.#nextCall++}`;
      this.#calls.set(call, { to, command, options, resolve });
      const message = { entity: to, commandId: call, deadlineMonoMs: at.monoMs + timeoutMs, body: null };
      this.#feed(this.#options.shardOf(to), { kind: 'send', at, message });
    });
  }

  /** Somebody announced that it owns a shard. */
  learn(shard: Shard, owner: Owner): void {
    this.#feed(shard, { kind: 'learnt', at: instant(), owner });
  }

  close(): void {
    clearInterval(this.#ticking);
    const stopped: Reply = { ok: false, code: 'STOPPED', message: 'this node is stopping' };
    for (const { resolve } of this.#calls.values()) resolve(stopped);
    this.#calls.clear();
  }

  #tick(): void {
    const at = instant();
    for (const { shard, lanes } of this.#routes) if (lanes.held > 0) this.#feed(shard, { kind: 'tick', at });
  }

  #feed(shard: Shard, input: RouteInput): void {
    const route = this.#routes[shard];
    if (route === undefined) throw new RangeError(`there is no shard ${shard}`);
    const { state, effects } = stepRoute(route, input, this.#options.timing);
    this.#routes[shard] = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: RouteEffect): void {
    switch (effect.kind) {
      case 'request':
        void this.#request(effect);
        return;
      case 'lookUp':
        void this.#lookUp(effect.shard);
        return;
      case 'answer':
        this.#settle(effect.commandId, effect.answer as Reply);
        return;
      case 'giveUp':
        this.#settle(effect.commandId, {
          ok: false,
          code: effect.code,
          message:
            effect.code === 'OVERLOADED'
              ? 'too many commands wait for this part of the plant already'
              : 'nobody decided it in time; repeat with the same command id',
        });
        return;
    }
  }

  async #request({ shard, entity, owner, n, floor, message }: Extract<RouteEffect, { kind: 'request' }>) {
    const call = this.#calls.get(message.commandId);
    if (call === undefined) return;
    const { command, options } = call;
    const request: RoutedRequest = {
      sender: this.#sender,
      entity,
      n,
      floor,
      shard,
      epoch: owner.epoch,
      command,
      options,
    };
    try {
      const answer =
        owner.node === this.#options.node ? await this.#options.local(request) : await this.#send(owner, request);
      this.#answered(shard, entity, n, answer);
    } catch (error) {
      const at = instant();
      // Nothing left this node: as good as an owner that is not there.
      if (codeOf(error) === 'NODE_UNREACHABLE') this.#feed(shard, { kind: 'refused', at, entity, n, owner: undefined });
      else this.#feed(shard, { kind: 'failed', at, entity, n });
    }
  }

  async #send(owner: Owner, request: RoutedRequest): Promise<RoutedAnswer> {
    const { link, timing } = this.#options;
    return RoutedAnswerSchema.parse(await link.request(owner.node, ASK, request, timing.requestTimeoutMs));
  }

  #answered(shard: Shard, entity: EntityId, n: number, answer: RoutedAnswer): void {
    const at = instant();
    if (answer.kind === 'decided') this.#feed(shard, { kind: 'answered', at, entity, n, answer: answer.reply });
    else if (answer.kind === 'refused') this.#feed(shard, { kind: 'refused', at, entity, n, owner: answer.owner });
  }

  async #lookUp(shard: Shard): Promise<void> {
    const owner = await this.#options.lookUp(shard).catch(() => undefined);
    if (owner !== undefined) this.learn(shard, owner);
  }

  #settle(call: string, reply: Reply): void {
    const found = this.#calls.get(call);
    this.#calls.delete(call);
    found?.resolve(reply);
  }
}

function instant(): Instant {
  return { monoMs: performance.now(), wallMs: Date.now() };
}
