// Goal: what we read and write is Modbus to others too. Method: mbpoll reads and writes our simulator; our driver reads and
// writes pymodbus, over TCP and, through a pseudo-terminal, as RTU.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { modbusDriver } from '../../gateways/modbus/driver.ts';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import { writeOrder } from '../support/write-order.ts';
import {
  connectionDefinition,
  deviceDefinition,
  freePort,
  RecordingHost,
  run,
  startPseudoTerminal,
  startPymodbus,
  until,
} from './modbus-support.ts';

const POINTS = [
  { name: 'level', modbus: { address: 3 } },
  { name: 'total', modbus: { address: 10, type: 'uint32' } },
  { name: 'flow', modbus: { area: 'input', address: 7, scale: 0.1 } },
  { name: 'running', type: 'boolean', modbus: { area: 'coil', address: 9 } },
  { name: 'door', type: 'boolean', modbus: { area: 'discrete', address: 5 } },
  { name: 'setpoint', modbus: { address: 50, scale: 0.1 }, range: { min: 0, max: 500 }, writable: {} },
  { name: 'rate', modbus: { address: 60, type: 'float32', order: 'CDAB' }, writable: {} },
  { name: 'pump', type: 'boolean', modbus: { area: 'coil', address: 20 }, writable: {} },
  { name: 'enable', type: 'boolean', modbus: { address: 70, bit: 4 }, writable: {} },
];

const EXPECTED = {
  level: 30,
  total: 100 * 65_536 + 110,
  flow: 70,
  running: true,
  door: false,
  setpoint: 50,
  pump: false,
  // Register 70 holds 700, 0x2BC: bit 4 is on.
  enable: true,
};

async function writesAreVerified(write: (point: string, value: number | boolean) => Promise<object>): Promise<void> {
  assert.deepEqual(await write('setpoint', 23.4), { writeId: 'setpoint', state: 'verified', readBack: 23.4 });
  assert.deepEqual(await write('rate', -12.5), { writeId: 'rate', state: 'verified', readBack: -12.5 });
  assert.deepEqual(await write('pump', true), { writeId: 'pump', state: 'verified', readBack: true });
  assert.deepEqual(await write('enable', false), { writeId: 'enable', state: 'verified', readBack: false });
}

test('pymodbus over TCP is read and written, and comes back after it was killed', async () => {
  const port = await freePort();
  let peer = await startPymodbus(port, 'tcp');
  const host = new RecordingHost();
  const devices = [deviceDefinition('plc', { unit: 1, pollMs: 100 }, POINTS)];
  const driver = modbusDriver(
    connectionDefinition({ tcp: { host: '127.0.0.1', port }, reconnect: { minMs: 50, maxMs: 200 } }, devices),
    host,
  );
  driver.start();
  try {
    await until('values', () => host.framesOf('plc').length > 0);
    const { rate: _, ...values } = host.values('plc');
    assert.deepEqual(values, EXPECTED);
    assert.equal(host.connectivityOf('plc'), 'online');
    await writesAreVerified((point, value) =>
      driver.write(writeOrder({ writeId: point, device: 'plc', point, value })),
    );
    await until('the written value in a frame', () => host.values('plc').setpoint === 23.4);

    await peer.kill();
    await until('offline', () => host.connectivityOf('plc') === 'offline connection_lost', 5000);
    await until('a next attempt shown', () => host.lastReport?.nextAttemptAtMs !== undefined);
    assert.equal(host.values('plc').level, 'connection_lost');
    peer = await startPymodbus(port, 'tcp');
    await until('online again', () => host.connectivityOf('plc') === 'online', 5000);
    await until('fresh values', () => host.values('plc').setpoint === 50);
  } finally {
    await driver.stop();
    await peer.kill();
    host.remove();
  }
});

test('pymodbus as RTU over a pseudo-terminal is read and written, a dead unit beside it', async () => {
  const port = await freePort();
  const peer = await startPymodbus(port, 'rtu');
  const host = new RecordingHost();
  const path = join(host.dataDir, 'tty');
  const terminal = await startPseudoTerminal(path, port);
  const devices = [
    deviceDefinition('plc', { unit: 1, pollMs: 200 }, POINTS),
    deviceDefinition('dead', { unit: 9, pollMs: 200, probeMs: 1000 }, [{ name: 'level', modbus: { address: 3 } }]),
    deviceDefinition('other', { unit: 2, pollMs: 200 }, [{ name: 'level', modbus: { address: 3 } }]),
  ];
  const serial = { path, baudRate: 19200, parity: 'none' };
  const driver = modbusDriver(connectionDefinition({ serial, timeoutMs: 250, retries: 1 }, devices), host);
  driver.start();
  try {
    await until('values', () => host.framesOf('plc').length > 0 && host.framesOf('other').length > 0);
    const { rate: _, ...values } = host.values('plc');
    assert.deepEqual(values, EXPECTED);
    assert.equal(host.values('other').level, 31);
    await writesAreVerified((point, value) =>
      driver.write(writeOrder({ writeId: point, device: 'plc', point, value, withinMs: 3000 })),
    );
    await until('the dead unit offline', () => host.connectivityOf('dead') === 'offline timeout', 5000);
    await until('it is degraded', () => host.lastReport?.facts?.devicesDegraded === 1, 6000);
    const before = host.framesOf('other').length;
    await until('the other goes on', () => host.framesOf('other').length >= before + 5, 3000);
    assert.equal(host.connectivityOf('other'), 'online');
  } finally {
    await driver.stop();
    await terminal.kill();
    await peer.kill();
    host.remove();
  }
});

test('mbpoll reads from our simulator what it holds and writes what it then holds', async () => {
  const holding = Uint16Array.from({ length: 20 }, (_, i) => i * 11);
  const input = new Uint16Array(20);
  const float = Buffer.alloc(4);
  float.writeFloatBE(21.5);
  input[4] = float.readUInt16BE(0);
  input[5] = float.readUInt16BE(2);
  const coil = Uint8Array.from({ length: 20 }, (_, i) => (i % 3 === 0 ? 1 : 0));
  const server = await createModbusServer({ units: new Map([[7, { holding, input, coil }]]) });
  const mbpoll = async (...args: string[]) => {
    const result = await run('mbpoll', ['-0', '-1', '-a', '7', '-p', String(server.port), '127.0.0.1', ...args]);
    const values = [...result.output.matchAll(/^\[(\d+)\]:\s+(\S+)/gm)].map(([, address, value]) => [
      Number(address),
      Number(value),
    ]);
    return { ...result, values };
  };
  try {
    assert.deepEqual((await mbpoll('-r', '3', '-c', '4', '-t', '4')).values, [
      [3, 33],
      [4, 44],
      [5, 55],
      [6, 66],
    ]);
    assert.deepEqual((await mbpoll('-r', '4', '-t', '3:float', '-B')).values, [[4, 21.5]]);
    assert.deepEqual((await mbpoll('-r', '2', '-c', '3', '-t', '0')).values, [
      [2, 0],
      [3, 1],
      [4, 0],
    ]);

    assert.equal((await mbpoll('-r', '10', '-t', '4', '1234')).code, 0);
    assert.equal((await mbpoll('-r', '11', '-t', '4', '7', '8', '9')).code, 0);
    assert.deepEqual([...holding.subarray(10, 14)], [1234, 7, 8, 9]);
    assert.equal((await mbpoll('-r', '1', '-t', '0', '1')).code, 0);
    assert.equal((await mbpoll('-r', '4', '-t', '0', '1', '1', '1')).code, 0);
    assert.deepEqual([...coil.subarray(0, 8)], [1, 1, 0, 1, 1, 1, 1, 0]);

    const beyond = await mbpoll('-r', '18', '-c', '5', '-t', '4');
    assert.match(beyond.output, /Illegal data address/);
    server.setFault(7, { kind: 'exception', code: 4 });
    assert.match((await mbpoll('-r', '1', '-t', '4')).output, /Slave device or server failure/);
  } finally {
    await server.close();
  }
});
