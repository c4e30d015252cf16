import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Decoded, decodePayload } from '../../../../gateways/mqtt/payload.ts';
import { createRouter } from '../../../../gateways/mqtt/router.ts';
import { MqttConnection } from '../../../../topology/schema/mqtt.ts';
import { mqttConnection, mqttDevice } from '../../../support/mqtt-plant.ts';

const POINTS = [
  { name: 'temp', unit: '°C', mqtt: { field: 't', scale: 0.1, offset: -40 } },
  { name: 'pressure', unit: 'bar' },
  { name: 'running', type: 'boolean' },
  { name: 'mode', type: 'string' },
  { name: 'flow', mqtt: { field: 'loop.flow' } },
];
const NOW_MS = 1_800_000_000_000;

function decoder(template: object, devices = [mqttDevice('plc-1', POINTS)]) {
  const definition = mqttConnection({ url: 'mqtt://x', topics: [{ topic: 'd/{device}', ...template }] }, devices);
  const router = createRouter(definition, MqttConnection.parse(definition.settings));
  return (payload: unknown, topic = 'd/plc-1', retained = false): Decoded => {
    const route = router.route(topic);
    assert.ok(route.kind === 'readings', JSON.stringify(route));
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    return decodePayload(router, route, { payload: Buffer.from(text), receivedAtMs: NOW_MS, retained });
  };
}

const codes = (decoded: Decoded) => decoded.faults.map((fault) => fault.code);
const readings = ({ frame }: Decoded) =>
  frame && Object.fromEntries(frame.points.map((point, index) => [point, frame.values[index]]));

describe('a payload of metrics', () => {
  const decode = decoder({ payload: 'metrics' });

  it('becomes engineering values of the points that it names, by field, scale and offset', () => {
    const decoded = decode({
      ts: 1_700_000_000,
      metrics: { t: 655, pressure: 3, running: true, mode: 'auto', other: 1 },
    });
    assert.deepEqual(readings(decoded), { temp: 25.5, pressure: 3, running: true, mode: 'auto' });
    assert.equal(decoded.frame?.deviceTimeMs, 1_700_000_000_000);
    assert.equal(decoded.frame?.gatewayTimeMs, NOW_MS);
    assert.equal(decoded.frame?.quality, null);
    assert.deepEqual(decoded.faults, []);
  });

  it('has no device time when it gives none', () => {
    assert.equal(decode({ metrics: { pressure: 1 } }).frame?.deviceTimeMs, null);
  });

  it('leads into objects where a field has dots', () => {
    assert.deepEqual(readings(decode({ metrics: { loop: { flow: 7 } } })), { flow: 7 });
    assert.deepEqual(readings(decode({ metrics: { 'loop.flow': 8, loop: { flow: 7 } } })), { flow: 8 });
    assert.deepEqual(codes(decode({ metrics: { loop: { flow: 'x' } } })), ['wrong_type']);
  });

  it('loses a value of the wrong type, and that one alone', () => {
    const decoded = decode({ metrics: { pressure: '3', t: 650, running: 'yes', mode: 4 } });
    assert.deepEqual(readings(decoded), { temp: 25 });
    assert.deepEqual(codes(decoded), ['wrong_type', 'wrong_type', 'wrong_type']);
    assert.match(decoded.faults[0]?.reason ?? '', /^pressure: "3" is not a number$/);
  });

  it('takes 1 and 0 for a switch', () => {
    assert.deepEqual(readings(decode({ metrics: { running: 1 } })), { running: true });
    assert.deepEqual(readings(decode({ metrics: { running: 0 } })), { running: false });
    assert.deepEqual(codes(decode({ metrics: { running: 2 } })), ['wrong_type']);
  });

  it('is refused whole when it cannot be read, with the reason', () => {
    assert.deepEqual(codes(decode('{')), ['bad_json']);
    assert.deepEqual(codes(decode('')), ['bad_json']);
    assert.deepEqual(codes(decode('5')), ['bad_payload']);
    assert.deepEqual(codes(decode('null')), ['bad_payload']);
    assert.deepEqual(codes(decode({ ts: 1_700_000_000 })), ['bad_payload']);
    assert.deepEqual(codes(decode({ metrics: [1] })), ['bad_payload']);
    assert.deepEqual(codes(decode({ ts: 'noon', metrics: { pressure: 1 } })), ['bad_time']);
    assert.deepEqual(codes(decode({ ts: null, metrics: { pressure: 1 } })), ['bad_time']);
    assert.deepEqual(codes(decode({ metrics: {} })), ['no_known_field']);
  });

  it('shares the list of points between frames of the same form', () => {
    const first = decode({ metrics: { t: 1, pressure: 2 } }).frame;
    const other = decode({ metrics: { pressure: 2 } }).frame;
    const again = decode({ metrics: { t: 3, pressure: 4 } }).frame;
    assert.equal(first?.points, again?.points);
    assert.notEqual(first?.points, other?.points);
    assert.deepEqual(other?.points, ['pressure']);
  });

  it('never throws and never makes a value of another type, whatever it holds', () => {
    const types = new Map(POINTS.map((point) => [point.name, point.type ?? 'number']));
    const field = fc.constantFrom(
      't',
      'pressure',
      'running',
      'mode',
      'loop',
      'loop.flow',
      '__proto__',
      'constructor',
      'x',
    );
    const payload = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ ts: fc.jsonValue(), metrics: fc.dictionary(field, fc.jsonValue()) })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(payload, (text) => {
        const decoded = decode(text);
        assert.ok(decoded.frame !== null || decoded.faults.length > 0);
        decoded.frame?.points.forEach((point, index) => {
          assert.equal(typeof decoded.frame?.values[index], types.get(point));
        });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('other payloads', () => {
  it('may be flat, with the time among the values', () => {
    const decode = decoder({ payload: 'flat', timeField: 'pressure' });
    const decoded = decode({ pressure: 1_700_000_000, t: 650 });
    assert.deepEqual(readings(decoded), { temp: 25 });
    assert.equal(decoded.frame?.deviceTimeMs, 1_700_000_000_000);
  });

  it('may be one value, whose point the topic names', () => {
    const decode = decoder({ topic: 'd/{device}/{tag}', payload: 'value' });
    assert.deepEqual(readings(decode('650', 'd/plc-1/t')), { temp: 25 });
    assert.deepEqual(readings(decode(' 2.5e1 ', 'd/plc-1/pressure')), { pressure: 25 });
    assert.deepEqual(readings(decode('true', 'd/plc-1/running')), { running: true });
    assert.deepEqual(readings(decode('auto', 'd/plc-1/mode')), { mode: 'auto' });
    assert.deepEqual(readings(decode('"auto"', 'd/plc-1/mode')), { mode: 'auto' });
    for (const bad of ['', ' ', '0x10', 'Infinity', 'NaN', '1,5', '{}']) {
      assert.deepEqual(codes(decode(bad, 'd/plc-1/pressure')), ['wrong_type'], bad);
    }
  });

  it('may be an envelope with quality and unit of its own', () => {
    const decode = decoder({ payload: 'envelope' });
    const envelope = {
      asset_id: 'pump-1',
      parameter: 'pressure',
      value: 3,
      unit: 'bar',
      quality: 'SUSPECT',
      timestamps: { device_time: '2023-11-14T22:13:20Z', gateway_time: 'x' },
      metadata: { adapter_id: 'a' },
    };
    const decoded = decode(envelope);
    assert.deepEqual(readings(decoded), { pressure: 3 });
    assert.deepEqual(decoded.frame?.quality, ['SUSPECT']);
    assert.equal(decoded.frame?.deviceTimeMs, 1_700_000_000_000);
    assert.deepEqual(codes(decode({ ...envelope, unit: 'psi' })), ['unit_mismatch']);
    assert.deepEqual(codes(decode({ ...envelope, parameter: 'nothing' })), ['unknown_point']);
    assert.deepEqual(codes(decode({ ...envelope, quality: 'FINE' })), ['bad_payload']);
    assert.deepEqual(codes(decode({ ...envelope, value: undefined })), ['bad_payload']);
    assert.deepEqual(codes(decode({ ...envelope, value: null })), ['wrong_type']);
    const bad = decode({ ...envelope, value: null, quality: 'BAD' });
    assert.deepEqual([readings(bad), bad.frame?.quality], [{ pressure: null }, ['BAD']]);
  });

  it('may say in the envelope which device it is of, by an asset that is linked to it', () => {
    const devices = [mqttDevice('plc-1', POINTS, { linkedAssets: ['pump-1'] }), mqttDevice('plc-2', POINTS)];
    const decode = decoder({ topic: 'all', payload: 'envelope' }, devices);
    assert.equal(decode({ asset_id: 'pump-1', parameter: 'pressure', value: 3 }, 'all').device, 'plc-1');
    assert.equal(decode({ device_id: 'plc-2', parameter: 'pressure', value: 3 }, 'all').device, 'plc-2');
    assert.deepEqual(codes(decode({ asset_id: 'pump-9', parameter: 'pressure', value: 3 }, 'all')), ['unknown_device']);
  });

  it('that were retained and have no time of their own are UNCERTAIN', () => {
    const decode = decoder({ payload: 'metrics' });
    assert.deepEqual(decode({ metrics: { pressure: 1 } }, 'd/plc-1', true).frame?.quality, ['UNCERTAIN']);
    assert.equal(decode({ ts: 1_700_000_000, metrics: { pressure: 1 } }, 'd/plc-1', true).frame?.quality, null);
  });
});

describe('a payload that is made to do harm', () => {
  const decode = decoder({ payload: 'metrics' });

  it('is refused before it is parsed when it is nested too deep, brackets in texts not counted', () => {
    const nested = (levels: number) => `{"metrics":{"pressure":${'['.repeat(levels)}${']'.repeat(levels)}}}`;
    const decoded = decode(nested(100_000));
    assert.deepEqual(codes(decoded), ['bad_payload']);
    assert.match(decoded.faults[0]?.reason ?? '', /deeper than 32/);
    assert.equal(decoded.device, 'plc-1');
    const text = `${'[{"\\\\'.repeat(2000)}`;
    assert.deepEqual(readings(decode({ metrics: { mode: text } })), { mode: text });
  });

  it('is refused when it has more fields than any device has points', () => {
    const metrics = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`x${index}`, 1]));
    assert.match(decode({ metrics }).faults[0]?.reason ?? '', /more than 10000 fields/);
  });
});
