import type { Epoch, Shard } from '../ownership.ts';
import type { Instant } from './instant.ts';
import { invariant, type Step } from './machine.ts';
import { stepHandOff } from './shard-hand-off.ts';
import type { Phase, ShardContext, ShardEffect, ShardInput, ShardState } from './shard-phase.ts';
import type { Timing } from './timing.ts';

type Turn = Step<Phase, ShardEffect>;

export function shardOfNode(shard: Shard): ShardState {
  return { shard, lastEpoch: 0, phase: { kind: 'unowned', notBeforeMonoMs: Number.NEGATIVE_INFINITY } };
}

/** The epoch under which memory of the shard exists or is being built here. */
export function epochHeld({ phase }: ShardState): Epoch | undefined {
  return 'epoch' in phase && phase.kind !== 'released' ? phase.epoch : undefined;
}

export function mayClaim({ phase }: ShardState, at: Instant): boolean {
  return (phase.kind === 'unowned' || phase.kind === 'released') && at.monoMs >= phase.notBeforeMonoMs;
}

export function stepShard(state: ShardState, input: ShardInput, context: ShardContext): Step<ShardState, ShardEffect> {
  const held = epochHeld(state);
  // Answers to what was asked under an earlier epoch.
  if ('epoch' in input && isAboutMemory(input) && input.epoch !== held) return { state, effects: [] };
  const { state: phase, effects } = stepPhase(state, input, context);
  if (phase === state.phase) return { state, effects };
  const next = { ...state, phase };
  const epoch = epochHeld(next);
  invariant(epoch === undefined || epoch === held || epoch > state.lastEpoch, 'a shard is owned under a rising epoch');
  const before = state.phase.kind === 'recovering';
  const over = before && phase.kind !== 'recovering';
  return {
    state: { ...next, lastEpoch: Math.max(state.lastEpoch, epoch ?? 0) },
    effects: over ? [...effects, { kind: 'giveRecoveryPermitBack', shard: state.shard }] : effects,
  };
}

function isAboutMemory(input: ShardInput): boolean {
  return input.kind !== 'claimed' && input.kind !== 'adopt';
}

function stepPhase(state: ShardState, input: ShardInput, context: ShardContext): Turn {
  const { phase, shard } = state;
  if (input.kind === 'leaseLost') return lost(state);
  if (input.kind === 'fenced') return fence(state, input.reason, context);
  switch (phase.kind) {
    case 'unowned':
    case 'released':
      return idle(state, input, context);
    case 'claiming':
      return claiming(state, phase, input, context);
    case 'recovering':
      return recovering(state, phase, input, context);
    case 'open':
      if (input.kind === 'leaseSuspended')
        return {
          state: { kind: 'suspended', epoch: phase.epoch },
          effects: [{ kind: 'suspend', shard, epoch: phase.epoch }],
        };
      if (input.kind === 'handOff') return stepHandOff.begin(shard, phase.epoch, input.target, context);
      return stay(phase);
    case 'suspended':
      if (input.kind === 'leaseHeld')
        return {
          state: { kind: 'open', epoch: phase.epoch },
          effects: [{ kind: 'resume', shard, epoch: phase.epoch }],
        };
      return stay(phase);
    case 'handing_off':
      return stepHandOff.take(shard, phase, input, context);
    case 'fenced':
      return fenced(state, phase, input, context);
    case 'stopping':
      return input.kind === 'halted'
        ? { state: { kind: 'unowned', notBeforeMonoMs: context.at.monoMs }, effects: [] }
        : stay(phase);
  }
}

function stay(phase: Phase): Turn {
  return { state: phase, effects: [] };
}

function idle(state: ShardState, input: ShardInput, { at, timing }: ShardContext): Turn {
  if (input.kind === 'claim' && mayClaim(state, at)) {
    const untilMonoMs = at.monoMs + timing.databaseTimeoutMs;
    return {
      state: { kind: 'claiming', expected: input.expected, untilMonoMs },
      effects: [{ kind: 'claim', shard: state.shard, expected: input.expected }],
    };
  }
  // An answer that came after we had given it up tells the same as the row: it is ours.
  if (input.kind === 'adopt' || input.kind === 'claimed') return take(state, input.epoch, at, timing);
  return stay(state.phase);
}

function claiming(
  state: ShardState,
  phase: Extract<Phase, { kind: 'claiming' }>,
  input: ShardInput,
  { at, timing }: ShardContext,
): Turn {
  switch (input.kind) {
    case 'claimed':
    case 'adopt':
      return take(state, input.epoch, at, timing);
    case 'claimRefused':
    case 'claimFailed':
      return stay({ kind: 'unowned', notBeforeMonoMs: at.monoMs + timing.retryMs });
    case 'tick':
      if (at.monoMs < phase.untilMonoMs) return stay(phase);
      return stay({ kind: 'unowned', notBeforeMonoMs: at.monoMs + timing.retryMs });
    default:
      return stay(phase);
  }
}

function take(state: ShardState, epoch: Epoch, at: Instant, timing: Timing): Turn {
  // A view or an answer from before we released it.
  if (epoch <= state.lastEpoch) return stay(state.phase);
  const giveUpMonoMs = at.monoMs + timing.recoveryTimeoutMs;
  return {
    state: { kind: 'recovering', epoch, step: 'waiting', untilMonoMs: giveUpMonoMs, giveUpMonoMs },
    effects: [{ kind: 'askRecoveryPermit', shard: state.shard }],
  };
}

function recovering(
  state: ShardState,
  phase: Extract<Phase, { kind: 'recovering' }>,
  input: ShardInput,
  context: ShardContext,
): Turn {
  const { at, timing, leaseHeld } = context;
  const { shard } = state;
  const { epoch, giveUpMonoMs } = phase;
  const run: Turn = {
    state: { ...phase, step: 'running', untilMonoMs: giveUpMonoMs },
    effects: [{ kind: 'recover', shard, epoch }],
  };
  switch (input.kind) {
    case 'recoveryPermitted':
      return run;
    case 'recovered': {
      const open: ShardEffect = { kind: 'open', shard, epoch };
      const mark: ShardEffect = { kind: 'mark', shard, epoch, as: 'open', target: null };
      if (leaseHeld) return { state: { kind: 'open', epoch }, effects: [open, mark] };
      // Announced and marked all the same: whoever asks is told to wait.
      return { state: { kind: 'suspended', epoch }, effects: [open, { kind: 'suspend', shard, epoch }, mark] };
    }
    case 'recoveryFailed':
      return stay({ ...phase, step: 'pausing', untilMonoMs: at.monoMs + timing.retryMs });
    case 'tick':
      if (at.monoMs >= giveUpMonoMs) return fence(state, 'recovery took too long', context);
      return phase.step === 'pausing' && at.monoMs >= phase.untilMonoMs ? run : stay(phase);
    default:
      return stay(phase);
  }
}

/** From here on nothing of this epoch is tried again, neither by this node nor under its next epoch. */
function fence(state: ShardState, reason: string, { at }: ShardContext): Turn {
  const { phase, shard } = state;
  const epoch = epochHeld(state);
  if (epoch === undefined || phase.kind === 'fenced' || phase.kind === 'stopping') return stay(phase);
  // Whatever ran is stopped already.
  if (phase.kind === 'handing_off' && phase.step === 'releasing') return stay(phase);
  return {
    state: { kind: 'fenced', epoch, reason, step: 'halting', untilMonoMs: at.monoMs },
    effects: [{ kind: 'halt', shard, epoch, reason }],
  };
}

function fenced(
  state: ShardState,
  phase: Extract<Phase, { kind: 'fenced' }>,
  input: ShardInput,
  { at, timing }: ShardContext,
): Turn {
  const { shard } = state;
  const { epoch } = phase;
  // If the row still names us (a sequence number that was taken, a recovery that fails), nobody else could take it.
  const release: Turn = {
    state: { ...phase, step: 'releasing', untilMonoMs: at.monoMs + timing.databaseTimeoutMs },
    effects: [{ kind: 'release', shard, epoch, target: null }],
  };
  switch (input.kind) {
    case 'halted':
      return phase.step === 'halting' ? release : stay(phase);
    case 'released':
    case 'notOwner':
      return stay({ kind: 'unowned', notBeforeMonoMs: at.monoMs + timing.fencedRestMs });
    case 'tick':
      return phase.step === 'releasing' && at.monoMs >= phase.untilMonoMs ? release : stay(phase);
    default:
      return stay(phase);
  }
}

function lost(state: ShardState): Turn {
  const { phase, shard } = state;
  const epoch = epochHeld(state);
  if (epoch === undefined) return stay({ kind: 'unowned', notBeforeMonoMs: Number.NEGATIVE_INFINITY });
  if (phase.kind === 'stopping') return stay(phase);
  const stopped = (phase.kind === 'fenced' || phase.kind === 'handing_off') && phase.step === 'releasing';
  if (stopped) return stay({ kind: 'unowned', notBeforeMonoMs: Number.NEGATIVE_INFINITY });
  const halting = (phase.kind === 'fenced' || phase.kind === 'handing_off') && phase.step === 'halting';
  return {
    state: { kind: 'stopping', epoch },
    effects: halting ? [] : [{ kind: 'halt', shard, epoch, reason: 'the lease is lost' }],
  };
}
