/**
 * Goal: starting, stopping and the commands beside it behave as the guide says, also where something is wrong.
 * Method: the built product as a process of its own, as people run it.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../support/condition.ts';
import { type CliResult, Product, signalbox } from '../support/product.ts';
import { PUMP_ON_MODBUS } from '../support/pump-on-modbus.ts';
import { tempDir } from '../support/temp-dir.ts';
import { WsClient } from '../support/ws-client.ts';

const STOP_WITHIN_MS = 5000;

const { dir, remove } = tempDir('start');
const topology = path.join(dir, 'plant.yaml');
const dataDir = path.join(dir, 'data');
let product: Product;
before(async () => {
  fs.writeFileSync(topology, PUMP_ON_MODBUS);
  product = await Product.start({ dataDir, topology });
});
after(async () => {
  await product.kill();
  remove();
});

/** Ended by itself, with an exit code and lines for people: no stack. */
function assertRefused({ code, stdout, stderr }: CliResult, ...expected: readonly RegExp[]): void {
  assert.equal(code, 1, stderr);
  assert.doesNotMatch(stdout, /Ctrl-C stops/);
  assert.doesNotMatch(stderr, /^\s+at /m, 'a stack is of no use to who reads it');
  for (const pattern of expected) assert.match(stderr, pattern);
}

function start(...args: readonly string[]): Promise<CliResult> {
  return signalbox(['start', '--port', '0', ...args]);
}

let folders = 0;
const fresh = () => path.join(dir, `fresh-${++folders}`);

test('the first start prints a link with a key, and the wall and the API are there', async () => {
  assert.match(product.stdout, /#key=sbx_/);
  const page = await fetch(product.url);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<html/);
  const { items } = await product.get<{ items: { id: string }[] }>('/assets');
  assert.deepEqual(
    items.map(({ id }) => id),
    ['pump-1'],
  );
  const everything = fs.readdirSync(dataDir).map((name) => path.join(dataDir, name));
  for (const file of everything.filter((name) => fs.statSync(name).isFile()))
    assert.ok(!fs.readFileSync(file).includes(product.key), `${file} holds the key itself`);
});

test('a data folder that belongs to a running process is refused', async () => {
  assertRefused(await start('--topology', topology, '--data', dataDir), /^signalbox: .*in use by another/m);
  assert.ok(product.running);
});

test('a token made beside the running node works, is listed, and is refused within seconds after it was revoked', async () => {
  const created = await signalbox(['token', 'create', 'shift lead', '--role', 'operator', '--data', dataDir]);
  assert.equal(created.code, 0, created.stderr);
  const token = created.stdout.trim();
  const id = /Token (\S+) for/.exec(created.stderr)?.[1] ?? '';
  assert.equal((await product.request('GET', '/assets', { token })).status, 200);
  assert.equal((await product.request('GET', '/tokens', { token })).status, 403, 'an operator manages no tokens');

  const listed = await signalbox(['token', 'list', '--data', dataDir]);
  assert.match(listed.stdout, new RegExp(`^${id} +valid +operator +shift lead`, 'm'));
  assert.ok(!listed.stdout.includes(token));

  const revoked = await signalbox(['token', 'revoke', id, '--data', dataDir]);
  assert.equal(revoked.code, 0, revoked.stderr);
  await until(
    'the token is refused',
    async () => (await product.request('GET', '/assets', { token })).status === 401,
    5000,
  );
  assertRefused(await signalbox(['token', 'revoke', id, '--data', dataDir]), /no valid token/);
});

test('days that are no number and a folder that is not there are refused', async () => {
  assertRefused(await signalbox(['token', 'create', 'x', '--days', 'soon', '--data', dataDir]), /--days/);
  assertRefused(await signalbox(['token', 'list', '--data', fresh()]), /there is no data folder/);
});

test('a folder that no plant runs on gets no tokens, and nothing is made in it', async () => {
  const folder = fresh();
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, 'notes.txt'), 'mine');
  const refused = await signalbox(['token', 'create', 'x', '--data', folder]);
  assertRefused(refused, new RegExp(`^signalbox: ${folder} is no data folder: there is no journal.db in it`, 'm'));
  assert.deepEqual(fs.readdirSync(folder), ['notes.txt']);
});

test('the token commands take the data folder from the settings file, as start does', async () => {
  const config = path.join(dir, 'settings.json');
  fs.writeFileSync(config, JSON.stringify({ DATA_DIR: dataDir }));
  const listed = await signalbox(['token', 'list', '--config', config]);
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stdout, /first-key/);
  fs.writeFileSync(config, JSON.stringify({ DATADIR: dataDir }));
  assertRefused(await signalbox(['token', 'list', '--config', config]), /unknown setting DATADIR/);
});

test('SIGINT and SIGTERM drain and end with 0, and a later start prints no key', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { code, tookMs } = await product.stop(signal);
    assert.equal(code, 0, `${signal}: ${product.stderr}`);
    assert.ok(tookMs < STOP_WITHIN_MS, `${signal} took ${tookMs} ms`);
    await product.restart();
    assert.doesNotMatch(product.stdout, /#key=/);
    assert.equal((await product.request('GET', '/assets')).status, 200, 'the first key goes on working');
  }
});

test('an open browser does not keep the process from ending', async () => {
  const headers = { authorization: `Bearer ${product.key}` };
  const socket = await WsClient.open(`ws://127.0.0.1:${product.port}/ws`, headers);
  await socket.waitFor('hello', (client) => client.of('hello').length === 1);
  const { code, tookMs } = await product.stop();
  socket.close();
  assert.equal(code, 0);
  assert.ok(tookMs < STOP_WITHIN_MS);
  await product.restart();
});

test('a port that is taken is named', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const result = await signalbox(['start', '--topology', topology, '--data', fresh(), '--port', String(address.port)]);
  server.close();
  assertRefused(result, new RegExp(`^signalbox: .*127.0.0.1:${address.port}`, 'm'));
});

test('a topology file with faults is refused with file, line and column', async () => {
  const bad = path.join(dir, 'bad.yaml');
  fs.writeFileSync(bad, PUMP_ON_MODBUS.replace('connection: plc-net', 'connection: plcnet'));
  const place = new RegExp(`^${bad}:11:17 .*plcnet.*did you mean "plc-net"`, 'm');
  const data = fresh();
  assertRefused(await start('--topology', bad, '--data', data), place, /^signalbox: .* has 1 problem$/m);
  assert.ok(!fs.existsSync(data), 'nothing was begun');
  const checked = await signalbox(['check', bad]);
  assertRefused(checked, place, /1 error$/m);
  assertRefused(await start('--topology', path.join(dir, 'none.yaml'), '--data', data), /none\.yaml:1:1 .*ENOENT/);
});

test('a sound topology file is told to be so, with what is in it', async () => {
  const { code, stdout, stderr } = await signalbox(['check', topology]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /is sound: 1 sites, 1 assets, 1 devices with 1 points on 1 connections, 0 rules/);
});

test('a data folder that cannot be written to is named', async () => {
  const file = path.join(dir, 'a-file');
  fs.writeFileSync(file, '');
  const below = path.join(file, 'data');
  const refused = new RegExp(`^signalbox: .*${below}.*cannot be written to`, 'm');
  assertRefused(await start('--topology', topology, '--data', below), refused);
  assertRefused(await start('--topology', topology, '--data', '/proc/signalbox'), /^signalbox: .*\/proc\/signalbox/m);
});

test('a file in the data folder that is no database is named', async () => {
  const data = fresh();
  fs.mkdirSync(data);
  fs.writeFileSync(path.join(data, 'journal.db'), 'this is no database, however long one looks at it. '.repeat(100));
  assertRefused(await start('--topology', topology, '--data', data), /^signalbox: .*journal\.db/m);
});

test('an unknown setting and a bad value stop the start with a line that names them', async () => {
  const args = ['start', '--topology', topology, '--data', fresh(), '--port', '0'];
  assertRefused(await signalbox(args, { SIGNALBOX_PROT: '8080' }), /unknown setting PROT; known are .*PORT/);
  assertRefused(await signalbox(args, { SIGNALBOX_FLUSH_INTERVAL_MS: '1' }), /setting FLUSH_INTERVAL_MS/);
  const config = path.join(dir, 'settings.json');
  fs.writeFileSync(config, '{ "NODE": "core 1" }');
  assertRefused(await signalbox([...args, '--config', config]), /setting NODE/);
  fs.writeFileSync(config, '{ "NODE": ');
  assertRefused(await signalbox([...args, '--config', config]), /settings\.json cannot be read/);
  assertRefused(await signalbox([...args.slice(0, -1), 'http']), /setting PORT/);
});

test('every command explains itself, and what is no command is told so', async () => {
  for (const command of [
    [],
    ['start'],
    ['check'],
    ['token'],
    ['token', 'create'],
    ['token', 'list'],
    ['token', 'revoke'],
  ]) {
    const { code, stdout } = await signalbox([...command, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: signalbox ${command.join(' ')}`), command.join(' '));
  }
  assert.match((await signalbox(['--version'])).stdout, /^\d+\.\d+\.\d+$/m);
  assertRefused(await signalbox(['stop']), /unknown command 'stop'/);
  assertRefused(await signalbox(['start', '--prot', '1']), /unknown option '--prot'/);
  assertRefused(await signalbox(['start', 'plant.yaml']), /too many arguments/);
});
