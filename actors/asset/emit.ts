import type { Frame, PointValue, Quality } from '../frame.ts';
import type { AssetState } from './state.ts';

/** What changed since the last call, for the history of the asset; readings that came late go along with their own time. */
export function emitFrame({ live }: AssetState, nowMs: number): Frame | null {
  const { metrics } = live.layout;
  const points: string[] = [];
  const values: PointValue[] = [];
  const quality: Quality[] = [];
  const reasons: (string | null)[] = [];
  const times: number[] = [];
  for (let place = 0; place < metrics.length; place++) {
    if (live.toEmit[place] === 0) continue;
    live.toEmit[place] = 0;
    const mark = live.marks[place] ?? null;
    points.push(metrics[place]?.name ?? '');
    values.push(live.values[place] ?? null);
    // The value itself was usable when it came: that it was lost since stands in the live mark.
    quality.push(mark === null || mark.quality === 'BAD' ? 'GOOD' : mark.quality);
    reasons.push(mark === null || mark.quality === 'BAD' ? null : mark.reason);
    times.push(live.timeMs[place] ?? nowMs);
  }
  for (const late of live.late) {
    points.push(metrics[late.metric]?.name ?? '');
    values.push(late.value);
    quality.push(late.quality);
    reasons.push(null);
    times.push(late.timeMs);
  }
  live.late = [];
  if (points.length === 0) return null;
  if (sameNames(points, live.emitPoints)) return frame(live.emitPoints);
  live.emitPoints = points;
  return frame(points);

  function frame(shared: readonly string[]): Frame {
    const newestMs = Math.max(...times);
    return {
      deviceTimeMs: newestMs,
      gatewayTimeMs: nowMs,
      points: shared,
      values,
      quality: quality.every((q) => q === 'GOOD') ? null : quality,
      reasons: reasons.every((reason) => reason === null) ? null : reasons,
      times: times.every((timeMs) => timeMs === newestMs) ? null : times,
    };
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
