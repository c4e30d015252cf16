import { html } from 'htm/preact';
import type { HealthBreakdown, HealthLevel } from '../../actors/views.ts';
import { NOTHING } from '../store/format.ts';

/** 0 to 100 as a short bar with its number. Grey at any height: what is wrong is told by the alarms, not by a colour here. */
export function Health({
  value,
  label = 'Health',
  level = null,
  told = false,
}: {
  readonly value: number | null | undefined;
  readonly label?: string;
  /** Where the score lies between the thresholds of the asset's profile. */
  readonly level?: HealthLevel | null | undefined;
  /** Whether the level stands beside the number; in words it is always there. */
  readonly told?: boolean;
}) {
  if (value === null || value === undefined) {
    return html`<span class="health none" title=${`${label}: nothing to judge by`}><span class="number">${NOTHING}</span></span>`;
  }
  const rounded = Math.round(value);
  const words = `${rounded} of 100${level ? `, ${level}` : ''}`;
  return html`<span class="health" role="meter" aria-label=${label} aria-valuenow=${rounded} aria-valuemin="0" aria-valuemax="100" aria-valuetext=${words} title=${`${label} ${words}`}>
    <span class="health-bar"><span class="health-fill" style=${{ width: `${rounded}%` }}></span></span>
    <span class="number">${rounded}</span>
    ${told && level && html`<span class="health-level dim">${level}</span>`}
  </span>`;
}

const PARTS: readonly (readonly [keyof HealthBreakdown, string])[] = [
  ['alarms', 'Alarms'],
  ['workOrders', 'Work orders'],
  ['telemetry', 'Telemetry'],
  ['age', 'Age'],
  ['maintenance', 'Maintenance'],
];

export function Breakdown({ breakdown }: { readonly breakdown: HealthBreakdown | undefined }) {
  if (breakdown === undefined) return null;
  return html`<dl class="breakdown">
    ${PARTS.map(
      ([key, title]) => html`<div key=${key}>
        <dt>${title}</dt>
        <dd><${Health} value=${breakdown[key]} label=${title} /></dd>
      </div>`,
    )}
  </dl>`;
}

const CONNECTIVITY = {
  online: { sign: 'M12 5a7 7 0 1 1 0 14a7 7 0 1 1 0-14Z', words: 'online' },
  offline: { sign: 'M5 5L19 19M19 5L5 19', words: 'offline' },
  unknown: { sign: 'M12 5a7 7 0 1 1 0 14a7 7 0 1 1 0-14Z', words: 'unknown' },
} as const;

/** By form and weight, in greys: a lost device raises an alarm, and that is what is coloured. */
export function Connectivity({
  state,
  words = true,
}: {
  readonly state: string | undefined;
  readonly words?: boolean;
}) {
  const known = state === 'online' || state === 'offline' ? state : 'unknown';
  const { sign, words: text } = CONNECTIVITY[known];
  return html`<span class=${`connectivity ${known}`} title=${words ? undefined : text}>
    <svg viewBox="0 0 24 24" role="img" aria-label=${text}><path d=${sign} />${known === 'unknown' && html`<text x="12" y="12.5">?</text>`}</svg>
    ${words && html`<span>${text}</span>`}
  </span>`;
}

export function Empty({ children }: { readonly children?: unknown }) {
  return html`<p class="empty">${children}</p>`;
}

export function Loading({ what }: { readonly what: string }) {
  return html`<p class="empty loading" role="status">Loading ${what} …</p>`;
}

export function Problem({ message }: { readonly message: string }) {
  return html`<p class="problem" role="alert"><strong>Not available.</strong> ${message}</p>`;
}
