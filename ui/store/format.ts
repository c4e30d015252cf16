import type { PointValue } from '../../actors/frame.ts';

/** Shown where there is no value: never a zero, never blank. */
export const NOTHING = '—';

export function formatValue(value: PointValue | undefined, decimals = 1): string {
  if (value === null || value === undefined) return NOTHING;
  if (typeof value === 'boolean') return value ? 'ON' : 'OFF';
  return typeof value === 'string' ? value : formatNumber(value, decimals);
}

/** Fixed decimals so that digits do not jump; groups of three from 10 000 on; a true minus. */
export function formatNumber(value: number, decimals = 1): string {
  if (!Number.isFinite(value)) return NOTHING;
  const [whole = '', fraction] = Math.abs(value).toFixed(decimals).split('.');
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, '\u202f') : whole;
  const digits = fraction === undefined ? grouped : `${grouped}.${fraction}`;
  return value < 0 && Number(digits.replace(/\u202f/g, '')) !== 0 ? `\u2212${digits}` : digits;
}

/** `42 s`, `3 min`, `2 h 05 min`, `3 d 4 h`: two parts at most, of which the second tells which way it goes. */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatIn(zone: string, kind: 'time' | 'date' | 'offset'): Intl.DateTimeFormat {
  const key = `${kind}\n${zone}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...PARTS[kind] });
    formats.set(key, format);
  }
  return format;
}

const PARTS = {
  time: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
  date: { year: 'numeric', month: '2-digit', day: '2-digit' },
  offset: { timeZoneName: 'longOffset' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** `14:03:22` in a zone. */
export function formatTime(timeMs: number, zone: string): string {
  return formatIn(zone, 'time').format(timeMs);
}

/** `2026-11-21` in a zone. */
export function formatDate(timeMs: number, zone: string): string {
  const parts = formatIn(zone, 'date').formatToParts(timeMs);
  const part = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')}`;
}

/** `UTC+02:00`. */
export function formatOffset(timeMs: number, zone: string): string {
  const parts = formatIn(zone, 'offset').formatToParts(timeMs);
  const offset = parts.find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';
  // Engines differ in how they write no offset at all.
  return offset.replace(/^GMT$/, 'GMT+00:00').replace('GMT', 'UTC').replace('-', '\u2212');
}

/** `+02:00`, for beside a time. */
export function shortOffset(timeMs: number, zone: string): string {
  return formatOffset(timeMs, zone).slice('UTC'.length);
}

/** `14:03:22` today, `11-20 14:03:22` on another day of that zone, with the year in another year. */
export function formatMoment(timeMs: number | null | undefined, zone: string, nowMs: number): string {
  if (timeMs === null || timeMs === undefined) return NOTHING;
  const date = formatDate(timeMs, zone);
  const today = formatDate(nowMs, zone);
  const time = formatTime(timeMs, zone);
  if (date === today) return time;
  return `${date.slice(0, 4) === today.slice(0, 4) ? date.slice(5) : date} ${time}`;
}

/** To the thousandth, for the detail of a reading: `2026-11-21 14:03:22.041 UTC+01:00`. */
export function formatStamp(timeMs: number, zone: string): string {
  const millis = String(Math.floor(timeMs) % 1000).padStart(3, '0');
  return `${formatDate(timeMs, zone)} ${formatTime(timeMs, zone)}.${millis} ${formatOffset(timeMs, zone)}`;
}

/**
 * The instant at which clocks of a zone show `2026-11-21T14:03`, as a field for date and time gives it; NaN for anything else.
 * Of two such instants (the end of summer time) the first, of none (its beginning) the one an hour later.
 */
export function instantAt(local: string, zone: string): number {
  const asUtc = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(local) ? Date.parse(`${local}Z`) : Number.NaN;
  if (Number.isNaN(asUtc)) return Number.NaN;
  // The offset before and after any change near: the earlier instant that shows the wanted time, else past the gap.
  const candidates = [-DAY_MS, DAY_MS].map((near) => asUtc - offsetMs(asUtc + near, zone));
  const shown = candidates.filter((instant) => instant + offsetMs(instant, zone) === asUtc);
  return shown.length > 0 ? Math.min(...shown) : Math.max(...candidates);
}

const DAY_MS = 86_400_000;

function offsetMs(timeMs: number, zone: string): number {
  const [, sign, hours, minutes] = /([+\u2212])(\d\d):(\d\d)/.exec(formatOffset(timeMs, zone)) ?? [];
  if (hours === undefined) return 0;
  return (sign === '+' ? 1 : -1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** For the detail of an instant: local time with offset, and the stored UTC. */
export function formatBoth(timeMs: number | null | undefined, zone: string): string {
  if (timeMs === null || timeMs === undefined) return NOTHING;
  const local = `${formatDate(timeMs, zone)} ${formatTime(timeMs, zone)} ${formatOffset(timeMs, zone)}`;
  return `${local} · ${new Date(timeMs).toISOString()}`;
}

/** A zone the browser does not know must not take the page down: UTC is shown in its place. */
export function knownZone(zone: string | undefined): string {
  if (zone === undefined) return 'UTC';
  try {
    formatIn(zone, 'time');
    return zone;
  } catch {
    return 'UTC';
  }
}

/** Names that keep their own spelling where codes become words. */
const SPELLED: Readonly<Record<string, string>> = {
  mqtt: 'MQTT',
  opcua: 'OPC UA',
  modbus: 'Modbus',
  tcp: 'TCP',
  tls: 'TLS',
  plc: 'PLC',
  url: 'URL',
  ntp: 'NTP',
};

/** `in_progress` -> `in progress`, `AlarmRaised` -> `Alarm raised`, `mqtt_refused` -> `MQTT refused`. */
export function words(code: string): string {
  return code
    .replace(/([a-z\d])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
    .split(/[_ ]/)
    .map(
      (word) => SPELLED[word] ?? (/^[A-Z]{2,}$/.test(word) && code === code.toUpperCase() ? word.toLowerCase() : word),
    )
    .join(' ');
}
