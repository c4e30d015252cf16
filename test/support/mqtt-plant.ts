import type { Frame } from '../../actors/frame.ts';
import type { ConnectionReport, Connectivity, DriverHost } from '../../gateways/driver.ts';
import type { ConnectionDefinition, DeviceDefinition } from '../../topology/plant.ts';
import { Point } from '../../topology/schema/device.ts';
import { MqttConnection } from '../../topology/schema/mqtt.ts';

/** An MQTT connection with devices, as the topology file would give it. */
export function mqttConnection(settings: object, devices: readonly DeviceDefinition[]): ConnectionDefinition {
  return {
    id: 'broker',
    name: 'Broker',
    organization: 'acme',
    driver: 'mqtt',
    settings: MqttConnection.parse({
      id: 'broker',
      driver: 'mqtt',
      topics: [{ topic: 'sensors/{device}/data' }],
      ...settings,
    }),
    devices,
  };
}

export function mqttDevice(
  id: string,
  points: readonly object[],
  more: Partial<DeviceDefinition> = {},
): DeviceDefinition {
  return {
    id,
    name: id,
    site: 'north',
    siteName: 'North',
    timeZone: 'UTC',
    connection: 'broker',
    driver: 'mqtt',
    profile: null,
    decommissioned: false,
    expectedIntervalMs: 1000,
    offlineAfterMs: 3000,
    points: points.map((point) => ({ ...Point.parse(point), staleAfterMs: 2000 })),
    attributes: {},
    linkedAssets: [],
    ...more,
  };
}

/** A host that remembers what the driver told it. `log` decides what becomes of a frame. */
export class RecordingHost implements DriverHost {
  readonly frames: { readonly device: string; readonly frame: Frame }[] = [];
  readonly connectivities: { readonly device: string; readonly connectivity: Connectivity }[] = [];
  readonly letters: Parameters<DriverHost['deadLetter']>[0][] = [];
  newestReport: ConnectionReport | undefined;
  store: (device: string, frame: Frame) => Promise<void> = () => Promise.resolve();
  readonly dataDir: string;
  readonly secrets: Readonly<Record<string, string>>;

  constructor(dataDir = '/nonexistent', secrets: Readonly<Record<string, string>> = {}) {
    this.dataDir = dataDir;
    this.secrets = secrets;
  }

  ingest(device: string, frame: Frame): Promise<void> {
    this.frames.push({ device, frame });
    return this.store(device, frame);
  }

  connectivity(device: string, connectivity: Connectivity): void {
    this.connectivities.push({ device, connectivity });
  }

  report(report: ConnectionReport): void {
    this.newestReport = report;
  }

  deadLetter(letter: Parameters<DriverHost['deadLetter']>[0]): void {
    this.letters.push(letter);
  }

  certificate(): void {}

  secret(reference: string): string {
    const found = this.secrets[reference];
    if (found === undefined) throw new Error(`no secret ${reference}`);
    return found;
  }

  readonly writeFence = { refusal: () => null };
  readonly log = { debug() {}, info() {}, warn() {}, error() {} };

  /** All values of a point, in the order of their arrival. */
  values(point: string): unknown[] {
    return this.frames.flatMap(({ frame }) => {
      const index = frame.points.indexOf(point);
      return index < 0 ? [] : [frame.values[index]];
    });
  }

  stateOf(device: string): string | undefined {
    const last = this.connectivities.findLast((each) => each.device === device)?.connectivity;
    return last && `${last.state} ${last.reason}`;
  }
}
