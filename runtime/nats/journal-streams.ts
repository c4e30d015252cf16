import { pack } from 'msgpackr';
import { headers, type JetStreamClient, type MsgHdrs } from 'nats';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import { entityId } from '../ids.ts';
import type { Journal, JournalEntry } from '../journal.ts';
import { JournalTail } from '../journal-tail.ts';
import type { NatsLink } from './connection.ts';
import { ensureNamed, managerOf } from './stream.ts';

/** One class of what the journal has, in a stream of its own. */
export interface JournalStream {
  /** `<prefix>-<name>` is the stream, `<prefix>.<name>.<entity kind>.<entity>` its subjects. */
  readonly name: string;
  readonly maxAgeMs: number;
  readonly takes: (entry: JournalEntry) => boolean;
}

export interface JournalStreamsOptions {
  readonly link: NatsLink;
  readonly journal: Pick<Journal, 'query' | 'end' | 'identity' | 'includes' | 'snapshot' | 'saveSnapshots'>;
  readonly prefix: string;
  readonly replicas: number;
  readonly streams: readonly JournalStream[];
  /** What a message says; the token is the place of the row, for whoever goes on elsewhere. */
  readonly encode: (entry: JournalEntry, token: string) => string;
  /** Whether this node is the one that publishes; of several, one. Two at once cost effort, and nothing else. */
  readonly isOurs?: () => boolean;
  /** Once when nothing goes through, and once when it does again. */
  readonly changed?: (failure: string | undefined) => void;
  readonly lookEveryMs?: number;
}

interface Place {
  sequence: number;
  /** Position of the newest row in the stream. */
  position: number;
}

/** Where the position is kept: of no entity, beside the snapshots of those. */
const KEPT_AS = entityId('journal', 'streams');
const SAVE_EVERY_MS = 1000;
const LOOK_EVERY_MS = 1000;
const MAX_PAUSE_MS = 30_000;
const ACK_TIMEOUT_MS = 5000;
const IN_FLIGHT = 128;
const HEAD_BYTES = 4096;
const TOKEN = 'Signalbox-Token';
const WRONG_LAST_SEQUENCE = 10_071;
/** A message that comes again within it is not stored again, whatever else. */
const DUPLICATE_WINDOW_MS = 120_000;

/**
 * What the journal has, by class, on JetStream, for other programs: every row once and in order, however often this process, the
 * server or the connection ends.
 *
 * The last message of a stream says up to where it is, and each message names the one that it has to follow. So a message that
 * was stored though its acknowledgement was lost is found and not sent again, and of two nodes that publish at the same time
 * one is refused and looks where the other has got to.
 */
export class JournalStreams {
  readonly #options: JournalStreamsOptions;
  readonly #jetStream: JetStreamClient;
  readonly #timer: NodeJS.Timeout;
  #tail: JournalTail | undefined;
  #places: Map<JournalStream, Place> | undefined;
  #savedAtMs = 0;
  #saved = 0;
  #looking = false;
  #closed = false;
  /** Why this node could not begin to publish. */
  #trouble: { readonly reason: string; readonly sinceMs: number } | undefined;
  #attempts = 0;
  #nextLookMs = 0;

  private constructor(options: JournalStreamsOptions) {
    this.#options = options;
    this.#jetStream = options.link.connection.jetstream();
    this.#timer = setInterval(() => void this.#look(), options.lookEveryMs ?? LOOK_EVERY_MS);
  }

  /**
   * Makes the streams, or changes their limits, and goes on where the last publisher ended; the first begins with the first row.
   * What keeps it from that shows in `failure`, and is tried again: a plant runs whether others are told of it or not.
   */
  static async open(options: JournalStreamsOptions): Promise<JournalStreams> {
    const streams = new JournalStreams(options);
    await streams.#look();
    return streams;
  }

  /** Up to here every row is in its stream, as far as this node has published; undefined where another does. */
  get position(): number | undefined {
    return this.#tail?.position;
  }

  /** Why nothing goes through, and since when. */
  get failure(): { readonly reason: string; readonly sinceMs: number } | undefined {
    return this.#tail?.failure ?? this.#trouble;
  }

  /** Rows that were committed just now: they need not be looked for. */
  committed(entries: readonly JournalEntry[]): void {
    this.#tail?.committed(entries);
  }

  /** The connection is the caller's. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#end();
  }

  /** Begins and ends as this node gets and loses the part. */
  async #look(): Promise<void> {
    if (this.#looking || performance.now() < this.#nextLookMs) return;
    this.#looking = true;
    try {
      const isOurs = this.#options.isOurs?.() ?? true;
      if (isOurs && this.#tail === undefined) await this.#begin();
      else if (!isOurs && this.#tail !== undefined) await this.#end();
      if (this.#trouble !== undefined) this.#options.changed?.(undefined);
      this.#trouble = undefined;
      this.#attempts = 0;
    } catch (error) {
      const reason = messageOf(error);
      if (this.#trouble === undefined) this.#options.changed?.(reason);
      this.#trouble = { reason, sinceMs: this.#trouble?.sinceMs ?? Date.now() };
      const pauseMs = Math.min(MAX_PAUSE_MS, LOOK_EVERY_MS * 2 ** this.#attempts++);
      this.#nextLookMs = performance.now() + pauseMs * (0.5 + Math.random() / 2);
    }
    this.#looking = false;
  }

  async #begin(): Promise<void> {
    const { journal, changed, link, prefix, replicas, streams } = this.#options;
    for (const { name, maxAgeMs } of streams) {
      const limits = { replicas, maxAgeMs, maxBytes: undefined, duplicateWindowMs: DUPLICATE_WINDOW_MS };
      await ensureNamed(link, `${prefix}-${name}`, [`${prefix}.${name}.>`], limits);
    }
    const from = (await journal.snapshot(KEPT_AS))?.seq ?? 0;
    if (this.#closed) return;
    this.#saved = from;
    this.#places = undefined;
    this.#tail = new JournalTail({
      journal,
      take: (entries) => this.#take(entries),
      broken: () => {
        this.#places = undefined;
      },
      ...(changed && { changed }),
    });
    this.#tail.start(from);
  }

  async #end(): Promise<void> {
    const tail = this.#tail;
    this.#tail = undefined;
    if (tail === undefined) return;
    await tail.close();
    // Not kept means looked at again, and found in the streams.
    if (tail.position > this.#saved) await this.#save(tail.position).catch(() => undefined);
  }

  async #take(entries: readonly JournalEntry[]): Promise<void> {
    const identity = await this.#options.journal.identity();
    try {
      for (const stream of this.#options.streams) await this.#publish(stream, entries, identity);
    } catch (error) {
      this.#places = undefined;
      throw error;
    }
    const { position } = entries.at(-1) ?? { position: this.#saved };
    if (performance.now() - this.#savedAtMs > SAVE_EVERY_MS) await this.#save(position);
  }

  async #publish(stream: JournalStream, entries: readonly JournalEntry[], identity: string): Promise<void> {
    const wanted = entries.filter((entry) => stream.takes(entry));
    for (let attempt = 0; wanted.length > 0; attempt++) {
      this.#places ??= await this.#learn();
      const place = this.#places.get(stream) ?? { sequence: 0, position: 0 };
      const rows = wanted.filter(({ position }) => position > place.position).slice(0, IN_FLIGHT);
      const last = rows.at(-1);
      if (last === undefined) return;
      const outcomes = await Promise.allSettled(
        rows.map((row, index) => this.#send(stream, row, `${identity}-${row.position}`, place.sequence + index)),
      );
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed === undefined) {
        place.sequence += rows.length;
        place.position = last.position;
        attempt = 0;
      } else {
        this.#places = undefined;
        if (!isOvertaken(failed.reason) || attempt > 2) throw failed.reason;
      }
    }
  }

  async #send(stream: JournalStream, row: JournalEntry, token: string, after: number): Promise<void> {
    const { prefix, link } = this.#options;
    const fields = headers();
    fields.set('Nats-Msg-Id', token);
    fields.set('Nats-Expected-Stream', `${prefix}-${stream.name}`);
    fields.set('Nats-Expected-Last-Sequence', String(after));
    fields.set(TOKEN, token);
    const limit = (link.connection.info?.max_payload ?? 1_048_576) - HEAD_BYTES;
    const subject = `${prefix}.${stream.name}.${row.entity.replace('/', '.')}`;
    const ack = await this.#jetStream.publish(subject, this.#encoded(row, token, limit), {
      headers: fields,
      timeout: ACK_TIMEOUT_MS,
    });
    // It was there already, and not at the end: what this process knows of the stream is not so.
    if (ack.seq !== after + 1)
      throw new ErrorWithCode(
        'NATS_STREAM_UNFIT',
        `the stream has row ${row.position} as ${ack.seq}, not ${after + 1}`,
      );
  }

  #encoded(row: JournalEntry, token: string, limit: number): Uint8Array {
    const { encode } = this.#options;
    const whole = Buffer.from(encode(row, token));
    if (whole.byteLength <= limit) return whole;
    // Not left out: whoever counts has to find it, and the journal has the rest.
    return Buffer.from(encode({ ...row, event: { tooLarge: whole.byteLength }, before: null, after: null }, token));
  }

  async #learn(): Promise<Map<JournalStream, Place>> {
    const places = new Map<JournalStream, Place>();
    for (const stream of this.#options.streams) places.set(stream, await this.#placeIn(stream));
    return places;
  }

  async #placeIn({ name }: JournalStream): Promise<Place> {
    const { journal, prefix } = this.#options;
    const called = `${prefix}-${name}`;
    const manager = await managerOf(this.#options.link);
    const { state } = await manager.streams.info(called);
    if (state.last_seq === 0) return { sequence: 0, position: 0 };
    const newest = await manager.streams.getMessage(called, { seq: state.last_seq }).catch((error: unknown) => {
      // Dropped for its age: it is older than what was kept of the position.
      if (codeOf(error) === '404') return undefined;
      throw error;
    });
    const [, identity, digits] = /^([^-]+)-(\d+)$/.exec(tokenOf(newest?.header)) ?? [];
    const position = Number(digits ?? 0);
    // Of another history: the journal was restored, and gives this position to another row.
    const isOurs = identity !== undefined && (await journal.includes(identity, position));
    return { sequence: state.last_seq, position: isOurs ? position : 0 };
  }

  async #save(position: number): Promise<void> {
    const { journal } = this.#options;
    this.#savedAtMs = performance.now();
    await journal.saveSnapshots([
      { entity: KEPT_AS, seq: position, logPosition: 0, timeMs: Date.now(), state: pack(null) },
    ]);
    this.#saved = position;
  }
}

function tokenOf(fields: MsgHdrs | undefined): string {
  return fields?.get(TOKEN) ?? '';
}

/** Another node has published meanwhile, or this one without hearing of it. */
function isOvertaken(error: unknown): boolean {
  if (codeOf(error) === 'NATS_STREAM_UNFIT') return true;
  const api = typeof error === 'object' && error !== null && 'api_error' in error ? error.api_error : undefined;
  return typeof api === 'object' && api !== null && 'err_code' in api && api.err_code === WRONG_LAST_SEQUENCE;
}
