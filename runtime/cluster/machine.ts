/** What a machine answers to an input: its next state, and what the shell is to do. Neither clock nor chance comes from inside. */
export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** A broken invariant: a defect of ours, never a fault of the network. Whoever drives the machine stops the shard. */
export class InvariantBroken extends Error {
  readonly code = 'INVARIANT_BROKEN';
}

export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantBroken(message);
}
