import type { Msg } from 'nats';
import { z } from 'zod';
import { messageOf } from '../errors.ts';

const WRONG_LAST_SEQUENCE = 10071;

const Answer = z.union([
  z.object({
    error: z.object({ code: z.number(), err_code: z.number().optional(), description: z.string().default('') }),
  }),
  z.object({ seq: z.number() }),
]);

/** What JetStream says to a message: `conflict` where it was to follow another one than the last of its subject. */
export type Told =
  | { readonly kind: 'stored'; readonly sequence: number }
  | { readonly kind: 'later' | 'refused' | 'conflict'; readonly reason: string };

export function answerOf(answer: Msg): Told {
  // Nobody listens on the subject: the stream is being brought up, or it is gone.
  if (answer.headers?.code === 503) return { kind: 'later', reason: 'the stream does not answer (503)' };
  let parsed: z.infer<typeof Answer>;
  try {
    parsed = Answer.parse(answer.json());
  } catch (error) {
    return { kind: 'later', reason: `an answer that is none of JetStream: ${messageOf(error)}` };
  }
  if ('seq' in parsed) return { kind: 'stored', sequence: parsed.seq };
  const { code, err_code, description } = parsed.error;
  const reason = `${description} (${err_code ?? code})`;
  if (err_code === WRONG_LAST_SEQUENCE) return { kind: 'conflict', reason };
  // 5xx: no leader, no room, not ready; the same message may go through in a moment.
  return { kind: code >= 500 ? 'later' : 'refused', reason };
}
