import type { AccessEvent } from '../../actors/access/events.ts';
import type { Who } from '../../runtime/actor-kind.ts';
import { type CommandId, entityId } from '../../runtime/ids.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { DriverLog } from '../driver.ts';

const ACCESS_BOOK = entityId('access', 'main');
const MAX_WAITING = 1000;
const TIMEOUT_MS = 2000;
/** Codes after which the same record can be taken later. */
const PASSING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT', 'STOPPED', 'STALE_ROUTE']);

export interface AccessRecord {
  /** Offered twice under one id, it is taken once. */
  readonly id: CommandId;
  readonly event: AccessEvent;
  readonly by: Who;
}

/**
 * The way into the access book. Records go in one by one and in order; what the journal does not take now waits, up to a
 * bound, and is offered again by `retry`.
 */
export class AccessBookWriter {
  readonly #runtime: Pick<Runtime, 'ask'>;
  readonly #log: DriverLog;
  readonly #waiting: AccessRecord[] = [];
  #writing: Promise<void> | undefined;
  #lost = 0;

  constructor(runtime: Pick<Runtime, 'ask'>, log: DriverLog) {
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Resolves when the journal has it, or has failed to take it for now. Never rejects. */
  write(record: AccessRecord): Promise<void> {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(record);
    else this.#lost++;
    return this.retry();
  }

  retry(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  /** True when the access book has it for good, or never will. */
  async offer({ id, event, by }: AccessRecord): Promise<boolean> {
    const options = { commandId: id, by, permissions: ['internal:*'], timeoutMs: TIMEOUT_MS };
    const reply = await this.#runtime.ask(ACCESS_BOOK, { kind: 'RecordAccess', event }, options);
    if (reply.ok) return true;
    const { code, message } = reply;
    const passes = PASSING.has(code);
    const what = passes ? 'is offered again' : 'is lost';
    this.#log.warn(
      { code, reason: message, kind: event.kind },
      `the audit has not taken a record of access; it ${what}`,
    );
    return !passes;
  }

  async #writeAll(): Promise<void> {
    try {
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        if (!(await this.offer(next))) return;
        this.#waiting.shift();
      }
      if (this.#lost > 0) this.#log.error({ count: this.#lost }, 'records of access came while the journal was away');
      this.#lost = 0;
    } finally {
      this.#writing = undefined;
    }
  }
}
