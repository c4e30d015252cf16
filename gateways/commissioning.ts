import { entityId } from '../runtime/ids.ts';
import type { LiveBus, LiveCell } from '../runtime/live-bus.ts';
import type { ConnectionDefinition } from '../topology/plant.ts';
import type { Driver, DriverLog } from './driver.ts';

/**
 * Which devices of a connection are in service: as the topology file says, and as somebody has ordered since. Its driver is
 * given a definition that says so, one change after the other, so that it collects no longer from a device that is out of use.
 */
export class Commissioning {
  readonly #log: DriverLog;
  readonly #connections = new Map<string, Served>();
  readonly #byDevice = new Map<string, Served>();
  readonly #unsubscribe: () => void;

  constructor(live: LiveBus, connections: Iterable<ConnectionDefinition>, log: DriverLog) {
    this.#log = log;
    for (const definition of connections) {
      const out = new Set(definition.devices.filter((device) => device.decommissioned).map(({ id }) => id));
      const served: Served = { definition, out, driver: null, running: null, wanted: null };
      this.#connections.set(definition.id, served);
      for (const { id } of definition.devices) {
        const entity = entityId('device', id);
        this.#byDevice.set(entity, served);
        if (isOutOfUse(live, entity)) out.add(id);
      }
    }
    this.#unsubscribe = live.onFlush((changed) => this.#see(changed));
  }

  /** The definition with every device as it is now. */
  definition(connection: string): ConnectionDefinition | undefined {
    const served = this.#connections.get(connection);
    return served && effective(served);
  }

  /** From now on the driver is told of changes; null: there is none here. */
  attach(connection: string, driver: Driver | null): void {
    const served = this.#connections.get(connection);
    if (served) served.driver = driver;
  }

  /** Resolves when no driver is being told of a change any more. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all([...this.#connections.values()].map(({ running }) => running));
  }

  /** By what the devices show: that holds for an order before the start as well, whose device is live only later. */
  #see(changed: readonly LiveCell[]): void {
    for (const { id, kind, view } of changed) {
      if (kind !== 'device') continue;
      const decommissioned = view.props?.decommissioned;
      const served = this.#byDevice.get(id);
      if (served === undefined || typeof decommissioned !== 'boolean') continue;
      const device = id.slice('device/'.length);
      if (served.out.has(device) === decommissioned) continue;
      if (decommissioned) served.out.add(device);
      else served.out.delete(device);
      served.wanted = effective(served);
      served.running ??= this.#bring(served);
    }
  }

  async #bring(served: Served): Promise<void> {
    while (served.wanted !== null) {
      const definition = served.wanted;
      served.wanted = null;
      try {
        await served.driver?.reconfigure(definition);
      } catch (error) {
        this.#log.error({ connection: definition.id, error }, 'the driver could not take the change of a device');
      }
    }
    served.running = null;
  }
}

interface Served {
  readonly definition: ConnectionDefinition;
  /** Devices out of use, by the file or by an order. */
  readonly out: Set<string>;
  driver: Driver | null;
  running: Promise<void> | null;
  /** What the driver has to be told next; only the newest counts. */
  wanted: ConnectionDefinition | null;
}

function effective({ definition, out }: Served): ConnectionDefinition {
  if (out.size === 0) return definition;
  // The others stay the same objects: a driver leaves them alone.
  const devices = definition.devices.map((device) =>
    out.has(device.id) ? { ...device, decommissioned: true } : device,
  );
  return { ...definition, devices };
}

function isOutOfUse(live: LiveBus, id: Parameters<LiveBus['cell']>[0]): boolean {
  return live.cell(id)?.view.props?.decommissioned === true;
}
