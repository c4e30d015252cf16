/**
 * Goal: a device is written by its owner alone, and once: not by one that was replaced before its write left, not again by the
 * next, and not again because the journal was away when the write was to be told as done.
 * Method: real actors on a real journal, of which a second process takes the shards; in the place of the driver, a list.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { populationOf } from '../../actors/population.ts';
import { DeviceWrites } from '../../gateways/device-writes.ts';
import type { Driver, WriteRequest } from '../../gateways/driver.ts';
import { WriteFence } from '../../gateways/write-fence.ts';
import type { Outlet } from '../../runtime/effects.ts';
import { ErrorWithCode } from '../../runtime/errors.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { Node } from '../../runtime/node.ts';
import { openJournal } from '../../runtime/sql/open.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode } from '../support/engine.ts';
import { tempDir } from '../support/temp-dir.ts';

const TOPOLOGY = `signalbox: 1
organization: { id: acme, name: Acme }
sites: [{ id: works, name: Works, timeZone: UTC }]
connections: [{ id: net, driver: modbus, tcp: { host: 127.0.0.1, port: 1502 } }]
devices:
  - { id: plc, name: PLC, site: works, connection: net, points: [{ name: setpoint, writable: {}, modbus: { address: 0 } }] }
`;
const PLC = entityId('device', 'plc');
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

/** Folders are of the test; nodes come and go on them. */
function place(t: TestContext) {
  const temp = tempDir('write-owners');
  t.after(() => temp.remove());
  const sent: WriteRequest[] = [];
  const fence = new WriteFence(`${temp.dir}/write-epochs.json`, QUIET);
  const driver: Driver = {
    start() {},
    stop: async () => {},
    reconfigure: async () => {},
    write: async (request) => {
      const code = fence.refusal(request);
      if (code !== null) return { writeId: request.writeId, state: 'failed', code };
      sent.push(request);
      return { writeId: request.writeId, state: 'verified' };
    },
  };
  return { dir: temp.dir, sent, start: (change?: (journal: Journal) => Journal) => startOn(temp.dir, driver, change) };
}

/** A node whose drivers are there once `writes.open` is called. */
async function startOn(dir: string, driver: Driver, change: (journal: Journal) => Journal = (journal) => journal) {
  const loaded = parseTopology(TOPOLOGY, 'plant.yaml', {});
  assert.ok(loaded.ok);
  const storage = await openStorage(dir);
  let node: Node | undefined;
  const writes = new DeviceWrites({
    runtime: { ask: (...asked) => (node === undefined ? Promise.reject(new Error('too early')) : node.ask(...asked)) },
    driverOf: () => driver,
    log: QUIET,
  });
  const outlet: Outlet = (...work) => writes.write(...work);
  node = await startNode({ ...storage, journal: change(storage.journal) }, populationOf(loaded.plant), {
    outlets: { 'device-write': outlet },
  });
  const running = node;
  const write = async (id: string) => {
    const reply = await running.ask(
      PLC,
      { kind: 'WritePoint', point: 'setpoint', value: 5, timeoutMs: 60_000 },
      { commandId: CommandId.parse(id), by: { user: 'olga', via: 'http' }, permissions: ['*'] },
    );
    assert.ok(reply.ok, JSON.stringify(reply));
  };
  const standing = () => {
    const writes = running.live.cell(PLC)?.view.writes ?? {};
    return Object.values(writes).map((write) => {
      assert.ok(typeof write === 'object' && write !== null && 'state' in write && 'code' in write);
      return `${write.state} ${write.code}`;
    });
  };
  const end = async () => {
    await running.halt();
    await storage.close();
  };
  return { node: running, writes, write, standing, end };
}

test('a write that its owner had not sent when it was replaced is sent by the next owner alone', async (t) => {
  const { dir, sent, start } = place(t);
  const first = await start();
  await first.write('w1');
  const next = await openJournal(dir);
  await next.claims.claimAllShards('next');
  await next.close();
  first.writes.open();
  await until('the first has noticed', () => first.node.entity(PLC)?.down !== undefined);
  assert.deepEqual(sent, []);
  await first.end();
  const second = await start();
  second.writes.open();
  await until('the second has sent it', () => second.standing()[0] === 'verified null');
  assert.equal(sent.length, 1);
  await second.end();
});

test('a write of which the owner had leave when it was replaced is sent by nobody else', async (t) => {
  const { sent, start } = place(t);
  const first = await start();
  await first.write('w1');
  const leave = await first.node.ask(
    PLC,
    { kind: 'SendWrite', writeId: String(Object.keys(first.node.live.cell(PLC)?.view.writes ?? {})[0]) },
    { commandId: CommandId.parse('leave'), by: { user: 'system', via: 'driver' }, permissions: ['internal:*'] },
  );
  assert.ok(leave.ok);
  await first.end();
  const second = await start();
  second.writes.open();
  await until('it is said to be open', () => second.standing()[0] === 'timed_out outcome_unknown');
  await until('nothing is left to do', () => second.node.quiet);
  assert.deepEqual(sent, []);
  await second.end();
});

test('while the journal is away nothing is sent; back again, what is still in time is, and each write once', async (t) => {
  const { sent, start } = place(t);
  let away = false;
  const leave = await start((journal) => ({
    ...journal,
    append: (...work) =>
      away ? Promise.reject(new ErrorWithCode('STORE_LOST', 'the database is away')) : journal.append(...work),
    saveSnapshots: (...work) =>
      away ? Promise.reject(new ErrorWithCode('STORE_LOST', 'the database is away')) : journal.saveSnapshots(...work),
  }));
  await leave.write('w1');
  away = true;
  leave.writes.open();
  await until('the node has noticed', () =>
    leave.node.health().parts.some((part) => part.name === 'journal' && part.status === 'unhealthy'),
  );
  assert.deepEqual(sent, []);
  away = false;
  await until('it was sent', () => leave.standing()[0] === 'verified null', 30_000);
  assert.equal(sent.length, 1);
  await leave.end();
});

test('an outcome that could not be journaled at once is journaled later, and the device is written once', async (t) => {
  const { sent, start } = place(t);
  let refusals = 0;
  const running = await start((journal) => ({
    ...journal,
    append: (batch, writer) => {
      const reports = batch.some(({ events }) => events.some(({ kind }) => kind === 'WriteFinished'));
      if (reports && refusals++ < 2) return Promise.reject(new ErrorWithCode('STORE_LOST', 'the database is away'));
      return journal.append(batch, writer);
    },
  }));
  running.writes.open();
  await running.write('w1');
  await until('it is verified', () => running.standing()[0] === 'verified null', 30_000);
  assert.equal(refusals, 3);
  assert.equal(sent.length, 1);
  await running.end();
});
