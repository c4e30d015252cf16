import { type ChildProcess, fork } from 'node:child_process';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import type { EntityId } from '../../runtime/ids.ts';
import { until } from '../support/condition.ts';
import { EXEC_ARGV, moduleFile } from '../support/places.ts';

const Reply = z.union([
  z.object({ ok: z.literal(true), result: z.object({ seq: z.number(), total: z.number() }), repeated: z.boolean() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);
export type CounterReply = z.infer<typeof Reply>;

const Said = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('started') }),
  z.object({ kind: z.literal('open'), shards: z.number() }),
  z.object({ kind: z.literal('reply'), id: z.number(), reply: Reply }),
  z.object({ kind: z.literal('lease'), lease: z.string(), reason: z.string() }),
  z.object({ kind: z.literal('fenced'), shard: z.number(), reason: z.string() }),
  z.object({ kind: z.literal('broken'), error: z.string() }),
]);

export interface Ask {
  readonly entity: EntityId;
  readonly amount: number;
  readonly commandId: string;
  readonly user: string;
}

/** One process of the cell, which can be killed, stopped in its tracks and told to leave. */
export class CounterNode {
  readonly name: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #waiting = new Map<number, (reply: CounterReply | undefined) => void>();
  /** What it said of its lease, of fences and defects. */
  readonly said: string[] = [];
  #process: ChildProcess | undefined;
  #nextId = 1;
  /** Shards open there, as it said last. */
  open = 0;

  constructor(name: string, env: Readonly<Record<string, string>>) {
    this.name = name;
    this.#env = env;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  async start(): Promise<void> {
    const child = fork(moduleFile('./counter-node', import.meta.url), [], {
      execArgv: [...EXEC_ARGV],
      env: { ...process.env, ...this.#env, NODE: this.name },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process = child;
    let started = false;
    child.on('message', (message) => {
      const said = Said.parse(message);
      if (said.kind === 'started') started = true;
      else if (said.kind === 'open') this.open = said.shards;
      else if (said.kind === 'reply') this.#settle(said.id, said.reply);
      else this.said.push(JSON.stringify(said));
    });
    child.once('exit', () => {
      if (this.#process === child) this.#process = undefined;
      this.open = 0;
      for (const id of [...this.#waiting.keys()]) this.#settle(id, undefined);
    });
    await until(`${this.name} starts`, () => started || child.exitCode !== null, 60_000);
  }

  /** Undefined where the process ended before it answered. */
  ask({ entity, amount, commandId, user }: Ask): Promise<CounterReply | undefined> {
    const child = this.#process;
    if (child?.connected !== true) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const id = this.#nextId++;
      this.#waiting.set(id, resolve);
      child.send({ kind: 'ask', id, entity, command: { amount }, commandId, user }, (error) => {
        if (error) this.#settle(id, undefined);
      });
    });
  }

  async kill(): Promise<void> {
    await this.#gone((child) => child.kill('SIGKILL'));
  }

  async leave(): Promise<void> {
    await this.#gone((child) => child.send({ kind: 'leave' }));
  }

  async stopFor(ms: number): Promise<void> {
    const child = this.#process;
    child?.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, ms));
    child?.kill('SIGCONT');
  }

  async #gone(end: (child: ChildProcess) => unknown): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    end(child);
    await gone;
  }

  #settle(id: number, reply: CounterReply | undefined): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(reply);
  }
}

/** Nodes that end with the test. */
export function counterNodes(t: TestContext, names: readonly string[], env: Readonly<Record<string, string>>) {
  const nodes = names.map((name) => new CounterNode(name, env));
  t.after(() => Promise.all(nodes.map((node) => node.kill())));
  return nodes;
}
