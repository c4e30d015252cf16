import type { AlarmEvent } from '../alarm/events.ts';
import type { PointValue } from '../frame.ts';

/** What happened to a device, beside its alarms. */
export type DeviceEvent =
  | AlarmEvent
  | DeviceOnline
  | DeviceOffline
  | DeviceUnknown
  | DeviceIntroduced
  | ReadingGap
  | WriteRequested
  | WriteSent
  | WriteFinished
  | DeviceDecommissioned
  | DeviceRecommissioned;

interface ConnectivityChanged {
  readonly atMs: number;
  /** Stable code: connected, data, silent, timeout, connection_lost, … */
  readonly reason: string;
  readonly detail: string | null;
  /** Lost with its link: the entity whose alarm stands for that of the device. */
  readonly ofLink?: string;
}

export interface DeviceOnline extends ConnectivityChanged {
  readonly kind: 'DeviceOnline';
}

export interface DeviceOffline extends ConnectivityChanged {
  readonly kind: 'DeviceOffline';
}

export interface DeviceUnknown extends ConnectivityChanged {
  readonly kind: 'DeviceUnknown';
}

/** Assets that were linked since are told the connectivity as it is. */
export interface DeviceIntroduced {
  readonly kind: 'DeviceIntroduced';
  readonly atMs: number;
  /** All assets that know the device now. */
  readonly assets: readonly string[];
}

/** QUA-05 */
export interface ReadingGap {
  readonly kind: 'ReadingGap';
  readonly atMs: number;
  /** Device times of the readings before and after. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly expectedIntervalMs: number;
  readonly actualGapMs: number;
  readonly missingSamples: number;
  /** Gaps since the last such event that were only counted. */
  readonly notReported: number;
}

export interface WriteRequested {
  readonly kind: 'WriteRequested';
  readonly atMs: number;
  readonly writeId: string;
  readonly point: string;
  readonly value: PointValue;
  readonly by: string;
  readonly deadlineMs: number;
}

/** Committed right before it is sent: from here on the device may have it, and nobody sends it any more. */
export interface WriteSent {
  readonly kind: 'WriteSent';
  readonly atMs: number;
  readonly writeId: string;
}

export interface WriteFinished {
  readonly kind: 'WriteFinished';
  readonly atMs: number;
  readonly writeId: string;
  readonly state: 'acknowledged' | 'verified' | 'failed' | 'timed_out';
  readonly code: string | null;
  readonly message: string | null;
}

export interface DeviceDecommissioned {
  readonly kind: 'DeviceDecommissioned';
  readonly atMs: number;
  readonly by: string;
  readonly reason: string;
}

export interface DeviceRecommissioned {
  readonly kind: 'DeviceRecommissioned';
  readonly atMs: number;
  readonly by: string;
  readonly reason: string;
}
