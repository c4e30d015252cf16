/**
 * Goal: a write from the centre has the time that it was given there, wherever it is held up on its way; one that an edge has
 * refused stays refused, whichever copy of it comes after a restart; and copies that two nodes of the centre send have one end.
 * Method: a centre and an edge in this process, a nats-server and a PLC of the test's own, and ways to both that can be held up
 * or cut. Nodes of the centre that send copies are bare links, for none does so on demand.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { readPlant } from '../../cli/topology.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import { NatsCellLink } from '../../runtime/nats/cell-link.ts';
import { readSettings } from '../../runtime/settings.ts';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import { until } from '../support/condition.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 30_000;
const WRITE_SINGLE_REGISTER = 6;
const plc = entityId('device', 'plc');
const by = { user: 'ann', via: 'http' } as const;

const temp = tempDir('edge-writes');
const written: number[] = [];
let nats: NatsServer;
let server: ModbusServer;
let line: TcpProxy;
let uplink: TcpProxy;
let topology: string;

before(async () => {
  if (noNats !== false) return;
  nats = await NatsServer.start();
  uplink = await TcpProxy.start(nats.port);
  server = await createModbusServer({
    units: new Map([[1, { holding: new Uint16Array(50) }]]),
    onRequest: (_, request) => {
      if (request.readUInt8(0) === WRITE_SINGLE_REGISTER) written.push(request.readUInt16BE(3));
    },
  });
  line = await TcpProxy.start(server.port);
  topology = writePlant();
});
after(async () => {
  await line?.close();
  await server?.close();
  await uplink?.close();
  await nats?.remove();
  temp.remove();
});

const cellTest = (what: string, run: (t: TestContext) => Promise<void>) => test(what, { skip: noNats }, run);

cellTest('a write that was refused stays so, though a copy comes after a restart that would be accepted', async (t) => {
  const centre = await nodeOfCentre(t);
  const { ask } = centre;
  let edge = await startEdge();
  t.after(() => edge.stop());
  await online(edge);
  line.cut();
  await until('the edge has lost its PLC', () => connectivity(edge) === 'offline', WITHIN_MS);
  const expiresAtMs = Date.now() + 120_000;
  assert.equal((await ask('write-1', 11, expiresAtMs)).code, 'DEVICE_OFFLINE');
  await edge.stop();
  line.mend();
  edge = await startEdge();
  await online(edge);
  await centre.linked();
  assert.equal((await ask('write-1', 11, expiresAtMs)).code, 'DEVICE_OFFLINE', 'as it was told');
  assert.equal((await ask('write-2', 12, expiresAtMs)).ok, true);
  await until('the other one is carried out', () => written.includes(12), WITHIN_MS);
  assert.deepEqual(written, [12]);
  assert.equal((await ask('write-3', 13, Date.now() - 1)).code, 'EXPIRED');
});

cellTest('copies of one write from two nodes of the centre have one end, whichever comes first or late', async (t) => {
  const [one, other] = [await nodeOfCentre(t, 'core-1'), await nodeOfCentre(t, 'core-2')];
  const edge = await startEdge();
  t.after(() => edge.stop());
  await online(edge);
  await one.linked();
  written.length = 0;
  const [inTimeMs, lateMs] = [Date.now() + 120_000, Date.now() - 1];
  const codes = (answers: readonly Answer[]) =>
    answers.map((answer) => (answer.ok ? (answer.repeated ? 'repeated' : 'ok') : answer.code)).sort();

  for (const round of [1, 2, 3]) {
    const same = [one.ask(`same-${round}`, round, inTimeMs), other.ask(`same-${round}`, round, inTimeMs + 1000)];
    assert.deepEqual(codes(await Promise.all(same)), ['ok', 'repeated']);
  }
  const different = [one.ask('different', 31, inTimeMs), other.ask('different', 32, inTimeMs)];
  assert.deepEqual(codes(await Promise.all(different)), ['COMMAND_ID_REUSED', 'ok']);

  assert.deepEqual(codes([await one.ask('first-in-time', 41, inTimeMs)]), ['ok']);
  assert.deepEqual(codes([await other.ask('first-in-time', 41, lateMs)]), ['repeated'], 'nobody hears that it was not');
  assert.deepEqual(codes([await one.ask('first-late', 51, lateMs)]), ['EXPIRED']);
  assert.deepEqual(codes([await other.ask('first-late', 51, inTimeMs)]), ['EXPIRED'], 'as its sender was told');

  await until('all are carried out', () => written.includes(41), WITHIN_MS);
  const [different1] = written.filter((value) => value === 31 || value === 32);
  assert.deepEqual(written, [1, 2, 3, different1, 41]);
});

cellTest('a write that the link held up has what is left of the time that it had at the centre', async (t) => {
  const core = await start('core', { NATS_URL: nats.url });
  t.after(() => core.stop());
  const edge = await startEdge();
  t.after(() => edge.stop());
  await online(edge);
  await until('the centre shows it', () => connectivity(core) === 'online', WITHIN_MS);
  await until('the clocks are known', () => linkOf(edge).includes('the clock of the centre'), WITHIN_MS);
  written.length = 0;
  uplink.hold();
  const [sentMs, timeoutMs, heldMs] = [Date.now(), 6000, 2000];
  const command = { kind: 'WritePoint', point: 'setpoint', value: 21, timeoutMs };
  const asked = core.runtime.ask(plc, command, { commandId: CommandId.parse('held-1'), by, permissions: ['*'] });
  await new Promise((resolve) => setTimeout(resolve, heldMs));
  uplink.release();
  const reply = await asked;
  assert.ok(reply.ok, JSON.stringify(reply));
  const rows = await edge.node.journal.query({ limit: 10_000 });
  const requested = rows.findLast(({ kind }) => kind === 'WriteRequested');
  assert.ok(requested && requested.timeMs >= sentMs + heldMs, 'the edge took it when the link was there again');
  const deadlineMs = Number(Reflect.get(Object(requested.event), 'deadlineMs'));
  // One machine, one clock: read twice within the milliseconds that it took to send.
  assert.ok(deadlineMs <= sentMs + timeoutMs + 100, `${deadlineMs - sentMs} ms after it was sent`);
  await until('it is carried out', () => written.includes(21), WITHIN_MS);
});

async function start(cell: string, more: Record<string, unknown>): Promise<RunningPlant> {
  const dataDir = path.join(temp.dir, cell);
  const read = readSettings({}, {}, { CELL: cell, DATA_DIR: dataDir, PORT: 0, LOG_LEVEL: 'fatal', ...more });
  assert.ok(read.ok, JSON.stringify(read));
  return startPlant({ settings: read.settings, plant: await readPlant(topology), simulators: false });
}

interface Answer {
  readonly ok: boolean;
  readonly code?: string;
  readonly repeated?: boolean;
}

async function nodeOfCentre(t: TestContext, name = 'core') {
  const link = new NatsCellLink({ cell: 'core', prefix: 'signalbox', url: nats.url, name });
  link.serve('clock', () => ({ receivedMs: Date.now(), answeredMs: Date.now() }));
  await link.start();
  t.after(() => link.stop());
  const ask = (commandId: string, value: number, expiresAtMs: number) => {
    const command = { kind: 'WritePoint', point: 'setpoint', value, timeoutMs: 30_000 };
    const request = { to: plc, command, commandId, by, permissions: ['*'], expiresAtMs };
    return link.request('edge-7', 'command', request, 10_000) as Promise<Answer>;
  };
  const answers = () =>
    link.request('edge-7', 'page', { after: '' }, 1000).then(
      () => true,
      () => false,
    );
  return { ask, linked: () => until('the edge is linked', answers, WITHIN_MS) };
}

function startEdge(): Promise<RunningPlant> {
  return start('edge-7', { UPLINK_URL: uplink.url });
}

function connectivity(plant: RunningPlant): unknown {
  return plant.runtime.live.cell(plc)?.view.props?.connectivity;
}

async function online(plant: RunningPlant): Promise<void> {
  await until('the PLC is online', () => connectivity(plant) === 'online', WITHIN_MS);
}

function linkOf(plant: RunningPlant): string {
  return plant.runtime.health().parts.find(({ name }) => name === 'uplink')?.detail ?? '';
}

function writePlant(): string {
  const file = path.join(temp.dir, 'plant.yaml');
  const lines = [
    'signalbox: 1',
    'organization: { id: acme, name: Acme }',
    'sites:',
    '  - { id: works, name: Works, timeZone: Europe/Berlin }',
    '  - { id: farm, name: Farm, timeZone: Europe/Berlin, cell: edge-7 }',
    'connections:',
    `  - { id: line, driver: modbus, tcp: { host: 127.0.0.1, port: ${line.port} }, timeoutMs: 1000, reconnect: { minMs: 50, maxMs: 200 } }`,
    'devices:',
    '  - id: plc',
    '    name: PLC',
    '    site: farm',
    '    connection: line',
    '    modbus: { pollMs: 500 }',
    '    points:',
    '      - { name: level, modbus: { address: 0 } }',
    '      - { name: setpoint, writable: { max: 65535 }, modbus: { address: 10 } }',
  ];
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}
