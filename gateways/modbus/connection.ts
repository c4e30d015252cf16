import type { ModbusConnection } from '../../topology/schema/modbus.ts';
import type { LinkCode } from '../driver-codes.ts';
import { backoffMs } from './backoff.ts';
import { ModbusClient } from './client.ts';
import type { ModbusCode } from './codes.ts';
import type { ModbusPort } from './modbus-port.ts';
import { RtuPort } from './rtu-port.ts';
import { type TcpAddress, TcpPort } from './tcp-port.ts';

/**
 * The link itself: connects, tells when it is there and when it is gone, and comes back.
 *
 *   stopped → connecting ⇄ waiting
 *                 ↓  ↑
 *              connected
 *
 * With a backup address both are tried in turn, and it waits once neither answers. The pause starts anew only after a link has
 * brought an answer: a peer that accepts and closes at once is not to be hammered.
 */
export class Connection {
  readonly #settings: ModbusConnection;
  readonly #events: ConnectionEvents;
  readonly #random: () => number;
  #state: LinkState = { kind: 'stopped' };
  #failures = 0;
  #address = 0;
  #lateReplies = 0;
  #connects = 0;

  constructor(settings: ModbusConnection, events: ConnectionEvents, random: () => number = Math.random) {
    this.#settings = settings;
    this.#events = events;
    this.#random = random;
  }

  get state(): LinkState {
    return this.#state;
  }

  get lateReplies(): number {
    return this.#lateReplies + (this.#state.kind === 'connected' ? this.#state.client.lateReplies : 0);
  }

  /** Connections made since the start. */
  get connects(): number {
    return this.#connects;
  }

  start(): void {
    if (this.#state.kind === 'stopped') this.#connect();
  }

  stop(): void {
    const state = this.#state;
    this.#state = { kind: 'stopped' };
    if (state.kind === 'waiting') clearTimeout(state.timer);
    if (state.kind === 'connecting' || state.kind === 'connected') state.client.close();
  }

  /** An answer has come: the link is worth its name. */
  confirm(): void {
    this.#failures = 0;
  }

  /** Gives up a link that is silent: behind a router or a pulled cable it may be half open, and only a new one can tell. */
  drop(code: LinkCode, message: string): void {
    if (this.#state.kind !== 'connected') return;
    const { client } = this.#state;
    this.#lateReplies += client.lateReplies;
    this.#lost({ code, message });
    client.close();
  }

  #connect(): void {
    const target = this.#target();
    const client = new ModbusClient(target.port, this.#settings.timeoutMs, (cause) => this.#closed(client, cause));
    this.#state = { kind: 'connecting', address: target.name, client };
    this.#events.onChange();
    client.open().then(
      () => {
        if (this.#state.kind !== 'connecting' || this.#state.client !== client) return client.close();
        this.#state = { kind: 'connected', address: target.name, client };
        this.#connects++;
        this.#events.onUp(client);
        this.#events.onChange();
      },
      (error: unknown) => {
        if (this.#state.kind === 'connecting' && this.#state.client === client) this.#failed(linkError(error));
      },
    );
  }

  #closed(client: ModbusClient, cause: 'closed' | 'garbage'): void {
    if (this.#state.kind !== 'connected' || this.#state.client !== client) return;
    this.#lateReplies += client.lateReplies;
    this.#lost(
      cause === 'garbage'
        ? { code: 'protocol_error', message: 'the peer sent what is no answer to any request; the link was dropped' }
        : { code: 'connection_lost', message: 'the peer closed the connection' },
    );
  }

  #lost(error: LinkError): void {
    this.#failures++;
    this.#address = 0;
    this.#wait(error);
    this.#events.onDown(error);
    this.#events.onChange();
  }

  #failed(error: LinkError): void {
    this.#address++;
    const next = this.#address < this.#addresses().length;
    if (next) {
      this.#connect();
    } else {
      this.#address = 0;
      this.#failures++;
      this.#wait(error);
    }
    this.#events.onDown(error);
    this.#events.onChange();
  }

  #wait(error: LinkError): void {
    const pauseMs = backoffMs(this.#failures, this.#settings.reconnect, this.#random);
    const timer = setTimeout(() => this.#connect(), pauseMs);
    this.#state = { kind: 'waiting', nextAttemptAtMs: Date.now() + pauseMs, error, timer };
  }

  #addresses(): TcpAddress[] {
    const { tcp } = this.#settings;
    if (tcp === undefined) return [];
    return tcp.backup === undefined ? [tcp] : [tcp, tcp.backup];
  }

  #target(): { name: string; port: ModbusPort } {
    const { serial, timeoutMs } = this.#settings;
    if (serial !== undefined) return { name: serial.path, port: new RtuPort(serial) };
    const address = this.#addresses()[this.#address];
    if (address === undefined) throw new Error('a connection needs tcp or serial');
    // Within the 5 s in which an absent device has to be shown.
    const connectTimeoutMs = Math.min(Math.max(timeoutMs, 1000), 4000);
    return { name: `${address.host}:${address.port}`, port: new TcpPort(address, connectTimeoutMs) };
  }
}

export type LinkState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'connecting'; readonly address: string; readonly client: ModbusClient }
  | { readonly kind: 'connected'; readonly address: string; readonly client: ModbusClient }
  | {
      readonly kind: 'waiting';
      readonly nextAttemptAtMs: number;
      readonly error: LinkError;
      readonly timer: NodeJS.Timeout;
    };

export interface LinkError {
  readonly code: LinkCode | ModbusCode;
  readonly message: string;
}

export interface ConnectionEvents {
  readonly onUp: (client: ModbusClient) => void;
  /** The link is gone, or an attempt to make it has failed. */
  readonly onDown: (error: LinkError) => void;
  readonly onChange: () => void;
}

const CODES: Readonly<Record<string, LinkError['code']>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_lost',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'host_unreachable',
  ENETUNREACH: 'host_unreachable',
  EHOSTDOWN: 'host_unreachable',
  ENOTFOUND: 'host_not_found',
  EAI_AGAIN: 'host_not_found',
  ERR_MODULE_NOT_FOUND: 'modbus_serial_unavailable',
};

function linkError(error: unknown): LinkError {
  if (!(error instanceof Error)) return { code: 'connection_failed', message: String(error) };
  const system = 'code' in error && typeof error.code === 'string' ? CODES[error.code] : undefined;
  // serialport has no codes, only sentences.
  const serial = /no such file/i.test(error.message)
    ? 'modbus_serial_not_found'
    : /permission denied/i.test(error.message)
      ? 'modbus_serial_not_permitted'
      : undefined;
  return { code: system ?? serial ?? 'connection_failed', message: error.message };
}
