import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import type { AlarmView } from '../../actors/views.ts';
import { whoIsSilent } from '../store/away.ts';
import { capital } from '../store/fact-words.ts';
import { formatValue } from '../store/format.ts';
import { useKeys } from '../store/keys.ts';
import { reasonWords } from '../store/reasons.ts';
import { inLocalTime } from '../store/server-words.ts';
import { useSignal } from '../store/signal.ts';
import { split, useWall } from '../store/wall.ts';
import { ACTION_TITLES, type AlarmAction, AlarmActionDialog, actionsFor } from './alarm-dialogs.ts';
import { lookOf } from './alarm-look.ts';
import { SymbolOf } from './alarm-symbol.ts';
import { UnderwayLine } from './away.ts';
import { Moment, Remaining } from './moment.ts';

const ACTION_KEYS: Partial<Record<AlarmAction, string>> = {
  acknowledge: 'a',
  shelve: 's',
  unshelve: 'u',
  reset: 'r',
  comment: 'c',
};

interface AlarmDetailProps {
  readonly alarm: AlarmView;
  /** Whether it leads to the page of its asset or device. */
  readonly link?: boolean;
  /** Whether the keys mean this alarm: not where several stand side by side. */
  readonly keys?: boolean;
}

/** All that is known of one alarm, and what can be done about it. */
export function AlarmDetail({ alarm, link = true, keys = true }: AlarmDetailProps) {
  const wall = useWall();
  const [action, setAction] = useState<AlarmAction | null>(null);
  const zone = wall.zoneOf(alarm.site);
  const [kind, id] = split(alarm.entity);
  const actions = actionsFor([alarm], (permission) => wall.may(permission));
  const keyOf = (each: AlarmAction) => (keys ? ACTION_KEYS[each] : undefined);
  const subject = `/${kind}/${encodeURIComponent(id)}`;
  useSignal(wall.away.groups);
  const away = wall.away.of(alarm.entity);
  const underway = useSignal(wall.away.alarms).get(alarm.id) ?? [];
  useKeys({
    ...Object.fromEntries(
      actions.flatMap((each) => (keyOf(each) === undefined ? [] : [[keyOf(each), () => setAction(each)]])),
    ),
    // What has the focus has a meaning of its own for this key.
    ...(link && { Enter: () => document.activeElement === document.body && wall.router.go(subject) }),
  });
  return html`<section class="alarm-detail" aria-label="Alarm detail">
    <header>
      <${SymbolOf} alarm=${alarm} />
      <div>
        <h3>${alarm.name}</h3>
        <p class="dim">${alarm.severity.toLowerCase()} · ${lookOf(alarm).words}</p>
      </div>
    </header>
    <p class="alarm-message">${inLocalTime(alarm.message, zone, wall.clock.nowMs())}</p>
    ${underway.map((command) => html`<${UnderwayLine} key=${command.commandId} command=${command} away=${away} zone=${zone} />`)}
    ${away !== null && html`<p class="cannot"><strong>${whoIsSilent(away)}</strong> since <${Moment} timeMs=${away.sinceMs} zone=${zone} />: whether the alarm still stands is not known here.</p>`}
    ${alarm.notRecorded === true && html`<p class="cannot"><strong>Not recorded yet:</strong> the journal is away. The alarm is live; it is on record, and can be acknowledged, when the journal is back.</p>`}
    ${alarm.cannotEvaluate !== null && html`<p class="cannot"><strong>Cannot evaluate:</strong> ${reasonWords(alarm.cannotEvaluate.reason)}, since <${Moment} timeMs=${alarm.cannotEvaluate.sinceMs} zone=${zone} />. The alarm keeps its state.</p>`}
    ${alarm.response !== null && html`<p class="response"><strong>What to do</strong>${alarm.response}</p>`}
    <div class="actions">
      ${link && html`<a class="button" href=${subject}>Open ${kind} <kbd>Enter</kbd></a>`}
      ${actions.map(
        (each) =>
          html`<button type="button" class="button" key=${each} onClick=${() => setAction(each)}>${ACTION_TITLES[each]}${keyOf(each) && html` <kbd>${keyOf(each)}</kbd>`}</button>`,
      )}
    </div>
    <dl class="facts">
      <div><dt>${capital(kind)}</dt><dd>${wall.nameOf(alarm.entity)}</dd></div>
      <div><dt>Site</dt><dd>${wall.nameOf(`site/${alarm.site}`)}</dd></div>
      <div><dt>Value at change</dt><dd>${formatValue(alarm.value)} ${alarm.unit}</dd></div>
      <div><dt>Limit</dt><dd>${formatValue(alarm.threshold)} ${alarm.unit}</dd></div>
      <div><dt>Raised</dt><dd><${Moment} timeMs=${alarm.raisedAtMs} zone=${zone} /></dd></div>
      <div><dt>Cleared</dt><dd><${Moment} timeMs=${alarm.clearedAtMs} zone=${zone} /></dd></div>
      <div><dt>Acknowledged</dt><dd><${Moment} timeMs=${alarm.acknowledgedAtMs} zone=${zone} />${alarm.acknowledgedBy && ` by ${alarm.acknowledgedBy}`}</dd></div>
      <div><dt>Occurrences</dt><dd>${alarm.occurrences}, first <${Moment} timeMs=${alarm.firstRaisedAtMs} zone=${zone} /></dd></div>
      ${alarm.shelved && html`<div><dt>Shelved</dt><dd><${Remaining} timeMs=${alarm.shelved.untilMs} over="ends now" /> left, until <${Moment} timeMs=${alarm.shelved.untilMs} zone=${zone} />, by ${alarm.shelved.by}: ${alarm.shelved.reason}</dd></div>`}
      ${alarm.suppressed && html`<div><dt>Suppressed</dt><dd>by design, ${reasonWords(alarm.suppressed.cause)}, since <${Moment} timeMs=${alarm.suppressed.sinceMs} zone=${zone} />${alarm.suppressed.by !== null && html`. Called out instead: <${Instead} id=${alarm.suppressed.by} />`}</dd></div>`}
      ${alarm.outOfService && html`<div><dt>Out of service</dt><dd>since <${Moment} timeMs=${alarm.outOfService.sinceMs} zone=${zone} /> by ${alarm.outOfService.by}: ${alarm.outOfService.reason}</dd></div>`}
      ${alarm.workOrder && html`<div><dt>Work order</dt><dd><a href=${`/workorder/${alarm.workOrder}`}>${alarm.workOrder}</a></dd></div>`}
      <div><dt>Rule</dt><dd><code>${alarm.id}</code></dd></div>
    </dl>
    ${
      alarm.comments.length > 0 &&
      html`<h4>Comments</h4>
      <ul class="comments">
        ${alarm.comments.map((comment) => html`<li><span class="dim"><${Moment} timeMs=${comment.atMs} zone=${zone} /> ${comment.by}</span> ${comment.text}</li>`)}
      </ul>`
    }
    ${action !== null && html`<${AlarmActionDialog} action=${action} alarms=${[alarm]} onClose=${() => setAction(null)} />`}
  </section>`;
}

/** The alarm that stands for a suppressed one, by its name where it is in a list. */
function Instead({ id }: { readonly id: string }) {
  const wall = useWall();
  const alarms = useSignal(wall.book.alarms);
  const [entity = ''] = id.split(':');
  const [kind, name] = split(entity);
  return html`<a href=${`/${kind}/${encodeURIComponent(name)}`}>${alarms.get(id)?.name ?? 'alarm'} of ${wall.nameOf(entity)}</a>`;
}
