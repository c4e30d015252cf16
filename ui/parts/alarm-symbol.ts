import { html } from 'htm/preact';
import type { AlarmView, Severity } from '../../actors/views.ts';
import { PRIORITY } from '../store/alarm-order.ts';
import { type AlarmLook, lookOf } from './alarm-look.ts';

/** One shape a priority: square, triangle up, triangle down, circle, and a plain bar for information. In a box of 24. */
const SHAPES: Readonly<Record<Severity, string>> = {
  CRITICAL: 'M4 4H20V20H4Z',
  HIGH: 'M12 3L22 20.5H2Z',
  MEDIUM: 'M2 3.5H22L12 21Z',
  LOW: 'M12 3A9 9 0 1 1 12 21A9 9 0 1 1 12 3Z',
  INFO: 'M3 8H21V16H3Z',
};
/** Where the number stands: the middle of gravity of each shape. */
const NUMBER_Y: Readonly<Record<Severity, number>> = { CRITICAL: 12, HIGH: 14.6, MEDIUM: 9.6, LOW: 12, INFO: 12 };
/** Brackets around the symbol while it is unacknowledged: seen without colour, without motion. */
const BRACKETS = 'M-1 4V-1H4M20 -1H25V4M25 20V25H20M4 25H-1V20';
const LOCK = 'M16.2 20V18.4a2.3 2.3 0 0 1 4.6 0V20h1v5.5h-6.6V20ZM17.4 20h2.2v-1.6a1.1 1.1 0 0 0-2.2 0Z';

interface SymbolProps {
  readonly severity: Severity;
  readonly look: AlarmLook;
  readonly label?: string;
}

/** Priority by colour, shape and number; state by fill, brackets and badge. Only `blinks` blinks, and only this symbol. */
export function AlarmSymbol({ severity, look, label }: SymbolProps) {
  const classes = [
    'symbol',
    look.coloured ? `priority-${PRIORITY[severity]}` : 'priority-none',
    look.filled ? 'filled' : 'hollow',
    look.blinks ? 'blinks' : '',
    `look-${look.look}`,
  ];
  const text = label ?? `${severity.toLowerCase()}, ${look.words.toLowerCase()}`;
  return html`<svg class=${classes.join(' ')} viewBox="-2 -2 28 28" role="img" aria-label=${text}>
    ${look.blinks && html`<path class="brackets" d=${BRACKETS} />`}
    <path class="shape" d=${SHAPES[severity]} />
    <text class="number" x="12" y=${NUMBER_Y[severity]}>${severity === 'INFO' ? 'i' : PRIORITY[severity]}</text>
    ${
      look.badge !== null &&
      html`<g class="badge">
        <rect x="13" y="15" width="12" height="11.5" rx="2" />
        ${
          look.badge === 'lock'
            ? html`<path class="lock" d=${LOCK} />`
            : html`<text class="letter" x="19" y="21">${look.badge}</text>`
        }
      </g>`
    }
  </svg>`;
}

export function SymbolOf({ alarm }: { readonly alarm: AlarmView }) {
  return html`<${AlarmSymbol} severity=${alarm.severity} look=${lookOf(alarm)} />`;
}

/** For counts and tiles: a priority with or without somebody to acknowledge it. */
export function PrioritySymbol({
  severity,
  unacknowledged,
  none = false,
}: {
  readonly severity: Severity;
  readonly unacknowledged: boolean;
  readonly none?: boolean;
}) {
  const look: AlarmLook = {
    look: none ? 'normal' : unacknowledged ? 'unack-active' : 'ack-active',
    words: none ? 'none' : unacknowledged ? 'Unacknowledged' : 'Acknowledged',
    filled: !none,
    blinks: unacknowledged && !none,
    badge: null,
    coloured: !none,
  };
  return html`<${AlarmSymbol} severity=${severity} look=${look} />`;
}
