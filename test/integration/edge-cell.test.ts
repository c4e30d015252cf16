/**
 * Goal: an edge runs its cell by itself and goes on with the centre gone; the centre shows it, commands it, and has its events and
 * readings once; after a cut everything comes to agree.
 * Method: two products put together as `signalbox start` does, one of them with `--cell edge-7`, on one topology file; mosquitto
 * and nats-server as processes of their own, and between the edge and NATS a proxy that cuts.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { readPlant } from '../../cli/topology.ts';
import type { View } from '../../runtime/actor-kind.ts';
import { CommandId, type EntityId, entityId } from '../../runtime/ids.ts';
import type { JournalEntry } from '../../runtime/journal.ts';
import { awaySinceMs } from '../../runtime/live-bus.ts';
import { readSettings } from '../../runtime/settings.ts';
import { until } from '../support/condition.ts';
import { writeEdgePlant } from '../support/edge-plant.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { TcpProxy } from '../support/servers/tcp-proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

const skip = noNats;
const tank = entityId('asset', 'far-tank');
const nearTank = entityId('asset', 'near-tank');
const far = entityId('device', 'far');
const by = { user: 'ann', via: 'http' } as const;
const WITHIN_MS = 30_000;

const temp = tempDir('edge-cell');
let nats: NatsServer;
let broker: Mosquitto;
let proxy: TcpProxy;
let mqtt: MqttClient;
let core: RunningPlant;
let edge: RunningPlant;
let topology: string;
const sent: [number, number][] = [];

async function start(cell: string, more: Record<string, unknown>): Promise<RunningPlant> {
  const read = readSettings(
    {},
    {},
    { CELL: cell, DATA_DIR: path.join(temp.dir, cell), PORT: 0, LOG_LEVEL: 'fatal', ...more },
  );
  assert.ok(read.ok, JSON.stringify(read));
  return startPlant({ settings: read.settings, plant: await readPlant(topology), simulators: false });
}

const startEdge = () => start('edge-7', { UPLINK_URL: proxy.url });

before(async () => {
  if (skip !== false) return;
  [nats, broker] = await Promise.all([NatsServer.start(), Mosquitto.start(temp.dir)]);
  proxy = await TcpProxy.start(nats.port);
  topology = writeEdgePlant(temp.dir, broker.url);
  core = await start('core', { NATS_URL: nats.url });
  edge = await startEdge();
  mqtt = await connectAsync(broker.url);
});
after(async () => {
  await mqtt?.endAsync();
  await edge?.stop();
  await core?.stop();
  await proxy?.close();
  await broker?.kill('SIGKILL');
  await nats?.remove();
  temp.remove();
});

let lastMs = 0;
async function publish(topic: string, level: number): Promise<number> {
  const ts = Math.max(Date.now(), lastMs + 1);
  lastMs = ts;
  await mqtt.publishAsync(topic, JSON.stringify({ ts, metrics: { level } }), { qos: 1 });
  if (topic === 'farm/far') sent.push([ts, level]);
  return ts;
}

const viewAt = (plant: RunningPlant, id = tank): View => plant.runtime.live.cell(id)?.view ?? {};
const levelAt = (plant: RunningPlant, id = tank) => viewAt(plant, id).values?.level;
const alarmAt = (plant: RunningPlant) => Reflect.get(Object(viewAt(plant).alarms?.high), 'state');
const partOf = (plant: RunningPlant, name: string) => plant.runtime.health().parts.find((part) => part.name === name);
const ask = (id: string, command: object, to = tank) =>
  core.runtime.ask(to, command, { commandId: CommandId.parse(id), by, permissions: ['*'] });
const acknowledge = { kind: 'AcknowledgeAlarm', rule: 'high', comment: 'seen' };
const rowsAt = (plant: RunningPlant) => plant.node.journal.query({ limit: 10_000 });
const ofEdge = (rows: readonly JournalEntry[]) => rows.filter(({ cell }) => cell === 'edge-7');

/** Rows of the edge as both have them, without what is each one's own: place, log position, and names of books. */
function alike(rows: readonly JournalEntry[]) {
  return rows.map(({ seq, kind, event, timeMs, by: who, before: was, after: is, commandId }) => ({
    seq,
    kind,
    event,
    timeMs,
    who,
    was,
    is,
    commandId,
  }));
}

async function agree(): Promise<void> {
  await until(
    'the centre has all events of the edge',
    async () => ofEdge(await rowsAt(core)).length === (await rowsAt(edge)).length,
    WITHIN_MS,
  );
  assert.deepEqual(alike(ofEdge(await rowsAt(core))), alike(await rowsAt(edge)));
}

const cellTest = (what: string, run: () => Promise<void>) => test(what, { skip }, run);

cellTest('each cell runs its own sites alone, and the centre shows both', async () => {
  await until(
    'the edge has a reading',
    async () => {
      await publish('farm/far', 40);
      return levelAt(edge) === 40;
    },
    WITHIN_MS,
  );
  await until('the centre shows it', () => levelAt(core) === 40, WITHIN_MS);
  await until(
    'the centre has one of its own',
    async () => {
      await publish('works/near', 50);
      return levelAt(core, nearTank) === 50;
    },
    WITHIN_MS,
  );
  assert.equal(core.node.entity(tank), undefined, 'it is not live at the centre');
  assert.equal(edge.node.entity(nearTank), undefined);
  assert.ok(edge.node.entity(tank));
  assert.equal(viewAt(edge, nearTank).values, undefined, 'an edge shows nothing of others');
  assert.equal(awaySinceMs({ view: viewAt(core) }), undefined);
  assert.equal(partOf(core, 'cell edge-7')?.status, 'healthy', partOf(core, 'cell edge-7')?.detail);
});

cellTest('a live value is at the centre well within a second', async () => {
  const tookMs: number[] = [];
  for (let n = 0; n < 10; n++) {
    const level = 41 + n / 10;
    const fromMs = performance.now();
    await publish('farm/far', level);
    await until('it is shown', () => levelAt(core) === level, WITHIN_MS);
    tookMs.push(performance.now() - fromMs);
  }
  tookMs.sort((a, b) => a - b);
  assert.ok((tookMs[5] ?? 1e9) < 1000, `${tookMs.map(Math.round)}`);
  const told = () => partOf(core, 'cell edge-7')?.detail ?? '';
  await until('and in the log of the centre', () => /telemetry 0\.\d s behind, events 0\.\d s/.test(told()));
  // One machine, one clock.
  await until('with the difference of the clocks', () => /its clock is -?\d{1,2} ms from ours/.test(told()));
  assert.match(await (await fetch(new URL('/metrics', core.url))).text(), /signalbox_cell_linked\{cell="edge-7"\} 1/);
  assert.match(await (await fetch(new URL('/metrics', edge.url))).text(), /signalbox_uplink_connected 1/);
});

cellTest('an alarm of the edge is at the centre with its events, and is acknowledged from there once', async () => {
  await publish('farm/far', 90);
  await until('it is raised at the centre', () => alarmAt(core) === 'ACTIVE', WITHIN_MS);
  const reply = await ask('ack-1', acknowledge);
  assert.ok(reply.ok, JSON.stringify(reply));
  await until('both show it', () => alarmAt(edge) === 'ACKNOWLEDGED' && alarmAt(core) === 'ACKNOWLEDGED', WITHIN_MS);
  const again = await ask('ack-1', acknowledge);
  assert.ok(again.ok && again.repeated);
  const refused = await ask('ack-2', { ...acknowledge, rule: 'no-such' });
  assert.ok(!refused.ok);
  const permission = await core.runtime.ask(tank, acknowledge, {
    commandId: CommandId.parse('ack-3'),
    by,
    permissions: ['asset:read'],
  });
  assert.equal(!permission.ok && permission.code, 'FORBIDDEN');
  await agree();
  const acknowledged = ofEdge(await rowsAt(core)).filter(({ kind }) => kind === 'AlarmAcknowledged');
  assert.equal(acknowledged.length, 1);
  assert.equal(acknowledged[0]?.by.user, 'ann');
});

cellTest('its work orders have numbers of its cell, and are worked on from the centre', async () => {
  const orders = () => core.runtime.live.cells('work-order').map(({ id }) => id);
  await until('the order of the alarm is shown', () => orders().some((id) => id.endsWith('.edge-7')), WITHIN_MS);
  const order = orders().find((id) => id.endsWith('.edge-7'));
  assert.ok(order);
  assert.equal((await ask('wo-1', { kind: 'CommentWorkOrder', text: 'on my way' }, order)).ok, true);
  const draft = { title: 'Paint it', asset: 'far-tank', template: null, rule: null };
  const asked = await ask('wo-2', { kind: 'RequestWorkOrder', draft }, entityId('order-book', 'main'));
  assert.ok(asked.ok, JSON.stringify(asked));
  assert.match(String(Reflect.get(Object(asked.result), 'number')), /\.edge-7$/);
  const books = new Set(ofEdge(await rowsAt(core)).map(({ entity }) => entity));
  await agree();
  assert.ok(books.has(entityId('order-book', 'edge-7')), 'its book has a name of its own at the centre');
});

cellTest('cut off, the edge goes on and the centre says since when it knows nothing; then both agree', async () => {
  proxy.cut();
  await until('the centre knows', () => awaySinceMs({ view: viewAt(core) }) !== undefined, WITHIN_MS);
  assert.match(partOf(core, 'cell edge-7')?.detail ?? '', /link lost: no sign of it since/);
  await until('the edge knows', () => /no link to the centre/.test(partOf(edge, 'uplink')?.detail ?? ''), WITHIN_MS);
  const shown = levelAt(core);
  await publish('farm/far', 20);
  await until('the alarm clears at the edge', () => alarmAt(edge) === undefined, WITHIN_MS);
  for (let n = 0; n < 200; n++) await publish('farm/far', 20 + n / 100);
  await publish('farm/far', 95);
  await until('and is raised again', () => alarmAt(edge) === 'ACTIVE', WITHIN_MS);
  assert.equal(levelAt(core), shown, 'the centre shows what it knew');

  const kept = await ask('ack-cut', acknowledge);
  assert.equal(!kept.ok && kept.code, 'PENDING', JSON.stringify(kept));
  await until('it is shown as pending', () => viewAt(core).pending?.['ack-cut'] !== undefined);
  const write = await ask('write-cut', { kind: 'WritePoint', point: 'level', value: 1, timeoutMs: 300 }, far);
  assert.equal(!write.ok && write.code, 'EXPIRED', JSON.stringify(write));

  proxy.mend();
  await until('the centre shows it live', () => awaySinceMs({ view: viewAt(core) }) === undefined, WITHIN_MS);
  await until('what waited was carried out', () => alarmAt(core) === 'ACKNOWLEDGED', WITHIN_MS);
  await until('nothing is pending', () => viewAt(core).pending === undefined, WITHIN_MS);
  const answered = await ask('ack-cut', acknowledge);
  assert.ok(answered.ok && answered.repeated);
  await agree();
  const rows = ofEdge(await rowsAt(core));
  assert.equal(rows.filter(({ kind }) => kind === 'AlarmAcknowledged').length, 2, 'no more than were given');
  assert.ok(!rows.some(({ kind }) => kind === 'WriteRequested'), 'the write never arrived');
});

const nobodyWaits = (rule: EntityId) => {
  const unconfirmed = viewAt(core, rule).props?.unconfirmed;
  return Array.isArray(unconfirmed) && unconfirmed.length === 0;
};
const alarmOf = (plant: RunningPlant, rule: string) => Reflect.get(Object(viewAt(plant).alarms?.[rule]), 'state');

cellTest(
  'a rule that is made at the centre holds at the edge, waits for a link that is cut, and goes again',
  async () => {
    const rule = entityId('rule', 'brim');
    const body = { name: 'Brim', metric: 'level', when: { above: 85 }, severity: 'HIGH', cooldownSeconds: 0 };
    const made = await ask('rule-1', { kind: 'CreateRule', profile: 'tank', rule: body }, rule);
    assert.ok(made.ok, JSON.stringify(made));
    assert.equal(Reflect.get(Object(made.result), 'assets'), 2, 'the tank of the edge is one of its profile');
    await until('both tanks have it', () => nobodyWaits(rule), WITHIN_MS);
    await publish('farm/far', 60);
    await publish('farm/far', 88);
    await until(
      'the edge judges by it, and the centre shows that',
      () => alarmOf(core, 'brim') === 'ACTIVE',
      WITHIN_MS,
    );

    proxy.cut();
    await until('the centre knows', () => awaySinceMs({ view: viewAt(core) }) !== undefined, WITHIN_MS);
    const changed = await ask('rule-2', { kind: 'ChangeRule', changes: { when: { above: 92 } } }, rule);
    assert.ok(changed.ok, JSON.stringify(changed));
    await until('one tank waits for it', () => String(viewAt(core, rule).props?.unconfirmed) === 'far-tank', WITHIN_MS);
    await until('the tank says so', () => JSON.stringify(viewAt(core).pending ?? {}).includes('AdoptRule'), WITHIN_MS);
    await core.stop();
    core = await start('core', { NATS_URL: nats.url });
    proxy.mend();
    await until('a centre that was started meanwhile has told it', () => nobodyWaits(rule), WITHIN_MS);
    await publish('farm/far', 60);
    await publish('farm/far', 91);
    await until('91 is no longer too much', () => levelAt(core) === 91, WITHIN_MS);
    assert.notEqual(alarmOf(edge, 'brim'), 'ACTIVE');

    const own = await edge.runtime.ask(
      rule,
      { kind: 'CreateRule', entityId: tank, rule: { ...body, when: { below: 1 } } },
      { commandId: CommandId.parse('rule-of-edge'), by, permissions: ['*'] },
    );
    assert.ok(own.ok, 'the edge may have rules of its own');
    const named = entityId('rule', 'brim.edge-7');
    const rule4 = await ask('rule-4', { kind: 'ChangeRule', changes: { name: 'Empty' } }, named);
    assert.ok(rule4.ok, `the rule of the edge is asked for by the name of its cell: ${JSON.stringify(rule4)}`);
    assert.ok((await ask('rule-3', { kind: 'DeleteRule' }, rule)).ok);
    const adopted = async () =>
      ofEdge(await rowsAt(core))
        .filter(({ entity, kind }) => entity === tank && kind.startsWith('Rule'))
        .map(({ kind }) => kind);
    await until('it is dropped at the edge', async () => (await adopted()).includes('RuleDropped'), WITHIN_MS);
    assert.deepEqual(
      await adopted(),
      ['RuleAdopted', 'RuleAdopted', 'RuleDropped'],
      'each once, that of the edge never',
    );
    await agree();
  },
);

cellTest(
  'after restarts of the edge, the centre and NATS every reading is in the history of the centre once',
  async () => {
    await edge.stop();
    await publish('farm/far', 33);
    edge = await startEdge();
    await publish('farm/far', 34);
    await until('the edge has both', () => levelAt(edge) === 34, WITHIN_MS);
    await until('the centre too', () => levelAt(core) === 34, WITHIN_MS);
    await nats.kill('SIGKILL');
    await publish('farm/far', 35);
    await nats.restart();
    await core.stop();
    await publish('farm/far', 36);
    await until('the edge has them', () => levelAt(edge) === 36, WITHIN_MS);
    proxy.cut();
    core = await start('core', { NATS_URL: nats.url });
    const since = awaySinceMs({ view: viewAt(core) });
    assert.ok(since !== undefined, 'a centre that was started shows what it knew last, and how old it is');
    assert.equal(levelAt(core), 34);
    proxy.mend();
    await until('and the newest when it hears of it', () => levelAt(core) === 36, WITHIN_MS);
    await agree();
    const samples = () =>
      core.node.historian.raw({ entity: far, series: 'level', fromMs: 0, toMs: Date.now() + 60_000, limit: 10_000 });
    await until('the history has all', async () => (await samples()).length >= sent.length, WITHIN_MS);
    assert.deepEqual(
      (await samples()).map(({ timeMs, value }) => [timeMs, value]),
      sent,
    );
  },
);

cellTest('a cell that no site names, and a centre without NATS, are refused with what would be right', async () => {
  await assert.rejects(start('edge-9', {}), /there is no cell edge-9 in the topology file: sites name edge-7/);
  await assert.rejects(start('core', { DATA_DIR: path.join(temp.dir, 'other') }), /set NATS_URL/);
  const both = readSettings({}, {}, { CELL: 'edge-7', NATS_URL: nats.url });
  assert.match(both.ok ? '' : both.problems.join(), /UPLINK_URL is where it sends it/);
});
