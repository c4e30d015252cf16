import assert from 'node:assert/strict';
import { test } from 'node:test';
import { letterBody } from '../../../../runtime/entity/letter-body.ts';

test('a small input is kept as it came', () => {
  assert.deepEqual(letterBody({ values: [1, null], device: 'plc' }), { values: [1, null], device: 'plc' });
  assert.equal(letterBody('text'), 'text');
});

test('numbers that JSON does not have are spelled out', () => {
  assert.deepEqual(letterBody({ values: [Number.NaN, Number.POSITIVE_INFINITY], id: 5n }), {
    values: ['NaN', 'Infinity'],
    id: '5',
  });
});

test('of a large input the beginning is kept, and how long it was', () => {
  const body = letterBody({ values: Array.from({ length: 100_000 }, () => 1) });
  assert.ok(typeof body === 'object' && body !== null && 'beginning' in body && typeof body.beginning === 'string');
  assert.match(body.beginning, /^\{"values":\[1,1,/);
  assert.ok(JSON.stringify(body).length < 20_000);
  assert.equal(body.length, 200_012);
});

test('what JSON cannot say is described', () => {
  const circular: { name: string; self?: unknown } = { name: 'loop' };
  circular.self = circular;
  assert.match(String(letterBody(circular)), /loop/);
  assert.equal(letterBody(undefined), 'undefined');
});
