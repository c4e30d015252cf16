import assert from 'node:assert/strict';
import { entityId } from '../../runtime/ids.ts';
import type { JournalEntry } from '../../runtime/journal.ts';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import type { Beside } from '../cluster/plant-cell.ts';
import type { Gateway } from './operators.ts';

const POLL_MS = 1000;
const PAUSE_MS = 150;
const WRITE_SINGLE_REGISTER = 6;
const REGISTER = 10;
/** The node sends by its own clock of before; see `leaseGuardMs`. */
const LATE_MS = 300;

interface Arrived {
  readonly value: number;
  readonly atMs: number;
}

/**
 * People who write set points to Modbus devices, one write after the other, each with a value of its own; and the devices,
 * which keep what reached them and when.
 */
export class Writers {
  readonly devices: readonly string[];
  readonly #servers: readonly ModbusServer[];
  readonly #arrived: ReadonlyMap<string, Arrived[]>;
  #running: Promise<unknown> = Promise.resolve();
  #stopping = false;
  #closed = false;

  private constructor(servers: readonly ModbusServer[], arrived: ReadonlyMap<string, Arrived[]>) {
    this.#servers = servers;
    this.#arrived = arrived;
    this.devices = [...arrived.keys()];
  }

  static async open(size: number): Promise<Writers> {
    const arrived = new Map<string, Arrived[]>();
    const servers: ModbusServer[] = [];
    for (let n = 1; n <= size; n++) {
      const kept: Arrived[] = [];
      arrived.set(`plc-${n}`, kept);
      const onRequest = (_unit: number, request: Buffer) => {
        if (request.readUInt8(0) === WRITE_SINGLE_REGISTER)
          kept.push({ value: request.readUInt16BE(3), atMs: Date.now() });
      };
      servers.push(await createModbusServer({ units: new Map([[1, { holding: new Uint16Array(20) }]]), onRequest }));
    }
    return new Writers(servers, arrived);
  }

  /** Of a topology file: each device on a connection of its own, so that several nodes write. */
  get beside(): Beside {
    return {
      connections: this.#servers.map(
        ({ port }, n) =>
          `  - { id: line-${n + 1}, driver: modbus, tcp: { host: 127.0.0.1, port: ${port} }, timeoutMs: 2000, reconnect: { minMs: 100, maxMs: 500 } }`,
      ),
      devices: this.devices.map(
        (id, n) =>
          `  - { id: ${id}, name: PLC ${n + 1}, site: south, connection: line-${n + 1}, offlineAfterMs: 600000, modbus: { pollMs: ${POLL_MS} }, points: [{ name: setpoint, writable: { max: 65535 }, modbus: { address: ${REGISTER}, type: uint16 } }] }`,
      ),
    };
  }

  start(gateway: Gateway): void {
    this.#running = Promise.all(this.devices.map((device) => this.#work(gateway, device)));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  /** What has no answer by now gets none. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.stop();
    for (const server of this.#servers) await server.close();
  }

  get arrived(): number {
    return [...this.#arrived.values()].reduce((sum, all) => sum + all.length, 0);
  }

  /**
   * What reached a device was journaled before, under the epoch of its owner, and was sent once, in time; and nothing came of an
   * owner that was replaced after its successor had written.
   */
  check(entries: readonly JournalEntry[]): void {
    for (const [device, all] of this.#arrived) {
      const orders = ordersOf(device, entries);
      let highest = 0;
      const seen = new Set<number>();
      for (const { value, atMs } of all) {
        const what = `${value} that reached ${device}`;
        assert.ok(!seen.has(value), `${what} came twice`);
        seen.add(value);
        const order = orders.get(value);
        assert.ok(order !== undefined, `${what} was never asked for`);
        assert.ok(order.sentEpoch !== undefined, `${what} is not in the journal as sent`);
        assert.ok(
          order.sentEpoch >= highest,
          `${what} is of epoch ${order.sentEpoch}, and ${highest} has written before`,
        );
        highest = order.sentEpoch;
        assert.ok(atMs <= order.deadlineMs + LATE_MS, `${what} came ${atMs - order.deadlineMs} ms after its deadline`);
      }
      for (const [value, { done }] of orders)
        assert.ok(!done || seen.has(value), `${value} is said to be written to ${device}, which never heard of it`);
    }
  }

  async #work(gateway: Gateway, device: string): Promise<void> {
    for (let value = 1; !this.#stopping; value++) {
      const commandId = `write-${device}-${value}`;
      const route = `/devices/${device}/points/setpoint/write`;
      for (;;) {
        const body = { value, timeoutMs: 3000 };
        const answer = await gateway
          .request('POST', route, { body, commandId, timeoutMs: 10_000 })
          .catch(() => undefined);
        // The same write until somebody says what became of it.
        if (this.#closed || (answer !== undefined && answer.status < 500)) break;
        await pause(PAUSE_MS);
      }
      await pause(PAUSE_MS);
    }
  }
}

interface WriteOrder {
  readonly deadlineMs: number;
  sentEpoch: number | undefined;
  done: boolean;
}

function ordersOf(device: string, entries: readonly JournalEntry[]): Map<number, WriteOrder> {
  const orders = new Map<number, WriteOrder>();
  const byId = new Map<unknown, WriteOrder>();
  for (const { entity, kind, event, epoch } of entries) {
    if (entity !== entityId('device', device)) continue;
    const { writeId, value, deadlineMs, state } = Object(event);
    if (kind === 'WriteRequested') {
      const order: WriteOrder = { deadlineMs: Number(deadlineMs), sentEpoch: undefined, done: false };
      orders.set(Number(value), order);
      byId.set(writeId, order);
    }
    const order = byId.get(writeId);
    if (order === undefined) continue;
    if (kind === 'WriteSent') order.sentEpoch = epoch;
    if (kind === 'WriteFinished') order.done = state === 'acknowledged' || state === 'verified';
  }
  return orders;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
