import modbusSerial from 'modbus-serial';
import { type Answer, CONNECTION_LOST, type Failure, NOT_CONNECTED, PROTOCOL_ERROR, TIMEOUT } from './failure.ts';
import type { ModbusPort } from './modbus-port.ts';
import type { Area } from './planner.ts';

/**
 * One open link: modbus-serial over one of our ports, with what the library leaves open. Every request is answered exactly
 * once, and at once when the link goes (the library would wait for the time-out).
 */
export class ModbusClient {
  readonly #port: ModbusPort;
  readonly #modbus: InstanceType<typeof modbusSerial.default>;
  readonly #inFlight = new Set<Settle>();
  #closed = false;
  #garbage = false;
  #noise = false;

  constructor(port: ModbusPort, timeoutMs: number, onClose: (cause: 'closed' | 'garbage') => void) {
    this.#port = port;
    this.#modbus = new modbusSerial.default(port);
    this.#modbus.setTimeout(timeoutMs);
    this.#modbus.on('error', () => this.close());
    port.on('garbage', () => {
      this.#garbage = true;
    });
    port.on('noise', () => {
      this.#noise = true;
    });
    port.on('close', () => {
      const first = !this.#closed;
      this.#end();
      if (first) onClose(this.#garbage ? 'garbage' : 'closed');
    });
  }

  get lateReplies(): number {
    return this.#port.lateReplies;
  }

  /** Rejects with the system's error (`code: ECONNREFUSED`, …). */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#modbus.open((error?: Error | null) => (error ? reject(error) : resolve()));
    });
  }

  /** `done` is called once, never before this returns. */
  send(unit: number, operation: Operation, done: (answer: Answer) => void): void {
    if (this.#closed || !this.#port.isOpen) {
      queueMicrotask(() => done(NOT_CONNECTED));
      return;
    }
    const slot = this.#port._transactionIdWrite;
    let open = true;
    const settle: Settle = (answer) => {
      if (!open) return;
      open = false;
      this.#inFlight.delete(settle);
      this.#noise = false;
      this.#port.release(slot);
      done(this.#noise && answer === TIMEOUT ? PROTOCOL_ERROR : answer);
    };
    this.#inFlight.add(settle);
    this.#call(unit, operation, (error, result) =>
      settle(error ? failureOf(error) : { ok: true, data: dataOf(result) }),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#end();
    this.#port.close();
  }

  #end(): void {
    this.#closed = true;
    // Its time-outs would keep the process for as long as they are.
    this.#modbus.destroy(() => {});
    for (const settle of [...this.#inFlight]) settle(this.#garbage ? PROTOCOL_ERROR : CONNECTION_LOST);
  }

  #call(unit: number, operation: Operation, next: (error: Error | null, result?: unknown) => void): void {
    const modbus = this.#modbus;
    const { address } = operation;
    switch (operation.kind) {
      case 'read':
        modbus[READ_FUNCTION[operation.area]](unit, address, operation.count, next);
        break;
      case 'writeCoil':
        modbus.writeFC5(unit, address, operation.on, next);
        break;
      case 'writeRegister':
        modbus.writeFC6(unit, address, operation.register, next);
        break;
      case 'writeCoils':
        modbus.writeFC15(unit, address, [...operation.states], next);
        break;
      case 'writeRegisters':
        modbus.writeFC16(unit, address, [...operation.registers], next);
        break;
      case 'maskRegister':
        modbus.writeFC22(unit, address, operation.andMask, operation.orMask, next);
        break;
    }
  }
}

const READ_FUNCTION = { coil: 'writeFC1', discrete: 'writeFC2', holding: 'writeFC3', input: 'writeFC4' } as const;

/** A request, as the application protocol knows it: FC01 to 06, 15, 16 and 22. */
export type Operation =
  | { readonly kind: 'read'; readonly area: Area; readonly address: number; readonly count: number }
  | { readonly kind: 'writeCoil'; readonly address: number; readonly on: boolean }
  | { readonly kind: 'writeRegister'; readonly address: number; readonly register: number }
  | { readonly kind: 'writeCoils'; readonly address: number; readonly states: readonly boolean[] }
  | { readonly kind: 'writeRegisters'; readonly address: number; readonly registers: readonly number[] }
  | { readonly kind: 'maskRegister'; readonly address: number; readonly andMask: number; readonly orMask: number };

type Settle = (answer: Answer) => void;

const NO_DATA = new Uint8Array(0);

function dataOf(result: unknown): Uint8Array {
  return typeof result === 'object' && result !== null && 'buffer' in result && result.buffer instanceof Uint8Array
    ? result.buffer
    : NO_DATA;
}

function failureOf(error: Error): Failure {
  if ('modbusCode' in error && typeof error.modbusCode === 'number') {
    return { ok: false, kind: 'exception', exception: error.modbusCode };
  }
  if ('errno' in error && error.errno === 'ETIMEDOUT') return TIMEOUT;
  if ('errno' in error && error.errno === 'ECONNREFUSED') return CONNECTION_LOST;
  return PROTOCOL_ERROR;
}
