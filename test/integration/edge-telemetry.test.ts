/**
 * Goal: each record of an edge's log is in the log of the centre once and in order, whatever happens on the way: cuts, a
 * server that is killed, an edge that is started again, a leaf node in between.
 * Method: a log in SQLite, a nats-server of the test's own with JetStream, a proxy between them that cuts, and the log of the
 * centre read with the centre's own reader.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { Forwarder } from '../../runtime/edge/forwarder.ts';
import { RateLimit } from '../../runtime/edge/rate-limit.ts';
import { TelemetryLane } from '../../runtime/edge/telemetry-lane.ts';
import { entityId } from '../../runtime/ids.ts';
import type { PositionedRecord } from '../../runtime/log.ts';
import { NatsCellLink } from '../../runtime/nats/cell-link.ts';
import { NatsCentralLog } from '../../runtime/nats/central-log.ts';
import type { NatsLink } from '../../runtime/nats/connection.ts';
import type { NatsLog } from '../../runtime/nats/nats-log.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { readAll } from '../contract/log.contract.ts';
import { until } from '../support/condition.ts';
import { freePort } from '../support/mosquitto.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

const DAY_MS = 86_400_000;
const meter = entityId('device', 'meter');
const other = entityId('device', 'other');

let server: NatsServer;
let prefixes = 0;
before(async () => {
  if (noNats === false) server = await NatsServer.start();
});
after(async () => {
  if (noNats === false) await server.remove();
});

const natsTest = (what: string, run: (t: TestContext) => Promise<void>) => test(what, { skip: noNats }, run);

async function centralLog(t: TestContext, prefix: string, url = server.url): Promise<NatsLog> {
  const place = { url, name: 'centre', startTimeoutMs: 10_000, prefix, replicas: 1, maxAgeMs: 30 * DAY_MS };
  const log = await openNatsLog(place);
  t.after(() => log.close());
  return log;
}

async function edgeLog(t: TestContext, dir = tempDirOf(t)): Promise<SqlLog> {
  const log = await SqlLog.open({ file: path.join(dir, 'telemetry.db') });
  t.after(() => log.close());
  return log;
}

function tempDirOf(t: TestContext): string {
  const { dir, remove } = tempDir('edge-log');
  t.after(remove);
  return dir;
}

/** Every start learns from the centre alone. */
const forgetful = { place: async () => undefined, keepPlace: async () => undefined };

/** What forwards the log of an edge, as one start of it has it. */
async function uplinkOf(log: SqlLog, url: string, prefix: string, domain?: string) {
  let link: NatsLink | undefined;
  const cellLink = new NatsCellLink({ cell: 'edge-7', prefix, url, name: 'edge-7' }, (connected) => {
    link = connected;
  });
  const centre = new NatsCentralLog({ link: () => link, cell: 'edge-7', prefix, domain, answerTimeoutMs: 1000 });
  const dropped = (record: unknown) => assert.fail(`dropped ${JSON.stringify(record)}`);
  const lane = new TelemetryLane({ log, centre, memory: forgetful, dropped });
  const forwarder = new Forwarder(lane, {
    limit: new RateLimit(1e9),
    gatherMs: 10,
    minPauseMs: 20,
    maxPauseMs: 200,
  });
  const quiet = log.onAppended(() => forwarder.grown());
  cellLink.onState(({ connected }) => forwarder.link(connected));
  await cellLink.start();
  return {
    forwarder,
    stop: async () => {
      quiet();
      await Promise.all([forwarder.stop(), cellLink.stop()]);
    },
  };
}

const numbersOf = (records: readonly PositionedRecord[], source: string) =>
  records.filter((record) => record.source === source).map(({ observation }) => Reflect.get(Object(observation), 'n'));

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

natsTest(
  'through cuts, a killed server and restarts of the edge, each record is there once and in order',
  async (t) => {
    const prefix = `edge-${++prefixes}`;
    const centre = await centralLog(t, prefix);
    const proxy = await TcpProxy.start(server.port);
    t.after(() => proxy.close());
    const log = await edgeLog(t);
    let count = 0;
    let stop = false;
    const writing = (async () => {
      while (!stop) {
        const batch = Array.from({ length: 50 }, () => ++count);
        await log.append(batch.flatMap((n) => [meter, other].map((source) => ({ source, observation: { n } }))));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    let uplink = await uplinkOf(log, proxy.url, prefix);
    const forwarded = async () => {
      const from = uplink.forwarder.status.position ?? 0;
      await until('it goes on', () => (uplink.forwarder.status.position ?? 0) > from, 20_000);
    };
    for (let round = 0; round < 6; round++) {
      await forwarded();
      proxy.cut();
      await until('it knows', () => uplink.forwarder.status.state === 'unlinked');
      proxy.mend();
      if (round === 2) {
        await forwarded();
        await server.kill('SIGKILL');
        await server.restart();
      }
      if (round === 4) {
        await uplink.stop();
        uplink = await uplinkOf(log, proxy.url, prefix);
      }
    }
    await forwarded();
    stop = true;
    await writing;
    const end = await log.end();
    await until('all is there', () => uplink.forwarder.status.position === end, 20_000);
    await uplink.stop();
    const all = await readAll(centre, 0, 5000);
    for (const source of [meter, other]) assert.deepEqual(numbersOf(all, source), numbers(count));
  },
);

natsTest('records of the edge and of the centre stand in one log; a follower of the centre gets both', async (t) => {
  const prefix = `edge-${++prefixes}`;
  const centre = await centralLog(t, prefix);
  const log = await edgeLog(t);
  const taken: PositionedRecord[] = [];
  const feed = centre.follow(0, { wants: () => true, take: (records) => void taken.push(...records) });
  t.after(() => feed.stop());
  const uplink = await uplinkOf(log, server.url, prefix);
  t.after(() => uplink.stop());
  const near = entityId('device', 'near');
  for (let n = 1; n <= 30; n++) {
    await log.append([{ source: meter, observation: { n } }]);
    await centre.append([{ source: near, observation: { n } }]);
  }
  await until('both are there', () => taken.length === 60, 20_000);
  assert.deepEqual(numbersOf(taken, meter), numbers(30));
  assert.deepEqual(numbersOf(taken, near), numbers(30));
  // The centre has it a moment before the edge knows.
  await until('the edge knows', () => uplink.forwarder.status.oldestMs === null);
});

natsTest('two processes of one edge, which must not be, cannot store anything twice either', async (t) => {
  const prefix = `edge-${++prefixes}`;
  const centre = await centralLog(t, prefix);
  const log = await edgeLog(t);
  const both = [await uplinkOf(log, server.url, prefix), await uplinkOf(log, server.url, prefix)];
  for (let n = 1; n <= 500; n++) await log.append([{ source: meter, observation: { n } }]);
  const end = await log.end();
  await until('all is there', () => both.every(({ forwarder }) => forwarder.status.position === end), 20_000);
  for (const uplink of both) await uplink.stop();
  assert.deepEqual(numbersOf(await readAll(centre, 0, 5000), meter), numbers(500));
});

natsTest(
  'another log under the name of the cell begins where it begins; an old copy of the same log is refused',
  async (t) => {
    const prefix = `edge-${++prefixes}`;
    const centre = await centralLog(t, prefix);
    const first = await edgeLog(t);
    await first.append(numbers(10).map((n) => ({ source: meter, observation: { n } })));
    const uplink = await uplinkOf(first, server.url, prefix);
    await until('it is there', () => uplink.forwarder.status.position === 10);
    await uplink.stop();
    const second = await edgeLog(t);
    await second.append([{ source: other, observation: { n: 1 } }]);
    const next = await uplinkOf(second, server.url, prefix);
    await until('the new one too', () => next.forwarder.status.position === 1);
    await next.stop();
    const all = await readAll(centre, 0, 100);
    assert.equal(all.length, 11);

    const centralPlace = {
      last: async () => ({ sequence: 5, stored: { log: await first.identity(), position: 4711 } }),
    };
    const notAsked = () => Promise.reject(new Error('not asked'));
    const further = { ...centralPlace, pack: notAsked, store: notAsked };
    const lane = new TelemetryLane({ log: first, centre: further, memory: forgetful, dropped: () => undefined });
    await assert.rejects(lane.learn(), { code: 'EDGE_LOG_BEHIND', retryable: false });
  },
);

natsTest('a leaf node in between carries all of it, with JetStream of its own or without', async (t) => {
  const leafPort = await freePort();
  const hub = await NatsServer.start({
    config: `leafnodes { listen: 127.0.0.1:${leafPort} }`,
    domain: 'hub',
  });
  t.after(() => hub.remove());
  for (const own of [false, true]) {
    const leaf = await NatsServer.start({
      jetStream: own,
      config: `leafnodes { remotes: [{ url: "nats://127.0.0.1:${leafPort}" }] }`,
      ...(own && { domain: 'leaf' }),
    });
    t.after(() => leaf.remove());
    const prefix = `edge-${++prefixes}`;
    const centre = await centralLog(t, prefix, hub.url);
    const log = await edgeLog(t);
    const uplink = await uplinkOf(log, leaf.url, prefix, 'hub');
    await log.append(numbers(100).map((n) => ({ source: meter, observation: { n } })));
    await until('all is there', () => uplink.forwarder.status.position === 100, 20_000);
    const links = [
      ['core', hub.url],
      ['edge-7', leaf.url],
    ].map(([cell = '', url = '']) => new NatsCellLink({ cell, prefix, url, name: cell }));
    const [core, edge] = links;
    assert.ok(core && edge);
    core.serve('clock', (_, from) => `for ${from}`);
    edge.serve('page', (_, from) => `for ${from}`);
    for (const link of links) {
      await link.start();
      t.after(() => link.stop());
    }
    const asked = (link: NatsCellLink, cell: string, what: string) =>
      link.request(cell, what, {}, 500).catch((error: unknown) => error);
    await until(
      'the centre answers the edge',
      async () => (await asked(edge, 'core', 'clock')) === 'for edge-7',
      20_000,
    );
    await until('and the edge the centre', async () => (await asked(core, 'edge-7', 'page')) === 'for core', 20_000);
    await leaf.kill();
    await log.append([{ source: meter, observation: { n: 101 } }]);
    await leaf.restart();
    await until('and what came meanwhile', () => uplink.forwarder.status.position === 101, 20_000);
    await uplink.stop();
    assert.deepEqual(numbersOf(await readAll(centre, 0, 1000), meter), numbers(101));
  }
});

natsTest('a user that may do what the guide gives an edge can send as that edge, and as no other', async (t) => {
  const guide = fs.readFileSync(new URL('../../docs/guides/edge.md', import.meta.url), 'utf8');
  const [, authorization] = /```\n(authorization \{[\s\S]*?)```/.exec(guide) ?? [];
  assert.ok(authorization);
  const strict = await NatsServer.start({
    config: authorization.replace('$CENTRE', 'centre').replace('$EDGE_7', 'seven'),
    credentials: { user: 'signalbox', pass: 'centre' },
  });
  t.after(() => strict.remove());
  const as = (user: string, pass: string) => strict.url.replace('//', `//${user}:${pass}@`);
  const centre = await centralLog(t, 'signalbox', as('signalbox', 'centre'));
  const asked: string[] = [];
  const core = new NatsCellLink({ cell: 'core', prefix: 'signalbox', url: as('signalbox', 'centre'), name: 'core' });
  core.serve('clock', (_, from) => void asked.push(from));
  await core.start();
  t.after(() => core.stop());
  const log = await edgeLog(t);
  await log.append(numbers(10).map((n) => ({ source: meter, observation: { n } })));
  const uplink = await uplinkOf(log, as('edge-7', 'seven'), 'signalbox');
  await until('all is there', () => uplink.forwarder.status.position === 10, 20_000);
  await uplink.stop();
  assert.deepEqual(numbersOf(await readAll(centre, 0, 100), meter), numbers(10));

  const cells = ['edge-7', 'edge-8'].map(
    (cell) => new NatsCellLink({ cell, prefix: 'signalbox', url: as('edge-7', 'seven'), name: cell }),
  );
  const [seven, eight] = cells;
  assert.ok(seven && eight);
  seven.serve('page', () => 'seven answers');
  for (const cell of cells) {
    await cell.start();
    t.after(() => cell.stop());
  }
  await until('all are connected', () => [core, ...cells].every(({ state }) => state.connected));
  await until('the centre is asked', async () => {
    await seven.request('core', 'clock', {}, 500).catch(() => undefined);
    return asked.length > 0;
  });
  assert.equal(await core.request('edge-7', 'page', {}, 2000), 'seven answers');
  await assert.rejects(eight.request('core', 'clock', {}, 500));
  await assert.rejects(core.request('edge-8', 'page', {}, 500), { code: 'NODE_UNREACHABLE' });
  assert.deepEqual([...new Set(asked)], ['edge-7']);
});
