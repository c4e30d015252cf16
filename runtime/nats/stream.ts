import { DiscardPolicy, type JetStreamManager, nanos, RetentionPolicy, StorageType, type StreamInfo } from 'nats';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import type { NatsLink } from './connection.ts';

export interface StreamOptions {
  /** One log a cell: streams of this cell begin with it. */
  readonly prefix: string;
  readonly replicas: number;
  readonly maxAgeMs: number;
  /** Undefined: as much as the server gives. */
  readonly maxBytes: number | undefined;
  /** A message that comes again within it is not stored again. */
  readonly duplicateWindowMs: number;
}

/**
 * Replicated streams before it lose or repeat what was acknowledged when a leader changes.
 * Measured for compare-and-set: several winners in 118 of 120 rounds on 2.9.10.
 */
const OLDEST_WITH_SOUND_REPLICAS = '2.10.27';

/** `<prefix>.telemetry.<shard>`; other classes of data get a word and a stream of their own beside it. */
export function streamNameOf(prefix: string): string {
  return `${prefix}-telemetry`;
}

export function subjectOf(prefix: string, shard: number | '*'): string {
  return `${prefix}.telemetry.${shard}`;
}

/**
 * The stream of the log as the settings want it: made where there is none, its limits changed where they differ. Fails with
 * NATS_TOO_OLD, NATS_NO_JETSTREAM or NATS_STREAM_UNFIT; with others when the server does not answer.
 */
export async function ensureStream(link: NatsLink, options: StreamOptions): Promise<StreamInfo> {
  return ensureNamed(link, streamNameOf(options.prefix), [subjectOf(options.prefix, '*')], options);
}

/** As `ensureStream`, of any name. */
export async function ensureNamed(
  link: NatsLink,
  name: string,
  subjects: string[],
  options: Omit<StreamOptions, 'prefix'>,
): Promise<StreamInfo> {
  checkVersion(link.connection.info?.version ?? '0.0.0', options.replicas);
  const manager = await managerOf(link);
  const limits = {
    max_age: nanos(options.maxAgeMs),
    max_bytes: options.maxBytes ?? -1,
    discard: DiscardPolicy.Old,
    duplicate_window: nanos(Math.min(options.duplicateWindowMs, options.maxAgeMs)),
    num_replicas: options.replicas,
  };
  const present = await manager.streams.info(name).catch((error: unknown) => {
    if (codeOf(error) === '404') return undefined;
    throw error;
  });
  if (!present) {
    const retention = RetentionPolicy.Limits;
    return manager.streams.add({ name, subjects, retention, storage: StorageType.File, ...limits });
  }
  const { config } = present;
  if (config.storage !== StorageType.File || config.retention !== RetentionPolicy.Limits || config.no_ack === true) {
    const message = `the stream ${name} on NATS is not one of this product: it has to be on file, with limits, and acknowledge`;
    throw new ErrorWithCode('NATS_STREAM_UNFIT', message, { retryable: false });
  }
  const differs =
    config.subjects?.join() !== subjects.join() ||
    Object.entries(limits).some(([key, value]) => Reflect.get(config, key) !== value);
  return differs ? manager.streams.update(name, { ...config, subjects, ...limits }) : present;
}

export async function managerOf(link: NatsLink): Promise<JetStreamManager> {
  try {
    return await link.connection.jetstreamManager();
  } catch (cause) {
    if (codeOf(cause) !== '503') throw cause;
    const message = `NATS at ${link.servers} has no JetStream for this account: ${messageOf(cause)}`;
    throw new ErrorWithCode('NATS_NO_JETSTREAM', message, { cause });
  }
}

/** One server keeps its promises from 2.9 on; several together only from 2.10.27 on. */
export function checkVersion(version: string, replicas: number): void {
  if (replicas <= 1 || !isOlder(version, OLDEST_WITH_SOUND_REPLICAS)) return;
  const message = `NATS ${version} is too old for ${replicas} replicas: take nats-server ${OLDEST_WITH_SOUND_REPLICAS} or newer, or NATS_REPLICAS=1`;
  throw new ErrorWithCode('NATS_TOO_OLD', message, { retryable: false });
}

function isOlder(version: string, than: string): boolean {
  const have = numbersOf(version);
  const need = numbersOf(than);
  for (let part = 0; part < need.length; part++) {
    const difference = (have[part] ?? 0) - (need[part] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  // A version before the release itself.
  return version.includes('-');
}

function numbersOf(version: string): number[] {
  return (version.replace(/^v/, '').split('-')[0] ?? '').split('.').map(Number);
}
