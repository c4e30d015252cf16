import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanDurations, inLocalTime, serverWords } from '../../../../ui/store/server-words.ts';

const NOW = Date.UTC(2026, 10, 21, 13, 10, 0);
const ZONE = 'Asia/Kolkata';

test('an instant of the server is read in local time, and how long it is so since then', () => {
  assert.equal(
    serverWords(
      'journal: away since 2026-11-21T13:03:22.041Z, for 3 s: connection refused; commands are refused',
      ZONE,
      NOW,
    ),
    'journal: away since 18:33:22 +05:30, for 6 min: connection refused; commands are refused',
  );
  assert.equal(
    serverWords('log: no connection to NATS since 2026-11-20T22:00:00.000Z: timeout', ZONE, NOW),
    'log: no connection to NATS since 03:30:00 +05:30, for 15 h 10 min: timeout',
  );
  assert.equal(
    inLocalTime('certificate of the server ends 2027-01-05T00:00:00Z.', ZONE, NOW),
    'certificate of the server ends 2027-01-05 05:30:00 +05:30.',
  );
});

test('what is no instant stays as it is', () => {
  for (const text of ['WO-20261121-00001', 'at 2026-11-21', 'topic plant/2026-99-99T99:99:99Z', ''])
    assert.equal(inLocalTime(text, ZONE, NOW), text);
});

test('durations are told as people say them', () => {
  assert.equal(humanDurations('nothing heard for 6000 ms'), 'nothing heard for 6 s');
  assert.equal(
    humanDurations('no session within 1500 ms; took longer than 200 ms'),
    'no session within 1.5 s; took longer than 200 ms',
  );
  assert.equal(humanDurations('not verified for 7265 s'), 'not verified for 2 h 01 min');
  assert.equal(humanDurations('silent for 90 s, limit 20 s'), 'silent for 90 s, limit 20 s');
});
