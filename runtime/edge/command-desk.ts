import type { EntityId } from '../ids.ts';
import type { AskOptions, Reply } from '../runtime.ts';
import type { CellLink } from './cell-link.ts';
import { CommandReply, type CommandRequest } from './cell-messages.ts';
import { type PendingCommand, PendingCommands, type PendingView } from './pending-commands.ts';

export interface CommandDeskOptions {
  readonly cell: string;
  readonly link: Pick<CellLink, 'request'>;
  /** How long a command may wait for the link; seconds where it acts on a device. */
  readonly ttlMs: (to: EntityId, command: unknown) => number;
  /** What waits for these entities has changed. */
  readonly changed: (ids: Iterable<EntityId>) => void;
  readonly now?: () => number;
  readonly capacity?: number;
}

const CAPACITY = 1000;
const ANSWER_WITHIN_MS = 7000;
const DEFAULT_ASK_TIMEOUT_MS = 10_000;
/** Waited for by whoever sent it; longer ones are told that it is kept. */
const WORTH_WAITING_MS = 10_000;

/**
 * Commands for the entities of a cell, from here. They cross the link as requests and are answered after the commit over there.
 * While the link is down they wait, each for its time; whoever sent one learns what became of it by sending it again.
 */
export class CommandDesk {
  readonly #options: CommandDeskOptions;
  readonly #pending: PendingCommands;
  readonly #now: () => number;
  #linked = false;

  constructor(options: CommandDeskOptions) {
    this.#options = options;
    this.#pending = new PendingCommands(options.capacity ?? CAPACITY);
    this.#now = options.now ?? Date.now;
  }

  get size(): number {
    return this.#pending.size;
  }

  views(): Map<EntityId, PendingView[]> {
    return this.#pending.views();
  }

  /** Never rejects. */
  ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    const { cell, ttlMs, changed } = this.#options;
    const nowMs = this.#now();
    const pending = this.#pending.offer({ to, command, options, nowMs, ttlMs: ttlMs(to, command) });
    if (!pending) {
      const message = `${this.#pending.size} commands wait for the cell ${cell} already`;
      return Promise.resolve({ ok: false, code: 'OVERLOADED', message });
    }
    const answered = new Promise<Reply>((resolve) => {
      const leftMs = pending.expiresAtMs - nowMs;
      const patienceMs = !this.#linked && leftMs > WORTH_WAITING_MS ? 0 : (options.timeoutMs ?? DEFAULT_ASK_TIMEOUT_MS);
      const waiter = (reply: Reply) => {
        clearTimeout(timer);
        resolve(reply);
      };
      const timer = setTimeout(() => {
        pending.waiters.splice(pending.waiters.indexOf(waiter), 1);
        resolve(this.#kept(pending));
      }, patienceMs);
      pending.waiters.push(waiter);
    });
    changed([to]);
    this.#send();
    return answered;
  }

  link(up: boolean): void {
    this.#linked = up;
    this.#send();
  }

  /** Called a few times a second: sends again, and ends what is past its time. */
  tick(): void {
    const expired = this.#pending.expire(this.#now());
    if (expired.length > 0) this.#options.changed(expired.map(({ to }) => to));
    this.#send();
  }

  #send(): void {
    if (!this.#linked) return;
    for (const pending of this.#pending.take(this.#now())) void this.#deliver(pending);
  }

  async #deliver(pending: PendingCommand): Promise<void> {
    const { cell, link, changed } = this.#options;
    const { to, command, options, expiresAtMs } = pending;
    const { commandId, by, permissions } = options;
    const request: CommandRequest = { to, command, commandId, by, permissions: [...permissions], expiresAtMs };
    changed([to]);
    try {
      this.#pending.answered(
        pending,
        CommandReply.parse(await link.request(cell, 'command', request, ANSWER_WITHIN_MS)),
      );
    } catch {
      // Whether it arrived nobody knows; sent again with the same id it is carried out once.
      this.#pending.returned(pending);
    }
    changed([to]);
  }

  #kept({ options, expiresAtMs, everSent }: PendingCommand): Reply {
    const { cell } = this.#options;
    const until = new Date(expiresAtMs).toISOString();
    const how = everSent
      ? `the cell ${cell} has not answered yet`
      : `there is no link to the cell ${cell}: the command is kept and sent when it is back, until ${until}`;
    return { ok: false, code: 'PENDING', message: `${how}; repeat ${options.commandId} to learn what became of it` };
  }
}
