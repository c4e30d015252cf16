import { EventEmitter } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { crc16 } from './crc16.ts';
import type { ModbusPort } from './modbus-port.ts';
import { matchesShape, type ReplyShape, replyShape } from './reply-shape.ts';

/**
 * Modbus TCP beneath modbus-serial. In place of the library's own port because that one numbers transactions 0 to 255, so that
 * a late answer can meet a new request of the same number, and lets through what is no Modbus at all. Here transaction ids
 * run over 16 bits, a late answer is dropped and counted, and anything else that answers no question ends the connection.
 *
 * The library keeps its requests by a small number, the slot; the port maps slots to transaction ids.
 */
export class TcpPort extends EventEmitter implements ModbusPort {
  isOpen = false;
  lateReplies = 0;
  /** Slot of the reply being emitted: modbus-serial reads it. */
  _transactionIdRead = 1;
  readonly #address: TcpAddress;
  readonly #connectTimeoutMs: number;
  #socket: Socket | null = null;
  #rest: Buffer = EMPTY;
  #transaction = 0;
  #nextSlot = 0;
  readonly #slots: (Expected | null)[] = new Array<Expected | null>(SLOTS).fill(null);
  readonly #slotOfTransaction = new Map<number, number>();

  constructor(address: TcpAddress, connectTimeoutMs: number) {
    super();
    this.#address = address;
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** Slot of the next request: modbus-serial files the request under it, then calls `write`. */
  get _transactionIdWrite(): number {
    return this.#nextSlot;
  }

  set _transactionIdWrite(_slot: number) {
    // modbus-serial resets the number when it opens; slots are ours.
  }

  open(done: (error?: Error) => void): void {
    const socket = createConnection({ host: this.#address.host, port: this.#address.port, noDelay: true });
    this.#socket = socket;
    let settled = false;
    const settle = (error?: Error): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      if (error !== undefined) socket.destroy();
      done(error);
    };
    const timer = setTimeout(
      () => settle(Object.assign(new Error('no answer to the connection request'), { code: 'ETIMEDOUT' })),
      this.#connectTimeoutMs,
    );
    socket.on('connect', () => {
      // A peer that vanished without a word is found even while nothing is polled.
      socket.setKeepAlive(true, 10_000);
      this.isOpen = true;
      settle();
    });
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', settle);
    socket.on('close', () => {
      this.isOpen = false;
      settle(new Error('closed while connecting'));
      this.emit('close');
    });
  }

  write(request: Buffer): void {
    const slot = this.#nextSlot;
    const transaction = this.#transaction;
    this.#transaction = (transaction + 1) & 0xffff;
    this.#slots[slot] = { transaction, shape: replyShape(request) };
    this.#slotOfTransaction.set(transaction, slot);
    this.#nextSlot = this.#freeSlotAfter(slot);

    const length = request.length - CRC_LENGTH;
    const frame = Buffer.allocUnsafe(HEADER_LENGTH + length);
    frame.writeUInt16BE(transaction, 0);
    frame.writeUInt16BE(0, 2);
    frame.writeUInt16BE(length, 4);
    request.copy(frame, HEADER_LENGTH, 0, length);
    this.#socket?.write(frame);
  }

  release(slot: number): void {
    const expected = this.#slots[slot];
    if (expected === null || expected === undefined) return;
    this.#slots[slot] = null;
    this.#slotOfTransaction.delete(expected.transaction);
  }

  close(done?: () => void): void {
    this.isOpen = false;
    this.#socket?.destroy();
    done?.();
  }

  destroy(): void {
    this.close();
  }

  #freeSlotAfter(slot: number): number {
    for (let step = 1; step <= SLOTS; step++) {
      const candidate = (slot + step) % SLOTS;
      if (this.#slots[candidate] === null) return candidate;
    }
    throw new Error('more requests in flight than the queue allows');
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER_LENGTH) {
      const length = bytes.readUInt16BE(at + 4);
      // Messaging on TCP/IP V1.0b, 3.1.3: protocol 0; the unit and at most 253 bytes follow.
      const sound = bytes.readUInt16BE(at + 2) === 0 && length >= 3 && length <= 254;
      if (sound && bytes.length - at < HEADER_LENGTH + length) break;
      if (!sound || !this.#deliver(bytes, at, length)) {
        this.#drop();
        return;
      }
      at += HEADER_LENGTH + length;
    }
    this.#rest = at === bytes.length ? EMPTY : bytes.subarray(at);
  }

  /** False: not an answer to anything that was asked. */
  #deliver(bytes: Buffer, at: number, length: number): boolean {
    const transaction = bytes.readUInt16BE(at);
    const slot = this.#slotOfTransaction.get(transaction);
    const expected = slot === undefined ? null : this.#slots[slot];
    if (slot === undefined || expected === null || expected === undefined) {
      const age = (this.#transaction - transaction) & 0xffff;
      if (age === 0 || age > LATE_WINDOW) return false;
      this.lateReplies++;
      return true;
    }
    const start = at + HEADER_LENGTH;
    if (!matchesShape(expected.shape, bytes, start, length)) return false;
    // modbus-serial reads every reply as a serial one, checksum included.
    const reply = Buffer.allocUnsafe(length + CRC_LENGTH);
    bytes.copy(reply, 0, start, start + length);
    reply.writeUInt16LE(crc16(reply, 0, length), length);
    this._transactionIdRead = slot;
    this.emit('data', reply);
    return true;
  }

  #drop(): void {
    this.#rest = EMPTY;
    this.emit('garbage');
    this.close();
  }
}

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** modbus-serial keeps one entry a slot; the queue never has as many requests in flight. */
export const SLOTS = 256;
const LATE_WINDOW = 4096;
const HEADER_LENGTH = 6;
const CRC_LENGTH = 2;
const EMPTY = Buffer.alloc(0);

interface Expected {
  readonly transaction: number;
  readonly shape: ReplyShape;
}
