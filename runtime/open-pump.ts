import { FollowingPump } from './following-pump.ts';
import type { EntityId } from './ids.ts';
import type { TelemetryLog } from './log.ts';
import { LogPump, type Pump, type PumpOptions } from './log-pump.ts';

/**
 * The pump that a log needs: one that follows it where others write it too.
 * @param wants some entity here observes what this source has to say
 * @param end position up to which the actors have applied everything
 */
export function openPump(options: PumpOptions, wants: (source: EntityId) => boolean, end: number): Pump {
  const { log } = options;
  return offersFollow(log) ? new FollowingPump({ ...options, log, wants }, end) : new LogPump(options, end);
}

function offersFollow(log: TelemetryLog): log is TelemetryLog & Required<Pick<TelemetryLog, 'follow'>> {
  return log.follow !== undefined;
}
