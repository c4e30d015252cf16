import type { EntityId } from '../ids.ts';
import type { Reply } from '../runtime.ts';
import { sameJson } from '../same-json.ts';
import type { CommandStore, KeptCommand, KeptRow } from './command-store.ts';
import { type PendingView, toldOf, unknownEnd } from './pending-commands.ts';

export interface KeptCommandsOptions {
  readonly cell: string;
  readonly store: CommandStore;
  /** Resolves with the answer of the cell; rejects where nobody knows whether it arrived. */
  readonly send: (command: KeptCommand) => Promise<Reply>;
  /** How long an answer is waited for. */
  readonly answerWithinMs: number;
  readonly changed: (ids: Iterable<EntityId>) => void;
  readonly now: () => number;
}

/** The database of the cell may be away: a command that is not kept yet does not wait for it longer. */
const FIND_WITHIN_MS = 1000;
/** Nobody else sends one while its answer may still come here, though the claim took its time. */
const CLAIM_MARGIN_MS = 3000;

/**
 * Commands for one cell that wait in the database: any node shows them, any that has a link sends them, and whoever repeats one
 * at any node learns what became of it. They end by their answer or when their time is over, whichever nodes were started anew
 * meanwhile.
 */
export class KeptCommands {
  readonly #options: KeptCommandsOptions;
  readonly #waiters = new Map<string, Set<(reply: Reply) => void>>();
  #waiting = new Map<string, KeptCommand>();
  #sending = false;

  constructor(options: KeptCommandsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** What is kept under a key, as far as the database says in time. */
  async find(key: string): Promise<KeptRow | undefined> {
    const { cell, store } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, FIND_WITHIN_MS, undefined);
    });
    // Not found is no loss: the cell itself knows the ids of what it has carried out.
    const found = await Promise.race([store.find(cell, key).catch(() => undefined), patience]);
    clearTimeout(timer);
    return found;
  }

  /** Rejects where it cannot be kept. */
  async keep(command: KeptCommand): Promise<KeptRow> {
    const row = await this.#options.store.keep(command);
    if (row.reply === null && !this.#waiting.has(row.key)) {
      this.#waiting.set(row.key, row);
      this.#options.changed([row.to]);
    }
    return row;
  }

  /** The answer once it is known; undefined where that takes longer. */
  wait(key: string, forMs: number): Promise<Reply | undefined> {
    if (forMs <= 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(key) ?? new Set();
      this.#waiters.set(key, waiters);
      const end = (reply: Reply | undefined) => {
        clearTimeout(timer);
        waiters.delete(end);
        if (waiters.size === 0) this.#waiters.delete(key);
        resolve(reply);
      };
      const timer = setTimeout(end, forMs, undefined);
      waiters.add(end);
    });
  }

  /**
   * The cell has answered. That it refuses one copy ends nothing where another one is under way already, which it may accept.
   * @param sent how often it was sent, with the copy that is answered
   */
  async ended(key: string, reply: Reply, sent: number): Promise<void> {
    const { cell, store, now } = this.#options;
    if (reply.ok) this.#over(key, reply);
    const stands = await store.end(cell, key, reply, now(), reply.ok ? undefined : sent);
    if (stands && !reply.ok) this.#over(key, reply);
  }

  /** What the database has of this cell now. Ends what is past its time and under way with nobody. */
  async look(waiting: readonly KeptCommand[]): Promise<void> {
    const { changed, now } = this.#options;
    const before = this.#waiting;
    this.#waiting = new Map(waiting.map((command) => [command.key, command]));
    const ended = [...before.values()].filter(({ key }) => !this.#waiting.has(key));
    const others = waiting.filter(({ key, underWayUntilMs }) => before.get(key)?.underWayUntilMs !== underWayUntilMs);
    changed([...ended, ...others].map(({ to }) => to));
    for (const { key } of ended) await this.#tellEnd(key);
    const nowMs = now();
    for (const { key, expiresAtMs, underWayUntilMs, sent, commandId } of waiting) {
      if (expiresAtMs > nowMs || underWayUntilMs > nowMs) continue;
      const reply = sent > 0 ? unknownEnd(commandId) : NEVER_SENT;
      // Another node may have sent it in this very moment: then it is not said that nobody did.
      if (await this.#options.store.end(this.#options.cell, key, reply, nowMs, sent)) this.#over(key, reply);
    }
  }

  /** Sends what waits, if there is anything; to be called while there is a link. */
  async send(): Promise<void> {
    const { cell, store, now, answerWithinMs } = this.#options;
    const nowMs = now();
    const isDue = ({ underWayUntilMs, expiresAtMs }: KeptCommand) => underWayUntilMs <= nowMs && expiresAtMs > nowMs;
    if (this.#sending || ![...this.#waiting.values()].some(isDue)) return;
    this.#sending = true;
    try {
      const claimed = await store.claim(cell, nowMs, nowMs + answerWithinMs + CLAIM_MARGIN_MS);
      for (const command of claimed) this.#waiting.set(command.key, command);
      await Promise.all(claimed.map((command) => this.#deliver(command)));
    } catch {
      // The database is away; what waits in it is sent when it is back.
    }
    this.#sending = false;
  }

  /** By entity. */
  views(into: Map<EntityId, PendingView[]>, nowMs: number): void {
    for (const { to, command, commandId, by, sinceMs, expiresAtMs, underWayUntilMs } of this.#waiting.values()) {
      const state = underWayUntilMs > nowMs ? 'sent' : 'waiting';
      const view = { commandId, ...toldOf(command), by: by.user, sinceMs, expiresAtMs, state } as const;
      const others = into.get(to);
      if (others) others.push(view);
      else into.set(to, [view]);
    }
  }

  async #deliver(command: KeptCommand): Promise<void> {
    const { cell, store, send, changed } = this.#options;
    changed([command.to]);
    let reply: Reply;
    try {
      reply = await send(command);
    } catch {
      // Whether it arrived nobody knows; sent again with the same id it is carried out once.
      this.#waiting.set(command.key, { ...command, underWayUntilMs: 0 });
      changed([command.to]);
      await store.giveBack(cell, command.key);
      return;
    }
    await this.ended(command.key, reply, command.sent);
  }

  #over(key: string, reply: Reply): void {
    const known = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const tell of [...(this.#waiters.get(key) ?? [])]) tell(reply);
    if (known) this.#options.changed([known.to]);
  }

  async #tellEnd(key: string): Promise<void> {
    const waiters = this.#waiters.get(key);
    const reply = waiters && (await this.find(key))?.reply;
    if (reply) for (const tell of [...waiters]) tell(reply);
  }
}

const NEVER_SENT: Reply = {
  ok: false,
  code: 'EXPIRED',
  message: 'the link to its cell was down for too long: it was never sent',
};

/** Whether somebody uses an id again for something else. */
export function isReused({ command }: Pick<KeptCommand, 'command'>, other: unknown): boolean {
  return !sameJson(plain(command), plain(other));
}

/** As it stands in a database: without members that are undefined. */
function plain(command: unknown) {
  return JSON.parse(JSON.stringify(command ?? null));
}
