import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { LinkBanner } from '../parts/banner.ts';
import { Empty } from '../parts/condition.ts';
import { ConditionStrip } from '../parts/condition-strip.ts';
import { Help } from '../parts/help.ts';
import { Notes } from '../parts/notes.ts';
import { TopBar } from '../parts/top-bar.ts';
import { useKeys } from '../store/keys.ts';
import { letGo } from '../store/parent.ts';
import { useSignal } from '../store/signal.ts';
import { useWall, type Wall } from '../store/wall.ts';
import { Alarms } from './alarms.ts';
import { Asset } from './asset.ts';
import { Connection } from './connection.ts';
import { Device } from './device.ts';
import { Devices } from './devices.ts';
import { Edges } from './edges.ts';
import { Events } from './events.ts';
import { Login } from './login.ts';
import { Node } from './node.ts';
import { Overview } from './overview.ts';
import { Site } from './site.ts';
import { WorkOrder } from './work-order.ts';
import { WorkOrders } from './work-orders.ts';

/** The frame around every page: top bar, banner, feedback, and the keys that lead anywhere. */
export function WallPage({ problem }: { readonly problem: string | null }) {
  const wall = useWall();
  const link = useSignal(wall.connection.link);
  const [help, setHelp] = useState(false);
  useKeys(
    {
      '?': () => setHelp(true),
      t: () => wall.preferences.nextTheme(),
      m: () => wall.sound.silence(),
      Escape: () => letGo() || wall.router.go(parentOf(wall)),
      'g o': () => wall.router.go('/'),
      'g a': () => wall.router.go('/alarms'),
      'g s': () => wall.router.go('/alarms?list=shelved'),
      'g d': () => wall.router.go('/devices'),
      'g w': () => wall.router.go('/workorders'),
      'g e': () => wall.router.go('/events'),
      'g l': () => wall.router.go('/edges'),
      ...Object.fromEntries([1, 2, 3, 4].map((n) => [String(n), () => wall.router.go(`/alarms?priority=${n}`)])),
    },
    'frame',
  );
  if (link.kind === 'denied') return html`<${Login} problem=${problem} />`;
  return html`<div class="wall">
    <${TopBar} onHelp=${() => setHelp(true)} />
    <div class="banners"><${LinkBanner} /><${ConditionStrip} /></div>
    <${CurrentPage} />
    <${Notes} />
    ${help && html`<${Help} onClose=${() => setHelp(false)} />`}
  </div>`;
}

/** By the directory alone, so that it holds before the page has loaded. Above the overview there is nothing. */
function parentOf(wall: Wall): string {
  const [page = '', id = ''] = wall.router.address.value.segments;
  const site = page === 'asset' || page === 'device' ? wall.siteOf(`${page}/${id}`) : undefined;
  return site === undefined ? '/' : `/site/${encodeURIComponent(site)}`;
}

function CurrentPage() {
  const { router, fieldLinks, nameOf } = useBound();
  const { segments } = useSignal(router.address);
  const [page = '', id = ''] = segments;
  useSignal(fieldLinks.links);
  const title = id === '' ? TITLES[page] : (nameOf(page, id) ?? id);
  useEffect(() => {
    document.title = title === undefined ? 'Signalbox' : `${title} · Signalbox`;
  }, [title]);
  switch (page) {
    case '':
      return html`<${Overview} />`;
    case 'site':
      return html`<${Site} key=${id} site=${id} />`;
    case 'asset':
      return html`<${Asset} key=${id} asset=${id} />`;
    case 'device':
      return html`<${Device} key=${id} device=${id} />`;
    case 'connection':
      return html`<${Connection} key=${id} id=${id} />`;
    case 'node':
      return html`<${Node} key=${id} id=${id} />`;
    case 'alarms':
      return html`<${Alarms} />`;
    case 'devices':
      return html`<${Devices} />`;
    case 'workorders':
      return html`<${WorkOrders} />`;
    case 'workorder':
      return html`<${WorkOrder} key=${id} number=${id} />`;
    case 'edges':
      return html`<${Edges} />`;
    case 'events':
      return html`<${Events} />`;
    default:
      return html`<main class="page"><${Empty}>There is no page “/${segments.join('/')}”. <a href="/">To the overview</a></${Empty}></main>`;
  }
}

const TITLES: Readonly<Record<string, string>> = {
  '': 'Overview',
  alarms: 'Alarms',
  devices: 'Devices',
  workorders: 'Work orders',
  edges: 'Edges and nodes',
  events: 'Events',
};

function useBound() {
  const wall = useWall();
  const nameOf = (page: string, id: string) => (page === 'workorder' ? id : wall.nameOf(`${page}/${id}`));
  return { router: wall.router, fieldLinks: wall.fieldLinks, nameOf };
}
