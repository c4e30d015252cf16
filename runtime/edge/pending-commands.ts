import type { CommandId, EntityId } from '../ids.ts';
import type { Json } from '../json.ts';
import type { AskOptions, Reply } from '../runtime.ts';

/** A command for an entity of another cell, on its way. */
export interface PendingCommand {
  readonly key: string;
  readonly to: EntityId;
  readonly command: unknown;
  readonly options: Pick<AskOptions, 'commandId' | 'by' | 'permissions'>;
  readonly sinceMs: number;
  /** From then on it is not sent any more. */
  readonly expiresAtMs: number;
  state: 'waiting' | 'sent';
  /** Once sent, nobody here knows whether it was carried out until it is answered. */
  everSent: boolean;
  readonly waiters: ((reply: Reply) => void)[];
}

/** What people see of it. */
export interface PendingView {
  readonly commandId: CommandId;
  readonly kind: string;
  readonly by: string;
  readonly sinceMs: number;
  readonly expiresAtMs: number;
  readonly state: 'waiting' | 'sent';
  readonly [key: string]: Json;
}

export interface Offered {
  readonly to: EntityId;
  readonly command: unknown;
  readonly options: Pick<AskOptions, 'commandId' | 'by' | 'permissions'>;
  readonly nowMs: number;
  readonly ttlMs: number;
}

/**
 * Commands that wait for a link, or for their answer over it. Each is sent until it is answered or past its time: the cell
 * carries it out once, however often it comes, for its id is in the cell's journal. Who repeats one that waits here joins it.
 * Pure but for those who wait.
 */
export class PendingCommands {
  readonly #capacity: number;
  readonly #commands = new Map<string, PendingCommand>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#commands.size;
  }

  /** Undefined: as many wait as may. */
  offer({ to, command, options, nowMs, ttlMs }: Offered): PendingCommand | undefined {
    const key = `${to} ${options.by.user} ${options.commandId}`;
    const known = this.#commands.get(key);
    if (known) return known;
    if (this.#commands.size >= this.#capacity) return undefined;
    const { commandId, by, permissions } = options;
    const pending: PendingCommand = {
      key,
      to,
      command,
      options: { commandId, by, permissions },
      sinceMs: nowMs,
      expiresAtMs: nowMs + ttlMs,
      state: 'waiting',
      everSent: false,
      waiters: [],
    };
    this.#commands.set(key, pending);
    return pending;
  }

  /** Those to be sent now, in the order in which they came; from here on they count as sent. */
  take(nowMs: number): PendingCommand[] {
    const due: PendingCommand[] = [];
    for (const pending of this.#commands.values()) {
      if (pending.state !== 'waiting' || pending.expiresAtMs <= nowMs) continue;
      pending.state = 'sent';
      pending.everSent = true;
      due.push(pending);
    }
    return due;
  }

  /** It could not be delivered, or nobody knows: it is sent again. */
  returned(pending: PendingCommand): void {
    if (this.#commands.get(pending.key) === pending) pending.state = 'waiting';
  }

  answered(pending: PendingCommand, reply: Reply): void {
    if (this.#commands.get(pending.key) !== pending) return;
    this.#commands.delete(pending.key);
    for (const tell of pending.waiters) tell(reply);
  }

  /** Ends those that are past their time; one that is on its way has until its answer is overdue. */
  expire(nowMs: number): PendingCommand[] {
    const expired: PendingCommand[] = [];
    for (const pending of this.#commands.values()) {
      if (pending.state !== 'waiting' || pending.expiresAtMs > nowMs) continue;
      expired.push(pending);
      this.answered(pending, expiryOf(pending));
    }
    return expired;
  }

  /** By entity. */
  views(): Map<EntityId, PendingView[]> {
    const views = new Map<EntityId, PendingView[]>();
    for (const { to, command, options, sinceMs, expiresAtMs, state } of this.#commands.values()) {
      const view = {
        commandId: options.commandId,
        kind: kindOfCommand(command),
        by: options.by.user,
        sinceMs,
        expiresAtMs,
        state,
      };
      const others = views.get(to);
      if (others) others.push(view);
      else views.set(to, [view]);
    }
    return views;
  }
}

function expiryOf({ everSent, options }: PendingCommand): Reply {
  // Never say that nothing happened where nobody knows.
  return everSent
    ? {
        ok: false,
        code: 'TIMEOUT',
        message: `sent, and not answered before the link was lost: repeat ${options.commandId} to learn what became of it`,
      }
    : { ok: false, code: 'EXPIRED', message: 'the link to its cell was down for too long: it was never sent' };
}

export function kindOfCommand(command: unknown): string {
  const kind: unknown = typeof command === 'object' && command !== null ? Reflect.get(command, 'kind') : undefined;
  return typeof kind === 'string' ? kind : '';
}
