import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { epochHeld, mayClaim, shardOfNode, stepShard } from '../../../../runtime/cluster/shard.ts';
import type { ShardEffect, ShardInput, ShardState } from '../../../../runtime/cluster/shard-phase.ts';
import { TIMING } from '../../../../runtime/cluster/timing.ts';

class Bench {
  state: ShardState = shardOfNode(7);
  monoMs = 0;
  leaseHeld = true;

  get at() {
    return { monoMs: this.monoMs, wallMs: 1e12 + this.monoMs };
  }

  feed(...inputs: ShardInput[]): readonly ShardEffect[] {
    return inputs.flatMap((input) => {
      const { state, effects } = stepShard(this.state, input, {
        at: this.at,
        leaseHeld: this.leaseHeld,
        timing: TIMING,
      });
      this.state = state;
      return effects;
    });
  }

  kinds(...inputs: ShardInput[]): string[] {
    return this.feed(...inputs).map((effect) => effect.kind);
  }

  after(ms: number): string[] {
    this.monoMs += ms;
    return this.kinds({ kind: 'tick' });
  }

  get phase(): string {
    const { phase } = this.state;
    return 'step' in phase ? `${phase.kind}/${phase.step}` : phase.kind;
  }

  static open(epoch = 3): Bench {
    const bench = new Bench();
    bench.feed({ kind: 'claim', expected: epoch - 1 }, { kind: 'claimed', epoch }, { kind: 'recoveryPermitted' });
    assert.deepEqual(bench.kinds({ kind: 'recovered', epoch }), ['open', 'mark', 'giveRecoveryPermitBack']);
    assert.equal(bench.phase, 'open');
    return bench;
  }
}

test('a claim leads over a recovery under a permit to an open shard', () => {
  const bench = new Bench();
  assert.deepEqual(bench.feed({ kind: 'claim', expected: 2 }), [{ kind: 'claim', shard: 7, expected: 2 }]);
  assert.deepEqual(bench.kinds({ kind: 'claimed', epoch: 3 }), ['askRecoveryPermit']);
  assert.deepEqual(bench.feed({ kind: 'recoveryPermitted' }), [{ kind: 'recover', shard: 7, epoch: 3 }]);
  bench.feed({ kind: 'recovered', epoch: 3 });
  assert.deepEqual(bench.state, { shard: 7, lastEpoch: 3, phase: { kind: 'open', epoch: 3 } });
});

test('a claim that is refused or unknown is not tried again before its pause', () => {
  for (const answer of [{ kind: 'claimRefused' }, { kind: 'claimFailed' }] as const) {
    const bench = new Bench();
    bench.feed({ kind: 'claim', expected: 0 }, answer);
    assert.equal(mayClaim(bench.state, bench.at), false);
    bench.monoMs += TIMING.retryMs;
    assert.equal(mayClaim(bench.state, bench.at), true);
  }
});

test('a claim whose answer was lost is taken up from the row, once', () => {
  const bench = new Bench();
  bench.feed({ kind: 'claim', expected: 0 });
  bench.after(TIMING.databaseTimeoutMs);
  assert.equal(bench.phase, 'unowned');
  assert.deepEqual(bench.kinds({ kind: 'adopt', epoch: 1 }), ['askRecoveryPermit']);
  assert.deepEqual(bench.kinds({ kind: 'adopt', epoch: 1 }), []);
});

test('a row read before the release does not bring the shard back', () => {
  const bench = Bench.open(3);
  bench.feed({ kind: 'handOff', target: 'core-2' }, { kind: 'marked', epoch: 3 }, { kind: 'drained', epoch: 3 });
  bench.feed({ kind: 'flushed', epoch: 3 }, { kind: 'released', epoch: 3 });
  assert.deepEqual(bench.kinds({ kind: 'adopt', epoch: 3 }, { kind: 'claimed', epoch: 3 }), []);
  assert.equal(bench.phase, 'released');
});

test('without a verified lease a recovered shard waits, and what is open stops', () => {
  const bench = new Bench();
  bench.leaseHeld = false;
  bench.feed({ kind: 'claim', expected: 0 }, { kind: 'claimed', epoch: 1 }, { kind: 'recoveryPermitted' });
  assert.ok(bench.kinds({ kind: 'recovered', epoch: 1 }).includes('suspend'));
  assert.deepEqual(bench.kinds({ kind: 'leaseHeld' }), ['resume']);
  assert.deepEqual(bench.kinds({ kind: 'leaseSuspended' }), ['suspend']);
  assert.equal(bench.phase, 'suspended');
});

test('a recovery that fails is tried again with its permit, and given up in the end', () => {
  const bench = new Bench();
  bench.feed({ kind: 'claim', expected: 0 }, { kind: 'claimed', epoch: 1 }, { kind: 'recoveryPermitted' });
  bench.feed({ kind: 'recoveryFailed', epoch: 1, reason: 'no answer' });
  assert.deepEqual(bench.after(TIMING.retryMs - 1), []);
  assert.deepEqual(bench.after(1), ['recover']);
  assert.deepEqual(bench.after(TIMING.recoveryTimeoutMs), ['halt', 'giveRecoveryPermitBack']);
  assert.deepEqual(bench.kinds({ kind: 'halted', epoch: 1 }), ['release']);
});

test('a handoff marks the row, drains, flushes, releases and tells the target, in this order', () => {
  const bench = Bench.open(3);
  const steps: ShardInput[] = [
    { kind: 'handOff', target: 'core-2' },
    { kind: 'marked', epoch: 3 },
    { kind: 'drained', epoch: 3 },
    { kind: 'flushed', epoch: 3 },
    { kind: 'released', epoch: 3 },
  ];
  assert.deepEqual(
    steps.map((step) => bench.kinds(step)),
    [['mark'], ['drain'], ['flush'], ['release'], ['hint']],
  );
  assert.equal(epochHeld(bench.state), undefined);
});

test('nothing stops before the row says that the shard is handed over', () => {
  const bench = Bench.open(3);
  bench.feed({ kind: 'handOff', target: 'core-2' });
  assert.deepEqual(bench.after(TIMING.databaseTimeoutMs), ['mark']);
  assert.deepEqual(bench.after(TIMING.databaseTimeoutMs), ['mark']);
  assert.equal(bench.phase, 'handing_off/marking');
});

test('draining and flushing are bounded; what cannot be flushed is stopped before the release', () => {
  const bench = Bench.open(3);
  bench.feed({ kind: 'handOff', target: 'core-2' }, { kind: 'marked', epoch: 3 });
  assert.deepEqual(bench.after(TIMING.drainMs), ['flush']);
  assert.deepEqual(bench.after(TIMING.flushMs), ['halt']);
  assert.deepEqual(bench.after(60_000), [], 'never released while something may still run');
  assert.deepEqual(bench.kinds({ kind: 'halted', epoch: 3 }), ['release']);
  assert.deepEqual(bench.after(TIMING.databaseTimeoutMs), ['release'], 'until the row has it');
});

test('a refused append stops the shard, which rests before it may be claimed here again', () => {
  const bench = Bench.open(3);
  assert.deepEqual(bench.kinds({ kind: 'fenced', epoch: 3, reason: 'epoch 4' }), ['halt']);
  assert.equal(mayClaim(bench.state, bench.at), false);
  assert.deepEqual(bench.kinds({ kind: 'halted', epoch: 3 }), ['release']);
  bench.feed({ kind: 'notOwner', epoch: 3 });
  assert.equal(mayClaim(bench.state, bench.at), false);
  bench.monoMs += TIMING.fencedRestMs;
  assert.equal(mayClaim(bench.state, bench.at), true);
});

test('a lost lease stops everything and leaves the row alone', () => {
  const bench = Bench.open(3);
  assert.deepEqual(bench.kinds({ kind: 'leaseLost' }), ['halt']);
  assert.equal(epochHeld(bench.state), 3, 'not gone before it is known to have stopped');
  assert.deepEqual(bench.kinds({ kind: 'halted', epoch: 3 }), []);
  assert.equal(bench.phase, 'unowned');
});

test('answers to what was asked under an earlier epoch change nothing', () => {
  const bench = Bench.open(3);
  for (const kind of ['marked', 'drained', 'flushed', 'released', 'notOwner', 'halted', 'recovered'] as const)
    assert.deepEqual(bench.kinds({ kind, epoch: 2 }), []);
  assert.deepEqual(bench.kinds({ kind: 'fenced', epoch: 2, reason: 'old' }), []);
  assert.equal(bench.phase, 'open');
});

test('whatever comes in, epochs rise, memory is halted or flushed before the release, and no invariant breaks', () => {
  const epoch = fc.nat(5);
  const plain = fc.constantFrom(
    'tick',
    'leaseHeld',
    'leaseSuspended',
    'leaseLost',
    'claimRefused',
    'claimFailed',
    'recoveryPermitted',
  );
  const ofEpoch = fc.constantFrom(
    'claimed',
    'adopt',
    'recovered',
    'marked',
    'drained',
    'flushed',
    'released',
    'notOwner',
    'halted',
  );
  const input: fc.Arbitrary<ShardInput> = fc.oneof(
    plain.map((kind): ShardInput => ({ kind })),
    fc.tuple(ofEpoch, epoch).map(([kind, at]): ShardInput => ({ kind, epoch: at })),
    epoch.map((expected): ShardInput => ({ kind: 'claim', expected })),
    epoch.map((at): ShardInput => ({ kind: 'fenced', epoch: at, reason: 'fenced' })),
    fc.constant<ShardInput>({ kind: 'handOff', target: 'core-2' }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(input, fc.nat(1500), fc.boolean()), { maxLength: 60 }), (steps) => {
      const bench = new Bench();
      let inMemory: number | undefined;
      for (const [next, ms, held] of steps) {
        bench.monoMs += ms;
        bench.leaseHeld = held;
        for (const effect of bench.feed(next)) {
          if (effect.kind === 'recover') inMemory = effect.epoch;
          if (effect.kind === 'release') assert.equal(inMemory, undefined);
          if (effect.kind === 'flush' || effect.kind === 'halt') inMemory = undefined;
        }
        assert.ok((epochHeld(bench.state) ?? 0) <= bench.state.lastEpoch);
      }
    }),
    { numRuns: 2000 },
  );
});
