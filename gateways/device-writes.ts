import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Who } from '../runtime/actor-kind.ts';
import { after, type Instant } from '../runtime/cluster/instant.ts';
import type { Outlet, OutletCall } from '../runtime/effects.ts';
import { ErrorWithCode, messageOf } from '../runtime/errors.ts';
import { CommandId, entityId } from '../runtime/ids.ts';
import type { Json } from '../runtime/json.ts';
import type { Reply, Runtime } from '../runtime/runtime.ts';
import type { Driver, DriverLog, WriteOutcome } from './driver.ts';
import { WriteEffect } from './write-effect.ts';
import { instantNow } from './write-fence.ts';

export interface DeviceWritesOptions {
  readonly runtime: Pick<Runtime, 'ask'>;
  readonly driverOf: (device: string) => Driver | undefined;
  readonly log: DriverLog;
  /** How long a write waits for a driver: when a device comes to this node, its actor may be there a moment before. Default 2,000. */
  readonly driverWithinMs?: number;
}

/**
 * Carries out the writes that device actors have journaled: each of them once or not at all.
 *
 * An effect is carried out at least once, a write to a device at most once. So the actor is asked right before, and commits that
 * the write is sent: whoever comes to the same effect again, after a crash or as the next owner, is told not to send it. Between
 * that commit and the driver's last look this node may have stopped owning the device, hence `mayAct`.
 */
export class DeviceWrites {
  readonly #options: DeviceWritesOptions;
  readonly #opened: Promise<void>;
  #open: () => void = () => {};

  constructor(options: DeviceWritesOptions) {
    this.#options = options;
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** The drivers are there. What was journaled before waits for it: a node recovers its actors first. */
  open(): void {
    this.#open();
  }

  readonly write: Outlet = async (body, call) => {
    const { writeId, device, point, value } = WriteEffect.parse(body);
    await orAborted(this.#opened, call.signal);
    await this.#driverIsThere(device, call);
    const deadline = await this.#release(device, writeId, call);
    if (deadline === null) return;
    const { epoch, mayAct } = call;
    const outcome = await this.#carryOut({ writeId, device, point, value, epoch, deadline, mayAct });
    await this.#report(device, outcome, call);
  };

  async #driverIsThere(device: string, { signal, mayAct }: OutletCall): Promise<void> {
    const { driverOf, driverWithinMs = DRIVER_WITHIN_MS } = this.#options;
    const endMs = performance.now() + driverWithinMs;
    while (driverOf(device) === undefined && mayAct() && !signal.aborted && performance.now() < endMs)
      await delay(DRIVER_LOOK_MS, undefined, { signal }).catch(() => undefined);
  }

  /** Until when it may be sent, or null: it is not to be, and has ended otherwise. */
  async #release(device: string, writeId: string, call: OutletCall): Promise<Instant | null> {
    // Counted from before the question, on this machine: what the answer took on its way is lost to the write.
    const askedAt = instantNow();
    const reply = await this.#ask(device, `send:${randomUUID()}:${call.id}`, { kind: 'SendWrite', writeId }, call, 0);
    if (!reply.ok) throw new ErrorWithCode(reply.code, reply.message, { retryable: PASSING.has(reply.code) });
    const { leftMs } = Released.parse(reply.result);
    return leftMs === null ? null : after(askedAt, leftMs);
  }

  async #carryOut(request: Parameters<Driver['write']>[0]): Promise<WriteOutcome> {
    const { writeId, device } = request;
    const driver = this.#options.driverOf(device);
    if (driver === undefined)
      return { writeId, state: 'failed', code: 'no_driver', message: 'no driver runs for this device' };
    try {
      return await driver.write(request);
    } catch (error) {
      // A driver never throws. One that does may have sent it all the same.
      this.#options.log.error({ device, writeId, error: messageOf(error) }, 'a driver failed over a write');
      return { writeId, state: 'timed_out', code: 'no_report', message: `the driver failed: ${messageOf(error)}` };
    }
  }

  async #report(device: string, { writeId, state, code, message }: WriteOutcome, call: OutletCall): Promise<void> {
    const command = {
      kind: 'ReportWrite',
      writeId,
      state,
      ...(code !== undefined && { code }),
      ...(message !== undefined && { message: message.slice(0, MAX_MESSAGE) }),
    };
    const reply = await this.#ask(device, `written:${writeId}`, command, call, REPORTS_AS_FORMER_OWNER);
    // Given up only at a stop: who begins the effect again finds that it was sent.
    if (!reply.ok) throw new ErrorWithCode(reply.code, reply.message, { retryable: PASSING.has(reply.code) });
  }

  /** Asks until there is an answer, while the node runs and owns the device: what was learned of a write is not dropped for a moment without a journal. */
  async #ask(
    device: string,
    commandId: string,
    command: Json,
    { signal, mayAct }: OutletCall,
    asFormerOwner: number,
  ): Promise<Reply> {
    for (let attempt = 0; ; attempt++) {
      const reply = await this.#options.runtime.ask(entityId('device', device), command, {
        commandId: CommandId.parse(commandId),
        by: BY_DRIVER,
        permissions: ['internal:*'],
      });
      if (reply.ok || !PASSING.has(reply.code) || signal.aborted) return reply;
      if (attempt >= asFormerOwner && !mayAct()) return reply;
      const pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

const BY_DRIVER: Who = { user: 'system', via: 'driver' };
const DRIVER_WITHIN_MS = 2000;
const DRIVER_LOOK_MS = 20;
const MAX_MESSAGE = 500;
/** The next owner wants to know how it ended, for a minute or so; it has said meanwhile that nobody does. */
const REPORTS_AS_FORMER_OWNER = 32;
const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2000;
/** Replies after which asking again may succeed. */
const PASSING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT', 'STOPPED', 'STALE_ROUTE']);

const Released = z.object({ leftMs: z.number().nullable() });

async function orAborted(ready: Promise<void>, signal: AbortSignal): Promise<void> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new ErrorWithCode('STOPPED', 'the node is being stopped'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    await Promise.race([ready, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
