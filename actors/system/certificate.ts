import type { AlarmEvent } from '../alarm/events.ts';
import { isHeld } from '../alarm/machine.ts';
import { decideTold, type Told } from '../alarm/told.ts';
import { OWN_CERTIFICATE, SERVER_CERTIFICATE, type SystemRule } from './rules.ts';
import type { Certificate, SystemState } from './state.ts';

/**
 * The end of a certificate is known long before, so its alarm needs no connection and no driver: it follows from the date that was
 * seen last, also while the link is down because the certificate has ended.
 */
const DAY_MS = 86_400_000;

export const CERTIFICATE_RULES: Readonly<Record<Certificate['whose'], SystemRule>> = {
  server: SERVER_CERTIFICATE,
  own: OWN_CERTIFICATE,
};

export function certificateAlarms(
  { decided, live }: SystemState,
  warningDays: number | null,
  nowMs: number,
): AlarmEvent[] {
  return decided.certificates.flatMap((certificate) => {
    const rule = CERTIFICATE_RULES[certificate.whose];
    const told = warningDays === null ? null : endOf(certificate, warningDays, nowMs);
    return decideTold(rule, decided.alarms.get(rule.id), told, nowMs, live.owner, ({ value }) => value !== told?.value);
  });
}

/** The next instant at which `certificateAlarms` has something to decide without being told anything. */
export function certificatesDueMs({ decided }: SystemState, warningDays: number | null): number {
  if (warningDays === null) return Number.POSITIVE_INFINITY;
  let dueMs = Number.POSITIVE_INFINITY;
  for (const { whose, expiresAtMs } of decided.certificates) {
    const record = decided.alarms.get(CERTIFICATE_RULES[whose].id);
    if (record === undefined || !isHeld(record)) dueMs = Math.min(dueMs, warnFromMs(expiresAtMs, warningDays));
    else if (record.occurrence?.severity !== 'HIGH') dueMs = Math.min(dueMs, expiresAtMs);
  }
  return dueMs;
}

function endOf({ whose, subject, expiresAtMs }: Certificate, warningDays: number, nowMs: number): Told | null {
  if (nowMs < warnFromMs(expiresAtMs, warningDays)) return null;
  const of = whose === 'server' ? 'The certificate of the server' : 'The certificate of this installation';
  const end = instant(expiresAtMs);
  const shown = { value: end, threshold: null, unit: '' };
  if (nowMs < expiresAtMs) return { severity: 'MEDIUM', message: `${of}, ${subject}, ends on ${end}`, ...shown };
  const message = `${of}, ${subject}, has ended on ${end}: no link can be made with it`;
  return { severity: 'HIGH', message, ...shown };
}

function warnFromMs(expiresAtMs: number, warningDays: number): number {
  return expiresAtMs - warningDays * DAY_MS;
}

/** ISO 8601, to the second, as certificates have it. */
function instant(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z');
}
