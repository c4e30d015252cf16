import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CommitEffect,
  type CommitInput,
  type CommitLane,
  commitLane,
  stepCommitLane,
} from '../../../../runtime/cluster/commit-lane.ts';
import { TIMING } from '../../../../runtime/cluster/timing.ts';

class Bench {
  lane: CommitLane<string> = commitLane(1, 4);
  monoMs = 0;

  get at() {
    return { monoMs: this.monoMs, wallMs: this.monoMs };
  }

  feed(input: CommitInput<string>): readonly CommitEffect<string>[] {
    const { state, effects } = stepCommitLane(this.lane, input, TIMING);
    this.lane = state;
    return effects;
  }

  commit(...turns: string[]): readonly CommitEffect<string>[] {
    return turns.flatMap((turn) => this.feed({ kind: 'commit', at: this.at, turn }));
  }
}

const committed = { kind: 'committed' } as const;

test('one batch is under way, and what comes meanwhile makes the next', () => {
  const bench = new Bench();
  assert.deepEqual(bench.commit('a', 'b', 'c'), [{ kind: 'append', shard: 1, epoch: 4, id: 1, turns: ['a'] }]);
  assert.deepEqual(bench.feed({ kind: 'appended', at: bench.at, id: 1, fates: [committed] }), [
    { kind: 'settled', turn: 'a', fate: 'committed' },
    { kind: 'append', shard: 1, epoch: 4, id: 2, turns: ['b', 'c'] },
  ]);
});

test('after an unknown outcome nothing is sent before the journal was read back', () => {
  const bench = new Bench();
  bench.commit('a', 'b');
  const [readBack, ...rest] = bench.feed({ kind: 'appendFailed', at: bench.at, id: 1 });
  assert.deepEqual([readBack?.kind, rest], ['readBack', []]);
  assert.deepEqual(bench.feed({ kind: 'readBack', at: bench.at, id: 1, found: ['committed'] }), [
    { kind: 'settled', turn: 'a', fate: 'committed' },
    { kind: 'append', shard: 1, epoch: 4, id: 2, turns: ['b'] },
  ]);
});

test('no answer at all is an unknown outcome too, and reading back goes on until it is told', () => {
  const bench = new Bench();
  bench.commit('a');
  bench.monoMs += TIMING.appendTimeoutMs;
  assert.deepEqual(
    bench.feed({ kind: 'tick', at: bench.at }).map((effect) => effect.kind),
    ['readBack'],
  );
  assert.deepEqual(bench.feed({ kind: 'readBackFailed', at: bench.at, id: 1 }), []);
  bench.monoMs += TIMING.retryMs;
  assert.deepEqual(
    bench.feed({ kind: 'tick', at: bench.at }).map((effect) => effect.kind),
    ['readBack'],
  );
});

test('what the journal has not is sent again as it stands, before anything newer', () => {
  const bench = new Bench();
  bench.commit('a', 'b');
  bench.feed({ kind: 'appendFailed', at: bench.at, id: 1 });
  const effects = bench.feed({ kind: 'readBack', at: bench.at, id: 1, found: ['absent'] });
  assert.deepEqual(effects, [{ kind: 'append', shard: 1, epoch: 4, id: 2, turns: ['a'] }]);
});

test('a repeat that meets its own late original is committed, whatever the journal said of it', () => {
  for (const verdict of [{ kind: 'repeated' }, { kind: 'fenced', reason: 'the number is taken' }] as const) {
    const bench = new Bench();
    bench.commit('a');
    bench.feed({ kind: 'appendFailed', at: bench.at, id: 1 });
    bench.feed({ kind: 'readBack', at: bench.at, id: 1, found: ['absent'] });
    const effects = bench.feed({ kind: 'appended', at: bench.at, id: 2, fates: [verdict] });
    assert.deepEqual(
      effects.map((effect) => effect.kind),
      ['readBack'],
    );
    assert.deepEqual(bench.feed({ kind: 'readBack', at: bench.at, id: 2, found: ['committed'] }), [
      { kind: 'settled', turn: 'a', fate: 'committed' },
    ]);
  }
});

test('a refused append settles what was committed, drops the rest and closes the lane', () => {
  const bench = new Bench();
  bench.commit('a', 'b', 'c');
  bench.feed({ kind: 'appended', at: bench.at, id: 1, fates: [committed] });
  bench.commit('d');
  const fates = [committed, { kind: 'fenced', reason: 'epoch 5' }] as const;
  assert.deepEqual(bench.feed({ kind: 'appended', at: bench.at, id: 2, fates }), [
    { kind: 'settled', turn: 'b', fate: 'committed' },
    { kind: 'fenced', shard: 1, epoch: 4, reason: 'epoch 5' },
    { kind: 'dropped', turn: 'c' },
    { kind: 'dropped', turn: 'd' },
  ]);
  assert.deepEqual(bench.commit('e'), [{ kind: 'dropped', turn: 'e' }]);
});

test('answers to a batch that is not under way any more change nothing', () => {
  const bench = new Bench();
  bench.commit('a');
  bench.feed({ kind: 'appended', at: bench.at, id: 1, fates: [committed] });
  bench.commit('b');
  assert.deepEqual(bench.feed({ kind: 'appended', at: bench.at, id: 1, fates: [committed] }), []);
  assert.deepEqual(bench.feed({ kind: 'appendFailed', at: bench.at, id: 1 }), []);
});

test('turns beyond the bound are refused, not kept', () => {
  const bench = new Bench();
  bench.lane = { ...bench.lane, waiting: Array.from({ length: TIMING.waitingTurns }, () => 'x') };
  assert.deepEqual(bench.commit('one too many'), [{ kind: 'overloaded', turn: 'one too many' }]);
});
