import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { AssetView, DeviceView, SiteView, SystemView } from '../../actors/views.ts';
import type { Topic } from '../../gateways/websocket/protocol.ts';
import { AlarmBook } from './alarm-book.ts';
import { AwayBoard } from './away-board.ts';
import { Cells } from './cells.ts';
import { ServerClock } from './clock.ts';
import { Connection } from './connection.ts';
import { Feedback } from './feedback.ts';
import { FieldLinks } from './field-links.ts';
import { PageZone } from './page-zone.ts';
import { Preferences } from './preferences.ts';
import { Router } from './router.ts';
import { sessionValid } from './session.ts';
import { Sound } from './sound.ts';

/** Of every asset and device the page always knows name, place and condition; values only of what is on the screen. */
const ASSET_FIELDS = [
  'away',
  'pending',
  'unrecordedAlarms',
  'props.name',
  'props.site',
  'props.parent',
  'props.path',
  'props.status',
  'props.health',
  'props.connected',
  'props.worstSeverity',
  'props.alarmsUnacknowledged',
  'props.alarmsActive',
  'props.openWorkOrders',
  'marks',
];
const DEVICE_FIELDS = [
  'props.name',
  'props.site',
  'props.connectivity',
  'props.decommissioned',
  'away',
  'pending',
  'unrecordedAlarms',
];

/** Of connections and nodes their alarms come over the lane of events, but those that are not on record, and what waits for them. */
const SYSTEM_FIELDS = ['away', 'pending', 'unrecordedAlarms'];

/** Everything the pages share. Made once, handed down as a context. */
export class Wall {
  readonly clock = new ServerClock();
  readonly connection: Connection;
  readonly feedback: Feedback;
  readonly router = new Router();
  readonly preferences = new Preferences();
  readonly sites = new Cells<SiteView>();
  readonly assets = new Cells<AssetView>();
  readonly devices = new Cells<DeviceView>();
  readonly connections = new Cells<SystemView>();
  readonly nodes = new Cells<SystemView>();
  readonly book = new AlarmBook();
  readonly fieldLinks = new FieldLinks();
  /** What nobody speaks for now. */
  readonly away = new AwayBoard({
    sites: this.sites,
    assets: this.assets,
    devices: this.devices,
    connections: this.connections,
    nodes: this.nodes,
  });
  readonly pageZone: PageZone;
  readonly sound: Sound;

  constructor() {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const url = `${scheme}://${location.host}/ws`;
    this.connection = new Connection({ url, clock: this.clock, sessionValid });
    this.feedback = new Feedback(this.connection);
    this.pageZone = new PageZone(this.sites, this.connection.hello);
    this.sound = new Sound(this.book, this.preferences);
    // The server may have another plant after a restart.
    this.connection.hello.subscribe(() => void this.fieldLinks.load());
    this.#follow('site', 'sites', this.sites);
    this.#follow('asset', 'assets', this.assets, ASSET_FIELDS);
    this.#follow('device', 'devices', this.devices, DEVICE_FIELDS);
    this.#follow('connection', 'connections', this.connections, SYSTEM_FIELDS);
    this.#follow('node', 'nodes', this.nodes, SYSTEM_FIELDS);
    this.connection.subscribe({
      topic: 'alarms',
      onSnapshot: (items, token) => this.book.takeSnapshot(items, token),
      onOtherJournal: () => this.book.forget(),
      onEvents: (events) => this.book.takeEvents(events),
    });
  }

  /** `asset/pump-1` -> its name; the id while it is not known. */
  nameOf(entity: string): string {
    const [kind = '', id = entity] = split(entity);
    if (kind === 'order-book') return 'order book';
    if (kind === 'rule') return `rule ${id}`;
    if (kind === 'connection') return this.fieldLinks.of(id)?.name ?? id;
    if (kind === 'node') return id;
    const cells = kind === 'asset' ? this.assets : kind === 'device' ? this.devices : this.sites;
    return cells.get(id)?.props?.name ?? id;
  }

  /** Time zone of a site; UTC while it is not known. */
  zoneOf(site: string | undefined): string {
    return this.pageZone.zoneOf(site);
  }

  /** The site that a site, an asset or a device belongs to, as far as it is known here. */
  siteOf(entity: string): string | undefined {
    const [kind, id] = split(entity);
    if (kind === 'site') return id;
    return kind === 'asset' || kind === 'device' ? this[`${kind}s`].get(id)?.props?.site : undefined;
  }

  may(permission: string): boolean {
    const own = this.connection.hello.value?.permissions ?? [];
    const [resource = ''] = permission.split(':');
    return own.includes('*') || own.includes(permission) || own.includes(`${resource}:*`);
  }

  #follow<V>(kind: string, topic: Topic, cells: Cells<V>, fields?: string[]): void {
    this.connection.subscribe({
      topic,
      ...(fields === undefined ? {} : { fields }),
      onSnapshot: (items) => {
        const before = cells.ids.value;
        cells.replace(items);
        this.#tellBook(kind, cells, new Set([...before, ...cells.ids.value]));
      },
      onDelta: (items) => {
        cells.merge(items);
        const told = items.filter((item) => item.gone === true || 'unrecordedAlarms' in item);
        this.#tellBook(
          kind,
          cells,
          told.map(({ id }) => id),
        );
      },
    });
  }

  #tellBook(kind: string, cells: Cells<unknown>, ids: Iterable<string>): void {
    for (const id of ids) this.book.takeUnrecorded(`${kind}/${id}`, cells.beside(id, 'unrecordedAlarms'));
  }
}

/** `asset/pump-1` -> `['asset', 'pump-1']` */
export function split(entity: string): readonly [string, string] {
  const slash = entity.indexOf('/');
  return [entity.slice(0, slash), entity.slice(slash + 1)];
}

const WallContext = createContext<Wall | null>(null);
export const WallProvider = WallContext.Provider;

export function useWall(): Wall {
  const wall = useContext(WallContext);
  if (wall === null) throw new Error('useWall needs a WallProvider above it');
  return wall;
}
