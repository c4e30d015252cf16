/**
 * Goal: who has the wall open learns of an alarm of a connection that comes while the journal is away as of one of an asset: at once,
 * marked as not recorded, over the subscription that it has; and of its event when it is on record.
 * Method: a plant as `signalbox start` makes it, two Modbus devices behind one server that is closed; a second connection holds the
 * journal locked from before the alarm of their connection is due. A real WebSocket.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import Database from 'libsql';
import { startPlant } from '../../cli/plant.ts';
import { readSettings } from '../../runtime/settings.ts';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { tempDir } from '../support/temp-dir.ts';
import { WsClient } from '../support/ws-client.ts';

const WITHIN_MS = 40_000;

const TOPOLOGY = `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: bus, driver: modbus, tcp: { host: 127.0.0.1, port: PORT } }
devices:
  - { id: m1, name: Meter 1, site: works, connection: bus, modbus: { unit: 1, pollMs: 100 }, lostAlarm: { delaySeconds: 8 }, points: [{ name: level, modbus: { area: holding, address: 0, type: uint16 } }] }
  - { id: m2, name: Meter 2, site: works, connection: bus, modbus: { unit: 2, pollMs: 100 }, lostAlarm: { delaySeconds: 8 }, points: [{ name: level, modbus: { area: holding, address: 0, type: uint16 } }] }
`;
const ALARM = 'connection-lost';

interface Shown {
  readonly id: string;
  readonly unrecordedAlarms?: Readonly<Record<string, Record<string, unknown> | null>> | null;
}

test('an alarm of a connection that comes while the journal is away is told to those who look, marked until it is on record', async (t) => {
  const { dir, remove } = tempDir('websocket-unrecorded');
  t.after(remove);
  const units = new Map([1, 2].map((unit) => [unit, { holding: new Uint16Array([7]) }]));
  const field = await createModbusServer({ units });
  const topology = parseTopology(TOPOLOGY.replace('PORT', String(field.port)), 'plant.yaml');
  assert.ok(topology.ok, JSON.stringify(topology));
  const read = readSettings({}, {}, { DATA_DIR: dir, PORT: 0, LOG_LEVEL: 'fatal' });
  assert.ok(read.ok, JSON.stringify(read));
  const running = await startPlant({ settings: read.settings, plant: topology.plant, simulators: false });
  t.after(() => running.stop());
  const intruder = new Database(path.join(dir, 'journal.db'));
  t.after(() => intruder.close());
  const headers = { authorization: `Bearer ${running.key}` };
  const get = async (address: string) => (await fetch(new URL(`api/v1/${address}`, running.url), { headers })).json();

  const client = await WsClient.open(`${running.url.replace(/^http/, 'ws')}ws`, headers);
  t.after(() => client.close());
  client.send({ op: 'subscribe', sub: 'c', topic: 'connections', fields: ['unrecordedAlarms'] });
  client.send({ op: 'subscribe', sub: 'n', topic: 'nodes', fields: ['props.name', 'unrecordedAlarms'] });
  client.send({ op: 'subscribe', sub: 'a', topic: 'alarms' });
  await client.waitFor('all snapshots', ({ frames }) => frames.filter(({ op }) => op === 'snapshot').length === 3);
  assert.deepEqual(client.of('snapshot').find(({ sub }) => sub === 'n')?.items, [
    { id: 'core-1', props: { name: 'core-1' } },
  ]);
  const told = () =>
    client
      .of('delta')
      .filter(({ sub }) => sub === 'c')
      .flatMap(({ items }) => items as Shown[]);
  const events = () =>
    client.of('event').flatMap((frame) => frame.events as { kind: string; entity: string; after: Shown }[]);

  await until(
    'both are heard',
    async () => {
      const { items }: { items: { props: { connectivity: string } }[] } = await get('devices');
      return items.every(({ props }) => props.connectivity === 'online');
    },
    WITHIN_MS,
  );
  await field.close();
  const lost = async () => (await get('audit?entity=connection/bus&kind=LinkLost')).items.length === 1;
  await until('that it is lost is on record', lost, WITHIN_MS);
  intruder.exec('begin immediate');
  await client.waitFor('the alarm', () => told().some(({ unrecordedAlarms }) => unrecordedAlarms?.[ALARM]), WITHIN_MS);
  const [first] = told().filter(({ unrecordedAlarms }) => unrecordedAlarms?.[ALARM]);
  const alarm = first?.unrecordedAlarms?.[ALARM];
  assert.deepEqual(
    [first?.id, alarm?.id, alarm?.detail, alarm?.notRecorded],
    ['bus', `connection/bus:${ALARM}`, 'ACTIVE_UNACK', true],
  );
  assert.deepEqual(
    events().filter(({ entity }) => entity === 'connection/bus'),
    [],
    'it is not on record',
  );

  intruder.exec('rollback');
  const isRaised = ({ kind, entity }: { kind: string; entity: string }) =>
    kind === 'AlarmRaised' && entity === 'connection/bus';
  await client.waitFor('its event', () => events().some(isRaised), WITHIN_MS);
  await client.waitFor(
    'the mark is gone',
    () => {
      const last = told().at(-1)?.unrecordedAlarms;
      return last === null || last?.[ALARM] === null;
    },
    WITHIN_MS,
  );
  const raised = events().filter(isRaised);
  assert.deepEqual(
    raised.map(({ after }) => (after as unknown as Record<string, unknown>).raisedAtMs),
    [alarm?.raisedAtMs],
    'once, and as it was told',
  );
});
