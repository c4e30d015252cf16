import type { EntityId } from '../ids.ts';
import type { AskOptions, Reply } from '../runtime.ts';
import type { CellLink } from './cell-link.ts';
import { CommandReply, type CommandRequest } from './cell-messages.ts';
import type { CommandStore, KeptCommand, KeptRow } from './command-store.ts';
import { isReused, KeptCommands } from './kept-commands.ts';
import { type PendingCommand, PendingCommands, type PendingView, pendingKey, unknownEnd } from './pending-commands.ts';

export interface CommandDeskOptions {
  readonly cell: string;
  readonly link: Pick<CellLink, 'request'>;
  /** How long a command may wait for the link; seconds where it acts on a device. */
  readonly ttlMs: (to: EntityId, command: unknown) => number;
  /** What waits for these entities has changed. */
  readonly changed: (ids: Iterable<EntityId>) => void;
  /** Where those wait that are told to be kept. */
  readonly store: CommandStore;
  readonly now?: () => number;
  readonly capacity?: number;
}

const CAPACITY = 1000;
const ANSWER_WITHIN_MS = 7000;
const DEFAULT_ASK_TIMEOUT_MS = 10_000;
/** Waited for by whoever sent it; longer ones are told that it is kept. */
const WORTH_WAITING_MS = 10_000;
/** What an actor tells another stands in the journal here until it is answered, and is begun again after a start. */
const TOLD_FOR_MS = 86_400_000;

/**
 * Commands for the entities of a cell, from here. They cross the link as requests and are answered after the commit over there.
 * While the link is down those of seconds wait here with whoever sent them, and are lost with this process: nothing acts on a
 * device late. All others wait in the database, and whoever sent one learns what became of it by sending it again, at any node.
 */
export class CommandDesk {
  readonly #options: CommandDeskOptions;
  readonly #pending: PendingCommands;
  readonly #kept: KeptCommands;
  readonly #now: () => number;
  #linked = false;

  constructor(options: CommandDeskOptions) {
    const { cell, store, changed, now = Date.now } = options;
    this.#options = options;
    this.#pending = new PendingCommands(options.capacity ?? CAPACITY);
    this.#now = now;
    this.#kept = new KeptCommands({
      cell,
      store,
      send: (command) => this.#request(command),
      answerWithinMs: ANSWER_WITHIN_MS,
      changed,
      now,
    });
  }

  get size(): number {
    return this.#pending.size + this.#kept.size;
  }

  views(): Map<EntityId, PendingView[]> {
    const views = this.#pending.views();
    this.#kept.views(views, this.#now());
    return views;
  }

  /** Never rejects. */
  async ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    const { cell, ttlMs } = this.#options;
    const key = pendingKey(to, options);
    const underWay = this.#pending.get(key);
    if (underWay && isReused(underWay, command)) return reused(to, options);
    const row = underWay === undefined ? await this.#kept.find(key) : undefined;
    // Of what was sent and never answered the cell itself is asked, as soon as it can be.
    const isUnknown = row?.reply?.ok === false && row.reply.code === 'TIMEOUT' && this.#linked;
    if (row && !isUnknown) return this.#repeated(row, command, options);
    if (this.size >= (this.#options.capacity ?? CAPACITY) && this.#pending.get(key) === undefined) {
      const message = `${this.size} commands wait for the cell ${cell} already`;
      return { ok: false, code: 'OVERLOADED', message };
    }
    const nowMs = this.#now();
    const forMs = ttlMs(to, command);
    if (this.#linked || forMs <= WORTH_WAITING_MS) return this.#wait(to, command, options, nowMs, forMs);
    const { commandId, by, permissions } = options;
    const expiresAtMs = nowMs + forMs;
    const kept = { cell, key, to, command, commandId, by, permissions, sinceMs: nowMs, expiresAtMs };
    return this.#keep({ ...kept, sent: 0, underWayUntilMs: 0 }, options);
  }

  /** What an actor here tells one over there: it waits for the link as long as this process runs. Never rejects. */
  tell(to: EntityId, command: unknown, options: AskOptions): Promise<Reply> {
    return new Promise((resolve) => {
      const pending = this.#pending.offer({ to, command, options, nowMs: this.#now(), ttlMs: TOLD_FOR_MS });
      if (pending === undefined) {
        resolve({ ok: false, code: 'OVERLOADED', message: `too much waits for the cell ${this.#options.cell}` });
        return;
      }
      pending.waiters.push(resolve);
      this.#options.changed([to]);
      this.#send();
    });
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

  /** What waits in the database for this cell, as it was read just now. */
  async look(waiting: readonly KeptCommand[]): Promise<void> {
    await this.#kept.look(waiting);
  }

  #wait(to: EntityId, command: unknown, options: AskOptions, nowMs: number, ttlMs: number): Promise<Reply> {
    const { cell, changed } = this.#options;
    const pending = this.#pending.offer({ to, command, options, nowMs, ttlMs });
    if (!pending) {
      const message = `${this.#pending.size} commands wait for the cell ${cell} already`;
      return Promise.resolve({ ok: false, code: 'OVERLOADED', message });
    }
    const answered = new Promise<Reply>((resolve) => {
      const waiter = (reply: Reply) => {
        clearTimeout(timer);
        resolve(reply);
      };
      const timer = setTimeout(() => {
        pending.waiters.splice(pending.waiters.indexOf(waiter), 1);
        resolve(this.#unanswered(pending, options));
      }, options.timeoutMs ?? DEFAULT_ASK_TIMEOUT_MS);
      pending.waiters.push(waiter);
    });
    changed([to]);
    this.#send();
    return answered;
  }

  /** Nobody waits for it any longer: from here on it is kept, where it may go on for long enough. */
  #unanswered(pending: PendingCommand, options: AskOptions): Promise<Reply> | Reply {
    const { cell } = this.#options;
    const { key, to, command, sinceMs, expiresAtMs, sent, state } = pending;
    const isShort = expiresAtMs - sinceMs <= WORTH_WAITING_MS;
    if (isShort || pending.waiters.length > 0) return this.#notYet(options, expiresAtMs, sent);
    const nowMs = this.#now();
    const underWayUntilMs = state === 'sent' ? nowMs + ANSWER_WITHIN_MS : 0;
    const { commandId, by, permissions } = options;
    this.#pending.remove(pending);
    const kept = { cell, key, to, command, commandId, by, permissions, sinceMs, expiresAtMs, sent, underWayUntilMs };
    return this.#keep(kept, options);
  }

  async #keep(command: KeptCommand, options: AskOptions): Promise<Reply> {
    let row: KeptRow;
    try {
      row = await this.#kept.keep(command);
    } catch {
      const code = command.sent > 0 ? 'TIMEOUT' : 'UNAVAILABLE';
      const how = command.sent > 0 ? 'has not answered' : 'cannot be reached';
      const message = `the cell ${command.cell} ${how}, and the command cannot be kept for it: the database does not take it; repeat it`;
      return { ok: false, code, message };
    }
    // Of the same moment, from another node. What was sent before, the cell has told apart.
    if (isReused(row, command.command))
      return command.sent > 0 ? unknownEnd(command.commandId) : reused(row.to, options);
    if (row.reply) return row.reply;
    this.#send();
    return this.#notYet(options, row.expiresAtMs, row.sent);
  }

  async #repeated(row: KeptRow, command: unknown, options: AskOptions): Promise<Reply> {
    if (isReused(row, command)) return reused(row.to, options);
    const patienceMs = this.#linked ? (options.timeoutMs ?? DEFAULT_ASK_TIMEOUT_MS) : 0;
    const reply = row.reply ?? (await this.#kept.wait(row.key, patienceMs));
    if (reply === undefined) return this.#notYet(options, row.expiresAtMs, row.sent);
    return reply.ok ? { ...reply, repeated: true } : reply;
  }

  #send(): void {
    if (!this.#linked) return;
    for (const pending of this.#pending.take(this.#now())) void this.#deliver(pending);
    void this.#kept.send();
  }

  async #deliver(pending: PendingCommand): Promise<void> {
    const { changed } = this.#options;
    const { key, to, command, options, expiresAtMs } = pending;
    changed([to]);
    try {
      const reply = await this.#request({ to, command, expiresAtMs, ...options });
      if (!this.#pending.answered(pending, reply))
        await this.#kept.ended(key, reply, pending.sent).catch(() => undefined);
    } catch {
      // Whether it arrived nobody knows; sent again with the same id it is carried out once.
      this.#pending.returned(pending);
    }
    changed([to]);
  }

  async #request({ to, command, commandId, by, permissions, expiresAtMs }: Requested): Promise<Reply> {
    const { cell, link } = this.#options;
    const request: CommandRequest = { to, command, commandId, by, permissions: [...permissions], expiresAtMs };
    return CommandReply.parse(await link.request(cell, 'command', request, ANSWER_WITHIN_MS));
  }

  #notYet({ commandId }: AskOptions, expiresAtMs: number, sent: number): Reply {
    const { cell } = this.#options;
    const until = new Date(expiresAtMs).toISOString();
    const how =
      sent > 0
        ? `the cell ${cell} has not answered yet`
        : `there is no link to the cell ${cell}: the command is kept and sent when it is back, until ${until}`;
    return { ok: false, code: 'PENDING', message: `${how}; repeat ${commandId} to learn what became of it` };
  }
}

type Requested = Pick<KeptCommand, 'to' | 'command' | 'commandId' | 'by' | 'permissions' | 'expiresAtMs'>;

function reused(to: EntityId, { commandId }: Pick<AskOptions, 'commandId'>): Reply {
  const message = `${commandId} is the id of another command to ${to}; nothing was done`;
  return { ok: false, code: 'COMMAND_ID_REUSED', message, field: 'commandId' };
}
