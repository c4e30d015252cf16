import { formatBoth, formatNumber, words } from './format.ts';
import { reasonWords } from './reasons.ts';

export interface Fact {
  readonly label: string;
  readonly text: string;
}

/** Endings of the names that drivers give their facts, which name the unit. */
const UNITS: readonly (readonly [RegExp, (value: number, zone: string) => string])[] = [
  [/AtMs$/, formatBoth],
  // `untilMs`, `sinceMs`: an instant is told from a duration by its size alone, 1973 and 3 years being far apart.
  [/Ms$/, (value, zone) => (value > EARLIEST_MS ? formatBoth(value, zone) : milliseconds(value))],
  [/PerSecond$/, (value) => `${formatNumber(value, 1)} per second`],
  [/DaysLeft$/, (value) => `${formatNumber(value, 0)} days`],
  [/Bytes$/, (value) => `${formatNumber(value, 0)} bytes`],
];

const EARLIEST_MS = 100_000_000_000;

function milliseconds(value: number): string {
  return `${formatNumber(value, value < 10 && value % 1 !== 0 ? 1 : 0)} ms`;
}

/** A driver's own fact in words: `publishingIntervalMs: 500` is `Publishing interval` `500 ms`. */
export function factOf(name: string, value: unknown, zone: string): Fact | null {
  if (value === null || value === undefined || value === '') return null;
  const [ending, format] = UNITS.find(([end]) => end.test(name)) ?? [];
  const bare = ending === undefined ? name : name.replace(ending, '');
  const label = capital(words(/DaysLeft$/.test(name) ? `${bare}EndsIn` : bare));
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return null;
    // A port, or an id, is a name made of digits.
    if (name === 'port' || /Id$/.test(name)) return { label, text: `${value}` };
    return { label, text: format?.(value, zone) ?? formatNumber(value, Number.isInteger(value) ? 0 : 2) };
  }
  if (typeof value === 'boolean') return { label, text: value ? 'yes' : 'no' };
  return typeof value === 'string' ? { label, text: value } : null;
}

/** How often each failure happened: `3 × no answer in time, 1 × the connection broke`; the most frequent first. */
export function countsInWords(counts: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(counts)
    .flatMap(([code, count]) => (typeof count === 'number' && count > 0 ? [[code, count] as const] : []))
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return entries.map(([code, count]) => `${formatNumber(count, 0)} × ${reasonWords(code)}`).join(', ');
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
