import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Edge } from '../../../../gateways/http/routes/edges.ts';
import {
  backfillWords,
  behindMs,
  bytesWords,
  clockWords,
  diskWords,
  isNotable,
  lagWords,
  leftWords,
  linkWords,
} from '../../../../ui/store/edge-words.ts';

const LINKED: Edge = {
  cell: 'edge-7',
  node: 'edge-7-1',
  linked: true,
  sinceMs: 1000,
  heardMs: 2000,
  liveLagMs: 12,
  telemetryLagMs: 110,
  journalLagMs: 0,
  telemetryLeft: 54_906,
  journalLeft: 1,
  catchingUp: false,
  backfillBytesPerSecond: 0,
  backfillLimitBytesPerSecond: 500_000,
  clockOffsetMs: -3,
  disk: { share: 0.347, usedBytes: 34_700_000_000, budgetBytes: 100_000_000_000, problem: null, dropped: [] },
  problem: null,
  commands: [],
};
const NEVER: Edge = {
  ...LINKED,
  linked: false,
  sinceMs: null,
  heardMs: null,
  telemetryLagMs: null,
  journalLagMs: null,
  telemetryLeft: null,
  journalLeft: null,
  backfillBytesPerSecond: null,
  backfillLimitBytesPerSecond: null,
  clockOffsetMs: null,
  disk: null,
};

test('an edge that is well says how far it is behind, what it sends late, and what of its disk is used', () => {
  assert.equal(linkWords(LINKED), 'Linked');
  assert.equal(lagWords(behindMs(LINKED)), '0.1 s');
  assert.equal(leftWords(LINKED), '54\u202f906 records and 1 event');
  assert.equal(backfillWords(LINKED), 'none now, 500 kB/s at most');
  assert.equal(backfillWords({ ...LINKED, backfillBytesPerSecond: 412_500 }), '413 kB/s of 500 kB/s');
  assert.equal(diskWords(LINKED.disk), '35 % of its budget of 100 GB');
  const crowded = { share: 0.93, usedBytes: 2_000_000, budgetBytes: 100_000_000, problem: null, dropped: [] };
  assert.equal(diskWords(crowded), '2 % of its budget of 100 MB, the disk is 93 % full');
  assert.equal(clockWords(LINKED), '+3 ms', 'its clock is ahead where something has to be taken off');
  assert.equal(isNotable(LINKED), false);
});

test('what nobody knows is never said as a nought', () => {
  assert.equal(linkWords(NEVER), 'Never heard');
  const told = [lagWords(behindMs(NEVER)), leftWords(NEVER), backfillWords(NEVER), diskWords(null), clockWords(NEVER)];
  assert.deepEqual(new Set(told), new Set(['not known']));
  const disk = { share: 0, usedBytes: 0, budgetBytes: 0, problem: null, dropped: [] };
  assert.equal(diskWords(disk), 'not known', 'it has not looked yet');
  assert.equal(isNotable(NEVER), true);
});

test('a lost link, a backlog, a problem and a disk that cost something are for somebody to look at', () => {
  const dropped = { what: 'telemetry', atMs: 1, oldestMs: 1, newestMs: 2, lost: 5 };
  for (const more of [
    { linked: false },
    { journalLagMs: 60_000 },
    { problem: 'EDGE_HISTORY_DIFFERS' },
    { disk: { share: 0.95, usedBytes: 1, budgetBytes: 1, problem: null, dropped: [] } },
    { disk: { share: 0.5, usedBytes: 0, budgetBytes: 1, problem: null, dropped: [dropped] } },
  ])
    assert.equal(isNotable({ ...LINKED, ...more }), true, JSON.stringify(more));
  assert.equal(linkWords({ ...LINKED, linked: false }), 'Link lost');
  assert.equal(leftWords({ ...LINKED, linked: false }), '54\u202f906 records and 1 event when last heard');
  assert.equal(linkWords({ ...LINKED, catchingUp: true }), 'Catching up');
});

test('sizes are in thousands, with a decimal where it tells something', () => {
  assert.deepEqual([0, 999, 1500, 250_000, 2_340_000_000].map(bytesWords), [
    '0 B',
    '999 B',
    '1.5 kB',
    '250 kB',
    '2.3 GB',
  ]);
});
