import { Transporters } from 'moleculer';
import type { ConnectionOptions, NatsConnection } from 'nats';
import type { LinkState } from '../link.ts';
import '../nats/given-up.ts';

export interface NatsTransporterOptions {
  /** Where the servers are and what lets us in, as the client of NATS takes it. */
  readonly access: ConnectionOptions;
  readonly changed: (state: LinkState) => void;
}

/**
 * Moleculer's NATS transporter, with the client's own word on whether it is connected: the transit goes on saying that it is
 * while the server is gone, and what is published meanwhile is lost without an error.
 */
export class NatsTransporter extends Transporters.NATS {
  readonly #changed: (state: LinkState) => void;

  constructor({ access, changed }: NatsTransporterOptions) {
    super({
      ...access,
      timeout: 2000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      pingInterval: 2000,
      maxPingOut: 2,
      noEcho: false,
    });
    this.#changed = changed;
  }

  override async connect(): Promise<void> {
    await super.connect();
    const client: unknown = Reflect.get(this, 'client');
    if (isConnection(client)) void this.#watch(client);
  }

  async #watch(client: NatsConnection): Promise<void> {
    this.#tell(true, 'connected');
    for await (const { type } of client.status()) {
      if (type === 'disconnect' || type === 'staleConnection') this.#tell(false, 'NATS does not answer');
      else if (type === 'reconnect') this.#tell(true, 'connected');
    }
    this.#tell(false, 'the connection to NATS is closed');
  }

  #tell(connected: boolean, detail: string): void {
    this.#changed({ connected, detail, sinceMs: Date.now() });
  }
}

function isConnection(client: unknown): client is NatsConnection {
  return typeof client === 'object' && client !== null && 'status' in client && 'publish' in client;
}
