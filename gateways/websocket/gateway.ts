import type { TemplatedApp } from 'uWebSockets.js';
import { messageOf } from '../../runtime/errors.ts';
import type { EntityId } from '../../runtime/ids.ts';
import { type Interest, isGone, type Loading } from '../../runtime/live-bus.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { AccessAudit } from '../auth/access-audit.ts';
import { type Authenticator, may } from '../auth/authenticator.ts';
import type { DriverLog } from '../driver.ts';
import type { SystemState } from '../http/system-health.ts';
import { ClientFrames } from './client-frames.ts';
import { Connection, type SocketData } from './connection.ts';
import { ConnectionCounts, type ConnectionLimits, type Holder } from './connection-counts.ts';
import { EventLane } from './event-lane.ts';
import { alarmItems, EventSelection } from './event-selection.ts';
import { heartbeatOf } from './heartbeat.ts';
import type { Topic } from './protocol.ts';
import { HEARTBEAT_MS, MAX_FRAME_BYTES, MAX_SUBSCRIPTIONS, type PlantInfo, type PushMetrics } from './push-contract.ts';
import { groupsOf, namedBy, Selection, type Subscription } from './selection.ts';
import { snapshotHead } from './snapshot-head.ts';
import { subscriptionProblem } from './subscription-problem.ts';
import { ValueLane } from './value-lane.ts';
import { Walk } from './walk.ts';

export interface WebSocketGatewayOptions {
  readonly runtime: Runtime;
  readonly plant: PlantInfo;
  readonly tokens: Authenticator;
  readonly access: AccessAudit;
  /** State of the whole, with the reasons in words. */
  readonly health: () => SystemState;
  readonly metrics: PushMetrics;
  readonly log: DriverLog;
  readonly now: () => number;
  /** Beyond them `refusal` says no. */
  readonly limits: ConnectionLimits;
}

const WITHDRAWN_CHECK_MS = 2000;

const TOPIC_PERMISSION: Readonly<Record<Topic, string | null>> = {
  sites: 'site:read',
  assets: 'asset:read',
  devices: 'device:read',
  /** What they have beside their alarms stands in those too. */
  connections: 'alarm:read',
  nodes: 'alarm:read',
  workorders: 'workorder:read',
  alarms: 'alarm:read',
  /** Judged event by event, by what it is about. */
  events: null,
};

/** The push: one WebSocket endpoint over the live bus and the journal. */
export class WebSocketGateway {
  readonly values: ValueLane;
  readonly events: EventLane;
  readonly #options: WebSocketGatewayOptions;
  readonly #connections = new Set<Connection>();
  readonly #counts: ConnectionCounts;
  readonly #frames: ClientFrames;
  readonly #detach: (() => void)[] = [];
  #heartbeat: NodeJS.Timeout | undefined;
  /** The newest event that the views of the live bus are sure to include. */
  #flushedPosition = 0;
  #checkedAtMs = 0;
  #checking = false;

  constructor(options: WebSocketGatewayOptions) {
    this.#options = options;
    const { runtime, now, metrics, log, limits } = options;
    this.#counts = new ConnectionCounts(limits);
    this.values = new ValueLane({ live: runtime.live, now, skipped: () => metrics.skipped('values') });
    this.events = new EventLane({
      journal: runtime.journal,
      skipped: () => metrics.skipped('events'),
      failed: (error) => log.warn({ error }, 'events cannot be read from the journal'),
    });
    this.#frames = new ClientFrames({
      ...options,
      subscribe: (connection, subscription) => this.#subscribe(connection, subscription),
    });
  }

  /** Begins to follow the live bus; to be awaited before sockets are let in. */
  async start(): Promise<void> {
    const { live } = this.#options.runtime;
    this.#detach.push(
      live.onCommitted((entries) => this.events.committed(entries)),
      live.onFlush((changed, revision, whole) => {
        // An entity that is shown ahead of the others says nothing of what they have yet to show.
        if (whole) this.#flushedPosition = this.events.seen;
        this.values.flush(changed, revision);
      }),
      this.#options.tokens.onRevoked((tokenId) => this.#shutOut((other) => other === tokenId)),
    );
    await this.events.start();
    this.#flushedPosition = Math.max(this.#flushedPosition, this.events.seen);
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  get full(): boolean {
    return this.#counts.full;
  }

  /** Why somebody may not open one more connection; to be asked right before the upgrade. */
  refusal(holder: Holder): string | undefined {
    return this.#counts.refusal(holder);
  }

  get clients(): number {
    return this.#connections.size;
  }

  /** `upgrade` decides who gets in and hands over `SocketData`. */
  attach(app: TemplatedApp, upgrade: NonNullable<Parameters<TemplatedApp['ws']>[1]['upgrade']>): void {
    app.ws<SocketData>('/ws', {
      maxPayloadLength: 2 * MAX_FRAME_BYTES,
      maxBackpressure: 16 * 1024 * 1024,
      closeOnBackpressureLimit: 1,
      idleTimeout: 60,
      sendPingsAutomatically: true,
      upgrade,
      open: (ws) => {
        const connection = new Connection(ws);
        ws.getUserData().connection = connection;
        this.#connections.add(connection);
        this.#counts.opened(connection);
        this.#options.metrics.clients(this.#connections.size);
        this.#hello(connection);
      },
      message: (ws, message, isBinary) => {
        const { connection } = ws.getUserData();
        if (connection) this.#frames.take(connection, message, isBinary);
      },
      drain: (ws) => ws.getUserData().connection?.pump(),
      close: (ws) => {
        const { connection } = ws.getUserData();
        if (connection === undefined) return;
        connection.gone();
        this.#connections.delete(connection);
        this.#counts.closed(connection);
        this.#options.metrics.clients(this.#connections.size);
        this.#options.metrics.frames(connection.frames);
      },
    });
  }

  /** Tells all clients that this node goes; they reconnect elsewhere. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const detach of this.#detach) detach();
    for (const connection of this.#connections) connection.end(1001, 'the server is stopping');
  }

  #hello(connection: Connection): void {
    const { plant, now } = this.#options;
    const { user, role, permissions } = connection.identity;
    connection.json({
      op: 'hello',
      version: plant.version,
      node: plant.node,
      organization: plant.organization,
      timeZone: plant.timeZone ?? 'UTC',
      simulated: plant.simulated,
      user,
      role,
      permissions,
      timeMs: now(),
      heartbeatMs: HEARTBEAT_MS,
    });
  }

  async #subscribe(connection: Connection, subscription: Subscription): Promise<void> {
    const { sub, topic } = subscription;
    const refuse = (code: string, message: string, field?: string) =>
      this.#frames.error(connection, { code, message, sub, ...(field !== undefined && { field }) });
    const needed = TOPIC_PERMISSION[topic];
    if (needed !== null && !may(connection.identity, needed)) {
      const { identity, address } = connection;
      const reason = `needs ${needed}`;
      this.#options.access.refused({ identity, address, via: 'websocket', wanted: `subscribe ${topic}`, reason });
      return refuse('FORBIDDEN', reason, 'topic');
    }
    const problem = subscriptionProblem(subscription);
    if (problem !== undefined) return refuse('BAD_FRAME', problem.message, problem.field);
    const waiting = Symbol(sub);
    connection.awaited.set(sub, waiting);
    const isStale = () => connection.closed || connection.awaited.get(sub) !== waiting;
    let from: number | undefined;
    if (subscription.resume !== undefined) {
      if (topic !== 'alarms' && topic !== 'events') {
        connection.awaited.delete(sub);
        return refuse('BAD_RESUME', 'only alarms and events can be resumed', 'resume');
      }
      from = await this.events.resumeFrom(subscription.resume);
      if (isStale()) return;
      if (from === undefined) {
        connection.awaited.delete(sub);
        return refuse('BAD_RESUME', 'not a token of this journal; subscribe without it', 'resume');
      }
    }
    const interest = this.#options.runtime.live.want(groupsOf(subscription, this.#options.runtime.live));
    const missing = interest.isReady ? undefined : await interest.ready.then(() => undefined, messageOf);
    // Taken back meanwhile, or asked for anew.
    if (isStale()) return interest.release();
    connection.awaited.delete(sub);
    if (missing !== undefined) {
      interest.release();
      return refuse('UNAVAILABLE', `${missing}; subscribe again`);
    }
    const absent = this.#onItsWay(subscription);
    if (absent !== undefined) {
      interest.release();
      return refuse('UNAVAILABLE', `${absent} is being recovered or on its way to another node; subscribe again`);
    }
    // A subscription of the same name is replaced.
    connection.unsubscribe(sub);
    if (connection.subscriptions.size >= MAX_SUBSCRIPTIONS) {
      interest.release();
      return refuse('TOO_MANY_SUBSCRIPTIONS', `at most ${MAX_SUBSCRIPTIONS} subscriptions`);
    }
    if (topic === 'alarms' || topic === 'events') this.#subscribeEvents(connection, subscription, interest, from);
    else this.#subscribeValues(connection, subscription, interest);
  }

  /** Of a subscription that names what it is about and would be shown nothing of it: what of it is there all the same. */
  #onItsWay(subscription: Subscription): EntityId | undefined {
    const { live } = this.#options.runtime;
    const named = namedBy(subscription);
    if (named.some((id) => !isGone(live.cell(id) ?? { view: {} }))) return undefined;
    return named.find((id) => this.#options.runtime.mayExist(id));
  }

  /** To be asked before the walk begins: what is known is then shown. */
  #loading(subscription: Subscription): Loading | undefined {
    const { live } = this.#options.runtime;
    return live.loading(groupsOf(subscription, live));
  }

  #subscribeValues(connection: Connection, subscription: Subscription, interest: Interest): void {
    const loading = this.#loading(subscription);
    const token = this.events.tokenAt(this.#flushedPosition);
    const selection = new Selection(subscription);
    const values = this.values.subscribe({ selection, sub: subscription.sub, outlet: connection, token, loading });
    connection.subscriptions.set(subscription.sub, { interest, values });
  }

  #subscribeEvents(
    connection: Connection,
    subscription: Subscription,
    interest: Interest,
    resume: number | undefined,
  ): void {
    const { runtime, now } = this.#options;
    const loading = this.#loading(subscription);
    const cells = new Selection(subscription);
    const selection = new EventSelection(subscription, runtime.live, connection.identity.permissions);
    // The views of alarms may be behind the newest event by one flush; what they may lack follows as events.
    const position = subscription.topic === 'alarms' ? this.#flushedPosition : this.events.seen;
    const token = this.events.tokenAt(position);
    const sub = JSON.stringify(subscription.sub);
    connection.subscriptions.set(subscription.sub, {
      interest,
      snapshot: new Walk({
        things: cells.cells(runtime.live),
        items: (cell) => alarmItems(cell, cells, selection),
        head: (more) => snapshotHead({ sub, timeMs: now(), token, more, loading }),
        evenIfEmpty: true,
      }),
      events: this.events.subscribe({
        selection,
        sub: subscription.sub,
        outlet: connection,
        from: resume ?? position,
      }),
    });
    connection.pump();
  }

  #beat(): void {
    const { health, now, metrics, runtime } = this.#options;
    const nowMs = now();
    const beat = JSON.stringify(heartbeatOf(health(), nowMs, runtime.live.loading())).slice(1, -1);
    for (const connection of this.#connections) {
      if (!connection.isAlive()) {
        connection.drop();
        continue;
      }
      const { expiresAtMs } = connection.identity;
      if (expiresAtMs !== null && expiresAtMs <= nowMs) connection.end(1008, 'the token has expired');
      else if (!connection.congested) connection.frame(beat);
      metrics.frames(connection.frames);
      connection.frames = 0;
    }
    this.events.pumpAll();
    if (nowMs - this.#checkedAtMs >= WITHDRAWN_CHECK_MS) void this.#checkTokens(nowMs);
  }

  /** Tokens may be revoked by another process, which tells nobody. */
  async #checkTokens(nowMs: number): Promise<void> {
    if (this.#checking || this.#connections.size === 0) return;
    this.#checking = true;
    this.#checkedAtMs = nowMs;
    try {
      const ids = new Set<string>();
      for (const { identity } of this.#connections) ids.add(identity.tokenId);
      const withdrawn = await this.#options.tokens.withdrawn(ids);
      this.#shutOut((tokenId) => withdrawn.has(tokenId));
    } catch (error) {
      this.#options.log.warn({ error }, 'tokens cannot be checked now');
    } finally {
      this.#checking = false;
    }
  }

  #shutOut(withdrawn: (tokenId: string) => boolean): void {
    for (const connection of [...this.#connections]) {
      if (withdrawn(connection.identity.tokenId)) connection.end(1008, 'the token was revoked');
    }
  }
}
