import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Forwarding } from '../../../../runtime/edge/forwarder.ts';
import { behindIn, behindInWords, behindOf, isBacklog } from '../../../../runtime/edge/uplink-words.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const live: Forwarding = { state: 'live', position: 7, left: 0, oldestMs: null, error: undefined };
const waiting: Forwarding = { ...live, left: 12_345, oldestMs: NOW_MS - 3_600_000 };
const unknown: Forwarding = { ...live, state: 'learning', position: undefined, left: undefined, oldestMs: undefined };

test('of a centre that has everything there is little to say', () => {
  const behind = behindOf(live, { ...live, left: 1, oldestMs: NOW_MS - 90 }, NOW_MS);
  assert.equal(behindInWords(behind, NOW_MS), 'telemetry 0.0 s behind, events 0.1 s');
  assert.equal(isBacklog(behind), false);
});

test('of a backlog it is said how much it is, and since when', () => {
  const behind = behindOf(waiting, live, NOW_MS);
  assert.equal(
    behindInWords(behind, NOW_MS),
    'telemetry 3600.0 s behind, events 0.0 s; still to be sent: 12,345 records and 0 events, the oldest of 2026-11-21T11:00:00.000Z',
  );
  assert.equal(isBacklog(behind), true);
});

test('what nobody knows is not said to be nothing', () => {
  const behind = behindOf(unknown, unknown, NOW_MS);
  assert.equal(behindInWords(behind, NOW_MS), 'telemetry an unknown time behind, events an unknown time');
  assert.equal(
    behindInWords(behindOf(unknown, waiting, NOW_MS), NOW_MS),
    'telemetry an unknown time behind, events 3600.0 s; still to be sent: an unknown number of records and 12,345 events, the oldest of 2026-11-21T11:00:00.000Z',
  );
});

test('over the link it comes as it was, and of another version as unknown', () => {
  const behind = behindOf(waiting, unknown, NOW_MS);
  assert.deepEqual(behindIn({ ...behind, other: 'field' }), behind);
  assert.deepEqual(behindIn({ telemetryLagMs: 'much' }), behindIn({}));
});
