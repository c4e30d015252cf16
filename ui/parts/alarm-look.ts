import type { AlarmView } from '../../actors/views.ts';
import { isUnacknowledged, listOf } from '../store/alarm-order.ts';

/** Each of these is told apart by form alone, without colour and without motion. */
export type Look =
  | 'unack-active'
  | 'ack-active'
  | 'unack-returned'
  | 'unack-latched'
  | 'ack-latched'
  | 'shelved'
  | 'suppressed'
  | 'out-of-service'
  | 'normal';

export interface AlarmLook {
  readonly look: Look;
  /** For the state column and for screen readers. */
  readonly words: string;
  /** The condition holds: the symbol is filled, otherwise an outline. */
  readonly filled: boolean;
  readonly blinks: boolean;
  /** A letter or sign at the corner of the symbol. */
  readonly badge: 'lock' | 'S' | 'D' | 'O' | '?' | null;
  readonly coloured: boolean;
}

const WORDS: Readonly<Record<AlarmView['detail'], string>> = {
  NORMAL: 'Normal',
  ACTIVE_UNACK: 'Unacknowledged',
  ACTIVE_ACK: 'Acknowledged',
  RTN_UNACK: 'Returned, unacknowledged',
  LATCHED_UNACK: 'Latched, unacknowledged',
  LATCHED_ACK: 'Latched, reset needed',
};

const LOOKS: Readonly<Record<AlarmView['detail'], Look>> = {
  NORMAL: 'normal',
  ACTIVE_UNACK: 'unack-active',
  ACTIVE_ACK: 'ack-active',
  RTN_UNACK: 'unack-returned',
  LATCHED_UNACK: 'unack-latched',
  LATCHED_ACK: 'ack-latched',
};

const OVERLAYS = {
  shelved: { badge: 'S', words: 'Shelved' },
  suppressed: { badge: 'D', words: 'Suppressed by design' },
  'out-of-service': { badge: 'O', words: 'Out of service' },
} as const;

/** An overlay takes colour and blinking away; underneath it the state is still told. */
export function lookOf(alarm: AlarmView): AlarmLook {
  const list = listOf(alarm);
  const filled = alarm.detail === 'ACTIVE_UNACK' || alarm.detail === 'ACTIVE_ACK';
  if (list !== 'active') {
    const { badge, words } = OVERLAYS[list];
    const under = alarm.detail === 'NORMAL' ? 'condition clear' : filled ? 'condition stands' : 'returned';
    return { look: list, words: `${words}, ${under}`, filled, blinks: false, badge, coloured: false };
  }
  const latched = alarm.detail === 'LATCHED_UNACK' || alarm.detail === 'LATCHED_ACK';
  return {
    look: LOOKS[alarm.detail],
    words: WORDS[alarm.detail],
    filled,
    blinks: isUnacknowledged(alarm),
    badge: alarm.cannotEvaluate !== null ? '?' : latched ? 'lock' : null,
    coloured: alarm.detail !== 'NORMAL',
  };
}
