import type { MetricInfo, RuleInfo } from '../../actors/views.ts';
import { formatAge, formatValue } from './format.ts';

const CONDITIONS: Readonly<Record<string, string>> = {
  above: 'above',
  below: 'below',
  atLeast: 'at least',
  atMost: 'at most',
  equals: 'is',
  notEquals: 'is not',
};

/** When a rule holds: `Bearing temperature above 85.0 °C for 10 s`. */
export function ruleWords(
  { when, metric, durationSeconds }: Pick<RuleInfo, 'when' | 'metric' | 'durationSeconds'>,
  info: Pick<MetricInfo, 'title' | 'unit' | 'decimals'> | undefined,
): string {
  const lasting = durationSeconds > 0 ? ` for ${formatAge(durationSeconds * 1000)}` : '';
  if (when === 'deviceLost') return `No connection to a primary device${lasting}`;
  const [[kind, limit] = ['', null]] = Object.entries(when);
  const unit = info === undefined || info.unit === '' ? '' : ` ${info.unit}`;
  const shown = (value: unknown) => (isLimit(value) ? `${formatValue(value, info?.decimals)}${unit}` : '');
  const title = info?.title ?? metric ?? '';
  if (Array.isArray(limit)) return `${title} ${kind} ${shown(limit[0])} … ${shown(limit[1])}${lasting}`;
  return `${title} ${CONDITIONS[kind] ?? kind} ${shown(limit)}${lasting}`;
}

/** What a person types as a limit: a number where it reads as one, ON and OFF for what switches, else a text; null: nothing. */
export function limitFrom(text: string): number | boolean | string | null {
  const trimmed = text.trim().replace('\u2212', '-');
  if (trimmed === '') return null;
  if (/^(on|true)$/i.test(trimmed)) return true;
  if (/^(off|false)$/i.test(trimmed)) return false;
  const number = Number(trimmed.replace(/^(-?\d+),(\d+)$/, '$1.$2'));
  return Number.isFinite(number) ? number : trimmed;
}

/** An id out of a name: `Bearing hot!` -> `bearing-hot`. Empty where nothing of the name can stand in one. */
export function idFrom(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64);
}

function isLimit(value: unknown): value is number | string | boolean {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}
