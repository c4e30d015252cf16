import { z } from 'zod';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { Random } from '../../simulators/plant/random.ts';
import type { ApiAnswer, Product } from '../support/product.ts';
import type { ChaosPlant } from './chaos-plant.ts';

/** A command as its sender knows it in the end. */
export interface Command {
  readonly id: string;
  readonly entity: EntityId;
  readonly kind: string;
  /** Text that stands in no other command. */
  readonly text: string | null;
  readonly ok: boolean;
  readonly code: string | null;
  /** Requests until it was answered. */
  readonly attempts: number;
  /** The answer was that of an earlier request, whose own got lost. */
  readonly repeated: boolean;
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** Where commands go: the product, or any node of a cell. */
export type Gateway = Pick<Product, 'request'>;

/** What a command answers that was taken. */
interface Done {
  readonly result: unknown;
  readonly repeated: boolean;
}

const Numbered = z.object({ number: z.string() });

interface Order {
  readonly entity: EntityId;
  readonly kind: string;
  readonly route: string;
  readonly body: object;
  readonly text: string | null;
}

const TRANSITIONS = ['schedule', 'start', 'hold', 'resume', 'complete', 'close', 'cancel'];
const PAUSE_MS = 5;
/** People are not what keeps a plant from coming back. */
const RETRY_PAUSE_MS = 50;
/** Answers after which the same command is sent again. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

/** People at the wall: each sends one command after the other, the same one until it is answered, whatever happens to the product. */
export class Operators {
  readonly commands: Command[] = [];
  /** What has no answer yet, and what its sender was told last. */
  readonly waiting = new Map<string, string>();
  readonly #gateway: Gateway;
  readonly #plant: ChaosPlant;
  readonly #random: Random;
  readonly #workOrders: string[] = [];
  readonly #running: Promise<void>[];
  #sent = 0;
  #told = () => {};
  #stopping = false;

  constructor(gateway: Gateway, plant: ChaosPlant, people: number, random: Random) {
    this.#gateway = gateway;
    this.#plant = plant;
    this.#random = random;
    this.#running = Array.from({ length: people }, () => this.#work());
  }

  /** Resolves in the moment in which somebody is told that a command is done. */
  nextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      this.#told = resolve;
    });
  }

  /** No new commands; resolves when the last one is answered. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }

  async #work(): Promise<void> {
    while (!this.#stopping) {
      await this.#send(this.#next(), `chaos-${++this.#sent}`);
      await pause(PAUSE_MS);
    }
  }

  async #send({ entity, kind, route, body, text }: Order, id: string): Promise<void> {
    const sentMs = performance.now();
    for (let attempts = 1; ; attempts++) {
      const answer = await this.#request(route, body, id);
      if (answer === undefined || PASSING.has(answer.status)) {
        const told = answer === undefined || answer.ok ? 'no answer' : answer.body.error.message;
        this.waiting.set(id, `${kind} to ${entity}, ${attempts} times: ${told}`);
        await pause(RETRY_PAUSE_MS);
        continue;
      }
      this.waiting.delete(id);
      const { ok } = answer;
      if (ok) this.#told();
      const code = ok ? null : answer.body.error.code;
      const repeated = ok && answer.body.repeated;
      const answeredMs = performance.now();
      this.commands.push({ id, entity, kind, text, ok, code, attempts, repeated, sentMs, answeredMs });
      if (ok && kind === 'RequestWorkOrder') this.#workOrders.push(Numbered.parse(answer.body.result).number);
      return;
    }
  }

  async #request(route: string, body: object, commandId: string): Promise<ApiAnswer<Done> | undefined> {
    try {
      return await this.#gateway.request<Done>('POST', route, { body, commandId, timeoutMs: 10_000 });
    } catch {
      // Killed before or after the commit: the sender cannot know.
      return undefined;
    }
  }

  #next(): Order {
    const chance = this.#random.uniform();
    if (chance < 0.65) return this.#onAlarm();
    if (chance < 0.75 || this.#workOrders.length === 0) return this.#newOrder();
    return this.#onWorkOrder();
  }

  #onAlarm(): Order {
    const asset = this.#oneOf(this.#plant.assets);
    const rule = this.#oneOf(this.#plant.rules);
    const entity = entityId('asset', asset);
    const path = `/alarms/${encodeURIComponent(`${entity}:${rule}`)}`;
    const text = this.#text();
    const chance = this.#random.uniform();
    if (chance < 0.35) return { entity, kind: 'CommentAlarm', route: `${path}/comment`, body: { text }, text };
    if (chance < 0.75)
      return { entity, kind: 'AcknowledgeAlarm', route: `${path}/acknowledge`, body: { comment: text }, text };
    if (chance < 0.85)
      return {
        entity,
        kind: 'ShelveAlarm',
        route: `${path}/shelve`,
        body: { durationMs: 86_000_000, reason: text },
        text,
      };
    if (chance < 0.95) return { entity, kind: 'UnshelveAlarm', route: `${path}/unshelve`, body: {}, text: null };
    return { entity, kind: 'ResetAlarm', route: `${path}/reset`, body: {}, text: null };
  }

  #newOrder(): Order {
    const text = this.#text();
    const body = { title: text, asset: this.#oneOf(this.#plant.assets) };
    return { entity: entityId('order-book', 'main'), kind: 'RequestWorkOrder', route: '/workorders', body, text };
  }

  #onWorkOrder(): Order {
    const number = this.#oneOf(this.#workOrders.slice(-8));
    const entity = entityId('work-order', number);
    const text = this.#text();
    if (this.#random.uniform() < 0.4)
      return { entity, kind: 'CommentWorkOrder', route: `/workorders/${number}/comments`, body: { text }, text };
    const transition = this.#oneOf(TRANSITIONS);
    const details = transition === 'hold' ? { holdReason: 'other' } : {};
    const body = { note: text, ...details };
    return {
      entity,
      kind: 'TransitionWorkOrder',
      route: `/workorders/${number}/transitions/${transition}`,
      body,
      text,
    };
  }

  #text(): string {
    return `note ${this.#sent}-${Math.floor(this.#random.uniform() * 1e9)}`;
  }

  #oneOf<T>(all: readonly T[]): T {
    const one = all[Math.floor(this.#random.uniform() * all.length)];
    if (one === undefined) throw new Error('nothing to choose from');
    return one;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
