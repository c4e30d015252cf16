import { html } from 'htm/preact';
import { AlarmDetail } from '../parts/alarm-detail.ts';
import { Standing } from '../parts/away.ts';
import { Empty } from '../parts/condition.ts';
import { usePageSite } from '../store/page-site.ts';
import { useSignal } from '../store/signal.ts';
import { useWall } from '../store/wall.ts';

/** What is wrong with a node: its alarms, and the way to the devices. */
export function Node({ id }: { readonly id: string }) {
  const wall = useWall();
  const alarms = useSignal(wall.book.alarms);
  const own = [...alarms.values()].filter((alarm) => alarm.entity === `node/${id}`);
  const site = own[0]?.site;
  usePageSite(site ?? null);
  return html`<main class="page">
    <header class="page-header">
      <div>
        <p class="path">Node</p>
        <h1>${id}</h1>
      </div>
      <span class="spacer"></span>
      <a class="button" href="/devices">All devices</a>
    </header>
    <${Standing} cells=${wall.nodes} id=${id} zone=${wall.zoneOf(site)} />
    ${own.length === 0 && html`<${Empty}>No alarm of a node of this name.</${Empty}>`}
    ${own.map((alarm) => html`<section class="panel" key=${alarm.id}><${AlarmDetail} alarm=${alarm} link=${false} keys=${own.length === 1} /></section>`)}
  </main>`;
}
