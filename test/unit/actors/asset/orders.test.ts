import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetKind } from '../../../../actors/asset/asset.ts';
import { assetView } from '../../../../actors/asset/view.ts';
import { OrderBookCommand } from '../../../../actors/work-order/commands.ts';
import type { WorkOrderState } from '../../../../actors/work-order/views.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { AssetDefinition } from '../../../../topology/plant.ts';
import { WorkOrderTemplate } from '../../../../topology/schema/work-order-template.ts';
import { asset, Bench, frame, rule, T0 } from '../plant.ts';

const ID = entityId('asset', 'pump-1');
const TEMPLATE = WorkOrderTemplate.parse({
  id: 'cool',
  name: 'Cool down',
  checklist: [{ item: 'Check the fan' }, { item: 'Temperature', kind: 'number', unit: '°C', max: 60 }],
});

function up(over: Partial<AssetDefinition> = {}) {
  return new Bench(
    assetKind,
    ID,
    asset({
      rules: [rule({ workOrder: 'cool', response: 'Open the valve' })],
      workOrderTemplates: { cool: TEMPLATE },
      ...over,
    }),
  ).start();
}

function order(pump: ReturnType<typeof up>, atMs: number, state: WorkOrderState, number = 'WO-20260501-00001') {
  pump.command(atMs, { kind: 'WorkOrderReported', number, rule: 'hot', state, assetDown: true });
}

test('an alarm asks the book for its order, as the book wants to be asked', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 90 }));
  const [effect] = pump.effects;
  assert.ok(effect?.kind === 'tell');
  assert.equal(effect.to, 'order-book/main');
  const command = OrderBookCommand.parse(effect.command);
  assert.ok(command.kind === 'RequestWorkOrder');
  assert.equal(command.date, '20260501');
  assert.equal(command.draft.title, 'Cool down: Pump 1');
  assert.equal(command.draft.priority, 'high');
  assert.equal(command.draft.rule, 'hot');
  assert.equal(command.draft.checklist.length, 2);
  assert.match(command.draft.description, /temperature 90/);
  assert.match(command.draft.description, /Open the valve/);
  assert.deepEqual(JSON.parse(JSON.stringify(effect.command)), effect.command);
});

test('the date of the order is that of the site, not of the server', () => {
  const pump = up({ timeZone: 'Pacific/Auckland' });
  pump.observe(frame(0, { temperature: 90 }));
  const [effect] = pump.effects;
  const command = effect?.kind === 'tell' ? OrderBookCommand.parse(effect.command) : null;
  assert.equal(command?.kind === 'RequestWorkOrder' ? command.date : '', '20260502');
});

test('a template that is switched off opens nothing', () => {
  const pump = up({ workOrderTemplates: { cool: { ...TEMPLATE, active: false } } });
  pump.observe(frame(0, { temperature: 90 }));
  assert.deepEqual(pump.effects, []);
});

test('the alarm shows the number of its order as long as it is open', () => {
  const pump = up();
  pump.observe(frame(0, { temperature: 90 }));
  order(pump, 1000, 'open');
  assert.equal(assetView(pump.state).alarms.hot?.workOrder, 'WO-20260501-00001');
  assert.equal(assetView(pump.state).props.openWorkOrders, 1);
  order(pump, 2000, 'cancelled');
  assert.equal(assetView(pump.state).alarms.hot?.workOrder, null);
  assert.equal(assetView(pump.state).props.openWorkOrders, 0);
});

test('while an order that takes it down is under way the asset is in maintenance, then what it was before', () => {
  const pump = up();
  const status = () => assetView(pump.state).props.status;
  pump.command(0, { kind: 'SetAssetStatus', status: 'damaged', reason: 'bearing' });
  order(pump, 1000, 'open');
  assert.equal(status(), 'damaged');
  order(pump, 2000, 'in_progress');
  assert.equal(status(), 'maintenance');
  order(pump, 3000, 'on_hold');
  assert.equal(status(), 'maintenance');
  order(pump, 3500, 'in_progress', 'WO-20260501-00002');
  order(pump, 4000, 'completed');
  assert.equal(status(), 'maintenance', 'the second order is still under way');
  pump.command(4500, { kind: 'SetAssetStatus', status: 'operational', reason: 'bearing replaced' });
  assert.equal(status(), 'maintenance');
  order(pump, 5000, 'completed', 'WO-20260501-00002');
  assert.equal(status(), 'operational');
  const changes = pump.events.filter((event) => event.kind === 'AssetStatusChanged');
  assert.deepEqual(
    changes.map(({ from, to }) => `${from} ${to}`),
    ['operational damaged', 'damaged maintenance', 'maintenance maintenance', 'maintenance operational'],
  );
});

test('the same report again changes nothing', () => {
  const pump = up();
  order(pump, 0, 'open');
  order(pump, 1000, 'open');
  order(pump, 2000, 'closed');
  order(pump, 3000, 'closed');
  assert.equal(pump.events.length, 2);
});

test('a webhook is called with the alarm as it stands', () => {
  const pump = up({ rules: [rule({ webhook: 'http://127.0.0.1/hook' })] });
  pump.observe(frame(0, { temperature: 90 }));
  const [effect] = pump.effects;
  assert.ok(effect?.kind === 'out');
  assert.equal(effect.port, 'webhook');
  const { url, event, alarm } = effect.body as {
    url: string;
    event: string;
    alarm: { detail: string; raisedAtMs: number };
  };
  assert.deepEqual(
    [url, event, alarm.detail, alarm.raisedAtMs],
    ['http://127.0.0.1/hook', 'alarm.raised', 'ACTIVE_UNACK', T0],
  );
});
