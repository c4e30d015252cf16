import type { Logger } from 'pino';
import { wireEvent } from '../gateways/websocket/event-selection.ts';
import { entityId } from '../runtime/ids.ts';
import type { JournalEntry } from '../runtime/journal.ts';
import type { DeadLetterStore } from '../runtime/log.ts';
import type { JournalStreams as JournalStreamsOfNode } from '../runtime/nats/journal-streams.ts';
import type { Node } from '../runtime/node.ts';
import type { Health } from '../runtime/runtime.ts';
import type { Settings } from '../runtime/settings.ts';
import { natsAccess } from './nats.ts';

const DAY_MS = 86_400_000;
/** Of all nodes of a cell, the one that has this publishes. */
const PUBLISHER = entityId('journal', 'streams');

/** What is told to other programs on NATS. */
export interface Streams {
  /** The store of dead letters, with a stream beside it. */
  readonly deadLetters: DeadLetterStore;
  /** Publishes the journal of the node from now on. */
  follow(node: Pick<Node, 'journal' | 'live' | 'isHere'>): Promise<void>;
  /** For the health page. */
  parts(): Health['parts'];
  close(): Promise<void>;
}

/** Alarms, events and dead letters on streams of NATS, where there is one. Others may read them; nothing of ours does. */
export async function openStreams(
  settings: Settings,
  store: DeadLetterStore,
  log: Logger,
): Promise<Streams | undefined> {
  const { NATS_URL: url, NATS_STREAM_PREFIX: prefix, NATS_REPLICAS: replicas } = settings;
  if (url === undefined) return undefined;
  // Loaded only where they are used.
  const [{ NatsLink }, { JournalStreams }, { DeadLetterStream }] = await Promise.all([
    import('../runtime/nats/connection.ts'),
    import('../runtime/nats/journal-streams.ts'),
    import('../runtime/nats/dead-letter-stream.ts'),
  ]);
  const link = await NatsLink.open({
    ...natsAccess(settings, url),
    name: `signalbox ${settings.NODE} streams`,
    startTimeoutMs: settings.NATS_START_TIMEOUT_MS,
  });
  const closing: (() => Promise<void> | void)[] = [() => link.close()];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  const deadLetters = new DeadLetterStream({
    link,
    store,
    prefix,
    replicas,
    maxAgeMs: settings.NATS_DEAD_LETTERS_RETENTION_DAYS * DAY_MS,
    changed: (failure, missing) => {
      if (failure === undefined) log.info({ missing }, 'dead letters are published again');
      else log.warn({ reason: failure }, 'dead letters cannot be published; they are kept as ever');
    },
  });
  closing.push(() => deadLetters.close());
  let published: JournalStreamsOfNode | undefined;
  const follow: Streams['follow'] = async (node) => {
    const journal = await JournalStreams.open({
      link,
      journal: node.journal,
      prefix,
      replicas,
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
    published = journal;
    closing.push(() => journal.close());
    closing.push(node.live.onCommitted((entries) => journal.committed(entries)));
  };
  return { deadLetters, follow, parts: () => [partOf(published)], close };
}

function isOfAlarm({ kind }: Pick<JournalEntry, 'kind'>): boolean {
  return kind.startsWith('Alarm');
}

function partOf(published: JournalStreamsOfNode | undefined): Health['parts'][number] {
  const failure = published?.failure;
  if (failure === undefined) {
    const isOurs = published?.position !== undefined;
    const detail = isOurs ? 'alarms and events are published' : 'another node of the cell publishes alarms and events';
    return { name: 'streams', status: 'healthy', detail };
  }
  const since = new Date(failure.sinceMs).toISOString();
  return { name: 'streams', status: 'degraded', detail: `nothing published since ${since}: ${failure.reason}` };
}
