import type { Quality } from '../../actors/frame.ts';
import type { OpcUaCode } from './codes.ts';

/** What an OPC UA StatusCode says about a reading. */
export interface StatusMeaning {
  readonly quality: Quality;
  /** Null for GOOD. */
  readonly reason: OpcUaCode | null;
  /** The server's queue for this item overflowed: values between this one and its neighbour are lost. */
  readonly overflow: boolean;
}

const GOOD: StatusMeaning = { quality: 'GOOD', reason: null, overflow: false };

/**
 * The explicit map of StatusCode to Quality (OPC 10000-4, 7.38): the two top bits are the severity, 00 Good, 01 Uncertain,
 * 10 Bad; 11 is reserved and to be taken as Bad. Sub-codes of Good (GoodLocalOverride, GoodClamped) stay GOOD: the server
 * vouches for the value.
 * @param code 32 bits, info bits included
 * @param name of the code, with or without the names of the info bits after `#`
 */
export function meaningOfStatus(code: number, name: string): StatusMeaning {
  if (code === 0) return GOOD;
  const overflow = hasOverflow(code);
  switch (code >>> 30) {
    case 0:
      return overflow ? { quality: 'SUSPECT', reason: 'opcua_overflow', overflow } : GOOD;
    case 1:
      return { quality: 'UNCERTAIN', reason: reasonOfStatus(name), overflow };
    default:
      return { quality: 'BAD', reason: reasonOfStatus(name), overflow };
  }
}

/** Stable reason of a status: `opcua_BadSensorFailure`. */
export function reasonOfStatus(name: string): OpcUaCode {
  const info = name.indexOf('#');
  return `opcua_${info < 0 ? name : name.slice(0, info)}`;
}

/** 7.38.1: InfoType (bits 10 and 11) must be 01, DataValue, for the overflow bit (7) to mean anything. */
function hasOverflow(code: number): boolean {
  return (code & 0x0c00) === 0x0400 && (code & 0x0080) !== 0;
}
