// Goal: a link that breaks in any way comes back by itself and shows meanwhile what it does. Method: the driver against our
// simulator and against sockets that misbehave.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { modbusDriver } from '../../gateways/modbus/driver.ts';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import { connectionDefinition, deviceDefinition, freePort, RecordingHost, until } from './modbus-support.ts';

const DEVICE = deviceDefinition('plc', { pollMs: 50, probeMs: 200 }, [{ name: 'level', modbus: { address: 4 } }]);
const RECONNECT = { minMs: 20, maxMs: 100 };

const plant = () => new Map([[1, { holding: Uint16Array.from({ length: 10 }, (_, i) => i) }]]);

function startDriver(t: TestContext, tcp: Record<string, unknown>, settings: Record<string, unknown> = {}) {
  const host = new RecordingHost();
  const tcpSettings = { host: '127.0.0.1', ...tcp };
  const definition = connectionDefinition(
    { tcp: tcpSettings, reconnect: RECONNECT, timeoutMs: 200, retries: 0, ...settings },
    [DEVICE],
  );
  const driver = modbusDriver(definition, host);
  t.after(async () => {
    await driver.stop();
    host.remove();
  });
  driver.start();
  return { host, driver, definition };
}

/** A server that answers requests as the test likes. */
async function startPeer(t: TestContext, onRequest: (socket: Socket, request: Buffer) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (request) => onRequest(socket, request));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address !== 'string');
  return { port: address.port, connections: () => sockets.size };
}

/** The right answer to a read of one register. */
function reply(request: Buffer, value: number, transaction = request.readUInt16BE(0)): Buffer {
  const bytes = Buffer.from([0, 0, 0, 0, 0, 5, request.readUInt8(6), request.readUInt8(7), 2, 0, 0]);
  bytes.writeUInt16BE(transaction, 0);
  bytes.writeUInt16BE(value, 9);
  return bytes;
}

test('while nobody listens it waits longer and longer and shows when it tries next', async (t) => {
  const port = await freePort();
  const { host } = startDriver(t, { port }, { reconnect: { minMs: 40, maxMs: 10_000 } });
  await until('offline', () => host.connectivityOf('plc') === 'offline connection_refused');
  await until('several attempts', () => (host.lastReport?.errors.connection_refused ?? 0) >= 4);
  const waits = host.reports.filter(({ state }) => state === 'waiting');
  assert.ok(waits.every(({ nextAttemptAtMs }) => nextAttemptAtMs !== undefined));
  assert.equal(host.lastReport?.lastError?.code, 'connection_refused');
  assert.equal(host.connectivities.length, 1, 'a refused attempt after another tells nothing new');
  const server = await createModbusServer({ port, units: plant() });
  t.after(() => server.close());
  await until('online', () => host.connectivityOf('plc') === 'online');
  assert.equal(host.values('plc').level, 4);
});

test('the backup address is used while the first one is away', async (t) => {
  const dead = await freePort();
  const server = await createModbusServer({ units: plant() });
  t.after(() => server.close());
  const { host } = startDriver(t, { port: dead, backup: { host: '127.0.0.1', port: server.port } });
  await until('online', () => host.connectivityOf('plc') === 'online');
  assert.equal(host.lastReport?.detail, `127.0.0.1:${server.port}`);
  const first = await createModbusServer({ port: dead, units: plant() });
  t.after(() => first.close());
  server.disconnectAll();
  await until('back on the first', () => host.lastReport?.detail === `127.0.0.1:${dead}`);
});

test('bytes that are no Modbus drop the link at once, and the next one works', async (t) => {
  const server = await createModbusServer({ units: plant() });
  t.after(() => server.close());
  const { host } = startDriver(t, { port: server.port }, { timeoutMs: 5000 });
  await until('online', () => host.connectivityOf('plc') === 'online');
  const sinceMs = performance.now();
  server.setFault(1, { kind: 'garbage' });
  await until('offline', () => host.connectivityOf('plc') === 'offline protocol_error');
  assert.ok(performance.now() - sinceMs < 1000, 'not only at the time-out');
  server.setFault(1, null);
  await until('online again', () => host.connectivityOf('plc') === 'online');
  assert.ok((host.lastReport?.errors.protocol_error ?? 0) >= 1);
});

test('an answer that names another unit, function or length ends the link and never becomes a value', async (t) => {
  const lies: ((request: Buffer) => Buffer)[] = [
    (request) => Buffer.from(reply(request, 666)).fill(9, 6, 7),
    (request) => Buffer.from(reply(request, 666)).fill(4, 7, 8),
    (request) => Buffer.concat([request.subarray(0, 4), Buffer.from([0, 7, 1, 3, 4, 2, 154, 2, 154])]),
    (request) => reply(request, 666, (request.readUInt16BE(0) + 30_000) & 0xffff),
  ];
  let next = 0;
  const peer = await startPeer(t, (socket, request) => {
    const lie = lies[next++];
    socket.write(lie === undefined ? reply(request, 42) : lie(request));
  });
  const { host } = startDriver(t, { port: peer.port }, { timeoutMs: 3000 });
  await until('an honest value', () => host.values('plc').level === 42);
  assert.equal(peer.connections(), lies.length + 1);
  assert.ok(host.framesOf('plc').every((frame) => !frame.values.includes(666)));
});

test('a late answer is dropped and counted, and is not taken for the answer to the next request', async (t) => {
  let held: Buffer | null = null;
  let count = 0;
  const peer = await startPeer(t, (socket, request) => {
    count++;
    if (count === 2) {
      held = reply(request, 666);
      return;
    }
    if (held !== null) socket.write(held);
    held = null;
    socket.write(reply(request, 42));
  });
  const { host } = startDriver(t, { port: peer.port });
  await until('a late answer', () => host.lastReport?.facts?.lateReplies === 1);
  await until('online again', () => host.connectivityOf('plc') === 'online');
  assert.equal(peer.connections(), 1, 'the link is kept');
  assert.ok(host.framesOf('plc').every((frame) => !frame.values.includes(666)));
});

test('answers that arrive in pieces and together are cut as they should be', async (t) => {
  const peer = await startPeer(t, (socket, request) => {
    const bytes = reply(request, 42);
    socket.write(bytes.subarray(0, 3));
    setTimeout(() => socket.write(bytes.subarray(3, 8)), 5);
    setTimeout(() => socket.write(bytes.subarray(8)), 10);
  });
  const { host } = startDriver(t, { port: peer.port });
  await until('values', () => host.framesOf('plc').length > 3);
  assert.equal(host.values('plc').level, 42);
});

test('a link on which nobody answers any more is given up and made anew', async (t) => {
  const server = await createModbusServer({ units: plant() });
  t.after(() => server.close());
  const { host } = startDriver(t, { port: server.port });
  await until('online', () => host.connectivityOf('plc') === 'online');
  server.setFault(1, { kind: 'hang' });
  await until('a new connection', () => Number(host.lastReport?.facts?.connects) >= 2);
  assert.equal(host.connectivityOf('plc'), 'offline timeout');
  server.setFault(1, null);
  await until('online again', () => host.connectivityOf('plc') === 'online');
});

test('a peer that accepts and closes at once is not hammered', async (t) => {
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address !== 'string');
  startDriver(t, { port: address.port }, { reconnect: { minMs: 50, maxMs: 10_000 } });
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.ok(accepted >= 2 && accepted <= 8, `${accepted} connections in 1.2 s`);
});

test('a changed device is taken over while the others go on, a changed address moves the link', async (t) => {
  const [server, other] = await Promise.all([
    createModbusServer({ units: plant() }),
    createModbusServer({ units: plant() }),
  ]);
  t.after(() => Promise.all([server.close(), other.close()]));
  const host = new RecordingHost();
  const settings = { tcp: { host: '127.0.0.1', port: server.port }, reconnect: RECONNECT };
  const device = (id: string, address: number) =>
    deviceDefinition(id, { pollMs: 50 }, [{ name: 'level', modbus: { address } }]);
  const driver = modbusDriver(connectionDefinition(settings, [device('a', 1), device('b', 2)]), host);
  t.after(async () => {
    await driver.stop();
    host.remove();
  });
  driver.start();
  await until('both', () => host.values('a').level === 1 && host.values('b').level === 2);

  await driver.reconfigure(connectionDefinition(settings, [device('a', 1), device('b', 7), device('c', 3)]));
  await until('the new definition', () => host.values('b').level === 7 && host.values('c').level === 3);
  assert.equal(host.connectivities.filter(({ device: id }) => id === 'a').length, 1, 'a was not touched');
  assert.equal(host.lastReport?.facts?.connects, 1);

  await driver.reconfigure(connectionDefinition(settings, [device('a', 1)]));
  const frames = host.framesOf('b').length;
  const ofA = host.framesOf('a').length;
  await until('a few cycles', () => host.framesOf('a').length > ofA + 3);
  assert.ok(host.framesOf('b').length <= frames + 1, 'a removed device is not polled');

  const moved = { ...settings, tcp: { host: '127.0.0.1', port: other.port } };
  await driver.reconfigure(connectionDefinition(moved, [device('a', 1)]));
  await until('the other server is asked', () => other.requestsTo(1) > 2);
});

test('stop is quick even when the device hangs, and nothing comes after it', async (t) => {
  const server = await createModbusServer({ units: plant() });
  t.after(() => server.close());
  const { host, driver } = startDriver(t, { port: server.port }, { timeoutMs: 30_000 });
  await until('online', () => host.connectivityOf('plc') === 'online');
  server.setFault(1, { kind: 'hang' });
  const asked = server.requestsTo(1);
  await until('a request that hangs', () => server.requestsTo(1) > asked);
  const sinceMs = performance.now();
  await driver.stop();
  assert.ok(performance.now() - sinceMs < 3000);
  assert.equal(host.lastReport?.state, 'stopped');
  const frames = host.frames.length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(host.frames.length, frames);
});
