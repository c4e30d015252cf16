import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorityOf } from '../../../../runtime/cluster/authority.ts';
import { after } from '../../../../runtime/cluster/instant.ts';
import { type Lease, leaseOf } from '../../../../runtime/cluster/lease.ts';
import type { Phase } from '../../../../runtime/cluster/shard-phase.ts';
import { TIMING } from '../../../../runtime/cluster/timing.ts';

const start = { monoMs: 0, wallMs: 1e12 };
const deadline = after(start, 2750);
const held: Lease = { ...leaseOf('core-1', 'one', start), status: 'held', deadline };
const at = (ms: number) => after(start, ms);
const now = (phase: Phase, ms = 100, lease: Lease = held) =>
  authorityOf(lease, { shard: 1, lastEpoch: 4, phase }, at(ms), TIMING);
const open: Phase = { kind: 'open', epoch: 4 };

test('an open shard under a held lease may act until the deadline', () => {
  assert.deepEqual(now(open), { shard: 1, epoch: 4, deadline });
  const fresh = { ...held, lastAt: at(2700) };
  assert.ok(now(open, 2749, fresh));
  assert.equal(now(open, 2750, fresh), undefined);
});

test('a gap since the lease last saw the time counts before anybody told it', () => {
  assert.equal(now(open, TIMING.loopGapMs + 1), undefined);
});

test('a shard that is handed off works off what it has, but from the moment of stopping on nothing more', () => {
  const handing = (step: 'marking' | 'draining' | 'flushing' | 'halting' | 'releasing'): Phase => ({
    kind: 'handing_off',
    epoch: 4,
    target: 'core-2',
    step,
    untilMonoMs: 0,
  });
  for (const step of ['marking', 'draining', 'flushing'] as const) assert.ok(now(handing(step)), step);
  for (const step of ['halting', 'releasing'] as const) assert.equal(now(handing(step)), undefined, step);
});

test('suspended, fenced and stopping shards may do nothing', () => {
  const phases: Phase[] = [
    { kind: 'suspended', epoch: 4 },
    { kind: 'fenced', epoch: 4, reason: '', step: 'halting', untilMonoMs: 0 },
    { kind: 'stopping', epoch: 4 },
    { kind: 'released', epoch: 4, target: null, notBeforeMonoMs: 0 },
  ];
  for (const phase of phases) assert.equal(now(phase), undefined, phase.kind);
});
