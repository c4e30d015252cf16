import type { PointValue } from '../../actors/frame.ts';
import { after, isPast } from '../../runtime/cluster/instant.ts';
import type { DriverHost, WriteOutcome, WriteRequest } from '../driver.ts';
import type { DriverCode } from '../driver-codes.ts';
import { instantNow, isRefusal, notSent } from '../write-fence.ts';
import type { Operation } from './client.ts';
import type { Decoded, Encoded, PointCodec } from './codec.ts';
import { type Answer, EXCEPTION, exceptionCode, failureCode } from './failure.ts';
import type { RequestQueue } from './request-queue.ts';

/**
 * Carries out one write: checked, fenced, sent once, answered, read back.
 *
 * A write is sent at most once. After a time-out or a lost link it may or may not have been carried out; only reading back can
 * tell, and repeating it late could undo what somebody has done since. A device that refuses (busy, function unknown) has not
 * carried it out, so that the same write may be sent in another form.
 */
export class WriteExecutor {
  readonly #queue: RequestQueue;
  readonly #fence: DriverHost['writeFence'];
  readonly #chains = new Map<number, Promise<unknown>>();
  readonly #waiting = new Map<number, number>();
  readonly #maskRefused = new Set<number>();

  constructor(queue: RequestQueue, fence: DriverHost['writeFence']) {
    this.#queue = queue;
    this.#fence = fence;
  }

  /** Never rejects. Writes to one unit run one after the other: a bit is changed by reading and writing its register. */
  execute(target: WriteTarget, request: WriteRequest): Promise<WriteOutcome> {
    const { unit } = target;
    const refused = this.#check(target, request);
    if (refused !== null) return Promise.resolve(refused);
    const waiting = this.#waiting.get(unit) ?? 0;
    if (waiting >= WRITES_PER_UNIT) {
      return Promise.resolve(failed(request, 'queue_full', `${waiting} writes wait for unit ${unit}`));
    }
    this.#waiting.set(unit, waiting + 1);
    const outcome = (this.#chains.get(unit) ?? Promise.resolve()).then(() => this.#carryOut(target, request));
    const settled = outcome.finally(() => this.#waiting.set(unit, (this.#waiting.get(unit) ?? 1) - 1));
    this.#chains.set(unit, settled);
    return settled;
  }

  /** Resolves when nothing is under way. */
  async drain(): Promise<void> {
    await Promise.all(this.#chains.values());
  }

  #check(target: WriteTarget, request: WriteRequest): WriteOutcome | null {
    const { codec, limits } = target;
    if (codec.area === 'input' || codec.area === 'discrete') {
      return failed(request, 'not_writable', `the area ${codec.area} is read-only`);
    }
    for (const { min, max, what } of limits) {
      if (typeof request.value !== 'number') break;
      if ((min !== undefined && request.value < min) || (max !== undefined && request.value > max)) {
        const range = `${min ?? '-∞'} … ${max ?? '∞'}`;
        return failed(request, 'out_of_range', `${request.value} is outside of the ${what}, ${range}`);
      }
    }
    const encoded = codec.encode(request.value);
    if (encoded.kind === 'invalid') return failed(request, encoded.code, encoded.message);
    if (encoded.kind === 'registers' && encoded.registers.length > MAX_REGISTERS) {
      return failed(request, 'out_of_range', `one write takes at most ${MAX_REGISTERS} registers`);
    }
    const fenced = this.#fence.refusal(request);
    return fenced === null ? null : notSent(request, fenced);
  }

  async #carryOut(target: WriteTarget, request: WriteRequest): Promise<WriteOutcome> {
    const encoded = target.codec.encode(request.value);
    if (encoded.kind === 'invalid') return failed(request, encoded.code, encoded.message);
    let answer = await this.#send(target, request, encoded);
    while (isException(answer, EXCEPTION.busy) && hasTimeFor(request, BUSY_PAUSE_MS)) {
      await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS));
      answer = await this.#send(target, request, encoded);
    }
    return this.#judge(target, request, encoded, answer);
  }

  async #judge(target: WriteTarget, request: WriteRequest, encoded: Sendable, answer: Answer): Promise<WriteOutcome> {
    const { writeId } = request;
    const pending = isException(answer, EXCEPTION.acknowledge);
    if (answer.ok || pending) {
      if (!target.readBack)
        return pending
          ? acknowledged(request, exceptionCode(EXCEPTION.acknowledge))
          : { writeId, state: 'acknowledged' };
      return this.#verify(target, request, encoded, pending);
    }
    const code = failureCode(answer);
    if (answer.kind === 'cancelled')
      return isRefusal(code) ? notSent(request, code) : failed(request, code, 'not sent');
    if (answer.kind === 'exception')
      return failed(request, code, `the device refused with exception ${code.slice(-2)}`);
    // Sent, but unanswered: only the device knows.
    const held =
      target.readBack && answer.kind !== 'connection_lost' ? await this.#readBack(target, request, encoded) : null;
    if (held?.matches) return { writeId, state: 'verified', code: 'answer_lost', readBack: held.value };
    const readBack = held === null ? {} : { readBack: held.value };
    return {
      writeId,
      state: 'timed_out',
      code,
      message: 'sent, but not answered: the device may or may not have carried it out',
      ...readBack,
    };
  }

  async #verify(
    target: WriteTarget,
    request: WriteRequest,
    encoded: Sendable,
    pending: boolean,
  ): Promise<WriteOutcome> {
    const { writeId } = request;
    const settledMs = performance.now() + SETTLE_MS;
    for (;;) {
      const held = await this.#readBack(target, request, encoded);
      if (held?.matches) return { writeId, state: 'verified', readBack: held.value };
      // Exception 05: accepted, carried out later. It is given until the deadline. A gateway may show the old value for a moment.
      const mayYet = pending || (held !== null && performance.now() < settledMs);
      if (mayYet && hasTimeFor(request, READ_PAUSE_MS)) {
        await new Promise((resolve) => setTimeout(resolve, READ_PAUSE_MS));
        continue;
      }
      if (held === null) return acknowledged(request, 'read_back_failed');
      const message = `the device confirmed the write but holds ${JSON.stringify(held.value)}`;
      return { writeId, state: 'failed', code: 'read_back_differs', message, readBack: held.value };
    }
  }

  async #readBack(
    target: WriteTarget,
    request: WriteRequest,
    encoded: Sendable,
  ): Promise<{ matches: boolean; value: PointValue } | null> {
    const { codec } = target;
    const answer = await this.#read(target, request);
    if (!answer.ok) return null;
    const held: Decoded = { value: null, quality: 'BAD', reason: null };
    codec.decode(answer.data, 0, held);
    return { matches: holds(encoded, answer.data), value: held.value };
  }

  #read(target: WriteTarget, request: WriteRequest): Promise<Answer> {
    const { area, address, count } = target.codec;
    // Ahead of the polls as part of the write, and harmless when late, but no longer of use.
    return this.#ask(target.unit, { kind: 'read', area, address, count }, () =>
      isPast(request.deadline, instantNow()) ? 'deadline_passed' : null,
    );
  }

  async #send(target: WriteTarget, request: WriteRequest, encoded: Sendable): Promise<Answer> {
    const { codec, unit } = target;
    const { address } = codec;
    const write: Write = (operation) => this.#ask(unit, operation, () => this.#fence.refusal(request));

    if (encoded.kind === 'registerBit') return this.#writeBit(target, request, encoded, write);
    if (encoded.kind === 'coil') {
      const answer = await write({ kind: 'writeCoil', address, on: encoded.on });
      if (!isException(answer, EXCEPTION.illegalFunction)) return answer;
      return write({ kind: 'writeCoils', address, states: [encoded.on] });
    }
    const [register] = encoded.registers;
    if (register !== undefined && encoded.registers.length === 1) return writeRegister(write, address, register);
    return write({ kind: 'writeRegisters', address, registers: encoded.registers });
  }

  /** FC22 changes one bit within the device; reading and writing back could overwrite what the device changes meanwhile. */
  async #writeBit(
    target: WriteTarget,
    request: WriteRequest,
    { bit, on }: Extract<Encoded, { kind: 'registerBit' }>,
    write: Write,
  ): Promise<Answer> {
    const { address } = target.codec;
    const mask = 1 << bit;
    if (!this.#maskRefused.has(target.unit)) {
      const answer = await write({
        kind: 'maskRegister',
        address,
        andMask: ~mask & 0xffff,
        orMask: on ? mask : 0,
      });
      if (!isException(answer, EXCEPTION.illegalFunction)) return answer;
      this.#maskRefused.add(target.unit);
    }
    const held = await this.#read(target, request);
    if (!held.ok) return { ok: false, kind: 'cancelled', code: failureCode(held) };
    const register = registerAt(held.data, 0);
    return writeRegister(write, address, on ? register | mask : register & ~mask & 0xffff);
  }

  #ask(unit: number, operation: Operation, refuse: () => DriverCode | null): Promise<Answer> {
    return new Promise((done) => this.#queue.write(unit, { operation, retries: 0, refuse, done }));
  }
}

export interface WriteTarget {
  readonly unit: number;
  readonly codec: PointCodec;
  readonly readBack: boolean;
  readonly limits: readonly {
    readonly min?: number | undefined;
    readonly max?: number | undefined;
    readonly what: string;
  }[];
}

export function failed(request: WriteRequest, code: DriverCode, message: string): WriteOutcome {
  return { writeId: request.writeId, state: 'failed', code, message };
}

type Write = (operation: Operation) => Promise<Answer>;

/** FC06, or FC16 where the device does not know it. */
async function writeRegister(write: Write, address: number, register: number): Promise<Answer> {
  const answer = await write({ kind: 'writeRegister', address, register });
  if (!isException(answer, EXCEPTION.illegalFunction)) return answer;
  return write({ kind: 'writeRegisters', address, registers: [register] });
}

type Sendable = Exclude<Encoded, { kind: 'invalid' }>;

const WRITES_PER_UNIT = 64;
/** Modbus application protocol V1.1b3, 6.12. */
const MAX_REGISTERS = 123;
const BUSY_PAUSE_MS = 100;
const READ_PAUSE_MS = 100;
/** The next write to the device waits meanwhile. */
const SETTLE_MS = 500;

function hasTimeFor({ deadline }: WriteRequest, ms: number): boolean {
  return !isPast(deadline, after(instantNow(), ms));
}

function acknowledged(request: WriteRequest, code: DriverCode): WriteOutcome {
  return { writeId: request.writeId, state: 'acknowledged', code };
}

function isException(answer: Answer, exception: number): boolean {
  return !answer.ok && answer.kind === 'exception' && answer.exception === exception;
}

/** Compared as the device holds it, so that rounding to its resolution is no difference. */
function holds(encoded: Sendable, data: Uint8Array): boolean {
  switch (encoded.kind) {
    case 'coil':
      return (((data[0] ?? 0) & 1) === 1) === encoded.on;
    case 'registerBit':
      return (((registerAt(data, 0) >> encoded.bit) & 1) === 1) === encoded.on;
    case 'registers':
      return encoded.registers.every((register, i) => registerAt(data, i) === register);
  }
}

function registerAt(data: Uint8Array, index: number): number {
  return ((data[2 * index] ?? 0) << 8) | (data[2 * index + 1] ?? 0);
}
