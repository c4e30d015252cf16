import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { AccessEvent } from '../../actors/access/events.ts';
import type { Who } from '../../runtime/actor-kind.ts';
import { CommandId, type EntityId } from '../../runtime/ids.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { TokenChange } from '../../runtime/token-store.ts';
import type { DriverLog } from '../driver.ts';
import { AccessBookWriter } from './access-book.ts';
import type { Authenticator, Identity, RefusedLogIn } from './authenticator.ts';
import { Occurrences } from './occurrences.ts';

/**
 * What anybody can bring about as often as they like is told apart by who and what, so many kinds a window, and each makes at
 * most two rows of it. A flood of refusals makes some 17,000 rows a day and no more.
 */
const WINDOW_MS = 600_000;
const REFUSALS_PER_WINDOW = 30;
/** A log-in takes a valid token, and a whole shift may come at once. */
const LOG_INS_PER_WINDOW = 1000;

const TICK_MS = 2000;
const CHANGES_AT_ONCE = 100;
const MAX_ADDRESS = 64;
const MAX_TEXT = 240;

type Countable = Extract<AccessEvent, { readonly times: number; readonly address: string | null }>;
type Uncounted<Event> = Event extends Countable ? Omit<Event, 'times' | 'sinceMs'> : never;
/** What happened, without how often. */
interface Happening {
  readonly event: Uncounted<Countable>;
  readonly by: Who;
}

/** Somebody who may not do what they want to do. */
export interface Refusal {
  readonly identity: Identity;
  readonly address: string;
  readonly via: 'http' | 'websocket';
  /** The request, the subscription or the command; without anything secret. */
  readonly wanted: string;
  readonly reason: string;
}

export interface AccessAuditOptions {
  readonly runtime: Pick<Runtime, 'ask'>;
  readonly tokens: Authenticator;
  readonly log: DriverLog;
  readonly now?: () => number;
}

/**
 * Takes into the audit who came in, who was turned away and what became of tokens. Log-ins and refusals it is told of; what
 * happened to tokens, also beside this process or while it was down, the token store keeps for it.
 */
export class AccessAudit {
  readonly #book: AccessBookWriter;
  readonly #tokens: Authenticator;
  readonly #log: DriverLog;
  readonly #now: () => number;
  readonly #logIns = new Occurrences<Happening>({ windowMs: WINDOW_MS, kinds: LOG_INS_PER_WINDOW });
  readonly #refusedLogIns = new Occurrences<Happening>({ windowMs: WINDOW_MS, kinds: REFUSALS_PER_WINDOW });
  readonly #refusals = new Occurrences<Happening>({ windowMs: WINDOW_MS, kinds: REFUSALS_PER_WINDOW });
  #takingChanges: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopListening: () => void = () => {};

  constructor({ runtime, tokens, log, now = Date.now }: AccessAuditOptions) {
    this.#book = new AccessBookWriter(runtime, log);
    this.#tokens = tokens;
    this.#log = log;
    this.#now = now;
  }

  start(): void {
    this.#stopListening = this.#tokens.onRefused((refused) => this.#refusedLogIn(refused));
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    void this.takeTokenChanges();
  }

  /** A browser was given a session. Resolves when the audit has it, or cannot take it now. */
  loggedIn({ tokenId, user, role }: Identity, address: string): Promise<void> {
    const event = { kind: 'LoggedIn', address: cut(address, MAX_ADDRESS), tokenId, role } as const;
    return this.#happened(this.#logIns, `in ${tokenId} ${address}`, { event, by: { user, via: 'http' } });
  }

  loggedOut({ tokenId, user }: Identity, address: string): Promise<void> {
    const event = { kind: 'LoggedOut', address: cut(address, MAX_ADDRESS), tokenId } as const;
    return this.#happened(this.#logIns, `out ${tokenId} ${address}`, { event, by: { user, via: 'http' } });
  }

  refused({ identity, address, via, wanted, reason }: Refusal): void {
    const { tokenId, role, user } = identity;
    const event = {
      kind: 'PermissionRefused',
      address: cut(address, MAX_ADDRESS),
      tokenId,
      role,
      wanted: cut(wanted, MAX_TEXT),
      reason: cut(reason, MAX_TEXT),
    } as const;
    void this.#happened(this.#refusals, `${tokenId} ${via} ${wanted}`, { event, by: { user, via } });
  }

  /** Somebody had an entity restarted. Resolves when the audit has it, or cannot take it now. */
  restarted({ tokenId, user }: Identity, address: string, entity: EntityId, outcome: string): Promise<void> {
    const event = { kind: 'EntityRestarted', address: cut(address, MAX_ADDRESS), tokenId, entity, outcome } as const;
    return this.#write(event, { user, via: 'http' });
  }

  /** Brings what became of tokens into the audit, from wherever it was done. Never rejects. */
  takeTokenChanges(): Promise<void> {
    // One after the other: whoever has just changed a token waits until a round that began after that is done.
    this.#takingChanges = this.#takingChanges.then(() => this.#takeTokenChanges());
    return this.#takingChanges;
  }

  /** What is due by now; called by a timer. */
  tick(): void {
    const nowMs = this.#now();
    for (const occurrences of [this.#logIns, this.#refusedLogIns, this.#refusals]) {
      if (occurrences.isOver(nowMs)) this.#endWindow(occurrences);
    }
    void this.#book.retry();
    void this.takeTokenChanges();
  }

  /** Writes down what was counted so far. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopListening();
    for (const occurrences of [this.#logIns, this.#refusedLogIns, this.#refusals]) this.#endWindow(occurrences);
    await this.#book.retry();
    await this.takeTokenChanges();
  }

  #refusedLogIn({ code, address, token }: RefusedLogIn): void {
    const event = {
      kind: 'LogInRefused',
      address: cut(address, MAX_ADDRESS),
      tokenId: token?.id ?? null,
      code,
    } as const;
    const by = { user: token?.name ?? 'unknown', via: 'http' } as const;
    void this.#happened(this.#refusedLogIns, `${address} ${code} ${token?.id ?? ''}`, { event, by });
  }

  #happened(occurrences: Occurrences<Happening>, kind: string, happening: Happening): Promise<void> {
    const nowMs = this.#now();
    if (occurrences.isOver(nowMs)) this.#endWindow(occurrences);
    if (!occurrences.isFirst(kind, happening, nowMs)) return Promise.resolve();
    return this.#write({ ...happening.event, times: 1, sinceMs: nowMs }, happening.by);
  }

  #endWindow(occurrences: Occurrences<Happening>): void {
    const { repeated, omitted } = occurrences.end();
    for (const { sample, times, sinceMs } of repeated) void this.#write({ ...sample.event, times, sinceMs }, sample.by);
    if (omitted === undefined) return;
    const { sample, times, sinceMs } = omitted;
    void this.#write({ kind: 'AccessRecordsOmitted', of: sample.event.kind, times, sinceMs }, SYSTEM);
  }

  #write(event: AccessEvent, by: Who): Promise<void> {
    return this.#book.write({ id: CommandId.parse(randomUUID()), event, by });
  }

  async #takeTokenChanges(): Promise<void> {
    try {
      const changes = await this.#tokens.changes(CHANGES_AT_ONCE);
      const taken: string[] = [];
      for (const change of changes) {
        if (!(await this.#book.offer(recordOf(change)))) break;
        taken.push(change.id);
      }
      await this.#tokens.settleChanges(taken);
    } catch (error) {
      this.#log.warn({ err: error }, 'what became of tokens cannot be read now');
    }
  }
}

const SYSTEM: Who = { user: 'system', via: 'timer' };

function recordOf({ id, kind, timeMs, by, token }: TokenChange) {
  const { address, user, via } = by;
  const event: AccessEvent = {
    kind: kind === 'created' ? 'TokenCreated' : 'TokenRevoked',
    address,
    atMs: timeMs,
    token,
  };
  return { id: CommandId.parse(`token-change:${id}`), event, by: { user, via } };
}

/** For people to read: what a command calls itself, and the alarm or the point that it is about. */
export function wantedBy(command: unknown, entity: string): string {
  const { kind = 'a command', rule, point } = WANTED.safeParse(command).data ?? {};
  const part = rule ?? point;
  return `${kind} ${entity}${part === undefined ? '' : `:${part}`}`;
}

const WANTED = z.object({
  kind: z.string().optional().catch(undefined),
  rule: z.string().optional().catch(undefined),
  point: z.string().optional().catch(undefined),
});

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
