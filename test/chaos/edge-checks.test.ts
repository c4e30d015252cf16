/**
 * Goal: what the run over a centre and an edge is held against finds what it is there for.
 * Method: a history that is sound, and each way in which it can be spoilt.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callersCommandId } from '../../runtime/command-identity.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';
import type { JournalEntry } from '../../runtime/journal.ts';
import type { PositionedRecord } from '../../runtime/log.ts';
import { checkCopy, checkTelemetry, checkWrites } from './edge-checks.ts';
import { EDGE, PLC } from './edge-plant.ts';

const tank = entityId('asset', 'b-1');
const meter = entityId('device', 'e-1');
const plc = entityId('device', PLC);

function row(position: number, entity: EntityId, kind: string, id: string | null = null): JournalEntry {
  return {
    position,
    entity,
    seq: position,
    shard: 0,
    epoch: 1,
    commandId: id === null ? null : callersCommandId('first-key', id),
    kind,
    event: { kind, n: position, deadlineMs: 1500 },
    timeMs: 1000 + position,
    by: { user: 'first-key', via: 'http' },
    logPosition: 0,
    before: null,
    after: null,
  };
}

const record = (n: number): PositionedRecord => ({
  position: n,
  source: meter,
  observation: { deviceTimeMs: n, gatewayTimeMs: n, points: ['level'], values: [n / 10] },
});
const own = { entries: [row(1, tank, 'AlarmRaised'), row(2, tank, 'AlarmCleared')], log: [1, 2, 3].map(record) };
const copy = own.entries.map((entry) => ({ ...entry, position: entry.position + 40, cell: EDGE }));
const centre = { entries: copy, log: own.log };
const sent = new Map([['farm-net/e-1', { published: new Map([[3, 0.3]]), acknowledged: new Set([3]) }]]);

test('a copy that lacks a row, has one twice or in another order, or has been changed, is found', () => {
  assert.equal(checkCopy(own, centre), 2);
  const [first, second] = copy;
  assert.ok(first && second);
  const spoilt: JournalEntry[][] = [
    [first],
    [first, first, second],
    [second, first],
    [first, { ...second, event: { kind: 'AlarmCleared', n: 9 } }],
    [first, second, { ...row(3, tank, 'AlarmRaised') }],
  ];
  for (const entries of spoilt) assert.throws(() => checkCopy(own, { entries, log: [] }), assert.AssertionError);
});

test('records that are lost, doubled or in another order, and a reading that was acknowledged and is not there, are found', () => {
  assert.equal(checkTelemetry(own, centre, sent), 3);
  for (const numbers of [
    [1, 3],
    [1, 2, 2, 3],
    [2, 1, 3],
    [1, 2],
  ])
    assert.throws(() => checkTelemetry(own, { entries: [], log: numbers.map(record) }, sent), assert.AssertionError);
});

test('a write that comes twice, late, unjournaled or after it was said to have expired is found', () => {
  const edge = { entries: [row(1, plc, 'WriteRequested', 'write-1')], log: [] };
  const write = (code: string | undefined) => [{ id: 'write-1', value: 1, code }];
  checkWrites(write('ok'), [{ value: 1, atMs: 1500 }], edge);
  checkWrites(write(undefined), [], edge);
  checkWrites(write('EXPIRED'), [], { entries: [], log: [] });
  const at = (...times: number[]) => times.map((atMs) => ({ value: 1, atMs }));
  for (const [code, written, kept] of [
    ['ok', at(1500, 1600), edge],
    // Within its time-out from when the edge took it, but not within what was left of it.
    ['ok', at(3600), edge],
    ['ok', at(), { entries: [], log: [] }],
    ['EXPIRED', at(1500), edge],
    [undefined, at(1500), { entries: [], log: [] }],
  ] as const)
    assert.throws(() => checkWrites(write(code), written, kept), assert.AssertionError);
});
