import type { Frame, Quality } from '../../actors/frame.ts';
import type { Historian } from '../../runtime/historian.ts';
import { CommandId, type EntityId } from '../../runtime/ids.ts';
import type { Append } from '../../runtime/journal.ts';
import type { Json } from '../../runtime/json.ts';
import type { TelemetryLog } from '../../runtime/log.ts';
import type { ReadableHistorian } from './historian-reading.contract.ts';

/** A turn with as many events as names are given. */
export function turn(
  entity: EntityId,
  firstSeq: number,
  given: Partial<Omit<Append, 'events' | 'commandId' | 'effects'>> & {
    readonly kinds?: readonly string[];
    readonly commandId?: string;
    readonly effects?: readonly Json[];
  } = {},
): Append {
  const { kinds = ['ValueSet'], commandId, effects = [], ...rest } = given;
  return {
    entity,
    firstSeq,
    shard: 0,
    epoch: 1,
    commandId: commandId === undefined ? null : CommandId.parse(commandId),
    commandHash: commandId === undefined ? null : 'the same',
    answer: { done: commandId ?? null },
    timeMs: 1000 + firstSeq,
    by: { user: 'tester', via: 'http' },
    logPosition: 0,
    events: kinds.map((kind, index) => ({ kind, event: { kind, n: index }, before: { n: null }, after: { n: index } })),
    effects: effects.map((effect, index) => ({ index, effect })),
    ...rest,
  };
}

/** Fills a historian the way in which it is filled: through the log. */
export function filledThroughLog(log: TelemetryLog, historian: Historian): ReadableHistorian['add'] {
  return async (source, series, samples) => {
    const records = samples.map(({ timeMs, value, quality }) => {
      const observation: Frame = {
        deviceTimeMs: timeMs,
        gatewayTimeMs: timeMs,
        points: [series],
        values: [value],
        quality: [qualityOf(quality)],
        reasons: null,
        times: null,
      };
      return { source, observation };
    });
    await log.append(records);
    await historian.caughtUp(await log.end());
  };
}

function qualityOf(text: string): Quality {
  if (text === 'GOOD' || text === 'SUSPECT' || text === 'UNCERTAIN' || text === 'BAD') return text;
  throw new RangeError(`${text} is no quality`);
}
