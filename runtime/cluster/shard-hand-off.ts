import type { Epoch, Shard } from '../ownership.ts';
import { invariant, type Step } from './machine.ts';
import type { HandingOff, Phase, ShardContext, ShardEffect, ShardInput } from './shard-phase.ts';

type Turn = Step<Phase, ShardEffect>;

/**
 * The planned way out of a shard. The row says `handing_off` before anything stops, so that a crash half-way leaves no
 * question open. The route goes first, the entities last; each wait is bounded, and a bound that is hit costs the successor
 * time, never a record: after the release no append of this epoch can succeed.
 */
export const stepHandOff = { begin, take };

function begin(shard: Shard, epoch: Epoch, target: string | null, context: ShardContext): Turn {
  return mark(shard, { kind: 'handing_off', epoch, target, step: 'marking', untilMonoMs: 0 }, context);
}

function take(shard: Shard, phase: HandingOff, input: ShardInput, context: ShardContext): Turn {
  const { monoMs } = context.at;
  const expired = input.kind === 'tick' && monoMs >= phase.untilMonoMs;
  switch (phase.step) {
    case 'marking':
      if (input.kind === 'marked') return drain(shard, phase, context);
      if (input.kind === 'notOwner') return halt(shard, phase, 'fenced', 'the row names another owner', context);
      return expired ? mark(shard, phase, context) : stay(phase);
    case 'draining':
      return input.kind === 'drained' || expired ? flush(shard, phase, context) : stay(phase);
    case 'flushing':
      if (input.kind === 'flushed') return release(shard, phase, context);
      return expired ? halt(shard, phase, 'handing_off', 'flushing took too long', context) : stay(phase);
    case 'halting':
      return input.kind === 'halted' ? release(shard, phase, context) : stay(phase);
    case 'releasing':
      if (input.kind === 'released') return released(shard, phase, context);
      if (input.kind === 'notOwner') return stay({ kind: 'unowned', notBeforeMonoMs: monoMs });
      return expired ? release(shard, phase, context) : stay(phase);
  }
}

function stay(phase: Phase): Turn {
  return { state: phase, effects: [] };
}

function mark(shard: Shard, phase: HandingOff, { at, timing }: ShardContext): Turn {
  const { epoch, target } = phase;
  return {
    state: { ...phase, untilMonoMs: at.monoMs + timing.databaseTimeoutMs },
    effects: [{ kind: 'mark', shard, epoch, as: 'handing_off', target }],
  };
}

function drain(shard: Shard, phase: HandingOff, { at, timing }: ShardContext): Turn {
  return {
    state: { ...phase, step: 'draining', untilMonoMs: at.monoMs + timing.drainMs },
    effects: [{ kind: 'drain', shard, epoch: phase.epoch, target: phase.target }],
  };
}

function flush(shard: Shard, phase: HandingOff, { at, timing }: ShardContext): Turn {
  return {
    state: { ...phase, step: 'flushing', untilMonoMs: at.monoMs + timing.flushMs },
    effects: [{ kind: 'flush', shard, epoch: phase.epoch }],
  };
}

function release(shard: Shard, phase: HandingOff, { at, timing }: ShardContext): Turn {
  const { epoch, target } = phase;
  invariant(
    phase.step !== 'marking' && phase.step !== 'draining',
    'what is in memory stops before the row is released',
  );
  return {
    state: { ...phase, step: 'releasing', untilMonoMs: at.monoMs + timing.databaseTimeoutMs },
    effects: [{ kind: 'release', shard, epoch, target }],
  };
}

function halt(
  shard: Shard,
  { epoch, target }: HandingOff,
  then: 'fenced' | 'handing_off',
  reason: string,
  { at }: ShardContext,
): Turn {
  const halting = { epoch, step: 'halting', untilMonoMs: at.monoMs } as const;
  return {
    state: then === 'fenced' ? { kind: then, reason, ...halting } : { kind: then, target, ...halting },
    effects: [{ kind: 'halt', shard, epoch, reason }],
  };
}

function released(shard: Shard, { epoch, target }: HandingOff, { at }: ShardContext): Turn {
  return {
    state: { kind: 'released', epoch, target, notBeforeMonoMs: at.monoMs },
    effects: target === null ? [] : [{ kind: 'hint', shard, epoch, to: target }],
  };
}
