import { commandHash } from '../command-identity.ts';
import type { EntityId } from '../ids.ts';
import type { AskOptions, Reply } from '../runtime.ts';
import { pendingKey } from './pending-commands.ts';
import type { UplinkMemory } from './uplink-memory.ts';

type Asked = Pick<AskOptions, 'by' | 'commandId'> & { readonly command: unknown };

/** Replies that decide nothing about the command that came first under an id: a repeat may succeed, or did. */
const UNDECIDED: ReadonlySet<string> = new Set([
  'COMMAND_ID_REUSED',
  'UNAVAILABLE',
  'OVERLOADED',
  'TIMEOUT',
  'STOPPED',
  'STALE_ROUTE',
]);
/** Far longer than any copy of a command may be under way, so that no clock that is set makes it too short. */
const KEPT_MS = 86_400_000;
const CAPACITY = 10_000;
/** Refusals between two times at which the old ones go. */
const TRIM_AFTER = 100;

/**
 * Commands of the centre that were refused here. The journal knows only those that were accepted, and a copy that comes late,
 * from a node of the centre that was suspended or over a link that held it back, could be accepted after its sender was told
 * that it is not. A refusal is told only once it is on the disk: so it holds over any restart of this edge.
 */
export class Refusals {
  readonly #memory: Pick<UplinkMemory, 'refusal' | 'refuse' | 'trimRefusals'>;
  readonly #now: () => number;
  /** A copy that comes while another one is being decided, as from two nodes of the centre, has the answer of that. */
  readonly #deciding = new Map<string, Promise<Reply>>();
  #untrimmed = TRIM_AFTER;

  constructor(memory: Pick<UplinkMemory, 'refusal' | 'refuse' | 'trimRefusals'>, now: () => number = Date.now) {
    this.#memory = memory;
    this.#now = now;
  }

  /** The refusal of a command where it was refused before, else what is decided now. Rejects where the database is away. */
  async once(to: EntityId, asked: Asked, decide: () => Promise<Reply>): Promise<Reply> {
    // With what it says: another command under the same id is no copy, and the journal tells the two apart.
    const key = `${pendingKey(to, asked)} ${commandHash(asked.command)}`;
    const under = this.#deciding.get(key);
    if (under) return repeated(await under);
    const deciding = this.#decide(key, decide);
    this.#deciding.set(key, deciding);
    try {
      return await deciding;
    } finally {
      this.#deciding.delete(key);
    }
  }

  async #decide(key: string, decide: () => Promise<Reply>): Promise<Reply> {
    const refused = await this.#memory.refusal(key);
    if (refused) return refused;
    const reply = await decide();
    if (reply.ok || UNDECIDED.has(reply.code)) return reply;
    await this.#memory.refuse(key, reply, this.#now());
    if (++this.#untrimmed > TRIM_AFTER) {
      this.#untrimmed = 0;
      await this.#memory.trimRefusals(this.#now() - KEPT_MS, CAPACITY);
    }
    return reply;
  }
}

function repeated(reply: Reply): Reply {
  return reply.ok ? { ...reply, repeated: true } : reply;
}
