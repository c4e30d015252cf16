import type { EventEmitter } from 'node:events';

/**
 * What modbus-serial asks of the transport beneath it (its `TestPort` shows the form): requests and replies are serial frames,
 * unit first, checksum last. Emits `data` with one whole reply, `close`, `garbage` when the peer sent something that is no
 * answer, after which the port closes by itself (TCP), and `noise` when a request ended with bytes that made no reply (serial).
 */
export interface ModbusPort extends EventEmitter {
  readonly isOpen: boolean;
  _transactionIdRead: number;
  _transactionIdWrite: number;
  /** Replies that came after their time-out and were dropped. */
  readonly lateReplies: number;
  open(done: (error?: Error) => void): void;
  write(request: Buffer): void;
  /** The request in this slot has been answered or given up. */
  release(slot: number): void;
  close(done?: () => void): void;
  destroy(): void;
}
