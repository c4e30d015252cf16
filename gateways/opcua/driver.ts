import type {
  DataValue,
  MonitoredItemNotification,
  NotificationMessage,
  StatusChangeNotification,
} from 'node-opcua-client';
import type { ConnectionDefinition, DeviceDefinition } from '../../topology/plant.ts';
import type { OpcUaConnection } from '../../topology/schema/opcua.ts';
import type {
  Connectivity,
  Driver,
  DriverFactory,
  DriverHost,
  LinkCertificate,
  WriteOutcome,
  WriteRequest,
} from '../driver.ts';
import { instantNow } from '../write-fence.ts';
import { type BrowseOptions, type BrowseOutcome, browsePage } from './browse.ts';
import { OpcUaFault } from './errors.ts';
import { type Change, type DeviceFrame, FrameAssembler } from './frames.ts';
import { Intake } from './intake.ts';
import { buildLayout, type Item, type Layout, type Sample } from './layout.ts';
import { Link, type LinkListener, type LinkOptions, type LinkState } from './link.ts';
import { connectionReport } from './report.ts';
import { failedSample, isRepetition, sampleOf } from './samples.ts';
import type { ServerCondition } from './services.ts';
import { Statistics } from './statistics.ts';
import { meaningOfStatus } from './status.ts';
import { Writes, type WriteTarget } from './writes.ts';

const DRAIN_TIMEOUT_MS = 1000;
const REPORT_INTERVAL_MS = 1000;

/** An OPC UA server and the devices behind it. Its settings are `OpcUaConnection`; links, sessions and frames live in the files beside. */
export const opcuaDriver: DriverFactory = (definition, host) => new OpcUaDriver(definition, host);

export class OpcUaDriver implements Driver, LinkListener {
  readonly #host: DriverHost;
  readonly #timing: Pick<LinkOptions, 'retryItemsMs'>;
  readonly #statistics = new Statistics();
  readonly #intake: Intake;
  readonly #writes: Writes;
  #definition: ConnectionDefinition;
  #settings: OpcUaConnection;
  #layout: Layout;
  #assembler: FrameAssembler;
  #link: Link;
  #state: LinkState = { kind: 'stopped' };
  #condition: ServerCondition | null = null;
  /** Devices already told to be online in this connection. */
  readonly #online = new Set<string>();
  #nextReportAtMs = 0;

  /** @param timing other than that of the product, for tests */
  constructor(definition: ConnectionDefinition, host: DriverHost, timing: Pick<LinkOptions, 'retryItemsMs'> = {}) {
    this.#definition = definition;
    this.#host = host;
    this.#timing = timing;
    this.#settings = opcuaSettings(definition);
    this.#layout = buildLayout(definition.devices, null);
    this.#assembler = new FrameAssembler(this.#layout);
    this.#intake = new Intake(host);
    this.#link = this.#newLink();
    this.#writes = new Writes({
      definition: (device) => this.#device(device),
      target: (device, point) => this.#writeTarget(device, point),
      nodeId: (text) => {
        if (this.#link.library === null) throw new OpcUaFault('connection_lost', 'not connected');
        return this.#link.library.client.coerceNodeId(text);
      },
      fence: host.writeFence,
      now: instantNow,
    });
  }

  start(): void {
    this.#link.start();
  }

  async stop(): Promise<void> {
    await Promise.race([this.#writes.drain(), pause(DRAIN_TIMEOUT_MS)]);
    await Promise.race([this.#link.stop(), pause(DRAIN_TIMEOUT_MS)]);
    this.#intake.stop();
  }

  async reconfigure(definition: ConnectionDefinition): Promise<void> {
    const settings = opcuaSettings(definition);
    const sameLink = JSON.stringify(settings) === JSON.stringify(this.#settings);
    const before = this.#layout;
    this.#definition = definition;
    this.#settings = settings;
    this.#layout = buildLayout(definition.devices, sameLink ? before : null);
    this.#assembler = new FrameAssembler(this.#layout);
    for (const device of before.devices.keys()) {
      if (!this.#layout.devices.has(device)) this.#connectivity(device, { state: 'unknown', reason: 'removed' });
    }
    if (sameLink) {
      await this.#link.relayout(this.#layout);
    } else {
      await this.#link.stop();
      this.#online.clear();
      this.#link = this.#newLink();
      this.#link.start();
    }
    this.state(this.#state);
  }

  write(request: WriteRequest): Promise<WriteOutcome> {
    return this.#writes.write(request);
  }

  /** One page of the server's address space, for the tools that help to write a topology file. */
  async browse(nodeId: string, options: BrowseOptions): Promise<BrowseOutcome> {
    const { session } = this.#link;
    if (session === null) return { code: 'not_connected', message: 'the server is not connected' };
    try {
      return await browsePage(session, nodeId, options);
    } catch (error) {
      return { code: 'opcua_browse_failed', message: error instanceof Error ? error.message : String(error) };
    }
  }

  state(state: LinkState): void {
    this.#state = state;
    if (state.kind !== 'connected') this.#condition = null;
    if (state.kind === 'waiting' || state.kind === 'failed') this.#lost(state.fault);
    this.#report();
  }

  condition(condition: ServerCondition): void {
    const changed = condition.state !== this.#condition?.state;
    this.#condition = condition;
    if (changed || Date.now() >= this.#nextReportAtMs) this.#report();
  }

  certificate(certificate: LinkCertificate): void {
    this.#host.certificate(certificate);
  }

  async message(message: NotificationMessage, sentAtMs: number | null): Promise<void> {
    const nowMs = Date.now();
    const changes: Change[] = [];
    const library = this.#link.library?.client;
    for (const data of message.notificationData ?? []) {
      if (library === undefined) break;
      if (data instanceof library.DataChangeNotification) this.#collect(data.monitoredItems, changes);
      else if (data instanceof library.StatusChangeNotification && !isTransfer(data))
        throw new OpcUaFault('opcua_subscription_lost', `the server ended the subscription: ${data.status.name}`);
    }
    await this.#deliver(changes, sentAtMs ?? nowMs, nowMs);
  }

  async values(items: readonly Item[], values: readonly DataValue[], readAtMs: number | null): Promise<void> {
    const nowMs = Date.now();
    const changes: Change[] = [];
    for (const [i, item] of items.entries()) {
      const value = values[i];
      if (value !== undefined) this.#add(item, value, changes);
    }
    await this.#deliver(changes, readAtMs ?? nowMs, nowMs);
  }

  failedItems(items: readonly Item[]): void {
    const nowMs = Date.now();
    const changes: Change[] = [];
    const lines: string[] = [];
    for (const item of items) {
      const sample = failedSample(item, nowMs);
      // Said once, not at every new try.
      if (item.last !== null && item.last.quality === 'BAD' && item.last.reason === sample.reason) continue;
      changes.push({ item, sample });
      lines.push(`${item.device}.${item.point}: ${sample.reason} (${item.nodeText})`);
    }
    for (const line of lines) this.#statistics.error('opcua_item_not_monitored', line, nowMs);
    if (lines.length > 0) this.#host.log.warn({ connection: this.#definition.id }, lines.slice(0, 10).join('; '));
    this.#deliver(changes, nowMs, nowMs).catch(() => undefined);
    for (const { definition, items: own } of this.#layout.devices.values()) {
      if (own.length > 0 && own.every((item) => item.serverId === null)) {
        const detail = `${own[0]?.nodeText ?? ''}: ${own[0]?.failure ?? ''}`;
        this.#connectivity(definition.id, { state: 'offline', reason: 'opcua_no_valid_nodes', detail });
      }
    }
  }

  #collect(notifications: readonly (MonitoredItemNotification | null)[] | null | undefined, changes: Change[]): void {
    for (const notification of notifications ?? []) {
      if (notification === null) continue;
      const item = this.#layout.items.get(notification.clientHandle);
      if (item !== undefined) this.#add(item, notification.value, changes);
    }
  }

  #add(item: Item, value: DataValue, changes: Change[]): void {
    const sample = sampleOf(item, value);
    if (isRepetition(lastOf(item, changes), sample)) return;
    if (meaningOfStatus(sample.statusCode, '').overflow) this.#statistics.count('overflows');
    changes.push({ item, sample });
  }

  async #deliver(changes: readonly Change[], asOfMs: number, nowMs: number): Promise<void> {
    const slackMs = (this.#link.subscription?.publishingIntervalMs ?? this.#settings.publishingIntervalMs) / 2;
    // With frames waiting, repeating what did not change would only add to them.
    if (changes.length === 0 && this.#intake.pending > 0) return;
    const frames = this.#assembler.assemble(changes, asOfMs, nowMs, slackMs);
    this.#heard(frames, nowMs);
    await this.#intake.offer(frames);
  }

  /** Any message of the subscription, a keep-alive too, speaks for all devices with a monitored item that has had a value. */
  #heard(frames: readonly DeviceFrame[], nowMs: number): void {
    let readings = 0;
    for (const { frame } of frames) readings += frame.points.length;
    this.#statistics.readings(readings, nowMs);
    if (this.#online.size === this.#layout.devices.size) return;
    for (const [device, { items }] of this.#layout.devices) {
      if (this.#online.has(device) || !items.some((item) => item.serverId !== null && item.last !== null)) continue;
      this.#online.add(device);
      this.#connectivity(device, { state: 'online', reason: 'connected' });
    }
  }

  #lost(fault: OpcUaFault): void {
    this.#online.clear();
    for (const device of this.#layout.devices.keys())
      this.#connectivity(device, {
        state: 'offline',
        reason: fault.code,
        detail: fault.message.slice(0, 500),
        ofLink: true,
      });
  }

  #connectivity(device: string, connectivity: Connectivity): void {
    this.#host.connectivity(device, connectivity);
  }

  #report(): void {
    const nowMs = Date.now();
    this.#nextReportAtMs = nowMs + REPORT_INTERVAL_MS;
    const { policy, mode } = this.#settings.security;
    this.#host.report(
      connectionReport({
        link: this.#link,
        state: this.#state,
        condition: this.#condition,
        layout: this.#layout,
        statistics: this.#statistics,
        queueDepth: this.#intake.pending + this.#writes.waiting,
        warningDays: this.#settings.certificateWarningDays,
        security: policy === 'None' ? 'None' : `${policy}, ${mode}`,
        nowMs,
      }),
    );
  }

  #newLink(): Link {
    return new Link({
      id: this.#definition.id,
      settings: this.#settings,
      layout: this.#layout,
      dataDir: this.#host.dataDir,
      log: this.#host.log,
      statistics: this.#statistics,
      secret: (reference) => this.#host.secret(reference),
      ...this.#timing,
      listener: this,
    });
  }

  #device(id: string): DeviceDefinition | undefined {
    return this.#layout.devices.get(id)?.definition;
  }

  #writeTarget(device: string, point: string): WriteTarget | null {
    const { session } = this.#link;
    const item = this.#layout.devices.get(device)?.items.find((candidate) => candidate.point === point);
    if (session === null || item === undefined || item.nodeId === null) return null;
    return { session, item, nodeId: item.nodeId };
  }
}

/** What came before for this item: a queue brings several values at once. */
function lastOf(item: Item, changes: readonly Change[]): Sample | null {
  const newest = changes[changes.length - 1];
  return item.queueSize > 1 && newest?.item === item ? newest.sample : item.last;
}

/**
 * Meant for the session that had the subscription before (OPC 10000-4, 5.14.7), but some servers put it into the queue of the
 * subscription, where its new session finds it. Were it another client that took ours, publishing would end by itself.
 */
function isTransfer({ status }: StatusChangeNotification): boolean {
  return status.name === 'GoodSubscriptionTransferred';
}

function opcuaSettings(definition: ConnectionDefinition): OpcUaConnection {
  if (definition.settings.driver !== 'opcua')
    throw new OpcUaFault('bad_settings', `connection ${definition.id} is not an opcua connection`);
  return definition.settings;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
