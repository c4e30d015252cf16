import { z } from 'zod';
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
  /** How often; once sent, nobody here knows whether it was carried out until it is answered. */
  sent: number;
  readonly waiters: ((reply: Reply) => void)[];
}

/** What people see of it. */
export interface PendingView {
  readonly commandId: CommandId;
  readonly kind: string;
  /** Of the rule that it is about, within its entity; null where it names none. */
  readonly rule: string | null;
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

  get(key: string): PendingCommand | undefined {
    return this.#commands.get(key);
  }

  /** It waits elsewhere from now on; an answer that still comes is for that place. */
  remove(pending: PendingCommand): void {
    if (this.#commands.get(pending.key) === pending) this.#commands.delete(pending.key);
  }

  /** Undefined: as many wait as may. */
  offer({ to, command, options, nowMs, ttlMs }: Offered): PendingCommand | undefined {
    const key = pendingKey(to, options);
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
      sent: 0,
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
      pending.sent++;
      due.push(pending);
    }
    return due;
  }

  /** It could not be delivered, or nobody knows: it is sent again. */
  returned(pending: PendingCommand): void {
    if (this.#commands.get(pending.key) === pending) pending.state = 'waiting';
  }

  /** False where it does not wait here any more. */
  answered(pending: PendingCommand, reply: Reply): boolean {
    if (this.#commands.get(pending.key) !== pending) return false;
    this.#commands.delete(pending.key);
    for (const tell of [...pending.waiters]) tell(reply);
    return true;
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
        ...toldOf(command),
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

function expiryOf({ sent, options }: PendingCommand): Reply {
  return sent > 0
    ? unknownEnd(options.commandId)
    : {
        ok: false,
        code: 'EXPIRED',
        message: 'the link to its cell was down for too long: it was never sent from here',
      };
}

/** Never say that nothing happened where nobody knows. */
export function unknownEnd(commandId: CommandId): Reply {
  const message = `sent, and not answered before the link was lost: repeat ${commandId} to learn what became of it`;
  return { ok: false, code: 'TIMEOUT', message };
}

/** A repeat has the same: what it is for, whose it is, and its id. */
export function pendingKey(to: EntityId, { by, commandId }: Pick<AskOptions, 'by' | 'commandId'>): string {
  return `${to} ${by.user} ${commandId}`;
}

/** What people see of a command itself. */
export function toldOf(command: unknown): Pick<PendingView, 'kind' | 'rule'> {
  const { kind, rule } = Told.safeParse(command).data ?? {};
  return { kind: kind ?? '', rule: rule ?? null };
}

const Told = z.object({ kind: z.string().optional().catch(undefined), rule: z.string().optional().catch(undefined) });
