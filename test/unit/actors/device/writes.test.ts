import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceKind } from '../../../../actors/device/device.ts';
import { deviceView } from '../../../../actors/device/view.ts';
import { entityId } from '../../../../runtime/ids.ts';
import type { DeviceDefinition } from '../../../../topology/plant.ts';
import { Bench, device, point, T0 } from '../plant.ts';

const ID = entityId('device', 'plc-1');
const POINTS = [point({ name: 'setpoint', writable: { min: 0, max: 100 } }), point({ name: 'temperature' })];
/** The first command of a bench. */
const WRITE = 'command-1';

function up(over: Partial<DeviceDefinition> = {}) {
  const plc = new Bench(deviceKind, ID, device({ points: POINTS, offlineAfterMs: 600_000, ...over })).start();
  plc.events.length = 0;
  plc.effects.length = 0;
  return plc;
}

/** With one write under way that has a second. */
function writing() {
  const plc = up();
  const decision = plc.command(0, { kind: 'WritePoint', point: 'setpoint', value: 42, timeoutMs: 1000 });
  assert.ok(decision.ok);
  plc.events.length = 0;
  return plc;
}

type Plc = ReturnType<typeof up>;

function send(plc: Plc, atMs: number) {
  const decision = plc.command(atMs, { kind: 'SendWrite', writeId: WRITE });
  return decision.ok ? decision.result : decision.code;
}

function standing(plc: Plc) {
  const write = deviceView(plc.state).writes[WRITE];
  return [write?.state, write?.code];
}

function kinds(events: readonly { readonly kind: string }[]): string[] {
  return events.map((event) => event.kind);
}

test('a write is checked, recorded, and only then leaves, with its deadline', () => {
  const plc = up();
  const decision = plc.command(0, { kind: 'WritePoint', point: 'setpoint', value: 42, timeoutMs: 5000 });
  assert.deepEqual(decision.ok && decision.result, { writeId: WRITE });
  assert.deepEqual(plc.effects, [
    {
      kind: 'out',
      port: 'device-write',
      body: { writeId: WRITE, device: 'plc-1', point: 'setpoint', value: 42, deadlineMs: T0 + 5000 },
    },
  ]);
  assert.deepEqual(send(plc, 60), { leftMs: 4940 });
  assert.deepEqual(standing(plc), ['sent', null]);
  plc.command(100, { kind: 'ReportWrite', writeId: WRITE, state: 'verified' });
  assert.deepEqual(standing(plc), ['verified', null]);
  assert.deepEqual(kinds(plc.events), ['WriteRequested', 'WriteSent', 'WriteFinished']);
});

test('a write is given leave to be sent once: who asks again gets none, and its outcome is not known', () => {
  const plc = writing();
  assert.deepEqual(send(plc, 10), { leftMs: 990 });
  assert.deepEqual(send(plc, 20), { leftMs: null });
  assert.deepEqual(standing(plc), ['timed_out', 'outcome_unknown']);
  assert.deepEqual(send(plc, 30), { leftMs: null });
  assert.deepEqual(kinds(plc.events), ['WriteSent', 'WriteFinished']);
});

test('leave to be sent survives a restart as having been given', () => {
  const plc = writing();
  send(plc, 10);
  const back = new Bench(deviceKind, ID, plc.self.definition, plc.encode()).start(50);
  assert.deepEqual(send(back, 60), { leftMs: null });
  assert.deepEqual(standing(back), ['timed_out', 'outcome_unknown']);
});

test('a write that was long on its way has what is left of its time, and none where nothing is left', () => {
  for (const [leftMs, timeoutMs, hasMs] of [
    [300, 5000, 300],
    [9000, 5000, 5000],
  ] as const) {
    const plc = up();
    const write = { kind: 'WritePoint', point: 'setpoint', value: 42, timeoutMs } as const;
    assert.ok(plc.command(0, write, leftMs).ok);
    assert.deepEqual(send(plc, 0), { leftMs: hasMs });
  }
  const plc = up();
  const write = { kind: 'WritePoint', point: 'setpoint', value: 42, timeoutMs: 5000 } as const;
  const late = plc.command(10, write, 10);
  assert.equal(!late.ok && late.code, 'EXPIRED');
  assert.deepEqual(plc.effects, []);
});

test('a write is not sent at its deadline or later, nor by a clock that went back behind the request', () => {
  for (const atMs of [1000, 5000, -1]) {
    const plc = writing();
    assert.deepEqual(send(plc, atMs), { leftMs: null }, `${atMs}`);
    assert.deepEqual(standing(plc), ['timed_out', 'deadline_passed']);
  }
  assert.deepEqual(send(writing(), 999), { leftMs: 1 });
});

test('a write to a device that was taken out of use meanwhile is not sent', () => {
  const plc = writing();
  plc.command(10, { kind: 'DecommissionDevice', reason: 'scrapped' });
  assert.deepEqual(send(plc, 20), { leftMs: null });
  assert.deepEqual(standing(plc), ['failed', 'decommissioned']);
});

test('a write that nobody has sent by its deadline has ended then, and cannot be sent any more', () => {
  const plc = writing();
  assert.deepEqual(kinds(plc.runTo(999)), []);
  assert.deepEqual(kinds(plc.runTo(1000)), ['WriteFinished']);
  assert.deepEqual(standing(plc), ['timed_out', 'deadline_passed']);
  assert.deepEqual(send(plc, 1001), { leftMs: null });
});

test('a write that was sent and of which the driver says nothing more has timed out, until it says something', () => {
  const plc = writing();
  send(plc, 10);
  assert.deepEqual(kinds(plc.runTo(5999)), []);
  assert.deepEqual(kinds(plc.runTo(6000)), ['WriteFinished']);
  assert.deepEqual(standing(plc), ['timed_out', 'no_report']);
  plc.command(7000, { kind: 'ReportWrite', writeId: WRITE, state: 'verified' });
  assert.deepEqual(standing(plc), ['verified', null]);
  plc.command(8000, { kind: 'ReportWrite', writeId: WRITE, state: 'failed', code: 'timeout' });
  assert.deepEqual(standing(plc), ['verified', null], 'what is known is final');
});

test('an acknowledged write can still be verified, or found to have failed, and nothing else', () => {
  for (const [next, ends] of [
    ['verified', 'verified'],
    ['failed', 'failed'],
    ['timed_out', 'acknowledged'],
  ] as const) {
    const plc = writing();
    send(plc, 10);
    plc.command(20, { kind: 'ReportWrite', writeId: WRITE, state: 'acknowledged' });
    plc.command(30, { kind: 'ReportWrite', writeId: WRITE, state: next });
    assert.equal(standing(plc)[0], ends);
  }
});

test('writes that must not leave are refused with a stable code', () => {
  const plc = up();
  const code = (name: string, value: number | string) => {
    const decision = plc.command(0, { kind: 'WritePoint', point: name, value, timeoutMs: 5000 });
    return decision.ok ? 'accepted' : decision.code;
  };
  assert.equal(code('setpoint', 101), 'OUT_OF_RANGE');
  assert.equal(code('setpoint', 'full'), 'WRONG_TYPE');
  assert.equal(code('temperature', 5), 'POINT_NOT_WRITABLE');
  assert.equal(code('colour', 5), 'UNKNOWN_POINT');
  plc.command(0, { kind: 'ReportConnectivity', state: 'offline', reason: 'connection_lost' });
  assert.equal(code('setpoint', 5), 'DEVICE_OFFLINE');
  assert.equal(plc.effects.filter((effect) => effect.kind === 'out').length, 0);
  assert.equal(plc.command(0, { kind: 'SendWrite', writeId: 'another' }).ok, false);
});

test('writes that wait have a bound, and those under way are all shown', () => {
  const plc = up();
  const write = () => plc.command(0, { kind: 'WritePoint', point: 'setpoint', value: 1, timeoutMs: 5000 });
  for (let n = 0; n < 64; n++) assert.ok(write().ok);
  const refused = write();
  assert.equal(!refused.ok && refused.code, 'OVERLOADED');
  send(plc, 10);
  assert.equal(Object.keys(deviceView(plc.state).writes).length, 64);
  plc.command(20, { kind: 'ReportWrite', writeId: WRITE, state: 'verified' });
  assert.ok(write().ok);
});

test('a point may ask for a permission of its own, and the refusal names it', () => {
  const writable = { permission: 'device:manage' };
  const plc = up({ points: [point({ name: 'limit', writable }), point({ name: 'setpoint', writable: {} })] });
  const write = (name: string) => plc.command(0, { kind: 'WritePoint', point: name, value: 5, timeoutMs: 5000 });
  plc.permissions = ['device:write'];
  assert.deepEqual(write('limit'), {
    ok: false,
    code: 'FORBIDDEN',
    message: 'writing limit needs the permission device:manage',
    field: 'point',
  });
  assert.ok(write('setpoint').ok);
  plc.permissions = ['device:write', 'device:manage'];
  assert.ok(write('limit').ok);
});

test('only the product itself may give leave to send, or say how a write ended', () => {
  for (const kind of ['SendWrite', 'ReportWrite'] as const) {
    const command = { kind, writeId: WRITE, ...(kind === 'ReportWrite' && { state: 'verified' }) };
    assert.equal(deviceKind.permission(deviceKind.command.parse(command)), 'internal');
  }
});
