import { EventEmitter } from 'node:events';
import type { SerialPort } from 'serialport';
import type { ModbusConnection } from '../../topology/schema/modbus.ts';
import { crc16 } from './crc16.ts';
import type { ModbusPort } from './modbus-port.ts';
import { EXCEPTION_LENGTH, type ReplyShape, replyShape } from './reply-shape.ts';

/**
 * Modbus RTU beneath modbus-serial, one request at a time. In place of the library's own port because that one keeps bytes of a
 * late answer for the next request, where RTU has no number to tell them apart, and never ends a masked write.
 *
 * A frame counts only whole, from the unit asked, with a sound checksum; noise before it is skipped.
 */
export class RtuPort extends EventEmitter implements ModbusPort {
  isOpen = false;
  lateReplies = 0;
  _transactionIdRead = 1;
  _transactionIdWrite = 1;
  readonly #settings: SerialSettings;
  #serial: SerialPort | null = null;
  #expected: ReplyShape | null = null;
  #received: Buffer = EMPTY;

  constructor(settings: SerialSettings) {
    super();
    this.#settings = settings;
  }

  open(done: (error?: Error) => void): void {
    this.#open().then(() => done(), done);
  }

  async #open(): Promise<void> {
    // Only a node with a serial bus loads the native binding.
    const { SerialPort } = await import('serialport');
    const { path, baudRate, parity, dataBits, stopBits } = this.#settings;
    const serial = new SerialPort({ path, baudRate, parity, dataBits, stopBits, autoOpen: false });
    await new Promise<void>((resolve, reject) => serial.open((error) => (error ? reject(error) : resolve())));
    this.#serial = serial;
    this.isOpen = true;
    serial.on('data', (chunk: Buffer) => this.#receive(chunk));
    serial.on('error', () => this.close());
    serial.on('close', () => {
      this.isOpen = false;
      this.emit('close');
    });
  }

  write(request: Buffer): void {
    // Whatever is still there belongs to an earlier request.
    if (this.#received.length > 0) this.lateReplies++;
    this.#received = EMPTY;
    this.#expected = replyShape(request);
    this.#serial?.write(request);
  }

  release(_slot: number): void {
    if (this.#expected !== null && this.#received.length > 0) {
      this.#received = EMPTY;
      this.emit('noise');
    }
    this.#expected = null;
  }

  close(done?: () => void): void {
    this.isOpen = false;
    const serial = this.#serial;
    if (serial?.isOpen) serial.close(() => done?.());
    else done?.();
  }

  destroy(): void {
    this.close();
  }

  #receive(chunk: Buffer): void {
    const expected = this.#expected;
    if (expected === null) {
      this.lateReplies++;
      return;
    }
    const bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    for (let start = 0; start + MIN_FRAME <= bytes.length; start++) {
      if (bytes[start] !== expected.unit) continue;
      const code = bytes[start + 1];
      const length =
        code === expected.functionCode
          ? expected.length
          : code === (expected.functionCode | 0x80)
            ? EXCEPTION_LENGTH
            : 0;
      const end = start + length;
      if (length === 0 || bytes.length < end + CRC_LENGTH) continue;
      if (bytes.readUInt16LE(end) !== crc16(bytes, start, end)) continue;
      this.#received = EMPTY;
      this.#expected = null;
      this.emit('data', bytes.subarray(start, end + CRC_LENGTH));
      return;
    }
    this.#received = bytes.length > MAX_RECEIVED ? bytes.subarray(bytes.length - MAX_RECEIVED) : bytes;
  }
}

export type SerialSettings = NonNullable<ModbusConnection['serial']>;

/** Silence between two frames: 3.5 characters, 1.75 ms from 19,200 baud on (MODBUS over serial line V1.02, 2.5.1.1). */
export function frameSilenceMs(baudRate: number): number {
  return baudRate > 19_200 ? 1.75 : (3.5 * 11 * 1000) / baudRate;
}

const MIN_FRAME = 5;
const CRC_LENGTH = 2;
/** Two frames of the greatest size: more than that without an answer is noise. */
const MAX_RECEIVED = 512;
const EMPTY = Buffer.alloc(0);
