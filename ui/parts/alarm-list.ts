import { html } from 'htm/preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { AlarmView } from '../../actors/views.ts';
import { arrange, isUnacknowledged } from '../store/alarm-order.ts';
import type { Away, Underway } from '../store/away.ts';
import { capital } from '../store/fact-words.ts';
import { formatValue } from '../store/format.ts';
import { isTyping, useKeys } from '../store/keys.ts';
import { reasonWords } from '../store/reasons.ts';
import { inLocalTime } from '../store/server-words.ts';
import { useSignal } from '../store/signal.ts';
import { split, useWall } from '../store/wall.ts';
import { type AlarmAction, AlarmActionDialog, actionsFor } from './alarm-dialogs.ts';
import { lookOf } from './alarm-look.ts';
import { PrioritySymbol, SymbolOf } from './alarm-symbol.ts';
import { AsOf, NotRecordedYet, UnderwayTag, underwayAction } from './away.ts';
import { Empty } from './condition.ts';
import { Age, Moment, Remaining, StatedOffset } from './moment.ts';
import { pure } from './pure.ts';

interface AlarmListProps {
  readonly alarms: readonly AlarmView[];
  readonly label: string;
  readonly empty: string;
  readonly focused: string | null;
  readonly onFocus: (id: string) => void;
  /** What all of them have in common and the rows need not say. */
  readonly of?: 'plant' | 'site' | 'asset';
}

/** Even where there is hardly any room. */
const FEWEST_ROWS = 2;

/**
 * The alarm list. A page holds as many rows as fit, so that "visible" means on the screen and bulk acknowledging can never
 * reach further. While the pointer or the focus is on it, rows keep their places and new ones are announced above.
 */
export function AlarmList({ alarms, label, empty, focused, onFocus, of = 'plant' }: AlarmListProps) {
  const wall = useWall();
  const [hovered, setHovered] = useState(false);
  const [inFocus, setInFocus] = useState(false);
  const [page, setPage] = useState(0);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [action, setAction] = useState<{ action: AlarmAction; alarms: readonly AlarmView[] } | null>(null);
  const body = useRef<HTMLDivElement>(null);
  const rowsFit = useRowsThatFit(body);
  const shown = useRef<readonly string[]>([]);
  const kept = useRef(new Map<string, AlarmView>());

  const held = hovered || inFocus || action !== null;
  const { ids, waiting } = arrange(shown.current, alarms, held);
  shown.current = ids;
  const current = useMemo(() => new Map(alarms.map((alarm) => [alarm.id, alarm])), [alarms]);
  keep(kept.current, current, ids);

  const pages = Math.max(1, Math.ceil(ids.length / rowsFit));
  const pageNow = Math.min(page, pages - 1);
  const visibleIds = ids.slice(pageNow * rowsFit, (pageNow + 1) * rowsFit);
  const visible = visibleIds.flatMap((id) => current.get(id) ?? []);
  const chosen = visible.filter((alarm) => selected.has(alarm.id));
  const focusedAlarm = focused === null ? undefined : current.get(focused);

  const begin = (what: AlarmAction) => {
    const subjects = chosen.length > 0 ? chosen : focusedAlarm === undefined ? [] : [focusedAlarm];
    // Without a subject here, the detail beside the list may have one.
    if (subjects.length === 0) return false;
    const offered = actionsFor(subjects, (permission) => wall.may(permission));
    if (offered.includes(what)) setAction({ action: what, alarms: subjects });
  };
  const release = () => {
    shown.current = [];
    if (document.activeElement instanceof HTMLElement && body.current?.contains(document.activeElement)) {
      document.activeElement.blur();
    }
    setPage(0);
    setHovered(false);
    setInFocus(false);
  };
  const move = (to: number) => {
    const index = Math.max(0, Math.min(ids.length - 1, to));
    const id = ids[index];
    if (id === undefined) return;
    setPage(Math.floor(index / rowsFit));
    onFocus(id);
    requestAnimationFrame(() => body.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus());
  };
  const at = focused === null ? -1 : ids.indexOf(focused);
  useKeys({
    ArrowDown: () => move(at + 1),
    ArrowUp: () => move(at < 0 ? 0 : at - 1),
    j: () => move(at + 1),
    k: () => move(at < 0 ? 0 : at - 1),
    PageDown: () => move((pageNow + 1) * rowsFit),
    PageUp: () => move((pageNow - 1) * rowsFit),
    Home: () => move(0),
    End: () => move(ids.length - 1),
    a: () => begin('acknowledge'),
    s: () => begin('shelve'),
    r: () => begin('reset'),
    c: () => begin('comment'),
    u: () => begin('unshelve'),
    n: release,
    Escape: () => {
      if (!held && selected.size === 0) return false;
      setSelected(new Set());
      return release();
    },
  });

  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  const open = (alarm: AlarmView) => {
    const [kind, id] = split(alarm.entity);
    wall.router.go(`/${kind}/${encodeURIComponent(id)}`);
  };
  const on = useStableActions({ focus: onFocus, toggle, open });
  const several = useSignal(wall.pageZone.several);
  useSignal(wall.away.groups);
  const underway = useSignal(wall.away.alarms);
  const hour = Math.floor(wall.clock.second.value / 3_600_000);
  const unacknowledged = visible.filter(isUnacknowledged);
  const mayAcknowledge = wall.may('alarm:acknowledge');

  return html`<section class=${`alarm-list of-${of}${several ? ' several-zones' : ''}`} aria-label=${label}>
    <div class="list-bar">
      <span class="list-count">${ids.length} ${ids.length === 1 ? 'alarm' : 'alarms'}${pages > 1 && ` · page ${pageNow + 1} of ${pages}`}</span>
      ${pages > 1 && html`<span class="pager"><button type="button" class="button" disabled=${pageNow === 0} onClick=${() => setPage(pageNow - 1)} aria-label="Previous page">‹</button><button type="button" class="button" disabled=${pageNow === pages - 1} onClick=${() => setPage(pageNow + 1)} aria-label="Next page">›</button></span>`}
      ${
        waiting.length > 0 &&
        html`<button type="button" class="button announce" role="status" onClick=${release}>
          <${PrioritySymbol} severity=${waiting[0]?.severity ?? 'INFO'} unacknowledged=${true} /> ${waiting.length} new <kbd>n</kbd>
        </button>`
      }
      ${held && waiting.length === 0 && html`<span class="dim held">rows held while you are here</span>`}
      <span class="spacer"></span>
      ${chosen.length > 0 && html`<span class="dim">${chosen.length} selected</span>`}
      ${mayAcknowledge && html`<button type="button" class="button" disabled=${chosen.length === 0 && focusedAlarm === undefined} onClick=${() => begin('acknowledge')}>Acknowledge ${chosen.length > 0 ? 'selected' : ''} <kbd>a</kbd></button>`}
      ${mayAcknowledge && html`<button type="button" class="button" disabled=${unacknowledged.length === 0} onClick=${() => setAction({ action: 'acknowledge', alarms: unacknowledged })}>Acknowledge visible (${unacknowledged.length})</button>`}
      ${wall.may('alarm:shelve') && html`<button type="button" class="button" disabled=${chosen.length === 0 && focusedAlarm === undefined} onClick=${() => begin('shelve')}>Shelve <kbd>s</kbd></button>`}
    </div>
    <div class="alarm-row alarm-head" aria-hidden="true">
      <span></span><span>Pr.</span><span>Raised <${StatedOffset} /></span><span>Since</span><span>Asset</span><span>Site</span><span>Alarm</span><span class="right">Value</span><span>State</span>
    </div>
    <div
      class="alarm-rows"
      ref=${body}
      onPointerEnter=${() => setHovered(true)}
      onPointerLeave=${() => setHovered(false)}
      onFocusIn=${() => setInFocus(true)}
      onFocusOut=${(event: FocusEvent) => setInFocus(body.current?.contains(nodeOf(event.relatedTarget)) ?? false)}
    >
      ${ids.length === 0 && html`<${Empty}>${empty}</${Empty}>`}
      ${visibleIds.map((id) => {
        const alarm = current.get(id) ?? kept.current.get(id);
        if (alarm === undefined) return null;
        return html`<${PureRow}
          key=${id}
          alarm=${alarm}
          gone=${!current.has(id)}
          focused=${id === focused}
          tabbable=${id === focused || (at < 0 && id === visibleIds[0])}
          selected=${selected.has(id)}
          name=${wall.nameOf(alarm.entity)}
          siteName=${wall.nameOf(`site/${alarm.site}`)}
          away=${wall.away.of(alarm.entity)}
          underway=${underway.get(id)}
          zone=${wall.zoneOf(alarm.site)}
          hour=${hour}
          on=${on}
        />`;
      })}
    </div>
    ${action !== null && html`<${AlarmActionDialog} action=${action.action} alarms=${action.alarms.map((alarm) => current.get(alarm.id) ?? alarm)} onClose=${() => setAction(null)} />`}
  </section>`;
}

interface RowProps {
  readonly alarm: AlarmView;
  readonly gone: boolean;
  readonly focused: boolean;
  readonly tabbable: boolean;
  readonly selected: boolean;
  readonly name: string;
  readonly siteName: string;
  /** Nobody speaks for its holder: whether it still stands is not known. */
  readonly away: Away | null;
  /** Commands about it that nobody has carried out yet. */
  readonly underway: readonly Underway[] | undefined;
  readonly zone: string;
  /** Of the server's time: what is today changes with it. */
  readonly hour: number;
  readonly on: RowActions;
}

interface RowActions {
  readonly focus: (id: string) => void;
  readonly toggle: (id: string) => void;
  readonly open: (alarm: AlarmView) => void;
}

const PureRow = pure(Row);

function Row({ alarm, gone, focused, tabbable, selected, name, siteName, away, underway, zone, on }: RowProps) {
  const { clock } = useWall();
  const look = lookOf(alarm);
  const [kind, id] = split(alarm.entity);
  const value = valueText(alarm);
  const press = (event: KeyboardEvent) => {
    if (
      isTyping(event.target) ||
      event.target instanceof HTMLButtonElement ||
      event.target instanceof HTMLAnchorElement
    )
      return;
    if (event.key === 'Enter') on.open(alarm);
    else if (event.key === ' ') on.toggle(alarm.id);
    else return;
    event.preventDefault();
  };
  const classes = [
    'alarm-row',
    `look-${look.look}`,
    focused ? 'focused' : '',
    selected ? 'selected' : '',
    gone ? 'gone' : '',
    value === '' ? 'no-value' : '',
  ];
  return html`<div
    class=${classes.join(' ')}
    role="row"
    tabindex=${tabbable ? 0 : -1}
    data-id=${alarm.id}
    aria-selected=${selected}
    aria-label=${`${alarm.severity.toLowerCase()}, ${look.words}, ${name}, ${alarm.name}${away === null ? '' : ', as it was when it was heard last'}${alarm.notRecorded === true ? ', not recorded yet' : ''}${underway === undefined ? '' : `, ${underway.map(underwayAction).join(' and ').toLowerCase()} waits for its edge`}`}
    onFocus=${() => on.focus(alarm.id)}
    onClick=${() => on.focus(alarm.id)}
    onDblClick=${() => on.open(alarm)}
    onKeyDown=${press}
  >
    <span class="cell-check"><input type="checkbox" tabindex="-1" checked=${selected} aria-label="Select" onChange=${() => on.toggle(alarm.id)} /></span>
    <span class="cell-symbol"><${SymbolOf} alarm=${alarm} /></span>
    <span class="cell-raised"><${Moment} timeMs=${alarm.raisedAtMs} zone=${zone} /></span>
    <span class="cell-since dim"><${Age} timeMs=${alarm.raisedAtMs} /></span>
    <span class="cell-asset"><a href=${`/${kind}/${encodeURIComponent(id)}`} tabindex="-1">${name}</a></span>
    <span class="cell-site dim">${siteName}</span>
    <span class="cell-message" title=${alarm.message}>
      <span class="alarm-name"><strong>${alarm.name}</strong>${alarm.occurrences > 1 && html` <span class="dim" title="occurrences">×${alarm.occurrences}</span>`}</span>
      <span class="message-text">${alarm.notRecorded === true && html`<${NotRecordedYet} /> `}${underway !== undefined && html`<${UnderwayTag} commands=${underway} zone=${zone} /> `}${messageOf(alarm, zone, clock.nowMs())}</span>
    </span>
    <span class="cell-value number">${value}</span>
    <span class="cell-state">${away !== null && html`<${AsOf} away=${away} zone=${zone} /> `}${gone ? 'Gone' : stateText(alarm, away === null ? look.words : shortWords(look.words))}</span>
  </div>`;
}

/** What never was raised has no message: then why it cannot be judged. */
function messageOf({ message, cannotEvaluate }: AlarmView, zone: string, nowMs: number): string {
  if (message === '' && cannotEvaluate !== null) return capital(reasonWords(cannotEvaluate.reason));
  return inLocalTime(message, zone, nowMs);
}

/** Words that the message beside it says already, as those of a lost connection, are not said again. */
function valueText({ value, unit, message }: AlarmView): string {
  if (value === null || (typeof value === 'string' && message.includes(value))) return '';
  return `${formatValue(value)} ${unit}`;
}

/** The same functions for ever, which call the newest: what is handed down keeps its identity. */
function useStableActions(newest: RowActions): RowActions {
  const holder = useRef(newest);
  holder.current = newest;
  return useMemo(
    () => ({
      focus: (id) => holder.current.focus(id),
      toggle: (id) => holder.current.toggle(id),
      open: (alarm) => holder.current.open(alarm),
    }),
    [],
  );
}

function stateText(alarm: AlarmView, words: string) {
  if (alarm.notRecorded === true && alarm.detail === 'NORMAL') return 'Cleared';
  if (alarm.shelved !== null && alarm.outOfService === null) {
    return html`Shelved, <${Remaining} timeMs=${alarm.shelved.untilMs} over="ends now" /> left`;
  }
  // In the list of the suppressed that much goes without saying; what it is for does not.
  if (alarm.suppressed !== null && alarm.outOfService === null) return capital(reasonWords(alarm.suppressed.cause));
  if (alarm.cannotEvaluate !== null) return html`<span class="cannot-tag">Cannot evaluate</span> ${shortWords(words)}`;
  return words;
}

/** Beside another word in the same cell. */
function shortWords(words: string): string {
  return words.replace(/acknowledged/i, (word) => (word[0] === 'A' ? 'Ack.' : 'ack.')).replace(', reset needed', '');
}

/** Rows held in place after their alarm went away are drawn from its last state. */
function keep(kept: Map<string, AlarmView>, current: ReadonlyMap<string, AlarmView>, ids: readonly string[]): void {
  for (const id of ids) {
    const alarm = current.get(id);
    if (alarm !== undefined) kept.set(id, alarm);
  }
  if (kept.size > ids.length * 2 + 100)
    for (const id of kept.keys()) if (!current.has(id) && !ids.includes(id)) kept.delete(id);
}

/** How many rows stand in the room there is: their height follows the width, and is the style sheet's to say. */
function useRowsThatFit(body: { readonly current: HTMLDivElement | null }): number {
  const [rows, setRows] = useState(20);
  useLayoutEffect(() => {
    const element = body.current;
    if (element === null) return;
    const measure = () => {
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      const rowHeight = Number.parseFloat(getComputedStyle(element).getPropertyValue('--row-height'));
      setRows(Math.max(FEWEST_ROWS, Math.floor(element.clientHeight / (rowHeight * rem))));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [body]);
  return rows;
}

function nodeOf(target: EventTarget | null): Node | null {
  return target instanceof Node ? target : null;
}
