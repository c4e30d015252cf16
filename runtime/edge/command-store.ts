import type { CommandId, EntityId } from '../ids.ts';
import type { AskOptions, Reply } from '../runtime.ts';

/** A command for an entity of another cell that outlives whoever took it. */
export interface KeptCommand {
  readonly cell: string;
  /** Of its sender and what it is for: a repeat has the same. */
  readonly key: string;
  readonly to: EntityId;
  readonly command: unknown;
  readonly commandId: CommandId;
  readonly by: AskOptions['by'];
  readonly permissions: readonly string[];
  readonly sinceMs: number;
  /** From then on it is not sent any more. */
  readonly expiresAtMs: number;
  /** How often it was sent; what was sent may have been carried out. */
  readonly sent: number;
  /** Somebody sends it and waits for its answer until then. */
  readonly underWayUntilMs: number;
}

/** With how it ended; null: it waits. */
export interface KeptRow extends KeptCommand {
  readonly reply: Reply | null;
}

/** Where commands for other cells wait, shared by all nodes of this one. Times are epoch milliseconds of whoever asks. */
export interface CommandStore {
  /** Keeps it, unless one of its key is there. Resolves with what stands there. */
  keep(command: KeptCommand): Promise<KeptRow>;
  find(cell: string, key: string): Promise<KeptRow | undefined>;
  /** Those of all cells that have not ended, in the order in which they came. */
  waiting(): Promise<readonly KeptCommand[]>;
  /**
   * Takes what is due for a cell and under way with nobody: until `untilMs` nobody else gets it. What is past its time is not
   * among it. `sent` counts this time.
   */
  claim(cell: string, nowMs: number, untilMs: number): Promise<readonly KeptCommand[]>;
  /** Its answer was lost or it could not be delivered: it may be taken again at once. */
  giveBack(cell: string, key: string): Promise<void>;
  /**
   * The first answer stands; false where there was one.
   * @param ifSent nothing is done where it was sent more often than this: somebody has taken it meanwhile
   */
  end(cell: string, key: string, reply: Reply, nowMs: number, ifSent?: number): Promise<boolean>;
  /** Forgets those that ended before. */
  trim(beforeMs: number): Promise<void>;
}
