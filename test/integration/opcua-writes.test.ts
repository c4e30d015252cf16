import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { WriteOutcome, WriteRequest } from '../../gateways/driver.ts';
import type { OpcUaDriver } from '../../gateways/opcua/driver.ts';
import { writeOrder } from '../support/write-order.ts';
import { Bench, connection, type RecordingHost, type ServerProcess, until } from './opcua-support.ts';
import { openCable } from './opcua-wire.ts';

const VARIABLES = [
  { nodeId: 's=P1.SetPoint', dataType: 'Double', writable: true },
  { nodeId: 's=P1.Mode', dataType: 'Int32', writable: true },
  { nodeId: 's=P1.Enabled', dataType: 'Boolean', writable: true },
  { nodeId: 's=P1.Label', dataType: 'String', writable: true },
  { nodeId: 's=P1.Speed', dataType: 'Double', writable: true },
  { nodeId: 's=P1.Locked', dataType: 'Double' },
  { nodeId: 's=P1.Unlisted', dataType: 'Double', writable: true },
  ...Array.from({ length: 25 }, (_, i) => ({ nodeId: `s=Many.V${i}`, dataType: 'Double' as const })),
] as const;

describe('writing to an OPC UA server', () => {
  const bench = new Bench();
  let server: ServerProcess;
  let host: RecordingHost;
  let driver: OpcUaDriver;
  let definition: ReturnType<typeof connection>;
  let count = 0;

  const write = (
    point: string,
    value: WriteRequest['value'],
    more: { epoch?: number; withinMs?: number; mayAct?: () => boolean } = {},
  ): Promise<WriteOutcome> => {
    count += 1;
    const writeId = `w${count}`;
    return driver.write(writeOrder({ writeId, device: 'pump', point, value, epoch: 5, withinMs: 3000, ...more }));
  };
  const writesTo = async (nodeId: string): Promise<unknown[]> => {
    const writes = await server.writes();
    return Array.isArray(writes) ? writes.filter(([id]) => id === nodeId).map(([, value]) => value) : [];
  };

  before(async () => {
    server = await bench.server({ variables: VARIABLES });
    host = bench.host();
    definition = connection(server.port, [
      {
        id: 'pump',
        points: [
          { name: 'setpoint', opcua: { node: 'P1.SetPoint', scale: 0.1 }, writable: { min: 0, max: 100 } },
          { name: 'mode', opcua: { node: 'P1.Mode' }, writable: {} },
          { name: 'enabled', type: 'boolean', opcua: { node: 'P1.Enabled' }, writable: {} },
          { name: 'label', type: 'string', opcua: { node: 'P1.Label' }, writable: { readBack: false } },
          { name: 'locked', opcua: { node: 'P1.Locked' }, writable: {} },
          { name: 'unlisted', opcua: { node: 'P1.Unlisted' } },
          { name: 'missing', opcua: { node: 'P1.NoSuch' }, writable: {} },
        ],
      },
    ]);
    driver = bench.driver(definition, host);
    await until(() => host.reading('pump', 'setpoint') !== null, 'the first value');
  });
  after(() => bench.close());

  it('is verified by reading back, in raw units at the server', async () => {
    const outcome = await write('setpoint', 42.5);
    assert.deepEqual(outcome, { writeId: outcome.writeId, state: 'verified', readBack: 42.5 });
    assert.deepEqual(await writesTo('s=P1.SetPoint'), [425]);
    assert.equal((await write('enabled', true)).state, 'verified');
    assert.equal((await write('mode', 3)).state, 'verified');
  });

  it('is acknowledged alone where reading back is switched off', async () => {
    assert.equal((await write('label', 'auto')).state, 'acknowledged');
    assert.deepEqual(await writesTo('s=P1.Label'), ['auto']);
  });

  it('is refused before anything is sent: out of range, wrong type, not listed, unknown', async () => {
    assert.equal((await write('setpoint', 101)).code, 'out_of_range');
    assert.equal((await write('mode', 3_000_000_000)).code, 'out_of_range');
    assert.equal((await write('mode', 1.5)).code, 'wrong_type');
    assert.equal((await write('mode', 'fast')).code, 'wrong_type');
    assert.equal((await write('enabled', 'yes')).code, 'wrong_type');
    assert.equal((await write('unlisted', 1)).code, 'not_writable');
    assert.equal((await write('nothing', 1)).code, 'unknown_point');
    assert.deepEqual(await writesTo('s=P1.Unlisted'), []);
    assert.deepEqual(await writesTo('s=P1.Mode'), [3]);
  });

  it('reports the status of a server that refuses', async () => {
    const outcome = await write('locked', 1);
    assert.equal(outcome.state, 'failed');
    assert.match(outcome.code ?? '', /^opcua_Bad(NotWritable|UserAccessDenied)$/);
    assert.match((await write('missing', 1)).code ?? '', /BadNodeIdUnknown/);
  });

  it('is never sent past its deadline nor for an owner of the past', async () => {
    const late = await write('mode', 7, { withinMs: -1 });
    assert.equal(late.state, 'timed_out');
    assert.equal((await write('mode', 8, { epoch: 6 })).state, 'verified');
    assert.equal((await write('mode', 9, { epoch: 5 })).code, 'epoch_stale');
    assert.deepEqual(await writesTo('s=P1.Mode'), [3, 8]);
  });

  it('is refused to an owner of the past after a restart too', async () => {
    await driver.stop();
    host.restart();
    driver = bench.driver(definition, host);
    await until(() => host.state === 'connected', 'the link');
    assert.equal((await write('mode', 10, { epoch: 5 })).code, 'epoch_stale');
    assert.equal((await write('mode', 12, { epoch: 6 })).state, 'verified');
    assert.deepEqual(await writesTo('s=P1.Mode'), [3, 8, 12]);
  });

  it('is not sent by a node that has stopped owning the device while it waited', async () => {
    let owns = true;
    const first = write('mode', 13, { epoch: 6, mayAct: () => owns });
    const second = write('mode', 14, { epoch: 6, mayAct: () => owns });
    assert.equal((await first).state, 'verified');
    owns = false;
    const outcome = await second;
    if (outcome.state === 'failed') assert.equal(outcome.code, 'authority_lost');
    const late = await write('mode', 15, { epoch: 6, mayAct: () => owns });
    assert.deepEqual([late.state, late.code], ['failed', 'authority_lost']);
    assert.ok(!(await writesTo('s=P1.Mode')).includes(15));
  });

  it('is not kept for later while the server hangs', async () => {
    server.pause();
    const [sent, queued] = await Promise.all([
      write('mode', 11, { epoch: 6, withinMs: 300 }),
      write('mode', 16, { epoch: 6, withinMs: 300 }),
    ]);
    assert.deepEqual([sent.state, queued.state, queued.code], ['timed_out', 'timed_out', 'deadline_passed']);
    assert.ok(sent.code === 'timeout' || sent.code === 'deadline_passed', sent.code);
    server.resume();
    await until(() => host.state === 'connected', 'the link');
    assert.equal((await write('label', 'after', { epoch: 6 })).state, 'acknowledged');
    assert.ok(!(await writesTo('s=P1.Mode')).includes(16), 'what was not sent in time is not sent later');
  });

  it('has an open outcome when the link breaks under it, and is not sent again by the next', async () => {
    let breaking = false;
    const cable = await openCable(server.port, (near) => {
      if (breaking) near.destroy();
      breaking = false;
    });
    const behind = bench.host();
    const definition = connection(cable.port, [
      { id: 'pump', points: [{ name: 'speed', opcua: { node: 'P1.Speed' }, writable: {} }] },
    ]);
    const other = bench.driver(definition, behind);
    try {
      await until(() => behind.reading('pump', 'speed') !== null, 'the first value');
      breaking = true;
      const before = behind.reports.length;
      const order = writeOrder({
        writeId: 'w',
        device: 'pump',
        point: 'speed',
        value: 5,
        epoch: 6,
        withinMs: 20_000,
      });
      const outcome = await other.write(order);
      assert.deepEqual([outcome.state, outcome.code], ['timed_out', 'connection_lost']);
      assert.match(outcome.message ?? '', /may or may not/);
      await until(() => {
        const states = behind.reports.slice(before).map(({ state }) => state);
        const down = states.findIndex((state) => state !== 'connected');
        return down >= 0 && states.indexOf('connected', down) > down;
      }, 'the next link');
      assert.equal((await other.write({ ...order, writeId: 'w2', value: 6 })).state, 'verified');
      assert.deepEqual(await writesTo('s=P1.Speed'), [5, 6]);
    } finally {
      await other.stop();
      await cable.close();
    }
  });

  it('browses page by page', async () => {
    await until(() => host.state === 'connected', 'the link');
    const namespaces = await driver.browse('i=85', { limit: 100 });
    assert.ok('entries' in namespaces);
    const folder = namespaces.entries.find(({ displayName }) => displayName === 'Many');
    assert.ok(folder !== undefined);
    const names: string[] = [];
    let continuation: string | null = null;
    let pages = 0;
    do {
      const page = await driver.browse(folder.nodeId, {
        limit: 10,
        ...(continuation === null ? {} : { continuation }),
      });
      assert.ok('entries' in page, JSON.stringify(page));
      assert.ok(page.entries.length <= 10);
      names.push(...page.entries.map(({ displayName }) => displayName));
      continuation = page.continuation;
      pages += 1;
    } while (continuation !== null);
    assert.equal(pages, 3);
    assert.equal(new Set(names).size, 25);
    assert.deepEqual(
      await driver.browse('ns=2;s=Nowhere', { limit: 10 }).then((page) => 'code' in page && page.code),
      'opcua_BadNodeIdUnknown',
    );
  });
});
