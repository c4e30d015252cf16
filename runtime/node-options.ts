import type { Logger } from 'pino';
import type { Outlet } from './effects.ts';
import type { Historian } from './historian.ts';
import type { EntityId } from './ids.ts';
import type { Journal } from './journal.ts';
import type { Json } from './json.ts';
import type { DeadLetterStore, TelemetryLog } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Population } from './population.ts';
import type { AskOptions, Health, Reply } from './runtime.ts';
import type { Seat } from './seat.ts';

export interface Storage {
  readonly journal: Journal;
  readonly log: TelemetryLog;
  readonly deadLetters: DeadLetterStore;
  readonly historian: Historian;
  /** Raised at every start, so that nothing of an earlier run can write. Left out in a cell, whose shards have each their own. */
  readonly epoch?: number | undefined;
}

export interface NodeOptions {
  readonly name: string;
  readonly population: Population;
  readonly storage: Storage;
  /** Left out, the node is alone and everything is its own. */
  readonly seat?: Seat;
  readonly outlets: Readonly<Record<string, Outlet>>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly flushIntervalMs: number;
  readonly checkpointIntervalMs: number;
  readonly maxOutstanding: number;
  readonly maxWaiting: number;
  /** Takes what an actor tells one that lives in another cell; undefined where it lives in this one. */
  readonly elsewhere?: (to: EntityId, command: Json, options: AskOptions) => Promise<Reply> | undefined;
  /** Health of what is watched beside the node, as its clock; none when left out. */
  readonly healthBeside?: () => Health['parts'];
}
