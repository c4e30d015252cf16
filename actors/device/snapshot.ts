import { z } from 'zod';
import type { Self } from '../../runtime/actor-kind.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import {
  bookOf,
  nullable,
  restoreTimers,
  StoredBook,
  StoredTimers,
  StoredValue,
  storeTimers,
} from '../alarm/stored.ts';
import { restoreLiveValue, StoredLiveValue, storeLiveValue } from '../live-values.ts';
import { CLOCK_RULES } from './clock.ts';
import { createLive, type DeviceLive, type DeviceState } from './state.ts';

const Instant = z.number().nullable();

/** By name, since places change with the topology. */
const StoredPoint = StoredLiveValue.extend({
  admittedMs: Instant,
  admittedValue: StoredValue,
  stillValue: z.number().nullable(),
  stillSinceMs: Instant,
});
type StoredPoint = z.infer<typeof StoredPoint>;

const StoredDevice = z.object({
  decided: z.object({
    connectivity: z.object({
      state: z.enum(['online', 'offline', 'unknown']),
      reason: z.string(),
      detail: z.string().nullable(),
      sinceMs: Instant,
      ofLink: z.object({ entity: z.string(), sinceMs: z.number() }).exactOptional(),
    }),
    alarms: StoredBook,
    decommissioned: z.object({ by: z.string(), reason: z.string(), atMs: z.number() }).nullable(),
    writes: z.array(
      z.object({
        writeId: z.string(),
        point: z.string(),
        value: StoredValue,
        by: z.string(),
        state: z.enum(['requested', 'sent', 'acknowledged', 'verified', 'failed', 'timed_out']),
        code: z.string().nullable(),
        message: z.string().nullable(),
        requestedAtMs: z.number(),
        finishedAtMs: Instant,
        deadlineMs: z.number(),
      }),
    ),
    introducedTo: z.array(z.string()),
  }),
  points: z.array(z.tuple([z.string(), StoredPoint])),
  frames: z.array(z.tuple([z.number(), z.number()])),
  clock: StoredTimers,
  lastSeenMs: Instant,
  frameMs: Instant,
  skewMs: Instant,
  frameCount: z.number(),
  gaps: z.number(),
  gapsNotReported: z.number(),
  gapReportedMs: Instant,
});
type StoredDevice = z.infer<typeof StoredDevice>;

const CLOCK_IDS = CLOCK_RULES.map((rule) => rule.id);

export function encodeDevice({ decided, live }: DeviceState): StoredDevice {
  const { connectivity, alarms, decommissioned, writes, introducedTo } = decided;
  return {
    decided: {
      connectivity,
      alarms: [...alarms.values()],
      decommissioned,
      writes: [...writes],
      introducedTo: [...introducedTo],
    },
    points: live.layout.points.map((point, place) => [point.name, storePoint(live, place)]),
    frames: live.admitted.frames().map(([timeMs, hash]) => [timeMs, hash]),
    clock: storeTimers(live.clock, CLOCK_IDS),
    lastSeenMs: nullable(live.lastSeenMs),
    frameMs: nullable(live.frameMs),
    skewMs: nullable(live.skewMs),
    frameCount: live.frames,
    gaps: live.gaps,
    gapsNotReported: live.gapsNotReported,
    gapReportedMs: nullable(live.gapReportedMs),
  };
}

export function decodeDevice(stored: unknown, self: Self<DeviceDefinition>): DeviceState {
  const kept = StoredDevice.parse(stored);
  const live = createLive(self.id, self.definition);
  for (const [name, point] of kept.points) {
    const place = live.layout.placeOf.get(name);
    if (place !== undefined) restorePoint(live, place, point);
  }
  for (const [timeMs, hash] of kept.frames) live.admitted.addFrame(timeMs, hash);
  restoreTimers(live.clock, CLOCK_IDS, kept.clock);
  live.lastSeenMs = kept.lastSeenMs ?? Number.NaN;
  live.frameMs = kept.frameMs ?? Number.NaN;
  live.skewMs = kept.skewMs ?? Number.NaN;
  live.frames = kept.frameCount;
  live.gaps = kept.gaps;
  live.gapsNotReported = kept.gapsNotReported;
  live.gapReportedMs = kept.gapReportedMs ?? Number.NaN;
  return { decided: { ...kept.decided, alarms: bookOf(kept.decided.alarms) }, live };
}

function storePoint(live: DeviceLive, place: number): StoredPoint {
  return {
    ...storeLiveValue(live, place),
    admittedMs: nullable(live.admitted.timeMs[place]),
    admittedValue: live.admitted.value[place] ?? null,
    stillValue: nullable(live.admitted.stillValue[place]),
    stillSinceMs: nullable(live.admitted.stillSinceMs[place]),
  };
}

function restorePoint(live: DeviceLive, place: number, point: StoredPoint): void {
  restoreLiveValue(live, place, point);
  const { admitted, layout } = live;
  admitted.timeMs[place] = point.admittedMs ?? Number.NaN;
  admitted.value[place] = point.admittedValue;
  // Where the rule is gone the run is no longer followed: what it was would be wrong once the rule is back.
  if (layout.points[place]?.frozen === undefined) return;
  admitted.stillValue[place] = point.stillValue ?? Number.NaN;
  admitted.stillSinceMs[place] = point.stillSinceMs ?? Number.NaN;
}
