import { z } from 'zod';
import type { ShardHost } from '../../runtime/cluster/membership.ts';
import type { NodeLife } from '../../runtime/cluster-rows.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { EntityId } from '../../runtime/ids.ts';
import type { Append, Appended, Journal } from '../../runtime/journal.ts';
import { type Epoch, type Shard, shardOf } from '../../runtime/ownership.ts';
import type { AskOptions, Reply } from '../../runtime/runtime.ts';

export const Added = z.object({ amount: z.number(), total: z.number() });
const Add = z.object({ amount: z.number() });

/** A journal that knows which life of a node writes. */
export interface FencedJournal extends Journal {
  append(batch: readonly Append[], writer?: NodeLife): Promise<Appended[]>;
}

interface Counter {
  seq: number;
  total: number;
  /** The journal did not say what became of the last turn: it has to be read again. */
  unknown: boolean;
  turns: Promise<unknown>;
}

interface Memory {
  readonly epoch: Epoch;
  readonly counters: Map<EntityId, Counter>;
}

export interface CounterShardsOptions {
  readonly journal: FencedJournal;
  readonly epochOf: (shard: Shard) => Epoch | undefined;
  readonly life: () => NodeLife;
  readonly fenced: (shard: Shard, reason: string) => void;
  readonly opened: (shard: Shard, epoch: Epoch) => void;
  readonly moving: (shard: Shard) => void;
}

/** Entities that add up what they are told to: the smallest in which a lost, repeated or reordered command shows. */
export class CounterShards implements ShardHost {
  readonly #options: CounterShardsOptions;
  readonly #memory = new Map<Shard, Memory>();

  constructor(options: CounterShardsOptions) {
    this.#options = options;
  }

  async recover(shard: Shard, epoch: Epoch): Promise<void> {
    const counters = new Map<EntityId, Counter>();
    const ids = (await this.#options.journal.entities('counter')).filter((id) => shardOf(id) === shard);
    for (const id of ids) counters.set(id, await this.#load(id));
    this.#memory.set(shard, { epoch, counters });
  }

  open(shard: Shard, epoch: Epoch): void {
    this.#options.opened(shard, epoch);
  }

  async drain(shard: Shard, _epoch: Epoch): Promise<void> {
    this.#options.moving(shard);
    await Promise.all([...(this.#memory.get(shard)?.counters.values() ?? [])].map(({ turns }) => turns));
  }

  async flush(shard: Shard): Promise<void> {
    this.#memory.delete(shard);
  }

  async halt(shard: Shard): Promise<void> {
    this.#memory.delete(shard);
  }

  ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    const memory = this.#memory.get(shardOf(to));
    if (memory === undefined) return Promise.resolve(unavailable('not in memory'));
    let counter = memory.counters.get(to);
    if (counter === undefined) {
      counter = { seq: 0, total: 0, unknown: false, turns: Promise.resolve() };
      memory.counters.set(to, counter);
    }
    const turn = counter.turns.then(() => this.#turn(memory, counter, to, command, options));
    counter.turns = turn;
    return turn;
  }

  async #turn(memory: Memory, counter: Counter, to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    const shard = shardOf(to);
    const epoch = this.#options.epochOf(shard);
    if (epoch !== memory.epoch || this.#memory.get(shard) !== memory) return unavailable('no authority');
    try {
      if (counter.unknown) Object.assign(counter, await this.#load(to), { turns: counter.turns });
      const { amount } = Add.parse(command);
      const answer = { seq: counter.seq + 1, total: counter.total + amount };
      const [appended] = await this.#options.journal.append(
        [appendOf(to, shard, epoch, amount, answer, options)],
        this.#options.life(),
      );
      if (appended?.kind === 'committed') Object.assign(counter, answer);
      if (appended?.kind === 'committed') return { ok: true, result: answer, repeated: false };
      if (appended?.kind === 'repeated') return { ok: true, result: appended.answer, repeated: true };
      if (appended?.kind === 'fenced') this.#options.fenced(shard, appended.reason);
      return { ok: false, code: 'STALE_ROUTE', message: 'fenced' };
    } catch (error) {
      counter.unknown = true;
      return unavailable(messageOf(error));
    }
  }

  async #load(id: EntityId): Promise<Counter> {
    const rows = await this.#options.journal.events(id, 0);
    const last = rows.at(-1);
    const total = last === undefined ? 0 : Added.parse(last.event).total;
    return { seq: last?.seq ?? 0, total, unknown: false, turns: Promise.resolve() };
  }
}

function unavailable(message: string): Reply {
  return { ok: false, code: 'UNAVAILABLE', message };
}

function appendOf(
  entity: EntityId,
  shard: Shard,
  epoch: Epoch,
  amount: number,
  answer: { readonly seq: number; readonly total: number },
  { commandId, by }: AskOptions,
): Append {
  const event = { amount, total: answer.total };
  return {
    entity,
    firstSeq: answer.seq,
    shard,
    epoch,
    commandId,
    commandHash: null,
    answer,
    timeMs: Date.now(),
    by,
    logPosition: 0,
    events: [{ kind: 'Added', event, before: null, after: null }],
    effects: [],
  };
}
