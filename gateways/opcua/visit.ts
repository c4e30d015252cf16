import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpcUaConnection } from '../../topology/schema/opcua.ts';
import { openCertificateStore } from './certificates.ts';
import { closeSession, createSession, openChannel, userOf } from './channel.ts';
import { faultOf, OpcUaFault } from './errors.ts';
import { loadOpcUa } from './library.ts';
import { readNamespaces } from './services.ts';
import type { FieldSession } from './session.ts';

export interface VisitOptions {
  readonly settings: OpcUaConnection;
  /** Of the plant: certificates are judged by its store, and by nothing else in it. */
  readonly dataDir: string;
  readonly secret: (reference: string) => string;
  readonly clientName: string;
  /** Ends the visit early; the session is closed all the same. */
  readonly signal: AbortSignal;
}

const silent = (): void => undefined;
const SILENT = { debug: silent, info: silent, warn: silent, error: silent };

/**
 * One session for as long as `work` takes, apart from the link of a running plant: no subscription, no reconnection, closed at
 * the end so that it takes none of the server's few sessions. Rejects with an OpcUaFault, `stopped` where the signal ended it,
 * or with what `work` throws.
 */
export async function visitServer<T>(
  options: VisitOptions,
  work: (session: FieldSession, namespaces: readonly string[]) => Promise<T>,
): Promise<T> {
  const closing: (() => Promise<void>)[] = [];
  try {
    const { session, namespaces, ended } = await enter(options, closing).catch((error: unknown) => {
      throw faultOf(error, 'connection_lost');
    });
    return await Promise.race([ended, work(session, namespaces)]);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

interface Visit {
  readonly session: FieldSession;
  readonly namespaces: readonly string[];
  /** Rejects when the channel breaks, or the signal is given. */
  readonly ended: Promise<never>;
}

async function enter(options: VisitOptions, closing: (() => Promise<void>)[]): Promise<Visit> {
  const { settings, clientName } = options;
  const stopped = rejectionOf(options.signal);
  const user = userOf(settings, options.secret);
  const library = await loadOpcUa(SILENT);
  const store = await openCertificateStore(library, await storeFolder(options, closing));
  const channel = await Promise.race([stopped, openChannel({ library, store, settings, clientName })]);
  closing.push(() => channel.close());
  const broken = channel.lost.then((fault): never => {
    throw fault;
  });
  const ended = Promise.race([stopped, broken]);
  ended.catch(silent);
  const session = await Promise.race([ended, createSession(library, channel, user, settings.connectTimeoutMs)]);
  closing.push(() => closeSession(session));
  return { session, namespaces: await Promise.race([ended, readNamespaces(session)]), ended };
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  const stopped = new Promise<never>((_, reject) => {
    const end = (): void => reject(new OpcUaFault('stopped', 'stopped'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  stopped.catch(silent);
  return stopped;
}

/** An open channel shows no certificate to anybody: for it alone no store is made in the data folder. */
async function storeFolder({ settings, dataDir }: VisitOptions, closing: (() => Promise<void>)[]): Promise<string> {
  if (settings.security.policy !== 'None' || existsSync(join(dataDir, 'opcua-pki', 'own', 'certs'))) return dataDir;
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
