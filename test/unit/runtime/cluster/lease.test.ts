import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isHeld,
  type Lease,
  type LeaseEffect,
  type LeaseInput,
  leaseOf,
  stepLease,
} from '../../../../runtime/cluster/lease.ts';
import { TIMING } from '../../../../runtime/cluster/timing.ts';

/** A lease on a machine whose clocks the test moves. */
class Bench {
  monoMs = 1000;
  wallMs = 1_800_000_000_000;
  lease: Lease;

  constructor() {
    this.lease = leaseOf('core-1', 'one', this.at);
  }

  get at() {
    return { monoMs: this.monoMs, wallMs: this.wallMs };
  }

  pass(ms: number): this {
    this.monoMs += ms;
    this.wallMs += ms;
    return this;
  }

  feed(input: LeaseInput): readonly LeaseEffect[] {
    const { state, effects } = stepLease(this.lease, input, TIMING);
    this.lease = state;
    return effects;
  }

  tick(): readonly LeaseEffect[] {
    return this.feed({ kind: 'tick', at: this.at });
  }

  /** Ticks as a healthy event loop does. */
  idle(ms: number): LeaseEffect[] {
    const effects: LeaseEffect[] = [];
    for (let left = ms; left > 0; left -= TIMING.tickIntervalMs)
      effects.push(...this.pass(Math.min(left, TIMING.tickIntervalMs)).tick());
    return effects;
  }

  renewed(id: number): readonly LeaseEffect[] {
    return this.feed({ kind: 'renewed', at: this.at, incarnation: this.lease.incarnation, id });
  }

  /** Joined, and the answer took 20 ms. */
  static held(): Bench {
    const bench = new Bench();
    assert.deepEqual(kinds(bench.tick()), ['join']);
    bench.pass(20);
    assert.deepEqual(kinds(bench.renewed(1)), ['leaseHeld']);
    return bench;
  }
}

function kinds(effects: readonly LeaseEffect[]): string[] {
  return effects.map((effect) => (effect.kind === 'leaseSuspended' ? effect.reason : effect.kind));
}

test('the deadline counts from before the renewal was sent, on both clocks, less the guard', () => {
  const bench = new Bench();
  const sentAt = bench.at;
  bench.tick();
  bench.pass(400);
  bench.renewed(1);
  const lastsMs = TIMING.leaseTtlMs - TIMING.leaseGuardMs;
  assert.deepEqual(bench.lease.deadline, { monoMs: sentAt.monoMs + lastsMs, wallMs: sentAt.wallMs + lastsMs });
});

test('a third of the lease after the last one the next renewal is sent', () => {
  const bench = Bench.held();
  assert.deepEqual(kinds(bench.idle(TIMING.renewIntervalMs - 21)), []);
  assert.deepEqual(kinds(bench.pass(1).tick()), ['renew']);
});

test('a renewal that hangs is given up and sent again, and the node stops at its deadline', () => {
  const bench = Bench.held();
  const seen = kinds(bench.idle(TIMING.leaseTtlMs - TIMING.leaseGuardMs - 20));
  assert.deepEqual(seen, ['renew', 'renew', 'deadline']);
  assert.equal(bench.lease.status, 'suspended');
  // The first of the two answers after all, too late: it was given up.
  assert.deepEqual(kinds(bench.renewed(2)), []);
  assert.equal(bench.lease.status, 'suspended');
});

test('a renewal that fails is sent again after a pause', () => {
  const bench = Bench.held();
  bench.idle(TIMING.renewIntervalMs);
  bench.feed({ kind: 'renewFailed', at: bench.at, incarnation: 'one', id: 2 });
  assert.deepEqual(kinds(bench.idle(TIMING.renewRetryMs)), ['renew']);
});

test('a gap of the event loop suspends at once, and only a renewal that began after it counts', () => {
  const bench = Bench.held();
  bench.idle(TIMING.renewIntervalMs);
  const before = bench.lease.underWay?.id ?? 0;
  bench.pass(TIMING.loopGapMs + 1);
  assert.equal(isHeld(bench.lease, bench.at, TIMING), false, 'already before the machine is told');
  assert.deepEqual(kinds(bench.tick()), ['stall', 'renew']);
  assert.deepEqual(kinds(bench.renewed(before)), [], 'sent before the gap');
  assert.deepEqual(kinds(bench.renewed(before + 1)), ['leaseHeld']);
});

test('after a stall, verdicts about peers are not believed for one heartbeat', () => {
  const bench = Bench.held();
  bench.pass(TIMING.loopGapMs + 1).tick();
  assert.equal(bench.lease.peersTrustedFromMonoMs, bench.monoMs + TIMING.renewIntervalMs);
});

test('a machine that slept while it held nothing believes no verdicts about peers either', () => {
  const bench = Bench.held();
  bench.idle(TIMING.leaseTtlMs);
  assert.equal(bench.lease.status, 'suspended');
  bench.wallMs += 2 * TIMING.leaseTtlMs;
  bench.tick();
  assert.equal(bench.lease.peersTrustedFromMonoMs, bench.monoMs + TIMING.renewIntervalMs);
});

test('a machine that slept with its monotonic clock is found out by the wall clock', () => {
  const bench = Bench.held();
  bench.wallMs += 2 * TIMING.leaseTtlMs;
  assert.equal(isHeld(bench.lease, bench.at, TIMING), false);
  assert.deepEqual(kinds(bench.tick()), ['clock-step', 'renew']);
});

test('a wall clock that was set, in either direction, costs one verification and no more', () => {
  for (const stepMs of [-60_000, 60_000]) {
    const bench = Bench.held();
    bench.wallMs += stepMs;
    assert.deepEqual(kinds(bench.tick()), ['clock-step', 'renew']);
    const { underWay } = bench.lease;
    assert.deepEqual(kinds(bench.pass(10).tick()), [], 'the renewal under way is not given up again');
    assert.deepEqual(kinds(bench.renewed(underWay?.id ?? 0)), ['leaseHeld']);
    assert.deepEqual(kinds(bench.idle(500)), []);
  }
});

test('small steps of the wall clock add up', () => {
  const bench = Bench.held();
  const seen: string[] = [];
  for (let i = 0; i < 5; i++) {
    bench.wallMs -= TIMING.clockStepMs / 2;
    seen.push(...kinds(bench.idle(TIMING.tickIntervalMs)));
  }
  assert.ok(seen.includes('clock-step'));
});

test('a rejected incarnation is lost for good, and begins again under another name', () => {
  const bench = Bench.held();
  const effects = bench.feed({ kind: 'rejected', at: bench.at, incarnation: 'one', reason: 'evicted' });
  assert.deepEqual(effects, [{ kind: 'leaseLost', reason: 'evicted' }]);
  assert.deepEqual(kinds(bench.idle(5000)), []);
  assert.throws(() => bench.feed({ kind: 'rejoin', at: bench.at, incarnation: 'one' }), { code: 'INVARIANT_BROKEN' });
  const [join] = bench.feed({ kind: 'rejoin', at: bench.at, incarnation: 'two' });
  assert.equal(join?.kind === 'join' && join.incarnation, 'two');
  assert.deepEqual(bench.feed({ kind: 'rejected', at: bench.at, incarnation: 'one', reason: 'late' }), []);
});

test('an answer that comes after its own deadline gives nothing', () => {
  const bench = new Bench();
  bench.tick();
  bench.pass(TIMING.leaseTtlMs);
  bench.lease = { ...bench.lease, lastAt: bench.at };
  assert.ok(!kinds(bench.renewed(1)).includes('leaseHeld'));
});

test('leaving is told at once', () => {
  const bench = Bench.held();
  const [renew] = bench.feed({ kind: 'leave', at: bench.pass(10).at });
  assert.equal(renew?.kind === 'renew' && renew.leaving, true);
});
