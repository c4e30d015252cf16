import { join } from 'node:path';
import type { Frame } from '../actors/frame.ts';
import type { Outlet } from '../runtime/effects.ts';
import { ErrorWithCode } from '../runtime/errors.ts';
import { entityId } from '../runtime/ids.ts';
import type { Json } from '../runtime/json.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ConnectionDefinition } from '../topology/plant.ts';
import { Commissioning } from './commissioning.ts';
import { DeviceWrites } from './device-writes.ts';
import type { Driver, DriverFactory, DriverHost, DriverLog } from './driver.ts';
import { LinkLoss } from './link-loss.ts';
import { underWrongClock } from './own-time.ts';
import { Reports } from './reports.ts';
import { WriteFence } from './write-fence.ts';

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

/** The field side: one driver a connection, each on its own, and the way back for writes. */
export class Field {
  readonly #options: FieldOptions;
  readonly #drivers = new Map<string, Driver>();
  readonly #driverOf = new Map<string, Driver>();
  readonly #writeFence: WriteFence;
  readonly #writes: DeviceWrites;
  #commissioning: Commissioning | null = null;
  readonly #reports: Reports;
  #stopping = false;

  constructor(options: FieldOptions) {
    this.#options = options;
    this.#reports = new Reports(options.runtime);
    this.#writeFence = new WriteFence(join(options.dataDir, 'write-epochs.json'), options.log);
    const { runtime, log } = options;
    this.#writes = new DeviceWrites({ runtime, driverOf: (device) => this.#driverOf.get(device), log });
  }

  /** The way of writes to the field, for the effects that ask for them. */
  get write(): Outlet {
    return this.#writes.write;
  }

  start(): void {
    const { runtime, factories, log } = this.#options;
    const connections = [...this.#options.connections];
    const commissioning = new Commissioning(runtime.live, connections, log);
    this.#commissioning = commissioning;
    for (const written of connections) {
      const definition = commissioning.definition(written.id) ?? written;
      const driver = factories[definition.driver](definition, this.#hostOf(definition));
      commissioning.attach(definition.id, driver);
      this.#drivers.set(definition.id, driver);
      for (const device of definition.devices) this.#driverOf.set(device.id, driver);
      driver.start();
    }
    this.#writes.open();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#commissioning?.stop();
    await Promise.allSettled([...this.#drivers.values()].map((driver) => driver.stop()));
  }

  #hostOf(definition: ConnectionDefinition): DriverHost {
    const { runtime, secret, dataDir, clockOffByMs, log } = this.#options;
    const connection = entityId('connection', definition.id);
    const node = entityId('node', this.#options.node);
    const loss = new LinkLoss(definition, (to, command) => void this.#reports.tell(to, command));
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
          ? runtime.ingest(id, offByMs === null ? frame : underWrongClock(frame, offByMs))
          : Promise.reject(new ErrorWithCode('UNKNOWN_DEVICE', `${device} is not on ${definition.id}`));
      },
      connectivity: (device, connectivity) => {
        // What ends with us is not lost: after the next start it is what the driver finds then.
        if (!this.#stopping) loss.connectivity(device, connectivity);
      },
      certificate: (certificate) =>
        void this.#reports.tell(certificate.whose === 'own' ? node : connection, {
          kind: 'ReportCertificate',
          ...certificate,
        }),
      report: (report) => {
        loss.report(report);
        for (const id of known.values()) runtime.note(id, report as unknown as Json);
      },
      deadLetter: ({ source, code, reason, body }) =>
        runtime.deadLetter({ timeMs: Date.now(), stream: 'invalid_telemetry', source, code, reason, body }),
    };
  }
}
