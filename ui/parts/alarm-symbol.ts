import { html } from 'htm/preact';
import { useRef } from 'preact/hooks';
import type { AlarmView, Severity } from '../../actors/views.ts';
import { PRIORITY } from '../store/alarm-order.ts';
import { useSubscription } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';
import { type AlarmLook, lookOf } from './alarm-look.ts';

/** One shape a priority: square, triangle up, triangle down, circle, and a plain bar for information. In a box of 24. */
const SHAPES: Readonly<Record<Severity, string>> = {
  CRITICAL: 'M3 3H21V21H3Z',
  HIGH: 'M12 2L23 21.5H1Z',
  MEDIUM: 'M1 2.5H23L12 22Z',
  LOW: 'M12 2A10 10 0 1 1 12 22A10 10 0 1 1 12 2Z',
  INFO: 'M2 7H22V17H2Z',
};
/** Where the number stands: the middle of gravity of each shape. */
const NUMBER_Y: Readonly<Record<Severity, number>> = { CRITICAL: 12.2, HIGH: 15, MEDIUM: 9.4, LOW: 12.2, INFO: 12.2 };
/** Brackets around the symbol while it is unacknowledged: seen without colour, without motion. */
const BRACKETS = 'M-2 4V-2H4M20 -2H26V4M26 20V26H20M4 26H-2V20';
/** Beside the shape, so that it never covers the number. */
const BADGE_X = 27;
/** Through the shape of what is out of service. */
const STRIKE = 'M-1 25L25 -1';
const LOCK = 'M31 18.5V16.6a2.5 2.5 0 0 1 5 0V18.5h1.3V25H29.7V18.5ZM32.4 18.5h2.2V16.6a1.1 1.1 0 0 0-2.2 0Z';

interface SymbolProps {
  readonly severity: Severity;
  readonly look: AlarmLook;
  readonly label?: string;
}

/**
 * Priority by colour, shape and number; state by fill, outline, brackets and badge. While it blinks, only the fill (of a
 * returned alarm: the brackets) comes and goes, so that the gravest symbol is never the faintest on the wall.
 */
export function AlarmSymbol({ severity, look, label }: SymbolProps) {
  const classes = [
    'symbol',
    look.coloured ? `priority-${PRIORITY[severity]}` : 'priority-none',
    look.filled ? 'filled' : 'hollow',
    `look-${look.look}`,
  ];
  const text = label ?? `${severity.toLowerCase()}, ${look.words.toLowerCase()}`;
  const sign = severity === 'INFO' ? 'i' : PRIORITY[severity];
  return html`<svg class=${classes.join(' ')} viewBox=${`-4 -4 ${look.badge === null ? 32 : 45} 32`} preserveAspectRatio="xMinYMid" role="img" aria-label=${text}>
    ${look.blinks && html`<path class=${look.filled ? 'brackets' : 'brackets blinks'} d=${BRACKETS} />`}
    <path class="edge" d=${SHAPES[severity]} />
    <path class="outline" d=${SHAPES[severity]} />
    <text class="number" x="12" y=${NUMBER_Y[severity]}>${sign}</text>
    <g class=${look.blinks && look.filled ? 'fill blinks' : 'fill'}>
      <path d=${SHAPES[severity]} />
      <text class="number" x="12" y=${NUMBER_Y[severity]}>${sign}</text>
    </g>
    ${look.look === 'out-of-service' && html`<path class="strike" d=${STRIKE} />`}
    ${
      look.badge !== null &&
      html`<g class="badge">
        <rect x=${BADGE_X} y="11" width="13" height="15.5" rx="2" />
        ${look.badge === 'lock' ? html`<path class="lock" d=${LOCK} />` : html`<text class="letter" x=${BADGE_X + 6.5} y="19">${look.badge}</text>`}
      </g>`
    }
  </svg>`;
}

export function SymbolOf({ alarm }: { readonly alarm: AlarmView }) {
  return html`<${AlarmSymbol} severity=${alarm.severity} look=${lookOf(alarm)} />`;
}

/** Of all alarms of a group the gravest, as the alarm list draws it; nothing where the group has none. */
export function GravestSymbol({ group }: { readonly group: string }) {
  const alarm = useGravest(group);
  return alarm === undefined ? null : html`<${SymbolOf} alarm=${alarm} />`;
}

/** Draws the calling part again when another alarm, or another state of it, is the gravest of the group. */
export function useGravest(group: string): AlarmView | undefined {
  const { gravest } = useWall().book;
  const drawn = useRef<AlarmView | undefined>(undefined);
  drawn.current = gravest.value.get(group);
  const moved = () => gravest.value.get(group) !== drawn.current;
  useSubscription((listener) => gravest.subscribe(() => moved() && listener()), [gravest, group], moved);
  return drawn.current;
}

/** For filters: a priority with or without somebody to acknowledge it. */
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
