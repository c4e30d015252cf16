import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellResolver, commandTtlMs, confirmationOf, toldByCentre } from '../../../actors/cells.ts';
import { CellNames } from '../../../runtime/edge/cell-names.ts';
import { EntityId, entityId } from '../../../runtime/ids.ts';
import { parseTopology } from '../../../topology/load.ts';

const FILE = `signalbox: 1
organization: { id: acme, name: Acme }
sites:
  - { id: works, name: Works, timeZone: UTC }
  - { id: farm, name: Farm, timeZone: UTC, cell: edge-7 }
connections:
  - { id: net, driver: modbus, tcp: { host: 127.0.0.1, port: 1502 } }
  - { id: farm-net, driver: modbus, tcp: { host: 127.0.0.1, port: 1602 } }
devices:
  - { id: plc, name: PLC, site: works, connection: net, points: [{ name: a, modbus: { address: 0 } }] }
  - { id: farm-plc, name: PLC, site: farm, connection: farm-net, points: [{ name: a, modbus: { address: 0 } }] }
assets:
  - { id: pump, name: Pump, site: works }
  - { id: tank, name: Tank, site: farm }
`;

const loaded = parseTopology(FILE, 'plant.yaml');
assert.ok(loaded.ok, JSON.stringify(loaded));
const cellOf = cellResolver(loaded.plant);
const of = (id: string, command?: unknown) => cellOf(EntityId.parse(id), command);

test('entities of a site live in its cell, and all others at the centre', () => {
  for (const id of ['site/farm', 'asset/tank', 'device/farm-plc', 'connection/farm-net'])
    assert.equal(of(id), 'edge-7');
  for (const id of ['site/works', 'asset/pump', 'device/plc', 'connection/net', 'access/main', 'asset/unknown'])
    assert.equal(of(id), undefined, id);
});

test('a work order is where its number says, books are where their name says', () => {
  assert.equal(of('work-order/WO-20261121-00001.edge-7'), 'edge-7');
  assert.equal(of('work-order/WO-20261121-00001'), undefined);
  assert.equal(of('work-order/WO-20261121-00001.edge-8'), undefined);
  assert.equal(of('order-book/edge-7'), 'edge-7');
  assert.equal(of('access/edge-7'), 'edge-7');
  assert.equal(of('asset/edge-7'), undefined, 'an asset may well have the name of a cell');
});

test('a work order that is asked for goes to the book of the cell of its asset', () => {
  const request = (asset: unknown) => ({ kind: 'RequestWorkOrder', draft: { asset } });
  assert.equal(of('order-book/main', request('tank')), 'edge-7');
  assert.equal(of('order-book/main', request('pump')), undefined);
  for (const odd of [null, 7, '', '../x', 'x'.repeat(500)])
    assert.equal(of('order-book/main', request(odd)), undefined);
  assert.equal(of('order-book/main', 'no command'), undefined);
});

test('a write waits for its own time-out, any other command for minutes', () => {
  const device = entityId('device', 'plc');
  assert.equal(commandTtlMs(device, { kind: 'WritePoint', timeoutMs: 700 }), 700);
  assert.equal(commandTtlMs(device, { kind: 'WritePoint' }), 5000);
  assert.ok(commandTtlMs(device, { kind: 'AcknowledgeAlarm' }) >= 60_000);
});

test('books have the name of their cell outside of it, and nothing else has another name', () => {
  const names = new CellNames(['order-book'], ['rule']);
  const book = entityId('order-book', 'main');
  assert.equal(names.outside(book, 'edge-7'), 'order-book/edge-7');
  assert.equal(names.inside(names.outside(book, 'edge-7'), 'edge-7'), book);
  for (const id of [entityId('asset', 'main'), entityId('asset', 'edge-7')]) {
    assert.equal(names.outside(id, 'edge-7'), id);
    assert.equal(names.inside(id, 'edge-7'), id);
  }
});

test('rules of a cell have its name outside of it, since another may have one of the same id', () => {
  const names = new CellNames(['order-book'], ['rule']);
  const high = entityId('rule', 'high');
  assert.equal(names.outside(high, 'edge-7'), 'rule/high.edge-7');
  assert.equal(names.inside(entityId('rule', 'high.edge-7'), 'edge-7'), high);
  assert.equal(names.inside(high, 'edge-7'), high);
  assert.equal(names.book(high, 'edge-7'), high);
});

test('a rule that was told by the centre says so, and is confirmed to its actor there; nothing else is told', () => {
  const pump = entityId('asset', 'pump-1');
  const adopt = { kind: 'AdoptRule', rule: { id: 'high' }, revision: 3, profile: null, again: false };
  const drop = { kind: 'DropRule', id: 'high', revision: 4, again: true };
  assert.deepEqual(toldByCentre(adopt), { ...adopt, from: 'core' });
  assert.deepEqual(toldByCentre(drop), { ...drop, from: 'core' });
  assert.equal(toldByCentre({ kind: 'WorkOrderReported' }), undefined);
  const confirmed = (revision: number) => ({
    to: 'rule/high',
    command: { kind: 'ConfirmRule', asset: 'pump-1', revision },
  });
  assert.deepEqual(confirmationOf(pump, adopt), confirmed(3));
  assert.deepEqual(confirmationOf(pump, drop), confirmed(4));
  assert.equal(confirmationOf(pump, { kind: 'WorkOrderReported', revision: 1, id: 'high' }), undefined);
});
