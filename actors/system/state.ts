import type { Json } from '../../runtime/json.ts';
import type { LinkGroup } from '../../topology/plant.ts';
import type { AlarmBook, AlarmViews } from '../alarm/book.ts';
import type { CompiledRule, RuleOwner, RuleTimers } from '../alarm/evaluate.ts';
import type { AlarmEvent } from '../alarm/events.ts';
import type { AlarmHolder } from '../alarm/view.ts';
import type { SystemRule } from './rules.ts';

/** A connection, or the node itself, as something that can fail: what alarms of its own need. */
export interface SystemDefinition {
  readonly name: string;
  /** Under which its alarms stand: that of its first device, or the first of the plant. */
  readonly site: string;
  readonly timeZone: string;
  readonly rules: readonly SystemRule[];
  /** Of a connection: the devices that are lost with it. */
  readonly group: LinkGroup | null;
  /** Its certificates are warned of so long before their end; null: no link uses one. */
  readonly certificateWarningDays: number | null;
}

export interface SystemState {
  readonly decided: SystemDecided;
  readonly live: SystemLive;
}

export interface SystemDecided {
  readonly alarms: AlarmBook;
  /** The newest that was seen of each. */
  readonly certificates: readonly Certificate[];
  /** Of a connection with a group of devices; null before anything was heard of it. */
  readonly link: Link | null;
}

export interface Link {
  readonly state: 'up' | 'lost';
  readonly reason: string;
  readonly detail: string | null;
  readonly sinceMs: number;
}

export interface Certificate {
  readonly whose: 'server' | 'own';
  readonly subject: string;
  readonly thumbprint: string;
  readonly expiresAtMs: number;
}

export interface SystemLive {
  readonly holder: AlarmHolder;
  readonly rules: readonly SystemRule[];
  readonly owner: RuleOwner;
  readonly alarmViews: AlarmViews;
  /** That the connection is lost; null where no devices are in a group. */
  readonly linkRule: CompiledRule | null;
  readonly timers: RuleTimers;
  /** Last check of the clock. */
  clock: Readonly<Record<string, Json>>;
}

export type SystemEvent = AlarmEvent | CertificateSeen | LinkLost | LinkBack | BufferOverflow;

/** Another one than before, or the first. */
export interface CertificateSeen extends Certificate {
  readonly kind: 'CertificateSeen';
  readonly atMs: number;
}

export interface LinkLost {
  readonly kind: 'LinkLost';
  readonly atMs: number;
  readonly reason: string;
  readonly detail: string | null;
}

export interface LinkBack {
  readonly kind: 'LinkBack';
  readonly atMs: number;
}

/** Of a node: data was let go of before its time, for want of room on the disk. */
export interface BufferOverflow {
  readonly kind: 'BufferOverflow';
  readonly atMs: number;
  readonly what: string;
  readonly segments: number;
  readonly bytesFreed: number;
  readonly lost: number;
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
}
