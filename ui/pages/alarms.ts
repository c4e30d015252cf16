import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import type { AlarmView, Severity } from '../../actors/views.ts';
import { AlarmDetail } from '../parts/alarm-detail.ts';
import { AlarmList } from '../parts/alarm-list.ts';
import { PrioritySymbol } from '../parts/alarm-symbol.ts';
import { Empty } from '../parts/condition.ts';
import { textOf } from '../parts/dialog.ts';
import { isUnacknowledged, listOf, PRIORITY, SEVERITIES } from '../store/alarm-order.ts';
import { useIds } from '../store/cells.ts';
import { useKeys } from '../store/keys.ts';
import { usePageSite } from '../store/page-site.ts';
import { useSignal } from '../store/signal.ts';
import { useWall, type Wall } from '../store/wall.ts';

const LISTS = [
  ['active', 'Active', 'No active alarm.'],
  ['shelved', 'Shelved', 'Nothing is shelved.'],
  ['suppressed', 'Suppressed by design', 'Nothing is suppressed.'],
  ['out-of-service', 'Out of service', 'Nothing is out of service.'],
  ['cannot-evaluate', 'Cannot evaluate', 'Every rule has good inputs.'],
] as const;

/** The alarm list with its filters; the address holds all of them. */
export function Alarms() {
  const wall = useWall();
  const { query } = useSignal(wall.router.address);
  const alarms = useSignal(wall.book.alarms);
  const sites = useIds(wall.sites);
  const search = useRef<HTMLInputElement>(null);
  const list = LISTS.find(([name]) => name === query.get('list')) ?? LISTS[0];
  const site = query.get('site');
  const text = query.get('text') ?? '';
  const focused = query.get('alarm');
  const priorities = prioritiesOf(query.get('priority'));
  usePageSite(site);
  const inList = [...alarms.values()].filter((alarm) => belongs(alarm, list[0]));
  const shown = inList.filter(
    (alarm) =>
      (priorities === null || priorities.has(alarm.severity)) &&
      (site === null || alarm.site === site) &&
      (query.get('unacknowledged') === null || isUnacknowledged(alarm)) &&
      matches(wall, alarm, text),
  );
  const detail = focused === null ? undefined : alarms.get(focused);
  const togglePriority = (severity: Severity) => {
    const next = new Set(priorities ?? []);
    if (!next.delete(severity)) next.add(severity);
    const numbers = [...next].map((each) => PRIORITY[each]).sort();
    wall.router.set({ priority: numbers.length === 0 ? null : numbers.join(','), alarm: null });
  };
  useKeys({
    '/': () => search.current?.focus(),
    ...Object.fromEntries(SEVERITIES.map((severity) => [String(PRIORITY[severity]), () => togglePriority(severity)])),
    0: () => wall.router.set({ priority: null }),
  });
  useEffect(() => {
    document.title = 'Alarms';
  }, []);
  return html`<main class="page alarms-page">
    <div class="filters">
      <div class="tabs" role="tablist">
        ${LISTS.map(([name, title]) => {
          const count = [...alarms.values()].filter((alarm) => belongs(alarm, name)).length;
          return html`<a key=${name} role="tab" aria-selected=${name === list[0]} href=${name === 'active' ? '/alarms' : `/alarms?list=${name}`}>${title} <span class="number">${count}</span></a>`;
        })}
      </div>
      <span class="spacer"></span>
      <div class="priority-filter" role="group" aria-label="Priorities">
        ${SEVERITIES.map((severity) => {
          const on = priorities?.has(severity) ?? false;
          const count = inList.filter((alarm) => alarm.severity === severity).length;
          return html`<button type="button" key=${severity} class="button" aria-pressed=${on} title=${severity.toLowerCase()} onClick=${() => togglePriority(severity)}>
            <${PrioritySymbol} severity=${severity} unacknowledged=${false} none=${count === 0 || list[0] !== 'active'} /> <span class="number">${count}</span>
          </button>`;
        })}
      </div>
      <button type="button" class="button" aria-pressed=${query.get('unacknowledged') !== null} onClick=${() => wall.router.set({ unacknowledged: query.get('unacknowledged') === null ? '1' : null })}>Unacknowledged only</button>
      <select aria-label="Site" value=${site ?? ''} onChange=${(event: Event) => wall.router.set({ site: textOf(event) })}>
        <option value="">All sites</option>
        ${sites.map((id) => html`<option value=${id}>${wall.nameOf(`site/${id}`)}</option>`)}
      </select>
      <input ref=${search} type="search" placeholder="Filter  /" aria-label="Filter" value=${text} onInput=${(event: Event) => wall.router.set({ text: textOf(event) })} />
    </div>
    <div class="alarms-columns">
      <${AlarmList} key=${`${list[0]} ${query.get('priority')} ${site} ${text} ${query.get('unacknowledged')}`} alarms=${shown} label=${list[1]} empty=${inList.length > 0 ? 'No alarm matches the filters.' : list[2]} focused=${focused} onFocus=${(id: string) => wall.router.set({ alarm: id })} />
      <aside class="detail-pane">
        ${detail === undefined ? html`<${Empty}>Choose an alarm to see its limits, times and what to do.</${Empty}>` : html`<${AlarmDetail} alarm=${detail} />`}
      </aside>
    </div>
  </main>`;
}

function belongs(alarm: AlarmView, list: (typeof LISTS)[number][0]): boolean {
  if (list === 'cannot-evaluate') return alarm.cannotEvaluate !== null;
  return listOf(alarm) === list && (list !== 'active' || alarm.detail !== 'NORMAL' || alarm.notRecorded === true);
}

function prioritiesOf(text: string | null): ReadonlySet<Severity> | null {
  if (text === null) return null;
  const numbers = text.split(',').map(Number);
  return new Set(SEVERITIES.filter((severity) => numbers.includes(PRIORITY[severity])));
}

function matches(wall: Wall, alarm: AlarmView, text: string): boolean {
  if (text === '') return true;
  const words = `${wall.nameOf(alarm.entity)} ${alarm.id} ${alarm.name} ${alarm.message}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => words.includes(word));
}
