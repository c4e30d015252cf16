import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RouteEffect, type RouteInput, routeOf, stepRoute } from '../../../../runtime/cluster/route.ts';
import { TIMING } from '../../../../runtime/cluster/timing.ts';
import { EntityId } from '../../../../runtime/ids.ts';

const [a, b] = [EntityId.parse('asset/a'), EntityId.parse('asset/b')];
const first = { node: 'core-1', epoch: 3 };
const second = { node: 'core-2', epoch: 4 };

class Bench {
  route = routeOf(5);
  monoMs = 0;

  get at() {
    return { monoMs: this.monoMs, wallMs: this.monoMs };
  }

  feed(input: RouteInput): string[] {
    const { state, effects } = stepRoute(this.route, input, TIMING);
    this.route = state;
    return effects.map(brief);
  }

  send(commandId: string, entity = a, timeoutMs = 10_000): string[] {
    const message = { entity, commandId, deadlineMonoMs: this.monoMs + timeoutMs, body: null };
    return this.feed({ kind: 'send', at: this.at, message });
  }

  learn(owner: { node: string; epoch: number }): string[] {
    return this.feed({ kind: 'learnt', at: this.at, owner });
  }

  after(ms: number): string[] {
    this.monoMs += ms;
    return this.feed({ kind: 'tick', at: this.at });
  }

  answered(n: number, entity = a): string[] {
    return this.feed({ kind: 'answered', at: this.at, entity, n, answer: 'ok' });
  }

  refused(n: number, owner?: { node: string; epoch: number }): string[] {
    return this.feed({ kind: 'refused', at: this.at, entity: a, n, owner });
  }
}

function brief(effect: RouteEffect): string {
  switch (effect.kind) {
    case 'request':
      return `${effect.message.commandId} to ${effect.owner.node}@${effect.owner.epoch} n${effect.n} floor ${effect.floor}`;
    case 'answer':
      return `${effect.commandId} answered`;
    case 'giveUp':
      return `${effect.commandId} ${effect.code}${effect.sent ? ' sent' : ''}`;
    case 'lookUp':
      return 'look up';
  }
}

test('without an owner messages are held in order, and leave when one is known', () => {
  const bench = new Bench();
  assert.deepEqual(bench.send('1'), ['look up']);
  assert.deepEqual(bench.send('2'), []);
  assert.deepEqual(bench.send('3', b), []);
  assert.deepEqual(bench.learn(first), ['1 to core-1@3 n1 floor 1', '3 to core-1@3 n2 floor 1']);
});

test('of the messages to one entity the next leaves when the first was answered; entities do not wait for each other', () => {
  const bench = new Bench();
  bench.learn(first);
  assert.deepEqual(bench.send('1'), ['1 to core-1@3 n1 floor 1']);
  assert.deepEqual(bench.send('2'), []);
  assert.deepEqual(bench.send('3', b), ['3 to core-1@3 n2 floor 1']);
  assert.deepEqual(bench.answered(1), ['1 answered', '2 to core-1@3 n3 floor 2']);
});

test('a refusal that names a newer owner sends everything there, in the order it had', () => {
  const bench = new Bench();
  bench.learn(first);
  bench.send('1');
  bench.send('2');
  assert.deepEqual(bench.refused(1, second), ['1 to core-2@4 n2 floor 2']);
  assert.deepEqual(bench.answered(2), ['1 answered', '2 to core-2@4 n3 floor 3']);
});

test('a refusal that names no newer one holds the shard until it is announced, or looked up', () => {
  const bench = new Bench();
  bench.learn(first);
  bench.send('1');
  assert.deepEqual(bench.refused(1, first), ['look up']);
  assert.deepEqual(bench.send('2'), []);
  assert.deepEqual(bench.learn(second), ['1 to core-2@4 n2 floor 2']);
});

test('while nothing is learnt it is tried again at intervals', () => {
  const bench = new Bench();
  bench.learn(first);
  bench.send('1');
  bench.refused(1);
  assert.deepEqual(bench.after(TIMING.routeRetryMs - 1), []);
  assert.deepEqual(bench.after(1), ['1 to core-1@3 n2 floor 2']);
});

test('a request without an answer is repeated under a new number with the same command id, and its late answer does not count', () => {
  const bench = new Bench();
  bench.learn(first);
  bench.send('1');
  assert.deepEqual(bench.after(TIMING.requestTimeoutMs), ['look up']);
  assert.deepEqual(bench.after(TIMING.routeRetryMs), ['1 to core-1@3 n2 floor 2']);
  assert.deepEqual(bench.answered(1), []);
  assert.deepEqual(bench.answered(2), ['1 answered']);
});

test('past its deadline a message is given up with TIMEOUT, and the next takes its turn', () => {
  const bench = new Bench();
  bench.learn(first);
  bench.send('1', a, 500);
  bench.send('2', a, 500);
  bench.send('3');
  assert.deepEqual(bench.after(500), ['1 TIMEOUT sent', '2 TIMEOUT', '3 to core-1@3 n2 floor 2']);
  assert.equal(bench.route.lanes.held, 1);
});

test('beyond the bound a message is refused with OVERLOADED, and room comes back with the answers', () => {
  const bench = new Bench();
  for (let n = 0; n < TIMING.heldMessages; n++) bench.send(`${n}`);
  assert.deepEqual(bench.send('one too many'), ['one too many OVERLOADED']);
  bench.learn(first);
  bench.answered(1);
  assert.equal(bench.route.lanes.held, TIMING.heldMessages - 1);
  assert.deepEqual(bench.send('fits'), []);
});

test('so many requests of a shard are under way; the next leaves with the next answer', () => {
  const bench = new Bench();
  bench.learn(first);
  const entity = (n: number) => EntityId.parse(`asset/e${n}`);
  for (let n = 1; n <= TIMING.requestsUnderWay; n++) assert.equal(bench.send(`${n}`, entity(n)).length, 1);
  assert.deepEqual(bench.send('waits', entity(0)), []);
  const [answered, sent] = bench.answered(1, entity(1));
  assert.deepEqual([answered, sent?.startsWith('waits to core-1@3')], ['1 answered', true]);
});

test('older news of an owner are not believed', () => {
  const bench = new Bench();
  bench.learn(second);
  bench.learn(first);
  assert.deepEqual(bench.send('1'), ['1 to core-2@4 n1 floor 1']);
});
