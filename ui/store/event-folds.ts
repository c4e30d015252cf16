import { isRecord } from './session.ts';

/** What is folded by: of an entry of the events page. */
export interface Foldable {
  readonly key: string;
  readonly kind: string;
  readonly timeMs: number;
  readonly by: string;
  readonly entity: string;
  readonly event: unknown;
}

/** One line of the events page: an entry, or several that say the same of many. */
export type Line<Entry> =
  | { readonly kind: 'one'; readonly key: string; readonly entry: Entry }
  | { readonly kind: 'fold'; readonly key: string; readonly newest: Entry; readonly entries: readonly Entry[] };

/**
 * Decided by the system for every alarm or device behind one cause, a lost link or a first start above all. One by one they bury
 * what somebody did or has to do something about. An alarm that is called out, and whatever a person has done, is never folded.
 */
const CONSEQUENCES: ReadonlySet<string> = new Set([
  'AlarmCannotEvaluate',
  'AlarmCleared',
  'AlarmEvaluable',
  'AlarmRaised',
  'AlarmSuppressed',
  'AlarmUnsuppressed',
  'LinkedDeviceReported',
  'DeviceOnline',
  'DeviceOffline',
  'DeviceUnknown',
  'DeviceIntroduced',
  'ReadingGap',
  'RuleAdopted',
  'RuleConfirmed',
  'RuleDropped',
]);
const CALLS: ReadonlySet<string> = new Set(['AlarmRaised', 'AlarmUnsuppressed']);
/** What follows from one cause comes within this time of the one before. */
const BURST_MS = 5000;
const FOLDED_FROM = 3;

/**
 * Brings entries, the newest first, into lines: consequences of one kind and with one ground (`groundOf`: where, and why) that
 * come in a burst are one line in the place of the newest of them. Nothing is left out: the line opens to all of them.
 */
export function linesOf<Entry extends Foldable>(
  entries: readonly Entry[],
  groundOf: (entry: Entry) => string,
): Line<Entry>[] {
  const bursts: Entry[][] = [];
  const running = new Map<string, Entry[]>();
  for (const entry of entries) {
    const ground = isConsequence(entry) ? `${entry.kind} ${groundOf(entry)}` : null;
    const burst = ground === null ? undefined : running.get(ground);
    const last = burst?.at(-1);
    if (burst !== undefined && last !== undefined && last.timeMs - entry.timeMs <= BURST_MS) {
      burst.push(entry);
      continue;
    }
    const begun = [entry];
    bursts.push(begun);
    if (ground !== null) running.set(ground, begun);
  }
  return bursts.flatMap((burst): Line<Entry>[] => {
    const [newest] = burst;
    const oldest = burst.at(-1);
    if (newest === undefined || oldest === undefined) return [];
    if (burst.length < FOLDED_FROM) return burst.map((entry) => ({ kind: 'one', key: entry.key, entry }));
    // By the oldest, so that it stays open while more comes.
    return [{ kind: 'fold', key: `fold ${oldest.key}`, newest, entries: burst }];
  });
}

function isConsequence({ kind, by, event }: Foldable): boolean {
  if (!CONSEQUENCES.has(kind) || isPerson(by)) return false;
  // Called out, now or when it came back in sight: somebody has to do something about it.
  return !CALLS.has(kind) || (isRecord(event) && event.annunciation === null);
}

/** Neither the system itself nor one of its parts. */
export function isPerson(by: string): boolean {
  return by !== 'system' && !by.includes('/');
}
