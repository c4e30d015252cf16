import { headers, type Msg, type StoredMsg } from 'nats';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import type { LogClaim } from '../log.ts';
import type { Epoch } from '../ownership.ts';
import type { NatsLink } from './connection.ts';
import { encodeMessage } from './message-codec.ts';
import { answerOf } from './publish-answer.ts';

export interface LogFenceOptions {
  readonly link: NatsLink;
  readonly stream: string;
  readonly subjectOf: (shard: number) => string;
  readonly answerTimeoutMs: number;
}

/** What stands last on the subject of a shard. */
export interface SubjectEnd {
  /** 0 where nothing does. */
  readonly sequence: number;
  /** Of the message. */
  readonly id: string;
  /** Under whose claim it was written; undefined for a writer that claimed nothing. */
  readonly owner: string | undefined;
}

const OWNER = 'Signalbox-Owner';
/** Each is lost to another claim of the same shard, or to an append that was under way: there are never many. */
const ATTEMPTS = 20;

/**
 * The fence of the log: a shard's subject takes a message only behind the one that its writer knows as the last (compare and
 * set by the server), and an owner begins with a message of its own, without records. From that one on nothing of the owner
 * before it gets in, whenever it arrives: not from one that slept, nor from a connection that hangs.
 */
export class LogFence {
  readonly #options: LogFenceOptions;

  constructor(options: LogFenceOptions) {
    this.#options = options;
  }

  /** @returns the sequence of the fence, behind which the claimant writes. Rejects with LOG_FENCED where a newer owner was first. */
  async raise(claim: LogClaim): Promise<number> {
    const { shard, epoch } = claim;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const end = await this.last(shard);
      const before = end.owner === undefined ? undefined : claimantOf(end.owner);
      // Epochs of another journal, or of rows that a restored one has lost, say nothing of this one.
      if (before && before.epoch > epoch && (await claim.includes(before.identity, before.position)))
        throw fenced(shard, epoch, `it is written under epoch ${before.epoch}`);
      const told = answerOf(await this.#publish(claim, end.sequence));
      if (told.kind === 'stored') return told.sequence;
      if (told.kind !== 'conflict') throw unraised(shard, told.reason);
    }
    throw unraised(shard, 'others write to its subject all the time');
  }

  async last(shard: number): Promise<SubjectEnd> {
    const { link, stream, subjectOf, answerTimeoutMs } = this.#options;
    if (!link.connected) throw unraised(shard, link.trouble ?? 'not connected');
    let message: StoredMsg;
    try {
      const manager = await link.connection.jetstreamManager({ checkAPI: false, timeout: answerTimeoutMs });
      message = await manager.streams.getMessage(stream, { last_by_subj: subjectOf(shard) });
    } catch (error) {
      // No message, rather than no stream: what is published next would say that.
      if (codeOf(error) === '404') return { sequence: 0, id: '', owner: undefined };
      throw unraised(shard, messageOf(error), error);
    }
    const owner = message.header?.get(OWNER) ?? '';
    return {
      sequence: message.seq,
      id: message.header?.get('Nats-Msg-Id') ?? '',
      owner: owner === '' ? undefined : owner,
    };
  }

  async #publish(claim: LogClaim, after: number): Promise<Msg> {
    const { link, stream, subjectOf, answerTimeoutMs } = this.#options;
    const fields = headers();
    fields.set('Nats-Expected-Stream', stream);
    markOwned(fields, ownerOf(claim), after);
    try {
      return await link.connection.request(subjectOf(claim.shard), encodeMessage([], 0), {
        headers: fields,
        timeout: answerTimeoutMs,
      });
    } catch (error) {
      throw unraised(claim.shard, messageOf(error), error);
    }
  }
}

/** One claim in a word: it stands in every message that was written under it. */
export function ownerOf({ epoch, journal: { identity, position } }: LogClaim): string {
  return `${epoch} ${identity} ${position}`;
}

/** The server is to take it only behind a message. */
export function markOwned(fields: ReturnType<typeof headers>, owner: string, after: number): void {
  fields.set('Nats-Expected-Last-Subject-Sequence', String(after));
  fields.set(OWNER, owner);
}

function claimantOf(
  owner: string,
): { readonly epoch: Epoch; readonly identity: string; readonly position: number } | undefined {
  const [epoch, identity = '', position] = owner.split(' ');
  const numbers = [Number(epoch), Number(position)];
  return numbers.every(Number.isSafeInteger)
    ? { epoch: Number(epoch), identity, position: Number(position) }
    : undefined;
}

/** Somebody else owns the shard by now: what is refused so was never in the log, and its source keeps it. */
export function fenced(shard: number, epoch: Epoch | undefined, why: string): ErrorWithCode {
  return new ErrorWithCode(
    'LOG_FENCED',
    `shard ${shard} of the telemetry log is not epoch ${epoch}'s any more: ${why}`,
  );
}

function unraised(shard: number, reason: string, cause?: unknown): ErrorWithCode {
  return new ErrorWithCode('LOG_WRITE_FAILED', `Shard ${shard} of the telemetry log cannot be taken: ${reason}`, {
    cause,
  });
}
