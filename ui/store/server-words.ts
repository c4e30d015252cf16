import { formatAge, formatMoment, formatNumber, shortOffset } from './format.ts';

/** `2026-11-21T13:03:22.041Z`, with the `since` before it and how long that is, as far as the server says it. */
const INSTANT = /(\bsince )?\b(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z)(, for \d+ s\b)?/g;
const MILLISECONDS = /\b(\d+) ms\b/g;
const LASTING = /\bfor (\d+) s\b/g;

/**
 * A sentence of the server as it is read on the wall. A server stands in no zone: it writes instants in UTC, which become local
 * times, and where something is so since then also how long that is now.
 */
export function inLocalTime(text: string, zone: string, nowMs: number): string {
  return text.replace(INSTANT, (all, since: string | undefined, instant: string, lasting: string | undefined) => {
    const timeMs = Date.parse(instant);
    if (Number.isNaN(timeMs)) return all;
    const local = `${formatMoment(timeMs, zone, nowMs)} ${shortOffset(timeMs, zone)}`;
    if (since === undefined) return `${local}${lasting ?? ''}`;
    return `since ${local}, for ${formatAge(nowMs - timeMs)}`;
  });
}

/** Durations as people say them: `6000 ms` is `6 s`. Not for sentences with measured values, which keep the unit that they have. */
export function humanDurations(text: string): string {
  return text
    .replace(MILLISECONDS, (_, ms: string) => formatDuration(Number(ms)))
    .replace(LASTING, (_, seconds: string) => `for ${formatDuration(Number(seconds) * 1000)}`);
}

/** Both: for states of the server and of links. */
export function serverWords(text: string, zone: string, nowMs: number): string {
  return humanDurations(inLocalTime(text, zone, nowMs));
}

/** `200 ms`, `1.5 s`, `90 s`, `5 min`. */
function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 120_000) return `${formatNumber(ms / 1000, ms % 1000 === 0 ? 0 : 1)} s`;
  return formatAge(ms);
}
