import { ErrorWithCode } from '../errors.ts';
import { NatsLink } from './connection.ts';
import { NatsLog, type NatsLogOptions } from './nats-log.ts';
import type { NatsPlace } from './place.ts';

const RETRY_PAUSE_MS = 500;

/**
 * A connection of its own and the log on it. Tries until `startTimeoutMs` is over, as a server that comes up at the same time
 * needs a moment, and then fails with what was wrong last; at once where trying again cannot help.
 */
export async function openNatsLog(
  place: NatsPlace,
  options: Partial<Omit<NatsLogOptions, 'link'>> & { readonly waiting?: (reason: string) => void } = {},
): Promise<NatsLog> {
  const giveUpAtMs = performance.now() + place.startTimeoutMs;
  const link = await NatsLink.open(place, options.waiting);
  for (;;) {
    try {
      return await NatsLog.open({ maxBytes: undefined, ...place, ...options, link });
    } catch (error) {
      const { code, message, retryable } =
        error instanceof ErrorWithCode
          ? error
          : new ErrorWithCode(
              'NATS_UNREACHABLE',
              `JetStream of NATS at ${link.servers} does not answer: ${String(error)}`,
            );
      if (!retryable || performance.now() + RETRY_PAUSE_MS > giveUpAtMs) {
        await link.close();
        throw new ErrorWithCode(code, message, { cause: error, retryable });
      }
      options.waiting?.(message);
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    }
  }
}
