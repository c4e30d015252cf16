import type { Logger } from 'pino';
import { wireEvent } from '../gateways/websocket/event-selection.ts';
import { entityId } from '../runtime/ids.ts';
import type { JournalEntry } from '../runtime/journal.ts';
import type { Node } from '../runtime/node.ts';
import type { Health } from '../runtime/runtime.ts';
import type { Settings } from '../runtime/settings.ts';

const DAY_MS = 86_400_000;
/** Of all nodes of a cell, the one that has this publishes. */
const PUBLISHER = entityId('journal', 'streams');

export interface PublishedJournal {
  /** For the health page. */
  parts(): Health['parts'];
  close(): Promise<void>;
}

/** Alarms and events of the journal on streams of NATS, where there is one. Others may read them; nothing of ours does. */
export async function publishJournal(
  settings: Settings,
  node: Pick<Node, 'journal' | 'live' | 'isHere'>,
  log: Logger,
): Promise<PublishedJournal | undefined> {
  const { NATS_URL: url } = settings;
  if (url === undefined) return undefined;
  // Loaded only where they are used.
  const [{ NatsLink }, { JournalStreams }] = await Promise.all([
    import('../runtime/nats/connection.ts'),
    import('../runtime/nats/journal-streams.ts'),
  ]);
  const link = await NatsLink.open({
    url,
    name: `signalbox ${settings.NODE} streams`,
    credentialsFile: settings.NATS_CREDENTIALS_FILE,
    tlsCaFile: settings.NATS_TLS_CA_FILE,
    tlsCertFile: settings.NATS_TLS_CERT_FILE,
    tlsKeyFile: settings.NATS_TLS_KEY_FILE,
    startTimeoutMs: settings.NATS_START_TIMEOUT_MS,
  });
  try {
    const streams = await JournalStreams.open({
      link,
      journal: node.journal,
      prefix: settings.NATS_STREAM_PREFIX,
      replicas: settings.NATS_REPLICAS,
      streams: [
        { name: 'alarms', maxAgeMs: settings.NATS_ALARMS_RETENTION_DAYS * DAY_MS, takes: isOfAlarm },
        { name: 'events', maxAgeMs: settings.NATS_EVENTS_RETENTION_DAYS * DAY_MS, takes: (row) => !isOfAlarm(row) },
      ],
      encode: (row, token) => JSON.stringify(wireEvent(row, token)),
      isOurs: () => node.isHere(PUBLISHER),
      changed: (failure) => {
        if (failure === undefined) log.info('alarms and events are published again');
        else log.warn({ reason: failure }, 'alarms and events cannot be published; they wait in the journal');
      },
    });
    const unsubscribe = node.live.onCommitted((entries) => streams.committed(entries));
    return {
      parts: () => [partOf(streams.failure)],
      close: async () => {
        unsubscribe();
        await streams.close();
        await link.close();
      },
    };
  } catch (error) {
    await link.close();
    throw error;
  }
}

function isOfAlarm({ kind }: Pick<JournalEntry, 'kind'>): boolean {
  return kind.startsWith('Alarm');
}

function partOf(failure: { readonly reason: string; readonly sinceMs: number } | undefined): Health['parts'][number] {
  if (failure === undefined) return { name: 'streams', status: 'healthy', detail: 'alarms and events are published' };
  const since = new Date(failure.sinceMs).toISOString();
  return { name: 'streams', status: 'degraded', detail: `nothing published since ${since}: ${failure.reason}` };
}
