import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from '../../../../../actors/frame.ts';
import { LineEncoder } from '../../../../../gateways/historian/questdb/lines.ts';

const FRAME: Frame = {
  deviceTimeMs: 1000,
  gatewayTimeMs: 1020,
  points: ['t'],
  values: [20.5],
  quality: null,
  reasons: null,
  times: null,
};

function lines(frame: Partial<Frame>, loggedAtMs?: number): string[] {
  return new LineEncoder('s')
    .frame('device/plc-1', { ...FRAME, ...frame }, loggedAtMs, 1030)
    .split('\n')
    .slice(0, -1);
}

test('a number is a line with all of its times in microseconds', () => {
  assert.deepEqual(lines({}, 1025), [
    's,entity=device/plc-1,series=t,quality=GOOD,type=number value=20.5,gateway_time=1020000t,stored_time=1030000t,log_time=1025000t 1000000',
  ]);
});

test('where the device does not say when, the gateway does; where readings differ, each has its own time', () => {
  const times = (frame: Partial<Frame>) => lines(frame).map((line) => line.slice(line.lastIndexOf(' ') + 1));
  assert.deepEqual(times({ deviceTimeMs: null }), ['1020000']);
  assert.deepEqual(times({ points: ['a', 'b'], values: [1, 2], times: [1000.5, null] }), ['1000500', '1000000']);
});

test('every type of value, and what is no number, is told by its type', () => {
  const values = [true, false, null, 'auto', Number.NaN, 1e21, -1e-7];
  const points = values.map((_, index) => `p${index}`);
  assert.deepEqual(
    lines({ points, values }).map((line) => line.slice(line.indexOf('type='), line.indexOf('gateway_time'))),
    [
      'type=boolean value=1,',
      'type=boolean value=0,',
      'type=null ',
      'type=text text="auto",',
      'type=number ',
      'type=number value=1e+21,',
      'type=number value=-1e-7,',
    ],
  );
});

test('names and texts cannot break out of their place', () => {
  const [line] = lines({ points: ['a b,c=d\\e\nf'], values: ['say "hi"\\\r'], quality: ['BAD'] });
  assert.equal(line, 's,entity=device/plc-1,series=a\\ b\\,c\\=d\\\\e\\');
  assert.match(
    new LineEncoder('s').frame('x', { ...FRAME, values: ['say "hi"\\\r'] }, undefined, 0),
    /type=text text="say \\"hi\\"\\\\\\\r",/,
  );
});
