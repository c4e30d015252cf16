import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Operation } from '../../../../gateways/modbus/client.ts';
import { compileCodec } from '../../../../gateways/modbus/codec.ts';
import { type Answer, EXCEPTION } from '../../../../gateways/modbus/failure.ts';
import { IllegalRanges } from '../../../../gateways/modbus/illegal-ranges.ts';
import { RequestQueue } from '../../../../gateways/modbus/request-queue.ts';
import { type CycleResult, Scan } from '../../../../gateways/modbus/scan.ts';
import { ModbusPoint } from '../../../../topology/schema/modbus.ts';
import { deviceDefinition } from '../../../integration/modbus-support.ts';
import { tempDir } from '../../../support/temp-dir.ts';

const LOG = { debug() {}, info() {}, warn() {}, error() {} };
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const POINTS = [1, 2, 3].map((address) => ({ name: `r${address}`, modbus: { address } }));
const DEVICE = deviceDefinition('plc', { unit: 1 }, POINTS);

/** A device that refuses register 2 as long as it is told to. */
class Device {
  refuses = true;
  asked: string[] = [];

  send(_unit: number, { address, ...operation }: Operation, answer: (answer: Answer) => void): void {
    const count = 'count' in operation ? operation.count : 1;
    this.asked.push(`${address}+${count}`);
    const refused = this.refuses && address <= 2 && address + count > 2;
    answer(
      refused
        ? { ok: false, kind: 'exception', exception: EXCEPTION.illegalAddress }
        : { ok: true, data: new Uint8Array(count * 2) },
    );
  }
}

describe('a register that a device refuses', () => {
  let temp: ReturnType<typeof tempDir>;
  let device: Device;

  beforeEach(() => {
    temp = tempDir('ranges');
    device = new Device();
  });
  afterEach(() => temp.remove());

  const file = () => join(temp.dir, 'ranges.json');

  function newScan(): (nowMs: number) => Promise<CycleResult> {
    const queue = new RequestQueue({ maxInFlight: 8, sendIntervalMs: 0, pauseAfterTimeoutMs: 0, laneCapacity: 100 });
    queue.attach(device);
    const ignored = () => {};
    const scan = new Scan(
      {
        device: DEVICE,
        unit: 1,
        retries: 0,
        limits: { registers: 125, bits: 2000, maxGap: 10 },
        queue,
        ranges: new IllegalRanges(file(), LOG),
        log: LOG,
        onSend: ignored,
        onAlive: ignored,
        onError: ignored,
      },
      SECOND,
      POINTS.map(({ name, modbus }) => ({
        name,
        codec: compileCodec({
          point: ModbusPoint.parse(modbus),
          valueType: 'number',
          deviceOrder: 'ABCD',
          addressBase: 0,
        }),
        deadband: null,
      })),
    );
    return (nowMs) => {
      device.asked = [];
      return new Promise((resolve) => scan.run(nowMs, resolve));
    };
  }

  it('is left alone for a minute, then twice as long each time, up to an hour', async () => {
    const run = newScan();
    const triedAtMs: number[] = [];
    for (let nowMs = 0; nowMs <= 6 * HOUR; nowMs += 10 * SECOND) {
      const { frame } = await run(nowMs);
      assert.deepEqual(frame.reasons, [null, 'modbus_exception_02', null]);
      if (device.asked.some((range) => range === '2+1')) triedAtMs.push(nowMs);
      else assert.deepEqual(device.asked, ['1+1', '3+1']);
    }
    const pauses = triedAtMs.slice(1).map((atMs, i) => (atMs - (triedAtMs[i] ?? 0)) / MINUTE);
    assert.deepEqual(pauses.slice(0, 8), [1, 2, 4, 8, 16, 32, 60, 60]);
  });

  it('is read with its neighbours again once the device answers', async () => {
    const run = newScan();
    await run(0);
    device.refuses = false;
    assert.equal((await run(MINUTE - 1)).frame.values[1], null);
    const { frame } = await run(MINUTE);
    assert.deepEqual(frame.values, [0, 0, 0]);
    assert.deepEqual(device.asked, ['1+3']);
  });

  it('is not asked for sooner because the product was restarted', async () => {
    const run = newScan();
    for (const nowMs of [0, MINUTE, 3 * MINUTE]) await run(nowMs);
    const again = newScan();
    await again(4 * MINUTE);
    assert.deepEqual(device.asked, ['1+1', '3+1']);
    await again(7 * MINUTE);
    assert.ok(device.asked.includes('2+1'), device.asked.join());
  });
});
