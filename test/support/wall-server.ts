import uws from 'uWebSockets.js';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AlarmView, SiteView } from '../../actors/views.ts';
import type { FieldLink } from '../../gateways/http/field-links.ts';
import { utf8 } from '../../gateways/utf8.ts';
import { ClientFrame, type WireEvent } from '../../gateways/websocket/protocol.ts';
import type { Heartbeat } from '../../ui/store/connection.ts';
import { type AlarmPlan, alarmOf } from './wall-alarms.ts';
import { type Change, carriedOut, historyOf, type Interest, itemsOf, merged, project } from './wall-answers.ts';
import { type Scene, siteOf } from './wall-scene.ts';

/**
 * Stands in for the product in browser tests of the wall: serves the built page and speaks the push protocol on real sockets
 * from a scripted scene. Its rules of alarms are just as much as the tests need; the product's own are in `actors/alarm`.
 */
const TOKEN = 'key-of-the-test';
const SESSION = 'signalbox_session';
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  css: 'text/css',
  svg: 'image/svg+xml',
  map: 'application/json',
};

interface Client {
  seq: number;
  readonly subs: Map<string, Interest>;
}
type Socket = uws.WebSocket<{ client: Client }>;

interface Options {
  readonly scene: Scene;
  /** Clock of the plant; tests may freeze it for pictures. */
  readonly now?: () => number;
  readonly permissions?: readonly string[];
}

export class WallServer {
  readonly scene: Scene;
  readonly journal: WireEvent[] = [];
  readonly commands: { entity: string; command: Record<string, unknown> }[] = [];
  notRecorded = false;
  /** Of the server and its links, in the heartbeat. */
  trouble: Partial<Pick<Heartbeat, 'server' | 'links' | 'moreLinks' | 'loading'>> = {};
  /** What health tells of the links to the field. */
  links: readonly FieldLink[] = [];
  /** Commands are taken but not answered. */
  mute = false;
  port = 0;
  readonly #now: () => number;
  readonly #permissions: readonly string[];
  readonly #sockets = new Set<Socket>();
  readonly #files = new Map<string, { body: Buffer; type: string }>();
  readonly #answered = new Map<string, object>();
  readonly #seqs = new Map<string, number>();
  #silent = false;
  #down = false;
  #listen: uws.us_listen_socket | null = null;
  #app: uws.TemplatedApp | null = null;
  #beat: NodeJS.Timeout | undefined;
  #folder = '';

  constructor({ scene, now = Date.now, permissions = ['*'] }: Options) {
    this.scene = scene;
    this.#now = now;
    this.#permissions = permissions;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get link(): string {
    return `${this.url}/#key=${TOKEN}`;
  }

  /** Of somebody who has come by the link before. */
  get session(): { readonly name: string; readonly value: string; readonly url: string } {
    return { name: SESSION, value: TOKEN, url: this.url };
  }

  get clients(): number {
    return this.#sockets.size;
  }

  async start(): Promise<void> {
    const { buildUi } = await import('../../scripts/build-ui.mjs');
    this.#folder = await mkdtemp(join(tmpdir(), 'wall-ui-'));
    await buildUi(this.#folder);
    for (const name of ['index.html', 'wall.js', 'wall.css', 'icon.svg']) {
      const type = TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
      this.#files.set(`/${name}`, { body: readFileSync(join(this.#folder, name)), type });
    }
    await this.#open();
    this.#beat = setInterval(() => this.#heartbeat(), 1000);
  }

  async #open(): Promise<void> {
    const app = uws.App();
    this.#app = app;
    this.#route(app);
    await new Promise<void>((resolve, reject) => {
      app.listen('127.0.0.1', this.port, (listening) => {
        if (!listening) return reject(new Error('cannot listen'));
        this.#listen = listening;
        this.port = uws.us_socket_local_port(listening);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.down = true;
    if (this.#listen !== null) uws.us_listen_socket_close(this.#listen);
    this.#app?.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Every connection breaks and none is let in, as while the process is dead. */
  set down(down: boolean) {
    this.#down = down;
    if (down) for (const socket of [...this.#sockets]) socket.close();
  }

  /** Sockets stay open and nothing comes any more, as when a cable is cut. */
  set silent(silent: boolean) {
    this.#silent = silent;
  }

  /** Ends every alarm and forgets what was commanded. */
  clearAlarms(): void {
    const over = { shelved: null, suppressed: null, outOfService: null, cannotEvaluate: null } as const;
    for (const alarm of [...this.scene.alarms.values()]) {
      this.put({ ...alarm, ...over, detail: 'NORMAL', state: 'CLEARED' }, 'AlarmCleared');
    }
    this.commands.length = 0;
  }

  /** Raises, changes or ends an alarm as the product would: an event on the lane, then new views. */
  put(alarm: AlarmView, kind = 'AlarmRaised', by = 'system'): void {
    if (alarm.detail === 'NORMAL' && alarm.shelved === null) this.scene.alarms.delete(alarm.id);
    else this.scene.alarms.set(alarm.id, alarm);
    const seq = (this.#seqs.get(alarm.entity) ?? 0) + 1;
    this.#seqs.set(alarm.entity, seq);
    const event: WireEvent = {
      token: String(this.journal.length + 1),
      entity: alarm.entity,
      seq,
      kind,
      timeMs: this.#now(),
      by,
      event: { kind, rule: alarm.rule },
      after: alarm,
    };
    this.journal.push(event);
    for (const socket of this.#sockets) {
      for (const [sub, { topic }] of socket.getUserData().client.subs) {
        if (topic === 'alarms' || topic === 'events') this.#send(socket, { op: 'event', sub, events: [event] });
      }
    }
    this.#refresh(alarm.entity.slice('asset/'.length));
  }

  raise(plan: AlarmPlan): AlarmView {
    const alarm = alarmOf(this.scene, plan, this.#now());
    this.put(alarm);
    return alarm;
  }

  /** Changes values or marks of an asset; a mark that is null goes away. */
  setAsset(id: string, change: Change): void {
    const before = this.scene.assets.get(id);
    if (before === undefined) return;
    this.scene.assets.set(id, merged(before, change));
    this.#delta('assets', id, change);
  }

  /** Values and marks of a site's key figures. */
  setSite(id: string, change: { values?: SiteView['values']; marks?: SiteView['marks'] }): void {
    const before = this.scene.sites.get(id);
    if (before === undefined) return;
    this.scene.sites.set(id, { ...before, ...change });
    this.#delta('sites', id, change);
  }

  setDevice(id: string, change: Change): void {
    const before = this.scene.devices.get(id);
    if (before === undefined) return;
    this.scene.devices.set(id, merged(before, change));
    this.#delta('devices', id, change);
  }

  #refresh(id: string): void {
    const asset = this.scene.assets.get(id);
    if (asset === undefined) return;
    const own = [...this.scene.alarms.values()].filter(
      (a) => a.entity === `asset/${id}` && a.state !== 'SUPPRESSED' && a.detail !== 'NORMAL',
    );
    const order = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFO'] as const;
    const worst = order.find((severity) => own.some((alarm) => alarm.severity === severity)) ?? null;
    const props = {
      worstSeverity: worst,
      alarmsActive: own.length,
      alarmsUnacknowledged: own.filter((a) => a.detail.endsWith('UNACK')).length,
      health: worst === null ? 96 : worst === 'CRITICAL' ? 38 : 71,
    };
    this.setAsset(id, { props });
    const site = asset.props.site;
    const view = this.scene.sites.get(site);
    if (view === undefined) return;
    const next = siteOf(this.scene, site, view.props.name, view.props.timeZone);
    this.scene.sites.set(site, next);
    this.#delta('sites', site, { props: next.props });
  }

  #delta(topic: string, id: string, groups: object): void {
    for (const socket of this.#sockets) {
      for (const [sub, interest] of socket.getUserData().client.subs) {
        if (interest.topic !== topic || !(interest.ids?.has(id) ?? true)) continue;
        const item = project({ id, ...groups }, interest.fields);
        if (Object.keys(item).length > 1) this.#send(socket, { op: 'delta', sub, items: [item], timeMs: this.#now() });
      }
    }
  }

  #heartbeat(): void {
    for (const socket of this.#sockets) {
      this.#send(socket, {
        op: 'heartbeat',
        timeMs: this.#now(),
        health: 'healthy',
        notRecorded: this.notRecorded,
        server: { status: 'healthy', reasons: [] },
        ...this.trouble,
      });
    }
  }

  #send(socket: Socket, frame: object): void {
    if (this.#silent) return;
    const { client } = socket.getUserData();
    socket.send(utf8(JSON.stringify({ seq: ++client.seq, ...frame })));
  }

  #route(app: uws.TemplatedApp): void {
    app.ws<{ client: Client }>('/ws', {
      upgrade: (res, req, context) => {
        if (this.#down) {
          res.close();
          return;
        }
        if (!req.getHeader('cookie').includes(TOKEN)) {
          res.writeStatus('401 Unauthorized').end();
          return;
        }
        const data = { client: { seq: 0, subs: new Map() } };
        res.upgrade(
          data,
          req.getHeader('sec-websocket-key'),
          req.getHeader('sec-websocket-protocol'),
          req.getHeader('sec-websocket-extensions'),
          context,
        );
      },
      open: (socket) => {
        this.#sockets.add(socket);
        this.#send(socket, {
          op: 'hello',
          version: '0',
          node: 'test',
          organization: 'Nordlys Utilities',
          timeZone: 'Europe/Oslo',
          simulated: true,
          user: 'olga',
          role: 'operator',
          permissions: this.#permissions,
          timeMs: this.#now(),
          heartbeatMs: 1000,
        });
      },
      message: (socket, message) => this.#take(socket, Buffer.from(message).toString()),
      close: (socket) => this.#sockets.delete(socket),
    });
    app.post('/api/v1/session', (res) => {
      let body = '';
      res.onAborted(() => undefined);
      res.onData((chunk, last) => {
        body += Buffer.from(chunk).toString();
        if (!last) return;
        if (!body.includes(TOKEN))
          json(res, '401 Unauthorized', { code: 'TOKEN_INVALID', message: 'This token is not known.' });
        else res.writeHeader('set-cookie', `${SESSION}=${TOKEN}; HttpOnly; SameSite=Strict; Path=/`).end('{}');
      });
    });
    app.get('/api/v1/session', (res, req) => {
      if (this.#down) {
        res.close();
        return;
      }
      if (req.getHeader('cookie').includes(TOKEN)) json(res, '200 OK', { user: 'olga' });
      else json(res, '401 Unauthorized', { code: 'UNAUTHENTICATED', message: 'no session' });
    });
    app.get('/api/v1/telemetry', (res, req) =>
      json(res, '200 OK', historyOf(this.scene, new URLSearchParams(req.getQuery()), this.#now())),
    );
    app.get('/api/v1/health', (res) => json(res, '200 OK', { links: this.links }));
    app.get('/api/v1/edges', (res) => json(res, '200 OK', { items: [] }));
    app.get('/api/v1/audit', (res) => json(res, '200 OK', { items: [], total: null, next: null }));
    app.get('/*', (res, req) => {
      const file = this.#files.get(req.getUrl()) ?? this.#files.get('/index.html');
      res
        .writeHeader('content-type', file?.type ?? '')
        .writeHeader('content-security-policy', CSP)
        .end(file?.body);
    });
  }

  #take(socket: Socket, text: string): void {
    const frame = ClientFrame.parse(JSON.parse(text));
    const { client } = socket.getUserData();
    if (frame.op === 'unsubscribe') client.subs.delete(frame.sub);
    else if (frame.op === 'command') this.#command(socket, frame.id, frame.entity, frame.command);
    else if (frame.op === 'subscribe') {
      const ids = frame.filter.ids === undefined ? null : new Set(frame.filter.ids);
      const interest = { topic: frame.topic, ids, site: frame.filter.site ?? null, fields: frame.fields ?? null };
      client.subs.set(frame.sub, interest);
      const token = String(this.journal.length);
      this.#send(socket, {
        op: 'snapshot',
        sub: frame.sub,
        items: itemsOf(this.scene, interest),
        timeMs: this.#now(),
        token,
        more: false,
      });
      if (frame.resume !== undefined) {
        const events = this.journal.slice(Number(frame.resume));
        if (events.length > 0) this.#send(socket, { op: 'event', sub: frame.sub, events });
      }
    }
  }

  #command(socket: Socket, id: string, entity: string, command: Record<string, unknown>): void {
    const repeated = this.#answered.get(id);
    if (repeated !== undefined) {
      this.#send(socket, { ...repeated, repeated: true });
      return;
    }
    this.commands.push({ entity, command });
    if (this.mute) return;
    const alarm = this.scene.alarms.get(`${entity}:${command.rule}`);
    const changed = alarm === undefined ? undefined : carriedOut(alarm, command, this.#now());
    const isAlarmCommand = String(command.kind).includes('Alarm');
    const answer =
      isAlarmCommand && changed === undefined
        ? { op: 'reply', id, ok: false, code: 'NOT_ALLOWED', message: 'The alarm is not in a state for that.' }
        : { op: 'reply', id, ok: true, result: null, repeated: false };
    this.#answered.set(id, answer);
    this.#send(socket, answer);
    if (changed !== undefined) this.put(changed, String(command.kind), 'olga');
  }
}

function json(res: uws.HttpResponse, status: string, body: object): void {
  res
    .writeStatus(status)
    .writeHeader('content-type', 'application/json')
    .end(utf8(JSON.stringify(body)));
}
