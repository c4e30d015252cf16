import type { ConnectionDefinition } from '../topology/plant.ts';
import type { ConnectionReport, DriverFactory } from './driver.ts';
import { endpointOf } from './endpoint.ts';

/** A connection of the topology file, and what its driver last said of it. */
export interface KnownLink {
  readonly connection: string;
  readonly name: string;
  readonly driver: ConnectionDefinition['driver'];
  /** Where it leads to, without secrets. */
  readonly endpoint: string;
  /** Site of its first device. */
  readonly site: string | null;
  readonly report: ConnectionReport | undefined;
  /** Since when it is in the state of the report. */
  readonly sinceMs: number | undefined;
}

type Factories = Readonly<Record<ConnectionDefinition['driver'], DriverFactory>>;

/**
 * The links of this node as their drivers report them. The devices on a link carry its report too; but a connection may have
 * no device yet, or none any more, and is a link that can be lost all the same.
 */
export class LinkBoard {
  readonly #connections: readonly ConnectionDefinition[];
  readonly #elsewhere: (definition: ConnectionDefinition) => ConnectionReport | undefined;
  readonly #reports = new Map<string, { readonly report: ConnectionReport; readonly sinceMs: number }>();
  readonly #now: () => number;

  /** @param elsewhere what another node says of a connection that it drives; undefined for one that is driven here */
  constructor(
    connections: Iterable<ConnectionDefinition>,
    now: () => number = Date.now,
    elsewhere: (definition: ConnectionDefinition) => ConnectionReport | undefined = () => undefined,
  ) {
    this.#connections = [...connections];
    this.#elsewhere = elsewhere;
    this.#now = now;
  }

  /** The same drivers; what they report is kept here on its way. */
  follow(factories: Factories): Factories {
    const followed = (factory: DriverFactory): DriverFactory => {
      return (definition, host) =>
        factory(definition, {
          ...host,
          report: (report) => {
            this.#keep(definition.id, report);
            host.report(report);
          },
        });
    };
    return {
      modbus: followed(factories.modbus),
      opcua: followed(factories.opcua),
      mqtt: followed(factories.mqtt),
    };
  }

  read(): KnownLink[] {
    return this.#connections.map((definition) => {
      const { id, name, driver, devices } = definition;
      const site = devices[0]?.site ?? null;
      const told = this.#elsewhere(definition);
      if (told !== undefined) this.#keep(id, told);
      const { report, sinceMs } = this.#reports.get(id) ?? {};
      return { connection: id, name, driver, endpoint: endpointOf(definition), site, report, sinceMs };
    });
  }

  /** The attempts of one outage are one state: a link that waits and tries again has been lost all the while. */
  #keep(connection: string, report: ConnectionReport): void {
    const before = this.#reports.get(connection);
    const goesOn = before !== undefined && phaseOf(before.report) === phaseOf(report);
    this.#reports.set(connection, { report, sinceMs: goesOn ? before.sinceMs : this.#now() });
  }
}

function phaseOf({ state, lastError }: ConnectionReport): string {
  return state === 'waiting' || (state === 'connecting' && lastError !== undefined) ? 'lost' : state;
}
