import type { Mark, MetricInfo, Severity } from '../../actors/views.ts';
import { reasonWords } from '../store/reasons.ts';

/** How a value must look. `good` is the only one that looks like a value to rely on. */
export type ValueLook = 'good' | 'stale' | 'bad' | 'frozen' | 'uncertain' | 'missing';

export function valueLook(value: unknown, mark: Pick<Mark, 'quality' | 'reason'> | undefined): ValueLook {
  if (mark === undefined) return value === null || value === undefined ? 'missing' : 'good';
  if (mark.reason === 'stale') return 'stale';
  if (mark.quality === 'BAD') return 'bad';
  if (mark.quality === 'GOOD') return 'good';
  return mark.reason === 'frozen' ? 'frozen' : 'uncertain';
}

/** `bad: sensor broken`, `suspect: changed faster than it can`. */
export function markWords(mark: Pick<Mark, 'quality' | 'reason' | 'inputs'>): string {
  const reason = mark.inputs === undefined ? reasonWords(mark.reason) : `has ${inputWords(mark.inputs)} inputs`;
  if (mark.reason === 'stale' || mark.reason === 'frozen') return `${mark.reason}: ${reason}`;
  return `${mark.quality.toLowerCase()}${reason === '' ? '' : `: ${reason}`}`;
}

/** `3 of 4` */
export function inputWords({ used, of }: NonNullable<Mark['inputs']>): string {
  return `${used} of ${of}`;
}

export interface BarGeometry {
  /** All in percent of the drawn span. */
  readonly normal: { readonly from: number; readonly to: number } | null;
  readonly limits: readonly { readonly at: number; readonly severity: Severity; readonly side: 'above' | 'below' }[];
  readonly pointer: number | null;
  /** The value lies outside of what is drawn. */
  readonly beyond: 'low' | 'high' | null;
}

/** What is drawn beside a value: its range, the normal range in it, the limits and where it stands. Null without a range. */
export function barGeometry(info: Pick<MetricInfo, 'range' | 'normal' | 'limits'>, value: unknown): BarGeometry | null {
  const span = drawnSpan(info);
  if (span === null) return null;
  const percent = (n: number) => clamp(((n - span.min) / (span.max - span.min)) * 100);
  const number = typeof value === 'number' && Number.isFinite(value) ? value : null;
  return {
    normal: info.normal === null ? null : { from: percent(info.normal.min), to: percent(info.normal.max) },
    limits: info.limits.flatMap(({ severity, above, below }) => [
      ...(above === undefined ? [] : [{ at: percent(above), severity, side: 'above' as const }]),
      ...(below === undefined ? [] : [{ at: percent(below), severity, side: 'below' as const }]),
    ]),
    pointer: number === null ? null : percent(number),
    beyond: number === null ? null : number < span.min ? 'low' : number > span.max ? 'high' : null,
  };
}

/** The range, or what normal range and limits need with room at both ends. */
export function drawnSpan(
  info: Pick<MetricInfo, 'range' | 'normal' | 'limits'>,
): { readonly min: number; readonly max: number } | null {
  if (info.range !== null) return info.range;
  const marks = [
    ...(info.normal === null ? [] : [info.normal.min, info.normal.max]),
    ...info.limits.flatMap(({ above, below }) => [above, below]).filter((limit) => limit !== undefined),
  ];
  if (marks.length < 2) return null;
  const min = Math.min(...marks);
  const max = Math.max(...marks);
  const room = (max - min) * 0.25 || Math.abs(max) * 0.25 || 1;
  return { min: min - room, max: max + room };
}

function clamp(percent: number): number {
  return Math.max(0, Math.min(100, percent));
}
