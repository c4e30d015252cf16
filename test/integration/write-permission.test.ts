/**
 * Goal: a point's own permission decides who may write it, over the API as everywhere, and the write stands in the audit.
 * Method: the real actors on real storage behind the real front; in the place of the driver, a list of what leaves.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { populationOf } from '../../actors/population.ts';
import type { Json } from '../../runtime/json.ts';
import type { Node } from '../../runtime/node.ts';
import { parseTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { startTestFront, type TestFront } from '../support/front.ts';
import { tempDir } from '../support/temp-dir.ts';

const TOPOLOGY = `signalbox: 1
organization: { id: acme, name: Acme }
sites: [{ id: works, name: Works, timeZone: UTC }]
connections: [{ id: net, driver: modbus, tcp: { host: 127.0.0.1, port: 1502 } }]
devices:
  - id: plc
    name: PLC
    site: works
    connection: net
    points:
      - { name: setpoint, writable: { max: 100 }, modbus: { address: 0 } }
      - { name: limit, writable: { max: 100, permission: "device:manage" }, modbus: { address: 1 } }
`;

const temp = tempDir('write-permission');
const sent: Json[] = [];
let storage: TestStorage;
let node: Node;
let front: TestFront;

before(async () => {
  const loaded = parseTopology(TOPOLOGY, 'plant.yaml', {});
  assert.ok(loaded.ok, JSON.stringify(loaded));
  storage = await openStorage(temp.dir);
  const outlets = {
    'device-write': async (body: Json) => {
      sent.push(body);
    },
  };
  node = await startNode(storage, populationOf(loaded.plant), { outlets });
  front = await startTestFront({ runtime: node });
});
after(async () => {
  await front?.close();
  await node?.stop();
  await storage?.close();
  temp.remove();
});

async function write(point: string, token: string) {
  const answer = await front.post(`/api/v1/devices/plc/points/${point}/write`, { value: 42 }, { token });
  return { status: answer.status, body: await answer.json() };
}

test('an operator writes what operators may, and is refused by name where the point asks for more', async () => {
  assert.equal((await write('setpoint', front.token.operator)).status, 200);
  const { status, body } = await write('limit', front.token.operator);
  assert.equal(status, 403);
  assert.equal(body.error.code, 'FORBIDDEN');
  assert.equal(body.error.field, 'point');
  assert.match(body.error.message, /limit.*device:manage/);
});

test('an engineer, who has the permission, writes the point; it leaves for the device and stands in the audit', async () => {
  const { status, body } = await write('limit', front.token.engineer);
  assert.equal(status, 200, JSON.stringify(body));
  await until('the write has left', () => sent.some((out) => JSON.stringify(out).includes('"limit"')));
  const audit = await (await front.request('/api/v1/audit?entity=device/plc&kind=WriteRequested')).json();
  const writes = audit.items.map((item: { user: string; event: { point: string } }) => [item.user, item.event.point]);
  assert.deepEqual(writes, [
    ['engineer-1', 'limit'],
    ['operator-1', 'setpoint'],
  ]);
});
