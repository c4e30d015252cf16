import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_SESSIONS, receive, type Sessions } from '../../../../runtime/cluster/session.ts';
import { TIMING } from '../../../../runtime/cluster/timing.ts';
import { EntityId } from '../../../../runtime/ids.ts';

const [a, b] = [EntityId.parse('asset/a'), EntityId.parse('asset/b')];

class Bench {
  sessions: Sessions = NO_SESSIONS;

  fresh(n: number, floor: number, entity = a, sender = 'core-2'): boolean {
    const { sessions, fresh } = receive(this.sessions, { sender, entity, n, floor }, TIMING);
    this.sessions = sessions;
    return fresh;
  }
}

test('a request that comes twice is taken once', () => {
  const bench = new Bench();
  assert.deepEqual(
    [bench.fresh(1, 1), bench.fresh(1, 1), bench.fresh(2, 2), bench.fresh(1, 1)],
    [true, false, true, false],
  );
});

test('requests to different entities may overtake each other, those to one may not', () => {
  const bench = new Bench();
  assert.equal(bench.fresh(2, 1, b), true);
  assert.equal(bench.fresh(1, 1, a), true);
  assert.equal(bench.fresh(4, 3, a), true);
  assert.equal(bench.fresh(3, 3, a), false);
});

test('below the floor everything is old, whatever entity it is for', () => {
  const bench = new Bench();
  bench.fresh(9, 8, a);
  assert.equal(bench.fresh(7, 5, b), false);
  assert.equal(bench.fresh(8, 8, b), true);
});

test('senders do not disturb each other, and the longest silent is forgotten', () => {
  const bench = new Bench();
  for (let n = 0; n <= TIMING.sessions; n++) assert.equal(bench.fresh(1, 1, a, `sender-${n}`), true);
  assert.equal(bench.sessions.senders.size, TIMING.sessions);
  assert.equal(bench.sessions.senders.has('sender-0'), false);
});
