import type { DriverCode } from '../driver-codes.ts';
import type { ModbusCode } from './codes.ts';

/**
 * Why a request has no data. `exception` comes from the device or a gateway before it and proves that somebody answers;
 * `cancelled` was never sent.
 */
export type Failure =
  | { readonly ok: false; readonly kind: 'exception'; readonly exception: number }
  | { readonly ok: false; readonly kind: 'timeout' }
  | { readonly ok: false; readonly kind: 'protocol_error' }
  | { readonly ok: false; readonly kind: 'connection_lost' }
  | { readonly ok: false; readonly kind: 'cancelled'; readonly code: DriverCode };

export type Answer = { readonly ok: true; readonly data: Uint8Array } | Failure;

export const TIMEOUT: Failure = { ok: false, kind: 'timeout' };
export const PROTOCOL_ERROR: Failure = { ok: false, kind: 'protocol_error' };
/** Sent, and then the link went. */
export const CONNECTION_LOST: Failure = { ok: false, kind: 'connection_lost' };
/** Never sent: there was no link. */
export const NOT_CONNECTED: Failure = { ok: false, kind: 'cancelled', code: 'not_connected' };

/** Modbus application protocol V1.1b3, 7. */
export const EXCEPTION = {
  illegalFunction: 0x01,
  illegalAddress: 0x02,
  illegalValue: 0x03,
  deviceFailure: 0x04,
  acknowledge: 0x05,
  busy: 0x06,
  gatewayPathUnavailable: 0x0a,
  gatewayTargetSilent: 0x0b,
} as const;

/** Stable code: `timeout`, `protocol_error`, `connection_lost`, `modbus_exception_02`, or the code of a cancellation. */
export function failureCode(failure: Failure): DriverCode {
  if (failure.kind === 'exception') return exceptionCode(failure.exception);
  return failure.kind === 'cancelled' ? failure.code : failure.kind;
}

export function exceptionCode(exception: number): ModbusCode {
  return `modbus_exception_${exception.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Whether the device itself is known to be alive: it answered, be it with an exception of its own. */
export function provesAlive(answer: Answer): boolean {
  if (answer.ok) return true;
  return (
    answer.kind === 'exception' &&
    answer.exception !== EXCEPTION.gatewayPathUnavailable &&
    answer.exception !== EXCEPTION.gatewayTargetSilent
  );
}
