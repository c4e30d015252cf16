import { headers, type Msg, type NatsConnection, type StoredMsg } from 'nats';
import { z } from 'zod';
import type { CentralLog, CentralPlace, MessageMarks } from '../edge/telemetry-lane.ts';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import type { LogRecord } from '../log.ts';
import type { NatsLink } from './connection.ts';
import { compressMessage, encodeMessage } from './message-codec.ts';
import { POSITIONS_PER_MESSAGE } from './positions.ts';
import { streamNameOf } from './stream.ts';

export interface NatsCentralLogOptions {
  /** Undefined as long as no server was ever reached. */
  readonly link: () => NatsLink | undefined;
  readonly cell: string;
  /** Streams of the centre begin with it. */
  readonly prefix: string;
  /** JetStream domain of the centre, where a leaf node with one of its own is in between. */
  readonly domain?: string | undefined;
  readonly answerTimeoutMs?: number;
}

const ANSWER_WITHIN_MS = 10_000;
const MAX_MESSAGE_BYTES = 768 * 1024;
const HEAD_BYTES = 4096;
const WRONG_LAST_SEQUENCE = 10071;
const NO_MESSAGE = 10037;

const LOG = 'Signalbox-Log';
const POSITION = 'Signalbox-Position';
const LATE = 'Signalbox-Late';

const Answer = z.union([
  z.object({
    error: z.object({ code: z.number(), err_code: z.number().optional(), description: z.string().default('') }),
  }),
  z.object({ seq: z.int() }),
]);

/** One subject a cell, beside those of the shards of the centre: no cell has the name of a shard. */
export function cellSubjectOf(prefix: string, cell: string): string {
  return `${prefix}.telemetry.cell-${cell}`;
}

/**
 * The telemetry log of the centre as an edge writes it: messages of one subject in the stream of the centre. Each names the
 * one that it follows, and the server takes it only behind that (compare and set), so that nothing is stored twice or out of
 * order, whatever is sent again after whatever time.
 */
export class NatsCentralLog implements CentralLog {
  readonly #options: NatsCentralLogOptions;
  readonly #stream: string;
  readonly #subject: string;
  readonly #timeoutMs: number;

  constructor(options: NatsCentralLogOptions) {
    this.#options = options;
    this.#stream = streamNameOf(options.prefix);
    this.#subject = cellSubjectOf(options.prefix, options.cell);
    this.#timeoutMs = options.answerTimeoutMs ?? ANSWER_WITHIN_MS;
  }

  async last(): Promise<CentralPlace> {
    const { domain } = this.#options;
    const api = { checkAPI: false, timeout: this.#timeoutMs, ...(domain !== undefined && { domain }) };
    let message: StoredMsg;
    try {
      const manager = await this.#connection().jetstreamManager(api);
      message = await manager.streams.getMessage(this.#stream, { last_by_subj: this.#subject });
    } catch (error) {
      if (errorNumberOf(error) === NO_MESSAGE) return { sequence: 0, stored: undefined };
      if (codeOf(error) === '404') {
        const text = `the centre has no stream ${this.#stream}: it has to be started once, with NATS_URL and the same NATS_STREAM_PREFIX`;
        throw new ErrorWithCode('UPLINK_NO_STREAM', text, { cause: error });
      }
      throw new ErrorWithCode('UPLINK_FAILED', `JetStream of the centre: ${messageOf(error)}`, { cause: error });
    }
    const log = message.header.get(LOG);
    const position = Number(message.header.get(POSITION));
    if (log === '' || !Number.isSafeInteger(position)) {
      const text = `message ${message.seq} of ${this.#subject} is not of an edge: another program writes there`;
      throw new ErrorWithCode('UPLINK_CONFLICT', text, { retryable: false });
    }
    return { sequence: message.seq, stored: { log, position } };
  }

  async pack(records: readonly LogRecord[]): Promise<{ message: Uint8Array; count: number }> {
    const { max_payload } = this.#connection().info ?? {};
    const limit = Math.min(MAX_MESSAGE_BYTES, (max_payload ?? MAX_MESSAGE_BYTES) - HEAD_BYTES);
    for (let count = Math.min(records.length, POSITIONS_PER_MESSAGE); ; count = Math.ceil(count / 2)) {
      const message = await compressMessage(encodeMessage(records, count));
      if (message.byteLength <= limit) return { message, count };
      if (count > 1) continue;
      const text = `one observation of ${message.byteLength} bytes is more than the centre takes, ${limit}`;
      throw new ErrorWithCode('LOG_RECORD_TOO_LARGE', text, { retryable: false });
    }
  }

  async store(message: Uint8Array, { after, log, position, late }: MessageMarks): Promise<number> {
    const fields = headers();
    fields.set('Nats-Expected-Stream', this.#stream);
    fields.set('Nats-Expected-Last-Subject-Sequence', String(after));
    fields.set(LOG, log);
    fields.set(POSITION, String(position));
    if (late) fields.set(LATE, '1');
    let answer: Msg;
    try {
      answer = await this.#connection().request(this.#subject, message, { headers: fields, timeout: this.#timeoutMs });
    } catch (error) {
      throw new ErrorWithCode('UPLINK_FAILED', `the stream of the centre does not answer: ${messageOf(error)}`, {
        cause: error,
      });
    }
    const told = Answer.safeParse(answer.json());
    if (!told.success) throw new ErrorWithCode('UPLINK_FAILED', 'an answer that is none of JetStream');
    if ('seq' in told.data) return told.data.seq;
    const { err_code, code, description } = told.data.error;
    const isConflict = err_code === WRONG_LAST_SEQUENCE;
    throw new ErrorWithCode(isConflict ? 'UPLINK_CONFLICT' : 'UPLINK_FAILED', `${description} (${err_code ?? code})`);
  }

  #connection(): NatsConnection {
    const link = this.#options.link();
    if (!link?.connected) throw new ErrorWithCode('UPLINK_FAILED', link?.trouble ?? 'no server was reached yet');
    return link.connection;
  }
}

function errorNumberOf(error: unknown): number | undefined {
  const described: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'api_error') : undefined;
  const number: unknown =
    typeof described === 'object' && described !== null ? Reflect.get(described, 'err_code') : undefined;
  return typeof number === 'number' ? number : undefined;
}
