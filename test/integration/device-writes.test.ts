/**
 * Goal: a command to a device is journaled before it leaves, leaves once, and ends with what is known of it, whenever the
 * product is killed; what was under way then is not sent again.
 * Method: the product as a process, with a Modbus and an OPC UA server of this test that count what reaches them; it is killed
 * with SIGKILL before the write leaves, and in the moment in which the device has it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import { until } from '../support/condition.ts';
import { EXEC_ARGV, moduleFile } from '../support/places.ts';
import { tempDir } from '../support/temp-dir.ts';
import type { Ready } from './device-writes-process.ts';
import { Bench, NAMESPACE, type ServerProcess } from './opcua-support.ts';
import { openCable } from './opcua-wire.ts';

const WITHIN_MS = 60_000;
const temp = tempDir('device-writes');
const bench = new Bench();
const holding = new Uint16Array(50);
/** Values that were written to the register of the set point, in their order. */
const written: number[] = [];
/** Called when a write has reached a server, before it is answered. */
let onWrite: () => void = () => {};
let modbus: ModbusServer;
let opcua: ServerProcess;
let cable: Awaited<ReturnType<typeof openCable>>;
let product: ChildProcess;
let at: Ready;

before(async () => {
  modbus = await createModbusServer({
    units: new Map([[1, { holding }]]),
    onRequest: (_unit, request) => {
      if (request.readUInt8(0) !== 6) return;
      written.push(request.readUInt16BE(3));
      onWrite();
    },
  });
  opcua = await bench.server({ variables: [{ nodeId: 's=Speed', dataType: 'Double', writable: true }] });
  cable = await openCable(opcua.port, () => onWrite());
  writeFileSync(path.join(temp.dir, 'plant.yaml'), topology());
  await start();
});
after(async () => {
  await kill();
  await modbus?.close();
  await cable?.close();
  await bench.close();
  temp.remove();
});

function topology(): string {
  return `signalbox: 1
organization: { id: acme, name: Acme }
sites: [{ id: works, name: Works, timeZone: UTC }]
connections:
  - { id: line, driver: modbus, tcp: { host: 127.0.0.1, port: ${modbus.port} }, timeoutMs: 4000, reconnect: { minMs: 100, maxMs: 200 } }
  - { id: server, driver: opcua, endpoint: "opc.tcp://127.0.0.1:${cable.port}", security: { policy: None, mode: None }, publishingIntervalMs: 100, reconnect: { minMs: 100, maxMs: 200 } }
devices:
  - id: plc
    name: PLC
    site: works
    connection: line
    offlineAfterMs: 60000
    modbus: { pollMs: 100 }
    points:
      - { name: level, modbus: { address: 0 } }
      - { name: setpoint, writable: { max: 100 }, modbus: { address: 10 } }
  - id: drive
    name: Drive
    site: works
    connection: server
    offlineAfterMs: 60000
    opcua: { nodePrefix: "nsu=${NAMESPACE};s=" }
    points: [{ name: speed, writable: {}, opcua: { node: Speed } }]
`;
}

async function start(): Promise<void> {
  const file = moduleFile('./device-writes-process', import.meta.url);
  product = fork(file, [path.join(temp.dir, 'data'), path.join(temp.dir, 'plant.yaml')], { execArgv: [...EXEC_ARGV] });
  const [ready] = await once(product, 'message', { signal: AbortSignal.timeout(WITHIN_MS) });
  at = { url: ready.url, key: ready.key ?? at.key };
  // What it says of its connectivity is what it knew before the kill.
  for (const device of ['plc', 'drive'])
    await until(`${device} is connected`, async () => (await deviceOf(device)).link.state === 'connected', WITHIN_MS);
}

async function kill(): Promise<void> {
  if (product === undefined || product.exitCode !== null || product.signalCode !== null) return;
  const gone = once(product, 'exit');
  product.kill('SIGKILL');
  await gone;
}

async function get(route: string) {
  const answer = await fetch(new URL(`api/v1${route}`, at.url), { headers: { authorization: `Bearer ${at.key}` } });
  assert.equal(answer.status, 200, route);
  return answer.json();
}

const deviceOf = (device: string) => get(`/devices/${device}`);

/** Asks for a write; resolves once it is journaled, with its id. */
async function write(device: string, point: string, value: number): Promise<string> {
  const answer = await fetch(new URL(`api/v1/devices/${device}/points/${point}/write`, at.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${at.key}`, 'content-type': 'application/json' },
    // Longer than a start on a busy machine: it is not the deadline that stops what must not be sent again.
    body: JSON.stringify({ value, timeoutMs: 60_000 }),
  });
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  return body.result.writeId;
}

async function standing(device: string, writeId: string): Promise<{ state: string; code: string | null }> {
  const { state, code } = (await deviceOf(device)).writes[writeId];
  return { state, code };
}

async function comesTo(device: string, writeId: string, state: string) {
  await until(`the write is ${state}`, async () => (await standing(device, writeId)).state === state, WITHIN_MS);
  return standing(device, writeId);
}

/** A device that was read so often since would have been written again by now. */
async function readAgain(): Promise<void> {
  const from = modbus.requestsTo(1);
  await until('the device is read again', () => modbus.requestsTo(1) > from + 8, WITHIN_MS);
}

async function speeds(): Promise<unknown[]> {
  const writes = await opcua.writes();
  assert.ok(Array.isArray(writes));
  return writes.map(([, value]) => value);
}

test('a write is verified, by Modbus and by OPC UA, and each of its steps stands in the audit before the next', async () => {
  const [setpoint, speed] = [await write('plc', 'setpoint', 42), await write('drive', 'speed', 7.5)];
  assert.deepEqual(await comesTo('plc', setpoint, 'verified'), { state: 'verified', code: null });
  assert.deepEqual(await comesTo('drive', speed, 'verified'), { state: 'verified', code: null });
  assert.deepEqual([written, await speeds()], [[42], [7.5]]);
  for (const device of ['plc', 'drive']) {
    const { items } = await get(`/audit?entity=device/${device}`);
    const steps = items
      .filter(({ kind }: { kind: string }) => kind.startsWith('Write'))
      .map(({ kind, user }: { kind: string; user: string }) => `${kind} by ${user}`)
      .reverse();
    assert.deepEqual(steps, ['WriteRequested by first-key', 'WriteSent by system', 'WriteFinished by system']);
  }
});

test('killed after the commit and before the write has left: it never leaves, and nobody claims that it did', async () => {
  written.length = 0;
  // The one request that the unit has at a time takes long; the write waits behind it.
  modbus.setFault(1, { kind: 'delay', delayMs: 2000, range: { area: 'holding', from: 0, to: 1 } });
  const from = modbus.requestsTo(1);
  await until('the slow question is on its way', () => modbus.requestsTo(1) > from);
  const id = await write('plc', 'setpoint', 50);
  await comesTo('plc', id, 'sent');
  await kill();
  modbus.setFault(1, null);
  assert.deepEqual(written, []);
  await start();
  assert.deepEqual(await comesTo('plc', id, 'timed_out'), { state: 'timed_out', code: 'outcome_unknown' });
  await readAgain();
  assert.deepEqual(written, []);
});

test('killed when the device has the write, over Modbus: it is not written again, and its outcome is said to be open', async () => {
  written.length = 0;
  let killed: Promise<void> | undefined;
  onWrite = () => {
    killed ??= kill();
  };
  const id = await write('plc', 'setpoint', 60);
  await until('it has arrived', () => killed !== undefined, WITHIN_MS);
  await killed;
  onWrite = () => {};
  await start();
  assert.deepEqual(await comesTo('plc', id, 'timed_out'), { state: 'timed_out', code: 'outcome_unknown' });
  await readAgain();
  assert.deepEqual([written, holding[10]], [[60], 60]);
  await comesTo('plc', await write('plc', 'setpoint', 61), 'verified');
  assert.deepEqual(written, [60, 61]);
});

test('killed when the device has the write, over OPC UA: it is not written again, and its outcome is said to be open', async () => {
  const before = await speeds();
  let killed: Promise<void> | undefined;
  onWrite = () => {
    killed ??= kill();
  };
  const id = await write('drive', 'speed', 8.5);
  await until('it has arrived', () => killed !== undefined, WITHIN_MS);
  await killed;
  onWrite = () => {};
  await start();
  assert.deepEqual(await comesTo('drive', id, 'timed_out'), { state: 'timed_out', code: 'outcome_unknown' });
  await comesTo('drive', await write('drive', 'speed', 9.5), 'verified');
  assert.deepEqual((await speeds()).slice(before.length), [8.5, 9.5]);
});
