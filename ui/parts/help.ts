import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import { SEVERITIES } from '../store/alarm-order.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';
import { lookOf } from './alarm-look.ts';
import { AlarmSymbol, PrioritySymbol } from './alarm-symbol.ts';

interface KeyHint {
  readonly keys: string;
  readonly meaning: string;
  /** First part of the addresses where it works; without: everywhere. */
  readonly on?: readonly string[];
  /** What its command needs. */
  readonly needs?: string;
}

const TABLES = ['devices', 'edges', 'workorders'];
const ALARMS = ['alarms', 'site', 'asset'];
const KEYS: readonly KeyHint[] = [
  { keys: 'g o', meaning: 'Overview' },
  { keys: 'g a', meaning: 'Alarms' },
  { keys: 'g s', meaning: 'Shelved alarms' },
  { keys: 'g d', meaning: 'Devices' },
  { keys: 'g w', meaning: 'Work orders' },
  { keys: 'g e', meaning: 'Events' },
  { keys: 'g l', meaning: 'Edges and nodes' },
  { keys: '1 2 3 4', meaning: 'Alarms of this priority' },
  { keys: '↑ ↓ j k PgUp PgDn', meaning: 'Move in a list', on: [...ALARMS, ...TABLES] },
  { keys: '← ↑ → ↓', meaning: 'Move between tiles of the overview', on: [''] },
  { keys: 'Enter', meaning: 'Open what is focused: alarm → asset', on: ['', ...ALARMS, ...TABLES] },
  { keys: 'Space', meaning: 'Select an alarm', on: ALARMS },
  {
    keys: 'a',
    meaning: 'Acknowledge … (asks before it is done)',
    on: [...ALARMS, 'device'],
    needs: 'alarm:acknowledge',
  },
  { keys: 's', meaning: 'Shelve … (asks for reason and expiry)', on: [...ALARMS, 'device'], needs: 'alarm:shelve' },
  { keys: 'u', meaning: 'Unshelve …', on: [...ALARMS, 'device'], needs: 'alarm:shelve' },
  { keys: 'r', meaning: 'Reset a latched alarm …', on: [...ALARMS, 'device'], needs: 'alarm:reset' },
  { keys: 'c', meaning: 'Comment …', on: [...ALARMS, 'device'], needs: 'alarm:comment' },
  { keys: 'w', meaning: 'New work order for the asset …', on: ['asset'], needs: 'workorder:create' },
  { keys: 'i', meaning: 'Inspect a value: source and receive time, quality', on: ['asset', 'device'] },
  { keys: 'n', meaning: 'Let go of the list: show new rows', on: ALARMS },
  { keys: '/', meaning: 'Filter', on: ['alarms', 'devices', 'workorders', 'events'] },
  { keys: 'h', meaning: 'All reasons when something is wrong with the server or a field link' },
  { keys: 'm', meaning: 'Silence the sound on this screen' },
  { keys: 't', meaning: 'Dark or light' },
  { keys: 'Esc', meaning: 'Close, let go, one level up' },
  { keys: '?', meaning: 'This page' },
];

const LOOKS = [
  ['ACTIVE_UNACK', null, 'Active, nobody has acknowledged it: blinks, in brackets'],
  ['ACTIVE_ACK', null, 'Active, acknowledged: steady'],
  ['RTN_UNACK', null, 'Returned to normal before anybody acknowledged it: outline, blinks'],
  ['LATCHED_ACK', null, 'Latched: the condition is gone, a reset is needed'],
  ['ACTIVE_ACK', 'shelved', 'Shelved by somebody until a time'],
  ['ACTIVE_ACK', 'suppressed', 'Suppressed by design, for instance while its device is lost'],
  ['ACTIVE_ACK', 'out-of-service', 'Out of service'],
  ['ACTIVE_ACK', 'cannot', 'Its input is stale or bad: cannot be evaluated, keeps its state'],
] as const;

/** Keys and signs, on `?`: of the keys those that do something on this page, for this user. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const wall = useWall();
  const [page = ''] = useSignal(wall.router.address).segments;
  const hints = KEYS.filter(
    ({ on, needs }) => (on === undefined || on.includes(page)) && (needs === undefined || wall.may(needs)),
  );
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return html`<dialog class="help" ref=${dialog} aria-label="Keys and signs" onClose=${onClose}>
    <div class="help-columns">
      <section>
        <h2>Keys</h2>
        <dl class="keys">
          ${hints.map(
            ({ keys, meaning }) =>
              html`<div><dt>${keys
                .split(' ')
                .filter(Boolean)
                .map((part) => html`<kbd>${part}</kbd>`)}</dt><dd>${meaning}</dd></div>`,
          )}
        </dl>
      </section>
      <section>
        <h2>Signs</h2>
        <ul class="signs">
          ${SEVERITIES.map((severity) => html`<li><${PrioritySymbol} severity=${severity} unacknowledged=${false} /> ${severity.toLowerCase()}</li>`)}
        </ul>
        <ul class="signs wide">
          ${LOOKS.map(([detail, overlay, meaning]) => html`<li><span class="sign"><${AlarmSymbol} severity="HIGH" look=${sample(detail, overlay)} /></span> ${meaning}</li>`)}
          <li><span class="sign"><span class="reading stale"><span class="mark-sign">◷</span><span class="number">71.3</span></span></span> stale: no new value within twice its interval</li>
          <li><span class="sign"><span class="unrecorded-tag">Not recorded yet</span></span> the journal is away: live, and on record when it is back; commands are refused until then</li>
          <li><span class="sign"><span class="as-of">as of 14:03:12</span></span> away: its owner is silent, or the link to its edge is lost; shown as it was then</li>
          <li><span class="sign"><span class="reading bad"><span class="mark-sign bad-sign">BAD</span><span class="number">(71.3)</span></span></span> bad quality: the last good value in brackets</li>
          <li><span class="sign"><span class="reading frozen"><span class="mark-sign">‖</span><span class="number">71.3</span></span></span> frozen: it still arrives, but has not moved for too long</li>
          <li><span class="sign"><span class="reading uncertain"><span class="mark-sign">?</span><span class="number">71.3</span></span></span> uncertain or suspect</li>
        </ul>
      </section>
    </div>
    <form method="dialog"><button class="button primary">Close <kbd>Esc</kbd></button></form>
  </dialog>`;
}

function sample(detail: (typeof LOOKS)[number][0], overlay: (typeof LOOKS)[number][1]) {
  return lookOf({
    ...NOTHING_SPECIAL,
    detail,
    shelved: overlay === 'shelved' ? { untilMs: 0, by: '', reason: '', atMs: 0 } : null,
    suppressed: overlay === 'suppressed' ? { cause: '', by: null, sinceMs: 0 } : null,
    outOfService: overlay === 'out-of-service' ? { by: '', reason: '', workOrder: null, sinceMs: 0 } : null,
    cannotEvaluate: overlay === 'cannot' ? { reason: '', sinceMs: 0 } : null,
  });
}

const NOTHING_SPECIAL = {
  id: '',
  entity: '',
  rule: '',
  site: '',
  name: '',
  message: '',
  response: null,
  metric: null,
  severity: 'HIGH',
  state: 'ACTIVE',
  latched: false,
  value: null,
  threshold: null,
  unit: '',
  raisedAtMs: null,
  clearedAtMs: null,
  acknowledgedAtMs: null,
  acknowledgedBy: null,
  firstRaisedAtMs: null,
  occurrences: 1,
  comments: [],
  workOrder: null,
} as const;
