import type { ConnectionDefinition } from '../topology/plant.ts';
import type { ConnectionReport, DriverFactory } from './driver.ts';

/** A connection of the topology file, and what its driver last said of it. */
export interface KnownLink {
  readonly connection: string;
  readonly name: string;
  readonly driver: ConnectionDefinition['driver'];
  readonly report: ConnectionReport | undefined;
}

type Factories = Readonly<Record<ConnectionDefinition['driver'], DriverFactory>>;

/**
 * The links of this node as their drivers report them. The devices on a link carry its report too; but a connection may have
 * no device yet, or none any more, and is a link that can be lost all the same.
 */
export class LinkBoard {
  readonly #connections: readonly ConnectionDefinition[];
  readonly #reports = new Map<string, ConnectionReport>();

  constructor(connections: Iterable<ConnectionDefinition>) {
    this.#connections = [...connections];
  }

  /** The same drivers; what they report is kept here on its way. */
  follow(factories: Factories): Factories {
    const followed = (factory: DriverFactory): DriverFactory => {
      return (definition, host) =>
        factory(definition, {
          ...host,
          report: (report) => {
            this.#reports.set(definition.id, report);
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
    return this.#connections.map(({ id, name, driver }) => ({
      connection: id,
      name,
      driver,
      report: this.#reports.get(id),
    }));
  }
}
