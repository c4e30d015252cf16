import type { Quality } from '../../actors/frame.ts';
import type { DriverCode } from '../driver-codes.ts';
import { EXCEPTION, type Failure, failureCode } from './failure.ts';

/** What a failed read means for its readings. The value is always null: the last good one keeps its own time. */
export interface ReadingFault {
  readonly quality: Exclude<Quality, 'GOOD'>;
  /** Stable code, as in {@link failureCode}. */
  readonly reason: DriverCode;
  readonly cause: 'configuration' | 'device_failure' | 'pending' | 'busy' | 'no_communication' | 'communication';
}

export function readingFault(failure: Failure): ReadingFault {
  const reason = failureCode(failure);
  if (failure.kind !== 'exception') return { quality: 'BAD', reason, cause: 'communication' };
  switch (failure.exception) {
    case EXCEPTION.illegalFunction:
    case EXCEPTION.illegalAddress:
    case EXCEPTION.illegalValue:
      return { quality: 'BAD', reason, cause: 'configuration' };
    case EXCEPTION.acknowledge:
      return { quality: 'UNCERTAIN', reason, cause: 'pending' };
    case EXCEPTION.busy:
      return { quality: 'UNCERTAIN', reason, cause: 'busy' };
    case EXCEPTION.gatewayPathUnavailable:
    case EXCEPTION.gatewayTargetSilent:
      return { quality: 'BAD', reason, cause: 'no_communication' };
    default:
      return { quality: 'BAD', reason, cause: 'device_failure' };
  }
}
