import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { IClientOptions } from 'mqtt';
import type { ConnectionDefinition } from '../../topology/plant.ts';
import type { MqttConnection } from '../../topology/schema/mqtt.ts';
import { embeddedFault, parseEmbeddedAddress } from '../../topology/syntax/embedded-address.ts';
import { compileTopic } from '../../topology/syntax/topic-pattern.ts';
import type { Connectivity, Driver, DriverFactory, DriverHost, WriteOutcome, WriteRequest } from '../driver.ts';
import { BrokerSession } from './broker-session.ts';
import { EmbeddedSession } from './embedded-session.ts';
import { type Failure, SecretMissing } from './failure.ts';
import { Intake } from './intake.ts';
import { Link } from './link.ts';
import type { Session, SessionEvents } from './session.ts';
import { Statistics } from './statistics.ts';
import { notWritable, UnusableConnection } from './unusable-connection.ts';

/**
 * MQTT: subscribes at a broker, or is the broker (`embedded:1883`), and turns messages into frames. A message is acknowledged
 * once the log has it or its content was refused; until then the broker, or the publishing device, keeps it.
 */
export const mqttDriver: DriverFactory = (definition, host) => {
  try {
    return new MqttDriver(definition, host);
  } catch (error) {
    // Of all connections this one alone cannot run; it says so instead of stopping the others.
    return new UnusableConnection(error instanceof Error ? error.message : String(error), host, mqttDriver);
  }
};

const REPORT_MS = 1000;
/** How long a broker keeps the session, and what it holds for us, while we are away. MQTT 3.1.1 has no such limit. */
const SESSION_EXPIRY_SECONDS = 7 * 86_400;

/** A broker drops what is longer than we say and tells nobody: so much too long, and we still see it and refuse it by name. */
const TOLD_FACTOR = 4;
const MAX_TOPIC_BYTES = 65_535;
const HELD_UP = 'the log does not take readings now: they stay with the broker';

class MqttDriver implements Driver {
  readonly #host: DriverHost;
  readonly #statistics = new Statistics();
  readonly #states = new Map<string, Connectivity | null>();
  #definition: ConnectionDefinition;
  #settings: MqttConnection;
  #intake: Intake;
  #link: Link;
  #reporting: NodeJS.Timeout | undefined;
  /** 5 first: it tells the broker how much may be in flight. Older brokers refuse it and get 3.1.1. */
  #protocolVersion: 4 | 5 = 5;

  constructor(definition: ConnectionDefinition, host: DriverHost) {
    this.#host = host;
    this.#definition = definition;
    this.#settings = mqttSettings(definition);
    this.#intake = this.#createIntake();
    this.#link = this.#createLink();
  }

  start(): void {
    this.#reporting = setInterval(() => this.#report(), REPORT_MS);
    // That a driver begins says nothing of a device: at another node it may have been heard a moment ago, and thousands that
    // change to `connecting` and back would each cost two commits. A link that cannot be made says so.
    this.#link.start();
  }

  async reconfigure(definition: ConnectionDefinition): Promise<void> {
    const settings = mqttSettings(definition);
    const sameLink = isDeepStrictEqual(settings, this.#settings);
    this.#definition = definition;
    this.#settings = settings;
    const running = this.#link.status.state !== 'stopped';
    if (!sameLink && running) await this.#link.stop();
    this.#intake = this.#createIntake();
    if (sameLink) {
      const { status } = this.#link;
      if (status.state !== 'connected' && !isNotStored(status))
        this.#intake.lost(status.lastError?.code ?? 'connecting');
      return;
    }
    this.#protocolVersion = 5;
    this.#link = this.#createLink();
    this.#intake.lost('connecting');
    if (running) this.#link.start();
  }

  async stop(): Promise<void> {
    clearInterval(this.#reporting);
    await this.#link.stop();
    this.#intake.lost('stopped');
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    return notWritable(request);
  }

  #createIntake(): Intake {
    return new Intake(this.#definition, this.#settings, this.#host, this.#statistics, this.#states);
  }

  #createLink(): Link {
    return new Link({
      reconnect: this.#settings.reconnect,
      createSession: (events) => this.#createSession(events),
      onChange: () => this.#report(),
      onFailure: (failure) => this.#failed(failure),
    });
  }

  #createSession(events: SessionEvents): Session {
    const settings = this.#settings;
    const shared = { intake: () => this.#intake, statistics: this.#statistics, maxInFlight: settings.maxInFlight };
    const { maxPayloadBytes } = settings;
    const password = this.#password();
    if (settings.url.startsWith('embedded:')) {
      const status = settings.statusTopic === undefined ? undefined : compileTopic(settings.statusTopic);
      const { user } = settings;
      return new EmbeddedSession(
        {
          ...shared,
          ...embeddedAddress(settings),
          maxPayloadBytes,
          mayRetain: (topic) => status?.match(topic) !== undefined && this.#intake.knows(topic),
          ...(user !== undefined && { user }),
          ...(password !== undefined && { password }),
        },
        events,
      );
    }
    const { sharedGroup, qos, connectTimeoutMs, url } = settings;
    const filters = this.#intake.filters(sharedGroup);
    const client = this.#clientOptions(password);
    return new BrokerSession({ ...shared, url, client, filters, qos, connectTimeoutMs }, events);
  }

  #password(): string | undefined {
    const { password } = this.#settings;
    if (password === undefined) return undefined;
    try {
      return this.#host.secret(password);
    } catch (error) {
      throw new SecretMissing(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  #clientOptions(password: string | undefined): IClientOptions {
    const { user, ca, certificate, key, keepAliveSeconds, maxInFlight, maxPayloadBytes } = this.#settings;
    const limits = {
      sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
      receiveMaximum: Math.min(maxInFlight, 65_535),
      maximumPacketSize: TOLD_FACTOR * maxPayloadBytes + MAX_TOPIC_BYTES,
    };
    return {
      protocolVersion: this.#protocolVersion,
      clean: false,
      clientId: this.#clientId(),
      keepalive: keepAliveSeconds,
      ...(this.#protocolVersion === 5 && { properties: limits }),
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      ...(ca !== undefined && { ca: readFileSync(ca) }),
      ...(certificate !== undefined && { cert: readFileSync(certificate) }),
      ...(key !== undefined && { key: readFileSync(key) }),
    };
  }

  /** The same at every start, since the broker keeps the session by it; replicas of a shared group each have one of their own. */
  #clientId(): string {
    const { clientId, sharedGroup, id } = this.#settings;
    if (clientId !== undefined) return clientId;
    if (sharedGroup === undefined) return `signalbox-${id}`;
    const file = join(this.#host.dataDir, `mqtt-client-${id}`);
    try {
      return readFileSync(file, 'utf8').trim();
    } catch {
      const made = `signalbox-${id}-${randomBytes(6).toString('hex')}`;
      mkdirSync(this.#host.dataDir, { recursive: true });
      writeFileSync(file, made);
      return made;
    }
  }

  #failed(failure: Failure): void {
    this.#statistics.count(failure.code);
    if (failure.code === 'mqtt_unsupported_version') this.#protocolVersion = this.#protocolVersion === 5 ? 4 : 5;
    // The broker is there and so are the devices: it is our log that does not take what they send, and the broker keeps it.
    if (failure.code !== 'not_stored') this.#intake.lost(failure.code, failure.message);
    this.#host.log.warn({ connection: this.#definition.id, code: failure.code }, failure.message);
    this.#report();
  }

  #report(): void {
    const { messages } = this.#statistics;
    const { facts, state, ...status } = this.#link.status;
    const isHeldUp = isNotStored(this.#link.status);
    this.#host.report({
      ...status,
      state: isHeldUp ? 'degraded' : state,
      ...(isHeldUp && { detail: HELD_UP }),
      ...this.#statistics.summary(Date.now()),
      cycleOverruns: 0,
      facts: { ...facts, messages },
    });
  }
}

/** A session that is taken up again since the log refused what came over it: neither broker nor devices are lost. */
function isNotStored({ state, lastError }: Link['status']): boolean {
  return (state === 'waiting' || state === 'connecting') && lastError?.code === 'not_stored';
}

function mqttSettings(definition: ConnectionDefinition): MqttConnection {
  if (definition.settings.driver !== 'mqtt') throw new Error(`${definition.id} is no MQTT connection`);
  return definition.settings;
}

function embeddedAddress(settings: MqttConnection): { readonly host: string; readonly port: number } {
  const fault = embeddedFault(settings);
  const address = parseEmbeddedAddress(settings.url);
  if (fault !== null || address === null) throw new Error(`${fault?.message}: ${fault?.suggestion}`);
  return { host: address.host, port: address.port };
}
