import type { PositionedRecord } from '../log.ts';
import type { NatsLink } from './connection.ts';
import { decodeMessage } from './message-codec.ts';
import { lastPositionOf, sequenceAfter } from './positions.ts';
import { Puller, unread } from './puller.ts';

const BYTES = 4 * 1024 * 1024;
const MAX_MESSAGES = 256;

interface Message {
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** Answers reads that go on where the last one ended, which is what a pass over the log does, from one consumer. */
export class Reader {
  readonly #damaged: (sequence: number, error: unknown) => void;
  #puller: Puller | undefined;
  #position: number;
  #messages: Message[] = [];
  #answered: ((error?: unknown) => void) | undefined;
  #atEnd = false;
  /** Records in a message, lately: how many messages make a read. */
  #size = 1;

  private constructor(after: number, damaged: (sequence: number, error: unknown) => void) {
    this.#position = after;
    this.#damaged = damaged;
  }

  static async open(options: {
    readonly link: NatsLink;
    readonly stream: string;
    readonly after: number;
    readonly damaged: (sequence: number, error: unknown) => void;
  }): Promise<Reader> {
    const reader = new Reader(options.after, options.damaged);
    reader.#puller = await Puller.start({
      link: options.link,
      stream: options.stream,
      from: sequenceAfter(options.after),
      message: (sequence, data, pending) => {
        reader.#messages.push({ sequence, data });
        reader.#atEnd = pending === 0;
      },
      answered: () => reader.#answered?.(),
      ended: (reason) => reader.#answered?.(unread(reason)),
    });
    return reader;
  }

  /** Where its next read goes on. */
  get position(): number {
    return this.#position;
  }

  get usable(): boolean {
    return this.#puller?.closed === false;
  }

  /** Whole messages, until about so many records are together or the stream has no more. */
  async read(limit: number): Promise<PositionedRecord[]> {
    const records: PositionedRecord[] = [];
    this.#atEnd = false;
    while (records.length < limit && !this.#atEnd) {
      const messages = Math.min(MAX_MESSAGES, Math.ceil((limit - records.length) / this.#size));
      await this.#ask(messages);
      const got = this.#messages.splice(0);
      for (const { sequence, data } of got) this.#take(sequence, data, records);
      if (got.length === 0) break;
    }
    return records;
  }

  close(): void {
    this.#puller?.close();
  }

  #ask(messages: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answered = (error) => {
        this.#answered = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      if (this.#puller?.closed === false) this.#puller.ask({ messages, bytes: BYTES, wait: false });
      else this.#answered(unread('the connection was lost meanwhile'));
    });
  }

  #take(sequence: number, data: Uint8Array, into: PositionedRecord[]): void {
    try {
      const { records, count } = decodeMessage(data, sequence, () => true);
      if (count > 0) this.#size = count;
      for (const record of records) if (record.position > this.#position) into.push(record);
    } catch (error) {
      this.#damaged(sequence, error);
    }
    this.#position = lastPositionOf(sequence);
  }
}
