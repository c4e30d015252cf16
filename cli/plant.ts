import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { populationOf } from '../actors/population.ts';
import { AccessAudit } from '../gateways/auth/access-audit.ts';
import { Authenticator } from '../gateways/auth/authenticator.ts';
import { rolesWith } from '../gateways/auth/roles.ts';
import type { ConnectionReport } from '../gateways/driver.ts';
import { Field } from '../gateways/field.ts';
import { LinkedHistory } from '../gateways/historian/linked-history.ts';
import { type Front, startFront } from '../gateways/http/front.ts';
import { LinkBoard } from '../gateways/link-board.ts';
import { modbusDriver } from '../gateways/modbus/driver.ts';
import { mqttDriver } from '../gateways/mqtt/driver.ts';
import { deliverWebhook } from '../gateways/notify/webhook.ts';
import { opcuaDriver } from '../gateways/opcua/driver.ts';
import { clockPart } from '../runtime/clock/watch.ts';
import { CORE } from '../runtime/edge/cell-link.ts';
import { entityId } from '../runtime/ids.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { Node } from '../runtime/node.ts';
import { Retention } from '../runtime/retention.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Settings } from '../runtime/settings.ts';
import { openSqlite } from '../runtime/sql/open.ts';
import { plantOfCell } from '../topology/cells.ts';
import { directSource } from '../topology/direct-source.ts';
import { fileRulesOf } from '../topology/file-rules.ts';
import type { ConnectionDefinition, Plant } from '../topology/plant.ts';
import { type Cells, checkCell, startCells, tellElsewhere } from './cells.ts';
import { watchClock } from './clock.ts';
import { storageOptionsOf } from './database.ts';
import { CARRIER, historianOf } from './historian.ts';
import { seatOf } from './seat.ts';
import { secretsFrom } from './secrets.ts';
import { startSimulators } from './simulators.ts';
import { openStreams } from './streams.ts';
import { telemetryLogOf } from './telemetry-log.ts';
import { version } from './version.ts';

export interface RunningPlant {
  readonly plant: Plant;
  readonly version: string;
  readonly url: string;
  /** The first key, when this start made it. */
  readonly key: string | undefined;
  readonly entities: number;
  /** Where the telemetry log is, when that is not the data folder. */
  readonly log: string | undefined;
  /** The cell that runs here and where it sends to, when it is not the centre. */
  readonly cell: string | undefined;
  readonly node: Node;
  /** The node, with what lives in other cells beside it. */
  readonly runtime: Runtime;
  stop(): Promise<void>;
}

/** Puts the parts together, inside out: storage, actors, people's side, field side. Stops them in the opposite order. */
export async function startPlant(options: {
  readonly settings: Settings;
  readonly plant: Plant;
  readonly simulators: boolean;
}): Promise<RunningPlant> {
  const { settings } = options;
  checkCell(settings, options.plant);
  // What other cells have is known here, and runs there.
  const plant = plantOfCell(options.plant, settings.CELL);
  const log = pino(
    { level: settings.LOG_LEVEL, base: { node: settings.NODE } },
    pino.destination({ dest: 2, sync: false }),
  );
  const closing: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  const simulators = options.simulators ? startSimulators() : undefined;
  closing.push(() => simulators?.stop());
  try {
    const secret = secretsFrom(process.env, settings.SECRETS_FILE);
    const storage = await openSqlite(settings.DATA_DIR, storageOptionsOf(settings, log));
    closing.push(() => storage.close());
    const telemetry = await telemetryLogOf(settings, storage, log);
    closing.push(() => telemetry.close());
    const stored = await historianOf(settings, telemetry);
    closing.push(() => stored.close());
    const seat = await seatOf(settings, storage, log);
    closing.push(() => seat?.close());
    const historian = new LinkedHistory(stored, (entity, series) => {
      const asset = entity.startsWith('asset/') ? options.plant.assets.get(entity.slice('asset/'.length)) : undefined;
      return asset === undefined ? null : directSource(asset, series);
    });
    let cells: Cells | undefined;
    const streams = await openStreams(settings, storage.deadLetters, log);
    closing.push(() => streams?.close());
    const metrics = createMetrics();
    const outlets = {
      'device-write': (...work: Parameters<Field['write']>) => field.write(...work),
      webhook: deliverWebhook,
    };
    const clock = watchClock(settings, () => node);
    const node = await Node.start({
      name: settings.NODE,
      population: populationOf(plant, settings.NODE, settings.CELL === CORE ? options.plant : plant),
      storage: { ...storage, ...(streams && { deadLetters: streams.deadLetters }), log: telemetry.log, historian },
      ...(seat && { seat }),
      outlets,
      metrics,
      log,
      flushIntervalMs: settings.FLUSH_INTERVAL_MS,
      checkpointIntervalMs: settings.CHECKPOINT_INTERVAL_MS,
      maxOutstanding: settings.MAX_OUTSTANDING,
      maxWaiting: settings.MAX_WAITING,
      elsewhere: tellElsewhere(settings, options.plant, () => cells),
      healthBeside: () => [
        clockPart(clock.state, settings.NTP_SERVER),
        ...(cells?.health() ?? []),
        ...(streams?.parts() ?? []),
      ],
    });
    // Ends after the node: until its last shard has gone it tells who carries.
    closing.push(stored.follow(node));
    closing.push(() => node.stop());
    await streams?.follow(node);
    cells = await startCells({ settings, plant: options.plant, node, storage, metrics, log });
    const { runtime, forwarded } = cells;
    closing.push(() => cells?.stop());
    const { logHours, telemetryDays, deadLetterDays } = plant.retention;
    const retention = new Retention({
      log: telemetry.nats === undefined ? telemetry.log : null,
      historian,
      deadLetters: storage.deadLetters,
      isOurs: () => node.isHere(CARRIER),
      covered: () => Math.min(node.covered, forwarded()),
      logHours,
      telemetryDays,
      deadLetterDays,
      logger: log,
    });
    closing.push(() => retention.stop());
    const links = new LinkBoard(plant.connections.values(), Date.now, (connection) =>
      reportElsewhere(node, connection),
    );
    const field = new Field({
      runtime: node,
      connections: plant.connections.values(),
      secret,
      dataDir: settings.DATA_DIR,
      node: settings.NODE,
      clockOffByMs: () => clock.offByMs,
      factories: links.follow({ modbus: modbusDriver, opcua: opcuaDriver, mqtt: mqttDriver }),
      log,
    });
    clock.start();
    closing.push(() => clock.stop());
    const tokens = new Authenticator({ store: storage.tokens, roles: () => rolesWith(plant.roles) });
    const key = await firstKey(tokens);
    const access = new AccessAudit({ runtime, tokens, log });
    access.start();
    closing.push(() => access.close());
    const front: Front = await startFront({
      host: settings.HOST,
      port: settings.PORT,
      runtime,
      tokens,
      access,
      log,
      registry: metrics.registry,
      links: () => links.read(),
      edges: () => cells?.edges() ?? [],
      plant: {
        organization: plant.organization.name,
        timeZone: plant.organization.timeZone,
        simulated: plant.simulated,
        version: version(),
        node: settings.NODE,
      },
      fileRules: fileRulesOf(plant),
      uiDir: uiDir(),
      metricsText: () => metrics.registry.metrics(),
      allowedOrigins: settings.ALLOWED_ORIGINS.split(',').filter((origin) => origin !== ''),
      trustProxy: settings.BEHIND_PROXY === 'true',
      secureCookie: settings.BEHIND_PROXY === 'true',
      limits: {
        requestsPerMinute: settings.REQUESTS_PER_MINUTE,
        clientsPerToken: settings.CONNECTIONS_PER_TOKEN,
        clientsPerAddress: settings.CONNECTIONS_PER_ADDRESS,
      },
    });
    closing.push(() => front.close());
    // The wall is there at once; drivers begin when there is a field to connect to.
    void simulators?.ready.then(() => closing.length > 0 && field.start());
    if (!simulators) field.start();
    closing.push(() => field.stop());
    const host = settings.HOST.includes(':') ? `[${settings.HOST}]` : settings.HOST;
    const url = `http://${host}:${front.port}/`;
    return {
      plant,
      version: version(),
      url,
      key,
      entities: node.size,
      log: telemetry.shown,
      cell: cells.shown,
      node,
      runtime,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What the devices of a connection tell that another node drives. */
function reportElsewhere(node: Node, { id, devices }: ConnectionDefinition): ConnectionReport | undefined {
  const [first] = devices;
  if (first === undefined || node.isHere(entityId('connection', id))) return undefined;
  // The driver's own report, as its device shows it.
  return node.live.cell(entityId('device', first.id))?.view.link as ConnectionReport | undefined;
}

/** Nobody can get in yet: the first start makes a key for an administrator. Only its hash is stored. */
async function firstKey(tokens: Authenticator): Promise<string | undefined> {
  if ((await tokens.list()).length > 0) return undefined;
  const by = { user: 'first start', via: 'cli', address: null } as const;
  return tokens.createFirst({ name: 'first-key', role: 'admin', expiresAtMs: null }, by);
}

/** The wall's bundle: beside the built product, or in the build of the sources. */
function uiDir(): string {
  const ofSources = fileURLToPath(new URL('../dist/ui', import.meta.url));
  return existsSync(ofSources) ? ofSources : fileURLToPath(new URL('../ui', import.meta.url));
}
