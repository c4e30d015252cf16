import type { NodeId } from 'node-opcua-client';
import { after, earlier, type Instant, isPast } from '../../runtime/cluster/instant.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import type { DriverHost, WriteOutcome, WriteRequest } from '../driver.ts';
import type { DriverCode } from '../driver-codes.ts';
import { notSent } from '../write-fence.ts';
import { faultOf, withDeadline } from './errors.ts';
import type { Item } from './layout.ts';
import { sampleOf } from './samples.ts';
import type { FieldSession } from './session.ts';
import { reasonOfStatus } from './status.ts';
import { encodeForWrite, sameValue } from './values.ts';

const VALUE_ATTRIBUTE = 13;
const READ_PAUSE_MS = 100;
/** The next write to the device waits meanwhile. */
const SETTLE_MS = 500;
/** Writes of one device that may wait behind each other. */
const MAX_WAITING = 100;

/** Where a write goes, as the link stands at this moment. */
export interface WriteTarget {
  readonly session: FieldSession;
  readonly item: Item;
  readonly nodeId: string;
}

export interface WritesOptions {
  readonly definition: (device: string) => DeviceDefinition | undefined;
  /** Null while the link is down or the server does not know the node. */
  readonly target: (device: string, point: string) => WriteTarget | null;
  readonly nodeId: (text: string) => NodeId;
  readonly fence: DriverHost['writeFence'];
  readonly now: () => Instant;
}

/**
 * Carries out writes: one after the other per device, only to points that allow it, only values that the node's type takes,
 * only in time and only for the newest owner. A write is sent once or not at all; nothing is kept for later.
 */
export class Writes {
  readonly #options: WritesOptions;
  readonly #tails = new Map<string, { waiting: number; last: Promise<unknown> }>();

  constructor(options: WritesOptions) {
    this.#options = options;
  }

  get waiting(): number {
    let count = 0;
    for (const tail of this.#tails.values()) count += tail.waiting;
    return count;
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    const refusal = this.#refusal(request);
    if (refusal !== null) return refusal;
    const tail = this.#tails.get(request.device) ?? { waiting: 0, last: Promise.resolve() };
    if (tail.waiting >= MAX_WAITING)
      return failed(request, 'queue_full', `${MAX_WAITING} writes wait for ${request.device}`);
    tail.waiting += 1;
    this.#tails.set(request.device, tail);
    const outcome = tail.last
      .then(() => this.#carryOut(request))
      .catch((error: unknown) => {
        const fault = faultOf(error);
        return failed(request, fault.code, fault.message);
      });
    tail.last = outcome;
    const result = await outcome;
    tail.waiting -= 1;
    if (tail.waiting === 0) this.#tails.delete(request.device);
    return result;
  }

  /** Resolves when no write is under way. */
  async drain(): Promise<void> {
    await Promise.all([...this.#tails.values()].map((tail) => tail.last));
  }

  #refusal(request: WriteRequest): WriteOutcome | null {
    const device = this.#options.definition(request.device);
    if (device === undefined)
      return failed(request, 'unknown_device', `no device ${request.device} on this connection`);
    const point = device.points.find(({ name }) => name === request.point);
    if (point === undefined) return failed(request, 'unknown_point', `${request.device} has no point ${request.point}`);
    const { writable } = point;
    if (writable === undefined)
      return failed(request, 'not_writable', `${request.point} is not on the list of writable points`);
    if (typeof request.value === 'number') {
      const min = writable.min ?? point.range?.min ?? Number.NEGATIVE_INFINITY;
      const max = writable.max ?? point.range?.max ?? Number.POSITIVE_INFINITY;
      if (!(request.value >= min && request.value <= max))
        return failed(request, 'out_of_range', `${request.value} is outside ${min} to ${max}`);
    }
    return this.#fence(request);
  }

  #fence(request: WriteRequest): WriteOutcome | null {
    const refusal = this.#options.fence.refusal(request);
    return refusal === null ? null : notSent(request, refusal);
  }

  async #carryOut(request: WriteRequest): Promise<WriteOutcome> {
    const target = this.#options.target(request.device, request.point);
    if (target === null) return failed(request, 'not_connected', 'the server or the node is not reachable');
    const { session, item, nodeId } = target;
    if (item.failure !== null) return failed(request, item.failure, `the server gives no ${item.nodeText}`);
    const dataType = await this.#within(
      request,
      session.getBuiltInDataType(this.#options.nodeId(nodeId)),
      'reading the data type',
    );
    if (typeof dataType !== 'number')
      return dataType.code === 'timeout' ? notSent(request, 'deadline_passed') : dataType;
    const encoded = encodeForWrite(request.value, dataType, item.mapping);
    if ('code' in encoded) return failed(request, encoded.code, encoded.message);
    // While it waited its turn, its time may have run out, or a newer owner have come.
    const overtaken = this.#fence(request);
    if (overtaken !== null) return overtaken;
    const status = await this.#answered(
      request,
      session.write({
        nodeId,
        attributeId: VALUE_ATTRIBUTE,
        value: { value: { dataType: encoded.dataType, value: encoded.value } },
      }),
    );
    if (isOutcome(status)) return status;
    if (status.isNotGood() && !status.isGoodish())
      return failed(request, reasonOfStatus(status.name), status.description);
    return await this.#verify(request, target, dataType);
  }

  async #verify(
    request: WriteRequest,
    { session, item, nodeId }: WriteTarget,
    dataType: number,
  ): Promise<WriteOutcome> {
    const point = this.#options.definition(request.device)?.points.find(({ name }) => name === request.point);
    if (point?.writable?.readBack !== true) return { writeId: request.writeId, state: 'acknowledged' };
    const { writeId } = request;
    const settled = after(this.#options.now(), SETTLE_MS);
    for (;;) {
      const reading = session.read({ nodeId, attributeId: VALUE_ATTRIBUTE });
      const answer = await this.#within(request, reading, 'reading back');
      if (isOutcome(answer)) return unverified(request, answer.message);
      const sample = sampleOf(item, answer);
      if (sample.quality === 'BAD') return unverified(request, sample.reason);
      if (sameValue(request.value, sample.value, dataType, item.mapping))
        return { writeId, state: 'verified', readBack: sample.value };
      const next = after(this.#options.now(), READ_PAUSE_MS);
      // A server that passes the write on to its device shows the old value for a moment.
      if (isPast(earlier(settled, request.deadline), next)) {
        const message = `the device shows ${JSON.stringify(sample.value)}`;
        return { ...failed(request, 'read_back_differs', message), readBack: sample.value };
      }
      await new Promise((resolve) => setTimeout(resolve, READ_PAUSE_MS));
    }
  }

  /** The answer to what was sent, or how the write ends without: once it has left, only an answer can say that nothing came of it. */
  async #answered<T>(request: WriteRequest, work: Promise<T>): Promise<T | WriteOutcome> {
    const outcome = await this.#within(request, work, 'the answer');
    if (!isOutcome(outcome) || outcome.code === undefined || !LOST.has(outcome.code)) return outcome;
    const message = `${outcome.message ?? ''}; the device may or may not have carried it out`;
    return { writeId: request.writeId, state: 'timed_out', code: outcome.code, message };
  }

  /** The result, or how the write ends because there is none. */
  async #within<T>(request: WriteRequest, work: Promise<T>, what: string): Promise<T | WriteOutcome> {
    const { deadline } = request;
    const now = this.#options.now();
    const leftMs = Math.max(1, Math.min(deadline.monoMs - now.monoMs, deadline.wallMs - now.wallMs));
    try {
      return await withDeadline(work, leftMs, what);
    } catch (error) {
      const fault = faultOf(error);
      return failed(request, fault.code, fault.message);
    }
  }
}

/** Without a word of the server. */
const LOST: ReadonlySet<string> = new Set(['timeout', 'connection_lost']);

function isOutcome(result: unknown): result is WriteOutcome {
  return typeof result === 'object' && result !== null && 'writeId' in result;
}

function unverified({ writeId }: WriteRequest, message: string | null | undefined): WriteOutcome {
  return { writeId, state: 'acknowledged', code: 'read_back_failed', message: message ?? '' };
}

function failed(request: WriteRequest, code: DriverCode, message: string): WriteOutcome {
  return { writeId: request.writeId, state: 'failed', code, message };
}
