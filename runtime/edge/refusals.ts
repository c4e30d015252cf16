import type { EntityId } from '../ids.ts';
import type { AskOptions, Reply } from '../runtime.ts';
import { pendingKey } from './pending-commands.ts';

/** Replies that decide nothing about the command that came first under an id: a repeat may succeed, or did. */
const UNDECIDED: ReadonlySet<string> = new Set([
  'COMMAND_ID_REUSED',
  'UNAVAILABLE',
  'OVERLOADED',
  'TIMEOUT',
  'STOPPED',
  'STALE_ROUTE',
]);
/** Longer than any copy of a command may be under way. */
const KEPT_MS = 20 * 60_000;
const CAPACITY = 10_000;

/**
 * Commands that were refused here. The journal knows only those that were accepted, and a copy that comes late, from a node of
 * the centre that was suspended or over a link that held it back, could be accepted after its sender was told that it is not.
 */
export class Refusals {
  readonly #now: () => number;
  readonly #refused = new Map<string, { readonly reply: Reply; readonly atMs: number }>();

  /** @param now monotonic, in ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  of(to: EntityId, asked: Pick<AskOptions, 'by' | 'commandId'>): Reply | undefined {
    return this.#refused.get(pendingKey(to, asked))?.reply;
  }

  note(to: EntityId, asked: Pick<AskOptions, 'by' | 'commandId'>, reply: Reply): void {
    if (reply.ok || UNDECIDED.has(reply.code)) return;
    this.#refused.set(pendingKey(to, asked), { reply, atMs: this.#now() });
    for (const [key, { atMs }] of this.#refused) {
      if (this.#now() - atMs < KEPT_MS && this.#refused.size <= CAPACITY) break;
      this.#refused.delete(key);
    }
  }
}
