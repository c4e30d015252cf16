/**
 * Goal: a field engineer sees by `signalbox browse` what an OPC UA server has, and takes points from it that work.
 * Method: the built command as a process of its own, against real servers with the standard node set; where only its words count it
 * is called here, since each process loads the OPC UA library anew.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { browse as browseCommand } from '../../cli/browse.ts';
import { explore } from '../../gateways/opcua/explore.ts';
import { visitServer } from '../../gateways/opcua/visit.ts';
import { OpcUaConnection } from '../../topology/schema/opcua.ts';
import { until } from '../support/condition.ts';
import { type CliResult, Product, run, signalbox } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startInstruments } from './opcua-instruments.ts';
import { Bench } from './opcua-support.ts';

const URI = 'urn:test:instruments';
const WITHIN_MS = 60_000;
const { dir, remove } = tempDir('browse');
const dataDir = path.join(dir, 'data');
const topology = path.join(dir, 'plant.yaml');
const bench = new Bench();
let instruments: Awaited<ReturnType<typeof startInstruments>>;
/** Takes connections and says nothing. */
const mute = net.createServer();
const muteSockets = new Set<net.Socket>();

before(async () => {
  instruments = await startInstruments({ uri: URI, folder: path.join(dir, 'server') });
  const secure = await bench.server({
    variables: [{ nodeId: 's=T1.Speed', dataType: 'Double' }],
    security: 'Basic256Sha256',
    users: [{ name: 'engineer', password: 'correct horse' }],
  });
  mute.on('connection', (socket) => {
    muteSockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const address = mute.address();
  assert.ok(typeof address === 'object' && address !== null);
  const open = 'security: { policy: None, mode: None }';
  const login = 'user: engineer, password: "$' + '{secret:plc}"';
  fs.writeFileSync(
    topology,
    `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: plc, driver: opcua, endpoint: "opc.tcp://127.0.0.1:${instruments.port}", ${open} }
  - { id: secure, driver: opcua, endpoint: "opc.tcp://127.0.0.1:${secure.port}", ${login}, connectTimeoutMs: 30000 }
  - { id: gone, driver: opcua, endpoint: "opc.tcp://127.0.0.1:9", ${open} }
  - { id: mute, driver: opcua, endpoint: "opc.tcp://127.0.0.1:${address.port}", ${open}, connectTimeoutMs: 700 }
  - { id: patient, driver: opcua, endpoint: "opc.tcp://127.0.0.1:${address.port}", ${open}, connectTimeoutMs: 60000 }
  - { id: bus, driver: modbus, tcp: { host: 127.0.0.1, port: 9 } }
devices: []
`,
  );
});
after(async () => {
  for (const socket of muteSockets) socket.destroy();
  mute.close();
  await instruments.close();
  await bench.close();
  remove();
});

const browse = (...args: readonly string[]) =>
  signalbox(['browse', ...args, '--topology', topology, '--data', dataDir], { SIGNALBOX_SECRET_PLC: 'correct horse' });

async function refused(...args: readonly string[]): Promise<string> {
  return whyRefused(await browse(...args));
}

function whyRefused({ code, stdout, stderr }: CliResult): string {
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^signalbox: [^\n]+\n$/, 'one line');
  return stderr;
}

/** What the command does in a process of its own, in this one. */
async function browseHere(t: TestContext, connection: string, node?: string, depth = '3'): Promise<CliResult> {
  const print = t.mock.method(console, 'log', () => undefined);
  const complain = t.mock.method(console, 'error', () => undefined);
  process.exitCode = undefined;
  try {
    await browseCommand(connection, node, { topology, data: dataDir, depth });
    const linesOf = ({ mock }: typeof print) => mock.calls.map(({ arguments: [line] }) => `${line}\n`).join('');
    return { code: process.exitCode ?? 0, stdout: linesOf(print), stderr: linesOf(complain) };
  } finally {
    process.exitCode = undefined;
    print.mock.restore();
    complain.mock.restore();
  }
}

test('lists the tree with address, type, access and present value, and makes no data folder for it', async () => {
  const { code, stdout, stderr } = await browse('plc');
  assert.equal(code, 0, stderr);
  const line = (name: string) => stdout.split('\n').find((text) => text.trimStart().startsWith(`${name} `)) ?? '';
  assert.match(line('Name'), /^Name +Node +Class +Type +Access +Value$/);
  assert.match(line('Tank'), /^ {2}Tank +nsu=urn:test:instruments;s=Tank +Object$/);
  assert.match(line('Level'), /^ {4}Level +nsu=urn:test:instruments;s=Tank\.Level +Variable +Float +read +1\.2 m$/);
  assert.match(line('Setpoint'), /;s=Tank\.Setpoint +Variable +Double +read, write +80$/);
  assert.match(line('Mode'), /Variable +ServerState +read +2$/);
  assert.match(line('Profile'), /Variable +Double\[\] +read +3 values$/);
  assert.match(line('Broken'), /Variable +Double +read +BadSensorFailure$/);
  assert.match(line('Evil?[2J'), /Variable/, 'a name does not steer the terminal');
  assert.doesNotMatch(stdout, /EngineeringUnits/, 'a property is no value of the process');
  assert.doesNotMatch(stdout, /ServerStatus/, "the server's own diagnostics stay out");
  assert.equal(fs.existsSync(dataDir), false);
});

test('begins at a node and ends at a depth', async (t) => {
  const { stdout } = await browseHere(t, 'plc', undefined, '1');
  assert.match(stdout, /s=Tank\b/);
  assert.doesNotMatch(stdout, /Tank\.Level/);
  const one = await browseHere(t, 'plc', `nsu=${URI};s=Tank.Level`);
  assert.equal(one.stdout.trim().split('\n').length, 2);
  const own = await browse('plc', 'i=2253', '--depth', '1');
  assert.match(own.stdout, /ServerStatus +i=2256/);
});

test('prints points that the check takes as they are, and that the running product reads', async () => {
  const { code, stdout, stderr } = await browse('plc', '--yaml');
  assert.equal(code, 0, stderr);
  const { points } = parse(stdout) as { points: { name: string; unit?: string; type: string }[] };
  const named = (name: string) => points.find((point) => point.name === name);
  assert.deepEqual(named('Tank_Level'), {
    name: 'Tank_Level',
    unit: 'm',
    type: 'number',
    opcua: { node: `nsu=${URI};s=Tank.Level` },
  });
  assert.ok(named('Sump_Level'), 'of two with one name each says which it is');
  assert.deepEqual(
    [named('Running')?.type, named('Batch')?.type, named('Mode')?.type],
    ['boolean', 'string', 'number'],
  );
  assert.equal(named('Profile'), undefined);
  assert.match(stdout, /# left out: Tank\.Profile \(.+\): Double\[\] is no single value/);

  const pasted = path.join(dir, 'pasted.yaml');
  const device = `devices:\n  - id: tank\n    name: Tank\n    site: works\n    connection: plc\n${stdout}`;
  fs.writeFileSync(pasted, fs.readFileSync(topology, 'utf8').replace(/^devices: \[\]\n/m, device));
  const checked = await signalbox(['check', pasted]);
  assert.equal(checked.code, 0, checked.stderr);
  const running = await Product.start({ dataDir: path.join(dir, 'running'), topology: pasted });
  try {
    const level = async () =>
      (await running.get<{ values: Record<string, unknown> }>('/devices/tank')).values.Tank_Level;
    await until('the point is read', async () => Math.abs(Number(await level()) - 1.2) < 1e-6, WITHIN_MS);
    const beside = await signalbox(['browse', 'plc', '--topology', pasted, '--data', path.join(dir, 'running')]);
    assert.equal(beside.code, 0, beside.stderr);
    assert.match(beside.stdout, /Tank\.Level/);
    // Its own session is as it was, and still brings what changes.
    instruments.setLevel(2.5);
    await until('the change is read', async () => Number(await level()) === 2.5, WITHIN_MS);
    assert.equal(running.running, true);
  } finally {
    await running.kill();
  }
});

test('takes a folder of more than a page whole, and stops at its bound', async (t) => {
  const { stdout } = await browseHere(t, 'plc', `nsu=${URI};s=Many`);
  assert.equal(new Set(stdout.match(/s=Many\.\d+/g)).size, 1200);
  const settings = OpcUaConnection.parse({
    id: 'plc',
    driver: 'opcua',
    endpoint: `opc.tcp://127.0.0.1:${instruments.port}`,
    security: { policy: 'None', mode: 'None' },
  });
  const { signal } = new AbortController();
  const bounded = await visitServer(
    { settings, dataDir, secret: () => '', clientName: 'test', signal },
    (session, namespaces) => explore(session, { nodeId: 'i=85', namespaces, depth: 3, maxNodes: 600 }),
  );
  assert.equal(bounded.nodes.length, 600);
  assert.equal(bounded.truncated, true);
});

test('an untrusted server is named with the file to move; then user and password of the topology let us in', async () => {
  const line = await refused('secure');
  assert.match(line, /certificate_rejected/);
  const [, from = '', to = ''] = /move (\S+) to (\S+)/.exec(line) ?? [];
  fs.renameSync(from, path.join(to, path.basename(from)));
  const before = contents();
  const { code, stdout, stderr } = await browse('secure');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /s=T1\.Speed/);
  assert.deepEqual(contents(), before, 'the data folder stays as it was');
  const wrong = await signalbox(['browse', 'secure', '--topology', topology, '--data', dataDir], {
    SIGNALBOX_SECRET_PLC: 'wrong',
  });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /\(not_authorized\)/);
});

/** Of the data folder, but the lock file that the certificate store takes while it is read. */
function contents(): string[] {
  return fs
    .readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.includes('mutex'))
    .map((name) => path.join(dataDir, name))
    .filter((name) => fs.statSync(name).isFile())
    .map((name) => `${name} ${fs.readFileSync(name, 'base64')}`)
    .sort();
}

test('says in one line what is wrong', async (t) => {
  const words = async (...args: [string, string?, string?]) => whyRefused(await browseHere(t, ...args));
  assert.match(await words('nowhere'), /no connection nowhere; opcua connections: plc, secure, gone, mute, patient/);
  assert.match(await words('bus'), /connection bus is of driver modbus/);
  assert.match(await refused('gone'), /opc\.tcp:\/\/127\.0\.0\.1:9 cannot be reached.*connection_refused/);
  assert.match(await refused('mute'), /does not answer.*timeout; connectTimeoutMs is 700/);
  assert.match(await words('plc', 'Tank'), /Tank is no node id; write nsu=/);
  assert.match(await words('plc', 'nsu=urn:elsewhere;s=x'), /no such namespace; it has .*urn:test:instruments/);
  assert.match(await words('plc', `nsu=${URI};s=Nowhere`), /BadNodeIdUnknown/);
  assert.match(await words('plc', undefined, '99'), /--depth takes a whole number/);
});

test('Ctrl-C ends it while it waits for the server', { timeout: WITHIN_MS }, async () => {
  const connected = once(mute, 'connection');
  const child = run(['browse', 'patient', '--topology', topology, '--data', dataDir]);
  const ended = once(child, 'exit');
  await Promise.race([connected, ended]);
  child.kill('SIGINT');
  assert.deepEqual(await ended, [130, null]);
});
