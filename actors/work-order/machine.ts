import type { TRANSITIONS } from './commands.ts';
import type { WorkOrderState } from './views.ts';

export type TransitionName = (typeof TRANSITIONS)[number];

export interface Transition {
  readonly from: WorkOrderState;
  readonly transition: TransitionName;
  readonly to: WorkOrderState;
}

/**
 * The whole machine: 18 transitions. A held order goes back to where it was, hence three rows of `resume`, of which the
 * state it was held in chooses one. `closed` and `cancelled` are ends. Work starts from `scheduled` alone: somebody has
 * planned it, be it for now.
 */
export const MACHINE: readonly Transition[] = [
  { from: 'draft', transition: 'open', to: 'open' },
  { from: 'draft', transition: 'cancel', to: 'cancelled' },
  { from: 'open', transition: 'schedule', to: 'scheduled' },
  { from: 'open', transition: 'hold', to: 'on_hold' },
  { from: 'open', transition: 'cancel', to: 'cancelled' },
  { from: 'scheduled', transition: 'unschedule', to: 'open' },
  { from: 'scheduled', transition: 'start', to: 'in_progress' },
  { from: 'scheduled', transition: 'hold', to: 'on_hold' },
  { from: 'scheduled', transition: 'cancel', to: 'cancelled' },
  { from: 'in_progress', transition: 'complete', to: 'completed' },
  { from: 'in_progress', transition: 'hold', to: 'on_hold' },
  { from: 'in_progress', transition: 'cancel', to: 'cancelled' },
  { from: 'on_hold', transition: 'resume', to: 'open' },
  { from: 'on_hold', transition: 'resume', to: 'scheduled' },
  { from: 'on_hold', transition: 'resume', to: 'in_progress' },
  { from: 'on_hold', transition: 'cancel', to: 'cancelled' },
  { from: 'completed', transition: 'close', to: 'closed' },
  { from: 'completed', transition: 'reopen', to: 'in_progress' },
];

/** What the machine allows in a state, before guards and permissions. */
export function transitionsFrom(state: WorkOrderState): readonly TransitionName[] {
  return [...new Set(MACHINE.filter((row) => row.from === state).map((row) => row.transition))];
}

/** Where a transition leads, or undefined when the machine does not have it. */
export function targetOf(
  from: WorkOrderState,
  transition: TransitionName,
  heldFrom: WorkOrderState | null,
): WorkOrderState | undefined {
  const row = MACHINE.find(
    (candidate) =>
      candidate.from === from &&
      candidate.transition === transition &&
      (transition !== 'resume' || candidate.to === heldFrom),
  );
  return row?.to;
}

/** Nothing more is to be done: the order book forgets it, its asset no longer waits for it. */
export function isEnded(state: WorkOrderState): boolean {
  return state === 'closed' || state === 'cancelled';
}

/** The work itself is still ahead: it can be late. */
export function isOutstanding(state: WorkOrderState): boolean {
  return state !== 'completed' && !isEnded(state);
}
