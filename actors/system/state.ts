import type { Self } from '../../runtime/actor-kind.ts';
import type { Json } from '../../runtime/json.ts';
import { type AlarmBook, AlarmViews } from '../alarm/book.ts';
import type { RuleOwner } from '../alarm/evaluate.ts';
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
}

export interface Certificate {
  readonly whose: 'server' | 'own';
  readonly subject: string;
  readonly thumbprint: string;
  readonly expiresAtMs: number;
}

export interface SystemLive {
  readonly holder: AlarmHolder;
  readonly owner: RuleOwner;
  readonly alarmViews: AlarmViews;
  /** Last check of the clock. */
  clock: Readonly<Record<string, Json>>;
}

export type SystemEvent = AlarmEvent | CertificateSeen;

/** Another one than before, or the first. */
export interface CertificateSeen extends Certificate {
  readonly kind: 'CertificateSeen';
  readonly atMs: number;
}

export function initialSystem(self: Self<SystemDefinition>): SystemState {
  return { decided: { alarms: new Map(), certificates: [] }, live: createLive(self) };
}

export function createLive({ id, definition }: Self<SystemDefinition>): SystemLive {
  const { name, site, timeZone, rules } = definition;
  return { holder: { id, site, rules }, owner: { name, timeZone }, alarmViews: new AlarmViews(), clock: {} };
}
