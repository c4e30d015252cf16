import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import { guardSocket, type TooLong } from './packet-guard.ts';

export interface EmbeddedBrokerOptions {
  /** Loopback, unless clients have to give a password. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Asked of every client when given. */
  readonly user?: string;
  readonly password?: string;
  /** A publication with more is refused before it is read, and its sender disconnected. */
  readonly maxPayloadBytes: number;
  readonly onTooLong: (found: TooLong, from: string) => void;
  /** Publications taken and not yet stored; further publishers wait. */
  readonly maxInFlight: number;
  /** Topics whose last message may be retained: few and known, since they are kept in memory. */
  readonly mayRetain: (topic: string) => boolean;
  /**
   * Called for every publication, last wills included, before it is acknowledged. The PUBACK leaves when the promise resolves;
   * when it rejects, the publisher is disconnected without one and publishes again. Null: nothing to wait for.
   */
  readonly take: (topic: string, payload: Buffer, client: string | null) => Promise<void> | null;
  /** A client is there, or has left, whether it said so or not; of two with one id the newer counts. */
  readonly onClient: (client: string, isThere: boolean) => void;
}

export interface EmbeddedBroker {
  readonly port: number;
  readonly url: string;
  readonly inFlight: number;
  readonly clients: number;
  close(): Promise<void>;
}

/** Topic, packet id and the like, beside the payload. What fits by that but has too long a payload is refused by the intake. */
const HEADER_BYTES = 1024;
const MAX_CLIENTS = 1000;
const CLIENT_QUEUE = 100;
const SLOW_CLIENT_MS = 10_000;
const CONNECT_MS = 5000;

/**
 * An MQTT 3.1.1 broker inside our process, for devices and demonstrations that have no other.
 *
 * Its sessions and retained messages live in memory and die with the process. That must not touch what was acknowledged, and
 * aedes by itself would: it sends the PUBACK first and hands the message on afterwards. So readings do not travel through a
 * subscription of ours; they are taken where aedes asks whether a publication is allowed, the only place that comes before
 * the PUBACK and can make it wait. A publisher that has its PUBACK has it from our log.
 *
 * Subscribers get QoS 0, so that nothing queues up in memory for one that is away.
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const gate = new Gate(options.maxInFlight);
  const aedes = await Aedes.createBroker({
    queueLimit: CLIENT_QUEUE,
    maxClientsIdLength: 128,
    connectTimeout: CONNECT_MS,
    drainTimeout: SLOW_CLIENT_MS,
    authenticate: (_client, user, password, done) => done(null, isAllowed(options, user, password)),
    authorizeSubscribe: (_client, subscription, done) => done(null, { ...subscription, qos: 0 }),
    authorizePublish: (client, packet, done) => authorize(options, gate, client, packet, done),
  });
  // A client that breaks the protocol or is cut off is its own trouble; without a listener it would be an exception.
  aedes.on('clientError', () => {});
  aedes.on('connectionError', () => {});
  const there = new Map<string, Client>();
  aedes.on('clientReady', (client) => {
    there.set(client.id, client);
    options.onClient(client.id, true);
  });
  aedes.on('clientDisconnect', (client) => {
    if (there.get(client.id) !== client) return;
    there.delete(client.id);
    options.onClient(client.id, false);
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
    const from = `${socket.remoteAddress}`;
    guardSocket(socket, options.maxPayloadBytes + HEADER_BYTES, (found) => options.onTooLong(found, from));
    aedes.handle(socket);
  });
  server.maxConnections = MAX_CLIENTS;
  try {
    await listen(server, options);
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    throw error;
  }
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    port,
    url: `mqtt://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    get inFlight() {
      return gate.inFlight;
    },
    get clients() {
      return aedes.connectedClients;
    },
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await stopped;
    },
  };
}

function authorize(
  options: EmbeddedBrokerOptions,
  gate: Gate,
  client: Client | null,
  packet: PublishPacket,
  done: (error?: Error | null) => void,
): void {
  if (packet.topic.startsWith('$')) {
    done(new Error('topics that begin with $ are the broker’s own'));
    return;
  }
  if (packet.retain && !options.mayRetain(packet.topic)) packet.retain = false;
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
  gate.enter(() => {
    let stored: Promise<void> | null;
    try {
      stored = options.take(packet.topic, payload, client?.id ?? null);
    } catch (error) {
      stored = Promise.reject(error);
    }
    if (stored === null) {
      gate.leave();
      done(null);
      return;
    }
    stored.then(
      () => {
        gate.leave();
        done(null);
      },
      (error: unknown) => {
        gate.leave();
        done(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/**
 * Bounds what is on its way to the log over all publishers. Those who wait are bounded by themselves: aedes reads the next
 * piece from a socket only when every packet of the last one is dealt with.
 */
class Gate {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get inFlight(): number {
    return this.#inside + this.#waiting.length;
  }

  enter(run: () => void): void {
    if (this.#inside >= this.#limit) {
      this.#waiting.push(run);
      return;
    }
    this.#inside++;
    run();
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inside--;
    else next();
  }
}

function isAllowed(
  options: EmbeddedBrokerOptions,
  user: string | undefined,
  password: Readonly<Buffer> | undefined,
): boolean {
  if (options.user === undefined) return true;
  const expected = Buffer.from(options.password ?? '');
  const given = Buffer.from(password ?? '');
  return user === options.user && given.length === expected.length && timingSafeEqual(given, expected);
}

function listen(server: Server, { host, port }: EmbeddedBrokerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
