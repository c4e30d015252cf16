import type { Condition } from '../topology/schema/rule.ts';
import type { PointValue, Quality } from './frame.ts';

/**
 * What the wall, the API and other actors see of an actor: groups of keyed fields (`View` of the runtime). The same shapes go
 * over the WebSocket, so they are part of the published wire format.
 */

/** Beside a value: only where it is not simply GOOD and fresh. */
export interface Mark {
  readonly quality: Quality;
  /** range, rate, stale, frozen, device_lost, exception_02, … in the driver's or rule's own code. */
  readonly reason: string;
  readonly sinceMs: number;
  /** Last value that was GOOD, with its own time. */
  readonly lastGood?: { readonly value: PointValue; readonly timeMs: number };
  /** Of a figure over several assets that lacks some of them (`partial_input`): how many of how many it is of. */
  readonly inputs?: { readonly used: number; readonly of: number };
}

export interface SiteView {
  readonly props: {
    readonly name: string;
    readonly timeZone: string;
    readonly latitude: number | null;
    readonly longitude: number | null;
    readonly simulated: boolean;
    /** Lowest of its assets, and the mean. */
    readonly healthWorst: number | null;
    readonly health: number | null;
    readonly assets: number;
    readonly assetsAbnormal: number;
    readonly devices: number;
    readonly devicesOnline: number;
    readonly devicesOffline: number;
    readonly devicesUnknown: number;
    readonly openWorkOrders: number;
    readonly alarmsUnacknowledged: number;
    readonly alarmsActive: number;
    readonly alarmsShelved: number;
    /** Active or unacknowledged, by severity. */
    readonly alarmsCritical: number;
    readonly alarmsHigh: number;
    readonly alarmsMedium: number;
    readonly alarmsLow: number;
  };
  readonly values: Readonly<Record<string, number | null>>;
  /** Beside a key figure that is not simply good, by the same key: `partial_input` when it lacks an asset. */
  readonly marks: Readonly<Record<string, Mark>>;
  /** Of the key figures in `values`, by the same key. */
  readonly figures: Readonly<Record<string, { title: string; unit: string; decimals: number; function: string }>>;
}

export interface AssetView {
  readonly props: {
    readonly name: string;
    readonly site: string;
    readonly parent: string | null;
    readonly path: readonly string[];
    readonly type: string | null;
    readonly icon: string | null;
    readonly lifecycle: string;
    readonly latitude: number | null;
    readonly longitude: number | null;
    readonly status: AssetStatus;
    readonly health: number | null;
    /** Where the score lies between the thresholds of the profile; `fair` from warning up to good. */
    readonly healthLevel?: HealthLevel | null;
    readonly healthBreakdown: HealthBreakdown;
    readonly devices: readonly string[];
    readonly children: readonly string[];
    /** All primary devices online; false when one is not; null without any. */
    readonly connected: boolean | null;
    /** Newest device time of any metric. */
    readonly lastReadingMs: number | null;
    readonly alarmsUnacknowledged: number;
    readonly alarmsActive: number;
    readonly worstSeverity: Severity | null;
    readonly openWorkOrders: number;
    /** Computed values that the history lacks since the asset came up, for there were too many at once; absent: none. */
    readonly historyDropped?: number;
  };
  readonly values: Readonly<Record<string, PointValue>>;
  /** Time of each value by its source, epoch milliseconds. */
  readonly times: Readonly<Record<string, number>>;
  /** When our node received each value, by the same keys; for a computed metric the newest of what it was computed from. */
  readonly received: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, Mark>>;
  /** By metric: unit, limits and normal range; changes only with the topology. */
  readonly metrics: Readonly<Record<string, MetricInfo>>;
  /** By id: what is judged here, and where that was said; changes only with the topology and with rules of the API. */
  readonly rules: Readonly<Record<string, RuleInfo>>;
  /** Every alarm that is not NORMAL, and every one with an overlay, by rule id. */
  readonly alarms: Readonly<Record<string, AlarmView>>;
  /** Those of them that are not on record as they stand there, since the journal is away; absent: all are. */
  readonly unrecordedAlarms?: Readonly<Record<string, AlarmView>>;
  /** Newest closed window of each size that the metric has, by `metric@1m`. */
  readonly windows: Readonly<Record<string, WindowView>>;
}

export interface MetricInfo {
  readonly title: string;
  readonly unit: string;
  readonly decimals: number;
  readonly range: { readonly min: number; readonly max: number } | null;
  readonly normal: { readonly min: number; readonly max: number } | null;
  readonly formula: string | null;
  readonly key: boolean;
  readonly sourceDevices: readonly string[];
  /** Limits that rules set on it, for drawing. */
  readonly limits: readonly {
    readonly rule: string;
    readonly severity: Severity;
    readonly above?: number;
    readonly below?: number;
  }[];
}

/** A rule as its asset has it. */
export interface RuleInfo {
  readonly name: string;
  /** The topology file, or somebody over the API. */
  readonly source: 'file' | 'api';
  /** Of the API: every asset of this profile has it; null: this one alone, or the file says it. */
  readonly profile: string | null;
  readonly metric: string | null;
  readonly when: Condition | 'deviceLost';
  readonly durationSeconds: number;
  readonly severity: Severity;
  /** Template of the order that it opens. */
  readonly workOrder: string | null;
  /** Why it is not evaluated; null: it is. */
  readonly idle: 'inactive' | 'no_metric' | null;
}

/** A rule that was made over the API. */
export interface RuleView {
  readonly props: {
    readonly source: 'api';
    /** Of these one is null: it is for one asset, or for all that are made from a profile. */
    readonly entityId: string | null;
    readonly profile: string | null;
    readonly name: string;
    readonly metric: string | null;
    readonly when: Condition | 'deviceLost';
    readonly durationSeconds: number;
    readonly deadband: number;
    readonly offDelaySeconds: number;
    readonly cooldownSeconds: number;
    readonly severity: Severity;
    readonly latched: boolean;
    readonly autoAckOnClear: boolean;
    readonly suppressWhenDeviceLost: boolean;
    readonly message: string | null;
    readonly response: string | null;
    readonly workOrder: string | null;
    /** Without its path, which may be a secret. */
    readonly webhook: string | null;
    readonly active: boolean;
    /** Ids of the assets that it is for. */
    readonly assets: readonly string[];
    /** Those that have not said yet that they did as they were told. */
    readonly unconfirmed: readonly string[];
    /** Where it does not fit the topology file, which has changed since; at most 50. */
    readonly problems: readonly RuleProblem[];
    readonly revision: number;
    readonly createdAtMs: number;
    readonly createdBy: string;
    readonly changedAtMs: number;
    readonly changedBy: string;
  };
}

export interface RuleProblem {
  /** Null: of the rule as a whole. */
  readonly asset: string | null;
  readonly code: string;
  readonly message: string;
}

export interface WindowView {
  readonly startMs: number;
  readonly endMs: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly avg: number;
  readonly sum: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly good: number;
  readonly suspect: number;
  readonly uncertain: number;
  readonly bad: number;
  readonly pctGood: number;
}

export type AssetStatus = 'operational' | 'maintenance' | 'damaged' | 'retired';
export type Severity = 'CRITICAL' | 'HIGH' | 'MEDIUM' | 'LOW' | 'INFO';

export type HealthLevel = 'critical' | 'warning' | 'fair' | 'good';

/** 0 to 100 each, 100 is best; null: nothing to judge by. */
export interface HealthBreakdown {
  readonly alarms: number | null;
  readonly workOrders: number | null;
  readonly telemetry: number | null;
  readonly age: number | null;
  readonly maintenance: number | null;
}

/** Wire names of the states; `detail` tells them apart fully. */
export type AlarmState = 'ACTIVE' | 'ACKNOWLEDGED' | 'CLEARED' | 'SUPPRESSED';
export type AlarmDetail = 'NORMAL' | 'ACTIVE_UNACK' | 'ACTIVE_ACK' | 'RTN_UNACK' | 'LATCHED_UNACK' | 'LATCHED_ACK';

export interface AlarmView {
  /** `<entity>:<rule>`, as `asset/pump-1:hot`. */
  readonly id: string;
  /** Entity id of the asset, device, connection or node that holds it: where commands go. */
  readonly entity: string;
  readonly rule: string;
  readonly site: string;
  readonly name: string;
  readonly message: string;
  readonly response: string | null;
  readonly metric: string | null;
  readonly severity: Severity;
  /** SUPPRESSED while shelved, suppressed by design or out of service; else from `detail`. */
  readonly state: AlarmState;
  readonly detail: AlarmDetail;
  readonly latched: boolean;
  readonly shelved: {
    readonly untilMs: number;
    readonly by: string;
    readonly reason: string;
    readonly atMs: number;
  } | null;
  readonly suppressed: {
    readonly cause: string;
    /** Id of the alarm that is called out instead; null: none is known. */
    readonly by: string | null;
    readonly sinceMs: number;
  } | null;
  readonly outOfService: {
    readonly by: string;
    readonly reason: string;
    readonly workOrder: string | null;
    readonly sinceMs: number;
  } | null;
  /** Input stale or bad: the alarm keeps its state and says so. */
  readonly cannotEvaluate: { readonly reason: string; readonly sinceMs: number } | null;
  readonly value: PointValue;
  /** Of that value: what raised the alarm may have been in doubt. Null before the first occurrence. */
  readonly quality?: Quality | null;
  readonly threshold: PointValue;
  readonly unit: string;
  readonly raisedAtMs: number | null;
  readonly clearedAtMs: number | null;
  readonly acknowledgedAtMs: number | null;
  readonly acknowledgedBy: string | null;
  readonly firstRaisedAtMs: number | null;
  readonly occurrences: number;
  readonly comments: readonly { readonly atMs: number; readonly by: string; readonly text: string }[];
  /** Number of the open work order. */
  readonly workOrder: string | null;
  /** True where the journal is away and has not what is said here; absent otherwise. */
  readonly notRecorded?: boolean;
}

export interface DeviceView {
  readonly props: {
    readonly name: string;
    readonly site: string;
    readonly connection: string;
    readonly driver: string;
    readonly serialNumber: string | null;
    readonly latitude: number | null;
    readonly longitude: number | null;
    readonly decommissioned: boolean;
    readonly connectivity: 'online' | 'offline' | 'unknown';
    readonly connectivityReason: string;
    readonly connectivityDetail: string | null;
    readonly lastConnectivityChangeMs: number | null;
    readonly lastSeenMs: number | null;
    readonly linkedAssets: readonly string[];
    readonly clockSkewMs: number | null;
    readonly rejected: number;
    readonly gaps: number;
    readonly frames: number;
  };
  readonly values: Readonly<Record<string, PointValue>>;
  /** As for an asset: time by the source, and time at which our node received it. */
  readonly times: Readonly<Record<string, number>>;
  readonly received: Readonly<Record<string, number>>;
  readonly marks: Readonly<Record<string, Mark>>;
  readonly points: Readonly<
    Record<
      string,
      { title: string; unit: string; decimals: number; writable: boolean; min: number | null; max: number | null }
    >
  >;
  /** Clock and gap alarms of the device itself. */
  readonly alarms: Readonly<Record<string, AlarmView>>;
  /** Those of them that are not on record as they stand there, since the journal is away; absent: all are. */
  readonly unrecordedAlarms?: Readonly<Record<string, AlarmView>>;
  /** Newest state of the link it hangs on (`ConnectionReport`). */
  readonly link: Readonly<Record<string, unknown>>;
  /** Newest writes, by write id. */
  readonly writes: Readonly<Record<string, WriteView>>;
}

/** A connection or a node: what alarms of the system itself are about. */
export interface SystemView {
  readonly props: { readonly name: string; readonly site: string };
  readonly alarms: Readonly<Record<string, AlarmView>>;
  readonly unrecordedAlarms?: Readonly<Record<string, AlarmView>>;
  /** The newest that was seen, by whose it is: `server` or `own`. */
  readonly certificates: Readonly<Record<string, { subject: string; thumbprint: string; expiresAtMs: number }>>;
  /** Of a connection whose devices have an alarm in common: whether it is lost, why and since when. */
  readonly link: Readonly<Record<string, unknown>>;
  /** Of a node: the last check of its clock. */
  readonly clock: Readonly<Record<string, unknown>>;
}

export interface WriteView {
  readonly point: string;
  readonly value: PointValue;
  readonly by: string;
  readonly state: 'requested' | 'sent' | 'acknowledged' | 'verified' | 'failed' | 'timed_out';
  readonly code: string | null;
  readonly message: string | null;
  readonly requestedAtMs: number;
  readonly finishedAtMs: number | null;
}
