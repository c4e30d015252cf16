import type { DataValue, NotificationMessage } from 'node-opcua-client';
import type { OpcUaConnection } from '../../topology/schema/opcua.ts';
import type { DriverLog, LinkCertificate } from '../driver.ts';
import { backoffMs } from './backoff.ts';
import {
  type CertificateFacts,
  type CertificateStore,
  openCertificateStore,
  trustedChangedAtMs,
} from './certificates.ts';
import { type Channel, closeSession, createSession, openChannel, resumeSession, userOf } from './channel.ts';
import { faultOf, OpcUaFault } from './errors.ts';
import type { Item, Layout } from './layout.ts';
import { loadOpcUa, type OpcUaLibrary } from './library.ts';
import { Publisher } from './publisher.ts';
import {
  type OperationLimits,
  publishPort,
  readNamespaces,
  readOperationLimits,
  readValues,
  SERVER_TIME,
  type ServerCondition,
} from './services.ts';
import type { FieldSession } from './session.ts';
import type { Statistics } from './statistics.ts';
import {
  createSubscription,
  dropItems,
  forgetItems,
  monitorItems,
  resolveItems,
  type Subscription,
  touchSubscription,
  transferSubscription,
} from './subscription.ts';
import { Watchdog } from './watchdog.ts';

export type LinkState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected' }
  /** `waiting` cures itself; `failed` needs a person. Both are tried again. */
  | { readonly kind: 'waiting' | 'failed'; readonly fault: OpcUaFault; readonly nextAttemptAtMs: number };

/** What the link tells its driver. */
export interface LinkListener {
  state(state: LinkState): void;
  /** One message of the subscription, with the server's time when it sent it; resolves once the log has it. */
  message(message: NotificationMessage, sentAtMs: number | null): Promise<void>;
  /** Answers to a read of all values, with the server's time when it read them. */
  values(items: readonly Item[], values: readonly DataValue[], readAtMs: number | null): Promise<void>;
  /** Items the server gives us no values for, with their reason. */
  failedItems(items: readonly Item[]): void;
  condition(condition: ServerCondition): void;
  certificate(certificate: LinkCertificate): void;
}

export interface LinkOptions {
  readonly id: string;
  readonly settings: OpcUaConnection;
  readonly layout: Layout;
  readonly dataDir: string;
  readonly log: DriverLog;
  readonly statistics: Statistics;
  readonly secret: (reference: string) => string;
  /** How soon items that the server refused are asked for again. */
  readonly retryItemsMs?: number;
  readonly listener: LinkListener;
}

/** What outlives a channel. */
interface Held {
  readonly session: FieldSession;
  subscription: Subscription | null;
}

/** Notifications that may wait for the log before the server gets no further publish requests. */
const MAX_WAITING_NOTIFICATIONS = 16;
/** A node that was unknown may appear later, as when a server loads its project. */
const RETRY_FAILED_ITEMS_MS = 30_000;
const WATCH_TRUSTED_MS = 500;

/**
 * The link to one server, as a loop: connect, serve until it breaks, wait, again. After a break the order is that of OPC
 * 10000-4, 6.7: a new secure channel, the same session on it, Republish from the next sequence number; if the server no longer
 * has the session, a new one that takes over the subscription; if that is gone too, a new subscription and a read of all values.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  #layout: Layout;
  #running: Promise<void> | null = null;
  #held: Held | null = null;
  #publisher: Publisher | null = null;
  #limits: OperationLimits | null = null;
  #namespaces: readonly string[] = [];
  #failedItems: readonly Item[] = [];
  #nextRetryAtMs = 0;
  #kickedAtMs = 0;
  #maintaining = false;
  library: OpcUaLibrary | null = null;
  store: CertificateStore | null = null;
  channel: Channel | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#layout = options.layout;
  }

  /** The session while the link is up. */
  get session(): FieldSession | null {
    return this.#publisher === null ? null : (this.#held?.session ?? null);
  }

  get subscription(): Subscription | null {
    return this.#held?.subscription ?? null;
  }

  get limits(): OperationLimits | null {
    return this.#limits;
  }

  get waitingNotifications(): number {
    return this.#publisher?.waiting ?? 0;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Takes changed devices without a new connection: only what changed gets new monitored items. */
  async relayout(layout: Layout): Promise<void> {
    const before = this.#layout;
    this.#layout = layout;
    const { session, subscription } = this;
    if (session === null || subscription === null) return;
    const gone = [...before.items.values()].filter((item) => !layout.items.has(item.handle));
    await dropItems(session, subscription, gone);
    await this.#monitor(session, subscription);
  }

  async #run(): Promise<void> {
    const { settings, statistics, listener, log } = this.#options;
    let attempt = 0;
    while (!this.#stop.signal.aborted) {
      listener.state({ kind: 'connecting' });
      const served = { ok: false };
      const fault = await this.#attempt(served);
      if (this.#stop.signal.aborted) break;
      attempt = served.ok ? 1 : attempt + 1;
      statistics.error(fault.code, fault.message, Date.now());
      log.warn({ connection: this.#options.id, code: fault.code }, fault.message);
      // A refused password tried again and again locks the account: the slowest pace at once.
      const steps = fault.code === 'not_authorized' ? 20 : attempt;
      const delayMs = backoffMs(steps, settings.reconnect, Math.random());
      const nextAttemptAtMs = Date.now() + delayMs;
      listener.state({ kind: fault.retryable ? 'waiting' : 'failed', fault, nextAttemptAtMs });
      await this.#wait(delayMs, fault);
    }
    listener.state({ kind: 'stopped' });
  }

  /** Connects and serves; resolves with what ended it. */
  async #attempt(served: { ok: boolean }): Promise<OpcUaFault> {
    try {
      const { settings, dataDir, log, id } = this.#options;
      this.library = await loadOpcUa(log);
      this.store = await openCertificateStore(this.library, dataDir);
      if (settings.security.policy !== 'None') this.#saw('own', this.store.own);
      const channel = await openChannel({
        library: this.library,
        store: this.store,
        settings,
        clientName: `signalbox-${id}`,
        onServerCertificate: (certificate) => this.#saw('server', certificate),
      });
      this.channel = channel;
      try {
        const fault = await this.#serve(this.library, channel, served);
        if (fault.code === 'opcua_session_lost') this.#held = null;
        if (fault.code === 'stopped' && this.#held !== null) await closeSession(this.#held.session);
        return fault;
      } finally {
        this.#publisher?.stop();
        this.#publisher = null;
        this.channel = null;
        await channel.close();
      }
    } catch (error) {
      return faultOf(error, 'connection_lost');
    }
  }

  #saw(whose: LinkCertificate['whose'], { subject, thumbprint, expiresAtMs }: CertificateFacts): void {
    this.#options.listener.certificate({ whose, subject, thumbprint, expiresAtMs });
  }

  async #serve(library: OpcUaLibrary, channel: Channel, served: { ok: boolean }): Promise<OpcUaFault> {
    const stopped = new Promise<OpcUaFault>((resolve) => {
      const end = (): void => resolve(new OpcUaFault('stopped', 'the driver was stopped'));
      if (this.#stop.signal.aborted) end();
      else this.#stop.signal.addEventListener('abort', end, { once: true });
    });
    const broken = Promise.race([channel.lost, stopped]);
    const early = await Promise.race([broken, this.#enter(library, channel)]);
    if (early instanceof OpcUaFault) return early;
    const watchdog = new Watchdog({
      session: early.session,
      onCondition: (condition, latencyMs) => {
        this.#options.statistics.latency(latencyMs, Date.now());
        this.#options.listener.condition(condition);
      },
      onTick: () => this.#maintain(),
    });
    try {
      served.ok = true;
      this.#options.listener.state({ kind: 'connected' });
      for (;;) {
        const publishing =
          this.#publisher?.ended ?? Promise.resolve(new OpcUaFault('opcua_session_lost', 'no publisher'));
        const fault = await Promise.race([broken, watchdog.silent, publishing]);
        if (fault.code !== 'opcua_subscription_lost') return fault;
        // The session is sound, only its subscription is gone: a new one, without a new connection.
        this.#options.statistics.error(fault.code, fault.message, Date.now());
        early.subscription = null;
        forgetItems(this.#layout);
        const again = await Promise.race([broken, watchdog.silent, this.#subscribe(library, early, false)]);
        if (again instanceof OpcUaFault) return again;
      }
    } finally {
      watchdog.stop();
    }
  }

  /** The session: the held one if the server still has it, else a new one that takes over the subscription. */
  async #enter(library: OpcUaLibrary, channel: Channel): Promise<Held> {
    const { settings, secret, statistics } = this.#options;
    const timeoutMs = settings.connectTimeoutMs;
    let held = this.#held;
    if (held !== null && (await resumeSession(channel, held.session, timeoutMs))) {
      statistics.count('sessionsResumed');
      await this.#subscribe(library, held, true);
      return held;
    }
    const session = await createSession(library, channel, userOf(settings, secret), timeoutMs);
    statistics.count('sessionsCreated');
    const inherited = held?.subscription ?? null;
    held = { session, subscription: null };
    this.#held = held;
    if (inherited !== null && (await transferSubscription(session, inherited))) {
      held.subscription = inherited;
      statistics.count('subscriptionsTransferred');
    } else {
      forgetItems(this.#layout);
    }
    await this.#subscribe(library, held, false);
    return held;
  }

  /** Leaves a publisher running on the held subscription, or on a new one. */
  async #subscribe(library: OpcUaLibrary, held: Held, resumed: boolean): Promise<void> {
    const { settings, statistics } = this.#options;
    const [namespaces, limits] = await Promise.all([readNamespaces(held.session), readOperationLimits(held.session)]);
    this.#limits = limits;
    this.#namespaces = namespaces;
    if (resolveItems(this.#layout, namespaces) && held.subscription !== null) {
      statistics.count('namespacesMoved');
      await dropItems(held.session, held.subscription, [...this.#layout.items.values()]);
    }
    let publisher = held.subscription === null ? null : await this.#republish(library, held, held.subscription);
    let readAll = !resumed;
    if (publisher === null || held.subscription === null) {
      forgetItems(this.#layout);
      held.subscription = await createSubscription(held.session, settings, this.#layout);
      statistics.count('subscriptionsCreated');
      publisher = this.#newPublisher(library, held.session, held.subscription);
      readAll = true;
    }
    await this.#monitor(held.session, held.subscription);
    this.#publisher = publisher;
    publisher.start();
    if (readAll) await this.#readAll(held.session, limits);
  }

  /** Null: the server no longer has the subscription. */
  async #republish(library: OpcUaLibrary, held: Held, subscription: Subscription): Promise<Publisher | null> {
    const publisher = this.#newPublisher(library, held.session, subscription);
    try {
      this.#options.statistics.count('republished', await publisher.republishAll());
      return publisher;
    } catch (error) {
      publisher.stop();
      const fault = faultOf(error);
      if (fault.code !== 'opcua_subscription_lost') throw fault;
      held.subscription = null;
      return null;
    }
  }

  #newPublisher(library: OpcUaLibrary, session: FieldSession, subscription: Subscription): Publisher {
    return new Publisher({
      port: publishPort(session, library),
      state: subscription.state,
      keepAliveMs: subscription.publishingIntervalMs * subscription.keepAliveCount,
      maxWaiting: MAX_WAITING_NOTIFICATIONS,
      deliver: (message, sentAtMs) => this.#options.listener.message(message, sentAtMs),
      onGap: (missing) => this.#gap(session, missing),
    });
  }

  /** Messages are lost for good: at least the newest values are read. */
  #gap(session: FieldSession, missing: number): void {
    const { statistics } = this.#options;
    statistics.count('notificationsLost', missing);
    statistics.error('opcua_notifications_lost', `${missing} notifications are lost`, Date.now());
    if (this.#limits !== null) this.#readAll(session, this.#limits).catch(() => undefined);
  }

  async #monitor(session: FieldSession, subscription: Subscription): Promise<void> {
    if (this.library === null || this.#limits === null) return;
    // Once more, for items of a layout that has changed since.
    resolveItems(this.#layout, this.#namespaces);
    this.#failedItems = await monitorItems(session, this.library, subscription, this.#layout, this.#limits);
    this.#nextRetryAtMs = Date.now() + (this.#options.retryItemsMs ?? RETRY_FAILED_ITEMS_MS);
    if (this.#failedItems.length > 0) this.#options.listener.failedItems(this.#failedItems);
  }

  async #readAll(session: FieldSession, limits: OperationLimits): Promise<void> {
    const items: Item[] = [];
    const nodeIds: string[] = [];
    for (const item of this.#layout.items.values()) {
      // A queued item gets its values in their order by the subscription; a read would put the newest before the others.
      if (item.serverId === null || item.nodeId === null || item.queueSize > 1) continue;
      items.push(item);
      nodeIds.push(item.nodeId);
    }
    nodeIds.push(SERVER_TIME);
    const values = await readValues(session, nodeIds, limits);
    const time: unknown = values[items.length]?.value?.value;
    const readAtMs = time instanceof Date ? time.getTime() : null;
    // Not awaited: a log that is down must not keep the link from coming up.
    this.#options.listener.values(items, values, readAtMs).catch(() => undefined);
  }

  /** Twice a second while connected: keeps a starved subscription alive and tries failed items again. */
  #maintain(): void {
    const { session, subscription } = this;
    if (session === null || subscription === null || this.#maintaining) return;
    const nowMs = Date.now();
    const lifetimeMs = subscription.publishingIntervalMs * subscription.lifetimeCount;
    let work: Promise<unknown> | null = null;
    if (this.#publisher?.starved === true && nowMs - this.#kickedAtMs > lifetimeMs / 4) {
      this.#kickedAtMs = nowMs;
      // Any call that names the subscription restarts its lifetime (OPC 10000-4, 5.14.1.1).
      work = touchSubscription(session, subscription);
    } else if (this.#failedItems.length > 0 && nowMs >= this.#nextRetryAtMs) {
      work = readNamespaces(session).then(async (namespaces) => {
        this.#namespaces = namespaces;
        await this.#monitor(session, subscription);
      });
    }
    if (work === null) return;
    this.#maintaining = true;
    work
      .catch((error: unknown) => this.#options.log.debug({ connection: this.#options.id }, String(error)))
      .finally(() => {
        this.#maintaining = false;
      });
  }

  /** Ends early on stop, and when a person has trusted a certificate in the meantime. */
  async #wait(delayMs: number, fault: OpcUaFault): Promise<void> {
    const { store } = this;
    const trustedAtMs = store === null ? 0 : trustedChangedAtMs(store);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        clearInterval(watch);
        this.#stop.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      const watch = setInterval(() => {
        if (fault.code === 'certificate_rejected' && store !== null && trustedChangedAtMs(store) !== trustedAtMs)
          done();
      }, WATCH_TRUSTED_MS);
      this.#stop.signal.addEventListener('abort', done, { once: true });
      if (this.#stop.signal.aborted) done();
    });
  }
}
