import { html } from 'htm/preact';
import { useEffect } from 'preact/hooks';
import type { AlarmView, DeviceView } from '../../actors/views.ts';
import type { FieldLink } from '../../gateways/http/field-links.ts';
import { AlarmDetail } from '../parts/alarm-detail.ts';
import { Standing } from '../parts/away.ts';
import { Connectivity, Empty, Loading, Problem } from '../parts/condition.ts';
import { LinkFigures } from '../parts/link-facts.ts';
import { Age } from '../parts/moment.ts';
import { useIds } from '../store/cells.ts';
import { linkOf } from '../store/field-links.ts';
import { words } from '../store/format.ts';
import { useTopic } from '../store/live-topic.ts';
import { usePageSite } from '../store/page-site.ts';
import { reasonWords } from '../store/reasons.ts';
import { humanDurations } from '../store/server-words.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

/** One link to the field: how it is and since when, what it is called out for, and the devices behind it. */
export function Connection({ id }: { readonly id: string }) {
  const wall = useWall();
  const links = useSignal(wall.fieldLinks.links);
  const problem = useSignal(wall.fieldLinks.problem);
  const alarms = useSignal(wall.book.alarms);
  useEffect(() => wall.fieldLinks.follow(), [wall]);
  const link = linkOf(links, id);
  const connection = link?.connection ?? id;
  const own = [...alarms.values()].filter(({ entity }) => isOf(entity, connection, links));
  const site = link?.site ?? own[0]?.site ?? null;
  usePageSite(site);
  if (link === undefined && own.length === 0) {
    return html`<main class="page">${
      links !== null
        ? html`<${Empty}>There is no connection “${id}”. <a href="/devices">All devices</a></${Empty}>`
        : problem === null
          ? html`<${Loading} what="connection" />`
          : html`<${Problem} message=${problem} />`
    }</main>`;
  }
  return html`<main class="page device-page connection-page">
    <${Header} id=${connection} link=${link} site=${site} />
    <${Standing} cells=${wall.connections} id=${connection} zone=${wall.zoneOf(site ?? undefined)} />
    ${problem !== null && html`<${Problem} message=${`How the link is now is not known. ${problem}`} />`}
    <div class="device-columns">
      <${DevicesBehind} connection=${connection} />
      <div class="column">
        <${Alarms} own=${own} all=${alarms} />
        ${link !== undefined && html`<${LinkFigures} link=${link} endpoint=${link.endpoint} zone=${wall.zoneOf(site ?? undefined)} />`}
      </div>
    </div>
  </main>`;
}

interface HeaderProps {
  readonly id: string;
  readonly link: FieldLink | undefined;
  readonly site: string | null;
}

function Header({ id, link, site }: HeaderProps) {
  const wall = useWall();
  return html`<header class="page-header">
    <div>
      <p class="path">${site !== null && html`<a href=${`/site/${encodeURIComponent(site)}`}>${wall.nameOf(`site/${site}`)}</a> › `}${link === undefined ? 'Connection' : words(link.driver)}</p>
      <h1>${link?.name ?? id}</h1>
    </div>
    ${
      link !== undefined &&
      html`<span class=${link.status === 'healthy' ? 'tag' : 'tag strong'}>${words(link.state)}</span>
      ${link.reason !== null && html`<span>${humanDurations(link.reason)}</span>`}
      ${link.sinceMs !== null && html`<span class="pair"><span class="dim">In this state for</span> <${Age} timeMs=${link.sinceMs} /></span>`}
      <span class="pair"><span class="dim">Devices online</span> <span class="number">${link.devicesOnline} of ${link.devices}</span></span>`
    }
    <span class="spacer"></span>
  </header>`;
}

interface AlarmsProps {
  readonly own: readonly AlarmView[];
  readonly all: ReadonlyMap<string, AlarmView>;
}

function Alarms({ own, all }: AlarmsProps) {
  const ids = new Set(own.map((alarm) => alarm.id));
  const behind = [...all.values()].filter(({ suppressed }) => suppressed !== null && ids.has(suppressed.by ?? ''));
  if (own.length === 0) {
    return html`<section class="panel" aria-label="Alarms"><h2>Alarms</h2><${Empty}>No alarm of this connection.</${Empty}></section>`;
  }
  return html`${own.map((alarm) => html`<section class="panel" key=${alarm.id}><${AlarmDetail} alarm=${alarm} link=${false} keys=${own.length === 1} /></section>`)}
    ${behind.length > 0 && html`<section class="panel" aria-label="Suppressed"><a href="/alarms?list=suppressed">${behind.length} ${behind.length === 1 ? 'alarm is' : 'alarms are'} suppressed behind it</a></section>`}`;
}

/** The lost first. */
const ORDER = ['offline', 'unknown', 'online'];
const NATURAL = new Intl.Collator('en', { numeric: true });

function DevicesBehind({ connection }: { readonly connection: string }) {
  const wall = useWall();
  const { cells } = useTopic<DeviceView>('devices', {}, DEVICE_FIELDS);
  const ids = useIds(cells);
  const ready = useSignal(cells.ready);
  useSignal(cells.revision);
  const behind = ids
    .flatMap((id) => {
      const props = cells.group(id, 'props');
      return props?.connection === connection ? [{ id, props }] : [];
    })
    .sort(
      (a, b) =>
        ORDER.indexOf(a.props.connectivity ?? '') - ORDER.indexOf(b.props.connectivity ?? '') ||
        NATURAL.compare(a.id, b.id),
    );
  return html`<section class="panel scroll" aria-label="Devices">
    <h2>Devices</h2>
    ${!ready && html`<${Loading} what="devices" />`}
    ${ready && behind.length === 0 && html`<${Empty}>No device is on this connection.</${Empty}>`}
    ${
      behind.length > 0 &&
      html`<table class="table row-table">
        <thead><tr><th>Connectivity</th><th>Device</th><th>Site</th><th>Reason</th><th class="right">In this state</th></tr></thead>
        <tbody>${behind.map(
          ({ id, props }) => html`<tr key=${id} class=${props.connectivity === 'online' ? '' : 'notable'}>
            <td><${Connectivity} state=${props.connectivity} />${props.decommissioned && html` <span class="tag">decommissioned</span>`}</td>
            <td><a href=${`/device/${encodeURIComponent(id)}`}>${props.name ?? id}</a></td>
            <td class="dim">${wall.nameOf(`site/${props.site}`)}</td>
            <td class=${props.connectivity === 'online' ? 'dim' : ''}>${reasonWords(props.connectivityReason ?? '')}</td>
            <td class="right"><${Age} timeMs=${props.lastConnectivityChangeMs} /></td>
          </tr>`,
        )}</tbody>
      </table>`
    }
  </section>`;
}

const DEVICE_FIELDS = [
  'props.name',
  'props.site',
  'props.connection',
  'props.connectivity',
  'props.connectivityReason',
  'props.lastConnectivityChangeMs',
  'props.decommissioned',
];

/** Its own, and those for its devices at further sites; not those of a connection whose id begins alike. */
function isOf(entity: string, connection: string, links: ReadonlyMap<string, FieldLink> | null): boolean {
  const [kind, id = ''] = entity.split('/');
  if (kind !== 'connection') return false;
  return id === connection || (id.startsWith(`${connection}.`) && linkOf(links, id)?.connection === connection);
}
