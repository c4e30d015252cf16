import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Interest } from '../../../../ui/store/connection.ts';
import { outcomeOfWrite } from '../../../../ui/store/write-outcome.ts';

/** A link on which the test says what the server would. */
function follow() {
  const interests: Interest[] = [];
  let ended = 0;
  const connection = {
    subscribe: (interest: Interest) => {
      interests.push(interest);
      return () => void ended++;
    },
  };
  const outcome = outcomeOfWrite(connection, { device: 'plc', accepted: { writeId: 'w' }, timeoutMs: 5000 });
  const write = (state: string, more: object = {}) => ({ id: 'plc', writes: { w: { state, code: null, ...more } } });
  const [interest] = interests;
  assert.ok(interest);
  return { outcome, interest, write, ended: () => ended };
}

test('a write is done once the device has it, and not when it was accepted or sent', async () => {
  const { outcome, interest, write, ended } = follow();
  let settled = false;
  void outcome.then(() => {
    settled = true;
  });
  interest.onSnapshot([write('requested')], '');
  interest.onDelta?.([write('sent')]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(settled, false);
  interest.onDelta?.([write('verified')]);
  assert.equal((await outcome).ok, true);
  assert.equal(ended(), 1, 'nothing is followed any more');
});

test('a write that failed or timed out is told with its code and its words, also when that was before one looked', async () => {
  const { outcome, interest, write } = follow();
  const message = 'the device may or may not have carried it out';
  interest.onSnapshot([write('timed_out', { code: 'outcome_unknown', message })], '');
  assert.deepEqual(await outcome, { ok: false, code: 'outcome_unknown', message });
});

test('a subscription that is refused ends it', async () => {
  const { outcome, interest } = follow();
  interest.onError?.('FORBIDDEN', 'no');
  assert.deepEqual(await outcome, { ok: false, code: 'FORBIDDEN', message: 'no' });
});
