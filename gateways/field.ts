import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Frame } from '../actors/frame.ts';
import type { Outlet } from '../runtime/effects.ts';
import { ErrorWithCode, messageOf } from '../runtime/errors.ts';
import { entityId } from '../runtime/ids.ts';
import type { Json } from '../runtime/json.ts';
import type { LiveCell } from '../runtime/live-bus.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ConnectionDefinition } from '../topology/plant.ts';
import { Commissioning } from './commissioning.ts';
import { DeviceWrites } from './device-writes.ts';
import type { Driver, DriverFactory, DriverHost, DriverLog } from './driver.ts';
import { LinkLoss } from './link-loss.ts';
import { LinkNews } from './link-news.ts';
import { LogWatch } from './log-watch.ts';
import { underWrongClock } from './own-time.ts';
import { Reports } from './reports.ts';
import { WriteFence } from './write-fence.ts';

const MIN_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5000;

export interface FieldOptions {
  readonly runtime: Runtime;
  readonly connections: Iterable<ConnectionDefinition>;
  readonly factories: Readonly<Record<ConnectionDefinition['driver'], DriverFactory>>;
  readonly secret: (reference: string) => string;
  readonly dataDir: string;
  /** Name of the node: what all links depend on is told to it. */
  readonly node: string;
  /** What has to be added to the clock of this machine where it is known to be off; else null. */
  readonly clockOffByMs: () => number | null;
  readonly log: DriverLog;
}

/**
 * The field side: one driver a connection, each on its own, and the way back for writes. A driver runs where the actor of its
 * connection lives, and so do its devices: when that goes to another node, the driver here ends and one begins there.
 */
export class Field {
  readonly #options: FieldOptions;
  readonly #drivers = new Map<string, Driver>();
  readonly #driverOf = new Map<string, Driver>();
  readonly #writeFence: WriteFence;
  readonly #writes: DeviceWrites;
  readonly #connections: readonly ConnectionDefinition[];
  #commissioning: Commissioning | null = null;
  readonly #reports: Reports;
  readonly #log: LogWatch;
  /** Drivers that are on their way out; their connections begin anew only after it. */
  readonly #ending = new Map<string, Promise<void>>();
  #unsubscribe: () => void = () => undefined;
  #stopping = false;

  constructor(options: FieldOptions) {
    this.#options = options;
    this.#connections = [...options.connections];
    this.#reports = new Reports(options.runtime);
    this.#log = new LogWatch({
      refusal: () => refusalOf(options.runtime),
      told: (awaySinceMs) => this.#tellOfLog(awaySinceMs),
    });
    this.#writeFence = new WriteFence(join(options.dataDir, 'write-epochs.json'), options.log);
    const { runtime, log } = options;
    this.#writes = new DeviceWrites({ runtime, driverOf: (device) => this.#driverOf.get(device), log });
  }

  /** The way of writes to the field, for the effects that ask for them. */
  get write(): Outlet {
    return this.#writes.write;
  }

  start(): void {
    const { runtime, log } = this.#options;
    this.#commissioning = new Commissioning(runtime.live, this.#connections, log);
    this.#unsubscribe = runtime.onMoved(() => this.#look());
    this.#log.start();
    void this.#look();
    void this.#openWrites();
  }

  /** Writes wait until it is known whose epochs those are that were kept. */
  async #openWrites(): Promise<void> {
    const { runtime, log } = this.#options;
    for (let pauseMs = MIN_PAUSE_MS; !this.#stopping; pauseMs = Math.min(MAX_PAUSE_MS, 2 * pauseMs)) {
      try {
        await this.#writeFence.follow(runtime.journal);
        this.#writes.open();
        return;
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'writes wait for the journal');
        await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { ref: false });
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#log.stop();
    this.#unsubscribe();
    await this.#commissioning?.stop();
    for (const id of this.#drivers.keys()) this.#end(id);
    await Promise.allSettled(this.#ending.values());
  }

  /** Begins what lives here by now; resolves when what does no more has ended. */
  async #look(): Promise<void> {
    const ending: Promise<void>[] = [];
    for (const written of this.#connections) {
      const isHere = this.#options.runtime.isHere(entityId('connection', written.id));
      if (isHere && !this.#drivers.has(written.id) && !this.#ending.has(written.id)) this.#begin(written);
      if (!isHere && this.#drivers.has(written.id)) ending.push(this.#end(written.id));
    }
    await Promise.all(ending);
  }

  #begin(written: ConnectionDefinition): void {
    const { factories } = this.#options;
    const definition = this.#commissioning?.definition(written.id) ?? written;
    const driver = factories[definition.driver](definition, this.#hostOf(definition));
    this.#commissioning?.attach(definition.id, driver);
    this.#drivers.set(definition.id, driver);
    for (const device of definition.devices) this.#driverOf.set(device.id, driver);
    driver.start();
  }

  /** The devices that are driven here, since that none of them is heard has this cause then. */
  #tellOfLog(awaySinceMs: number | null): void {
    const note = { kind: 'log', awaySinceMs };
    for (const device of this.#driverOf.keys()) this.#options.runtime.note(entityId('device', device), note);
  }

  #end(id: string): Promise<void> {
    const driver = this.#drivers.get(id);
    this.#drivers.delete(id);
    this.#commissioning?.attach(id, null);
    for (const [device, of] of this.#driverOf) if (of === driver) this.#driverOf.delete(device);
    const ended = Promise.resolve(driver?.stop())
      .catch((error: unknown) =>
        this.#options.log.error({ connection: id, error: String(error) }, 'a driver did not end'),
      )
      .then(() => {
        this.#ending.delete(id);
        // It may have come back meanwhile.
        if (!this.#stopping) void this.#look();
      });
    this.#ending.set(id, ended);
    return ended;
  }

  #hostOf(definition: ConnectionDefinition): DriverHost {
    const { runtime, secret, dataDir, clockOffByMs, log } = this.#options;
    const connection = entityId('connection', definition.id);
    const node = entityId('node', this.#options.node);
    const loss = new LinkLoss(
      definition,
      (to, command) => void this.#reports.tell(to, command),
      (device) => mayBeCovered(runtime.live.cell(device)),
    );
    const news = new LinkNews((report) => {
      for (const id of known.values()) runtime.note(id, report);
    });
    const known = new Map(definition.devices.map((device) => [device.id, entityId('device', device.id)]));
    return {
      dataDir,
      writeFence: this.#writeFence,
      secret,
      log,
      ingest: (device: string, frame: Frame) => {
        const id = known.get(device);
        const offByMs = clockOffByMs();
        return id
          ? this.#log.track(runtime.ingest(id, offByMs === null ? frame : underWrongClock(frame, offByMs)))
          : Promise.reject(new ErrorWithCode('UNKNOWN_DEVICE', `${device} is not on ${definition.id}`));
      },
      connectivity: (device, connectivity) => {
        // What ends with us is not lost: whoever drives it next says what it finds.
        if (this.#drivers.has(definition.id)) loss.connectivity(device, connectivity);
      },
      certificate: (certificate) =>
        void this.#reports.tell(certificate.whose === 'own' ? node : connection, {
          kind: 'ReportCertificate',
          ...certificate,
        }),
      report: (report) => {
        loss.report(report);
        news.take(report as unknown as Json);
      },
      deadLetter: ({ source, code, reason, body }) =>
        runtime.deadLetter({ timeMs: Date.now(), stream: 'invalid_telemetry', source, code, reason, body }),
    };
  }
}

function refusalOf(runtime: Pick<Runtime, 'health'>): string | undefined {
  return runtime.health().parts.find(({ name, status }) => name === 'log' && status === 'unhealthy')?.detail;
}

/** Reasons of a device that was not heard yet, or of one whose driver has begun: no alarm of a link stands for its own then. */
const FROM_THE_START: readonly unknown[] = ['not_heard_yet', 'connecting'];

/** A device that is heard has no alarm that another one could stand for. One that is being built shows nothing, or its copy. */
function mayBeCovered(shown: LiveCell | undefined): boolean | undefined {
  if (shown === undefined || shown.mirrored) return undefined;
  const { connectivity, connectivityReason } = shown.view.props ?? {};
  return connectivity !== 'online' && !FROM_THE_START.includes(connectivityReason);
}
