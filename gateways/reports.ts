import type { Who } from '../runtime/actor-kind.ts';
import { CommandId, type EntityId } from '../runtime/ids.ts';
import type { Json } from '../runtime/json.ts';
import type { Runtime } from '../runtime/runtime.ts';

const BY: Who = { user: 'system', via: 'driver' };
const ATTEMPTS = 20;
const PAUSE_MS = 500;
const PASSING = new Set(['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT']);

/** Tells actors what drivers and watches find. What cannot be taken now is told again, unless there is something newer to tell. */
export class Reports {
  readonly #runtime: Pick<Runtime, 'ask'>;
  readonly #newest = new Map<string, Json>();
  /** Makes command ids of this run unlike those of an earlier one. */
  readonly #run = Date.now().toString(36);
  #count = 0;

  constructor(runtime: Pick<Runtime, 'ask'>) {
    this.#runtime = runtime;
  }

  /** Until the actor has it: a lost report would leave a device online on the wall. Of a kind only the newest counts. */
  async tell(to: EntityId, command: { readonly kind: string; readonly [field: string]: Json }): Promise<void> {
    const key = `${to} ${command.kind}`;
    this.#newest.set(key, command);
    const commandId = CommandId.parse(`${command.kind}:${this.#run}:${++this.#count}`);
    for (let attempt = 0; attempt < ATTEMPTS && this.#newest.get(key) === command; attempt++) {
      const reply = await this.#runtime.ask(to, command, { commandId, by: BY, permissions: ['internal:*'] });
      if (reply.ok || !PASSING.has(reply.code)) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
    }
  }
}
