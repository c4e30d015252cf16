import type { AlarmView, Severity } from '../../actors/views.ts';
import { isStanding, isUnacknowledged, listOf, PRIORITY } from './alarm-order.ts';

export interface Tone {
  readonly hertz: number;
  readonly startMs: number;
  readonly lengthMs: number;
}

/** One bar of sound for each priority: the graver, the higher, the faster and the sooner it comes again. */
export const SOUNDS: Readonly<Record<Severity, { readonly everyMs: number; readonly tones: readonly Tone[] } | null>> =
  {
    CRITICAL: { everyMs: 2000, tones: beeps(1046, 3, 120, 100) },
    HIGH: { everyMs: 4000, tones: beeps(784, 2, 180, 140) },
    MEDIUM: { everyMs: 8000, tones: beeps(523, 1, 300, 0) },
    LOW: { everyMs: 20_000, tones: beeps(392, 1, 300, 0) },
    INFO: null,
  };

/** The gravest unacknowledged standing alarm that was not silenced; null: quiet. */
export function soundingSeverity(alarms: Iterable<AlarmView>, silenced: ReadonlySet<string>): Severity | null {
  let worst: Severity | null = null;
  for (const alarm of alarms) {
    if (!isUnacknowledged(alarm) || !isStanding(alarm) || listOf(alarm) !== 'active') continue;
    if (SOUNDS[alarm.severity] === null || silenced.has(occurrenceKey(alarm))) continue;
    if (worst === null || PRIORITY[alarm.severity] < PRIORITY[worst]) worst = alarm.severity;
  }
  return worst;
}

/** Silence holds for this occurrence: the same alarm raised anew sounds again. */
export function occurrenceKey(alarm: AlarmView): string {
  return `${alarm.id} ${alarm.raisedAtMs ?? 0} ${alarm.occurrences}`;
}

function beeps(hertz: number, count: number, lengthMs: number, gapMs: number): Tone[] {
  return Array.from({ length: count }, (_, i) => ({ hertz, startMs: i * (lengthMs + gapMs), lengthMs }));
}
