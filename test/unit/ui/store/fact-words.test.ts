import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsInWords, factOf } from '../../../../ui/store/fact-words.ts';

const T = Date.UTC(2026, 0, 15, 23, 30, 5);
const textOf = (name: string, value: unknown) => factOf(name, value, 'Asia/Kolkata')?.text;

test('the ending of a name becomes the unit of its value', () => {
  assert.deepEqual(factOf('publishingIntervalMs', 500, 'UTC'), { label: 'Publishing interval', text: '500 ms' });
  assert.deepEqual(factOf('ownCertificateDaysLeft', 812, 'UTC'), {
    label: 'Own certificate ends in',
    text: '812 days',
  });
  assert.equal(textOf('requestsPerSecond', 1.25), '1.3 per second');
  assert.equal(textOf('requestsSent', 40_312), '40\u202f312');
  assert.equal(textOf('security', true), 'yes');
  assert.equal(textOf('port', 18_830), '18830', 'a name, not a quantity');
  assert.equal(textOf('subscriptionId', 126_614), '126614');
});

test('no instant is shown as a number of milliseconds', () => {
  for (const name of ['raisedAtMs', 'atMs', 'untilMs', 'sinceMs']) {
    assert.match(textOf(name, T) ?? '', /^2026-01-16 05:00:05 UTC\+05:30/, name);
  }
});

test('what is absent or no fact is left out', () => {
  for (const value of [null, undefined, '', Number.NaN, { deep: 1 }, [1]])
    assert.equal(factOf('x', value, 'UTC'), null);
});

test('failures are counted in words, the most frequent first', () => {
  assert.equal(
    countsInWords({ connection_lost: 1, timeout: 3, never: 0 }),
    '3 × no answer in time, 1 × the connection broke',
  );
  assert.equal(countsInWords({}), '');
});
