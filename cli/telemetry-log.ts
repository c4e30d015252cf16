import type { Logger } from 'pino';
import type { TelemetryLog } from '../runtime/log.ts';
import { NatsPlace } from '../runtime/nats/place.ts';
import type { Settings } from '../runtime/settings.ts';
import type { Storage } from '../runtime/sql/open.ts';
import { natsAccess } from './nats.ts';

const DAY_MS = 86_400_000;

/** The telemetry log of a plant, and how consumers in threads of their own get at it. */
export interface PlantLog {
  readonly log: TelemetryLog & { onAppended(listener: (end: number) => void): () => void };
  /** Of the log in the data folder. */
  readonly logFile: string | undefined;
  /** Of the log on NATS. */
  readonly nats: NatsPlace | undefined;
  /** Where it is, when that is not the data folder. */
  readonly shown: string | undefined;
  close(): Promise<void>;
}

/** The log that the settings ask for: on NATS where that is named, else the one in the data folder. */
export async function telemetryLogOf(settings: Settings, local: Storage, logger: Logger): Promise<PlantLog> {
  const { log, logFile } = local;
  if (settings.NATS_URL === undefined) {
    return { log, logFile, nats: undefined, shown: undefined, close: async () => undefined };
  }
  const nats = NatsPlace.parse({
    ...natsAccess(settings, settings.NATS_URL),
    name: `signalbox ${settings.NODE}`,
    startTimeoutMs: settings.NATS_START_TIMEOUT_MS,
    prefix: settings.NATS_STREAM_PREFIX,
    replicas: settings.NATS_REPLICAS,
    maxAgeMs: settings.NATS_RETENTION_DAYS * DAY_MS,
    maxBytes: settings.NATS_MAX_BYTES,
  });
  // Loaded only where it is used.
  const { openNatsLog } = await import('../runtime/nats/open.ts');
  const shared = await openNatsLog(nats, {
    maxWaiting: settings.MAX_WAITING,
    waiting: (reason) => logger.warn({ reason }, 'the telemetry log on NATS does not answer yet; it is tried again'),
    lost: (reason, details) => logger.error(details, reason),
  });
  try {
    // The log in the data folder knows how far decisions refer to a log: a stream that was lost must not give out
    // positions again.
    await shared.skipTo(await log.end());
  } catch (error) {
    await shared.close();
    throw error;
  }
  return { log: shared, logFile: undefined, nats, shown: shared.shown, close: () => shared.close() };
}
