import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import type { AlarmCommand } from '../../actors/asset/commands.ts';
import type { AlarmView } from '../../actors/views.ts';
import { useWall } from '../store/wall.ts';
import { SymbolOf } from './alarm-symbol.ts';
import { Dialog, Field, textOf } from './dialog.ts';

/** What can be done to alarms. Opening one of these is the first of two steps. */
export type AlarmAction = 'acknowledge' | 'shelve' | 'unshelve' | 'reset' | 'out-of-service' | 'return' | 'comment';

export const ACTION_TITLES: Readonly<Record<AlarmAction, string>> = {
  acknowledge: 'Acknowledge',
  shelve: 'Shelve',
  unshelve: 'Unshelve',
  reset: 'Reset',
  'out-of-service': 'Take out of service',
  return: 'Return to service',
  comment: 'Comment',
};

const PERMISSIONS: Readonly<Record<AlarmAction, string>> = {
  acknowledge: 'alarm:acknowledge',
  shelve: 'alarm:shelve',
  unshelve: 'alarm:shelve',
  reset: 'alarm:reset',
  'out-of-service': 'alarm:suppress',
  return: 'alarm:suppress',
  comment: 'alarm:comment',
};

/** What an alarm in this state can be asked at all; the server decides. */
export function allows(alarm: AlarmView, action: AlarmAction): boolean {
  switch (action) {
    case 'acknowledge':
      return alarm.detail === 'ACTIVE_UNACK' || alarm.detail === 'RTN_UNACK' || alarm.detail === 'LATCHED_UNACK';
    case 'shelve':
      return alarm.shelved === null && alarm.outOfService === null;
    case 'unshelve':
      return alarm.shelved !== null;
    case 'reset':
      return alarm.detail === 'LATCHED_ACK' || alarm.detail === 'LATCHED_UNACK';
    case 'out-of-service':
      return alarm.outOfService === null;
    case 'return':
      return alarm.outOfService !== null;
    case 'comment':
      return true;
  }
}

export function actionsFor(alarms: readonly AlarmView[], may: (permission: string) => boolean): AlarmAction[] {
  const all: AlarmAction[] = ['acknowledge', 'shelve', 'unshelve', 'reset', 'comment', 'out-of-service', 'return'];
  return all.filter((action) => may(PERMISSIONS[action]) && alarms.some((alarm) => allows(alarm, action)));
}

const EXPIRIES: readonly (readonly [string, number])[] = [
  ['5 min', 5],
  ['15 min', 15],
  ['30 min', 30],
  ['1 h', 60],
  ['2 h', 120],
  ['4 h', 240],
  ['8 h', 480],
  ['12 h', 720],
  ['24 h', 1440],
];

interface ActionDialogProps {
  readonly action: AlarmAction;
  readonly alarms: readonly AlarmView[];
  readonly onClose: () => void;
}

export function AlarmActionDialog({ action, alarms, onClose }: ActionDialogProps) {
  const wall = useWall();
  const [text, setText] = useState('');
  const [minutes, setMinutes] = useState(60);
  const able = alarms.filter((alarm) => allows(alarm, action));
  const needsText = action === 'shelve' || action === 'out-of-service' || action === 'comment';
  const title = `${ACTION_TITLES[action]} ${able.length === 1 ? 'alarm' : `${able.length} alarms`}`;
  const confirm = () => {
    onClose();
    const subject = able.length === 1 ? (able[0]?.name ?? '') : `${able.length} alarms`;
    void wall.feedback.sendAll(
      `${ACTION_TITLES[action]}: ${subject}`,
      able.map((alarm) => ({ entity: alarm.entity, command: commandOf(action, alarm.rule, text.trim(), minutes) })),
    );
  };
  return html`<${Dialog} title=${title} confirm=${ACTION_TITLES[action]} onConfirm=${confirm} onClose=${onClose} disabled=${able.length === 0 || (needsText && text.trim() === '')}>
    <ul class="dialog-alarms">
      ${able
        .slice(0, 12)
        .map(
          (alarm) =>
            html`<li key=${alarm.id}><${SymbolOf} alarm=${alarm} /> <strong>${wall.nameOf(alarm.entity)}</strong> ${alarm.name}</li>`,
        )}
      ${able.length > 12 && html`<li>and ${able.length - 12} more</li>`}
    </ul>
    ${
      action === 'shelve' &&
      html`<${Field} label="For how long" hint="It comes back by itself when the time is over.">
        <select data-first value=${String(minutes)} onChange=${(event: Event) => setMinutes(Number(textOf(event)))}>
          ${EXPIRIES.map(([label, value]) => html`<option value=${String(value)}>${label}</option>`)}
        </select>
      </${Field}>`
    }
    ${
      action !== 'unshelve' &&
      action !== 'reset' &&
      action !== 'return' &&
      html`<${Field} label=${needsText ? (action === 'comment' ? 'Comment' : 'Reason (required)') : 'Comment (optional)'}>
        <input type="text" maxlength="500" autocomplete="off" data-first=${action !== 'shelve' && needsText ? true : undefined} value=${text} onInput=${(event: Event) => setText(textOf(event))} />
      </${Field}>`
    }
    ${action === 'out-of-service' && html`<p class="field-hint">It stays out of service until somebody returns it. For a limited time, shelve it.</p>`}
  </${Dialog}>`;
}

function commandOf(action: AlarmAction, rule: string, text: string, minutes: number): AlarmCommand {
  switch (action) {
    case 'acknowledge':
      return { kind: 'AcknowledgeAlarm', rule, ...(text === '' ? {} : { comment: text }) };
    case 'shelve':
      return { kind: 'ShelveAlarm', rule, durationMs: minutes * 60_000, reason: text };
    case 'unshelve':
      return { kind: 'UnshelveAlarm', rule };
    case 'reset':
      return { kind: 'ResetAlarm', rule };
    case 'out-of-service':
      return { kind: 'TakeAlarmOutOfService', rule, reason: text };
    case 'return':
      return { kind: 'ReturnAlarmToService', rule };
    case 'comment':
      return { kind: 'CommentAlarm', rule, text };
  }
}
