/**
 * SNTP, the packet and what follows from it (RFC 4330; RFC 5905 for the fields). Pure: sockets and clocks are the client's.
 *
 *  0      1        2      3          4                 12            16           24          32         40          48
 *  | LI VN mode | stratum | poll | precision | delay, dispersion | reference id | reference | originate | receive | transmit |
 */
export const PACKET_BYTES = 48;
export const NONCE_BYTES = 8;

const VERSION = 4;
const CLIENT = 3;
const SERVER = 4;
const UNSYNCHRONIZED = 3;
const MAX_STRATUM = 15;
const REFERENCE_ID = 12;
const ORIGINATE = 24;
const RECEIVE = 32;
const TRANSMIT = 40;

/** 1 January 1900 to 1 January 1970, with 17 leap years. */
const UNIX_EPOCH_S = (70 * 365 + 17) * 86_400;
const ERA_S = 2 ** 32;

/** When the server had our question and when it answered, by its clock. */
export interface ServerTimes {
  readonly receivedAtMs: number;
  readonly sentAtMs: number;
  readonly stratum: number;
}

export type SntpAnswer =
  | { readonly ok: true; readonly times: ServerTimes }
  | { readonly ok: false; readonly code: SntpFault; readonly message: string };

/** Why an answer cannot be used. */
export type SntpFault = 'not_an_answer' | 'of_another_question' | 'refused' | 'unsynchronized';

/**
 * A question. The server gives back what stands in the transmit field, so it carries a random number rather than our time: it
 * tells the answer from one that somebody made up, and says nothing of our clock.
 */
export function encodeQuestion(nonce: Uint8Array): Buffer {
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`a nonce has ${NONCE_BYTES} bytes`);
  const packet = Buffer.alloc(PACKET_BYTES);
  packet[0] = (VERSION << 3) | CLIENT;
  packet.set(nonce, TRANSMIT);
  return packet;
}

/** The checks of RFC 4330, 5: an answer that fails one says nothing of the time. */
export function decodeAnswer(packet: Uint8Array, nonce: Uint8Array): SntpAnswer {
  if (packet.length < PACKET_BYTES) return fault('not_an_answer', `${packet.length} bytes are no SNTP packet`);
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  const flags = bytes.readUInt8(0);
  const mode = flags & 0b111;
  const version = (flags >> 3) & 0b111;
  const stratum = bytes.readUInt8(1);
  if (mode !== SERVER || version === 0) return fault('not_an_answer', `mode ${mode}, version ${version}`);
  if (!bytes.subarray(ORIGINATE, RECEIVE).equals(nonce))
    return fault('of_another_question', 'the answer is to a question that we did not ask');
  // RFC 4330, 8: the kiss of death. What stands there is four letters, padded with zeros.
  if (stratum === 0) return fault('refused', `the server refuses: ${letters(bytes.subarray(REFERENCE_ID, 16))}`);
  if (flags >> 6 === UNSYNCHRONIZED || stratum > MAX_STRATUM || isZero(bytes.subarray(TRANSMIT, PACKET_BYTES)))
    return fault('unsynchronized', 'the server is not synchronized itself');
  const receivedAtMs = timestampMs(bytes, RECEIVE);
  return { ok: true, times: { receivedAtMs, sentAtMs: timestampMs(bytes, TRANSMIT), stratum } };
}

export interface Measurement {
  /** How far the clock of the server is ahead of ours: what has to be added to ours. */
  readonly offsetMs: number;
  /** On the way there and back, without what the server took. The offset is right within half of it. */
  readonly roundTripMs: number;
}

/** RFC 4330, 5: what follows from when we asked and when the answer came, by our clock. */
export function measure({ receivedAtMs, sentAtMs }: ServerTimes, askedAtMs: number, answeredAtMs: number): Measurement {
  return {
    offsetMs: (receivedAtMs - askedAtMs + (sentAtMs - answeredAtMs)) / 2,
    roundTripMs: Math.max(0, answeredAtMs - askedAtMs - (sentAtMs - receivedAtMs)),
  };
}

/** RFC 4330, 3: with the highest bit the time is of 1968 to 2036, without it of the 68 years after. */
function timestampMs(bytes: Buffer, at: number): number {
  const seconds = bytes.readUInt32BE(at);
  const era = seconds >= ERA_S / 2 ? 0 : ERA_S;
  return (era + seconds - UNIX_EPOCH_S) * 1000 + (bytes.readUInt32BE(at + 4) * 1000) / ERA_S;
}

/** As a server writes it. */
export function writeTimestamp(bytes: Buffer, at: number, timeMs: number): void {
  const seconds = Math.floor(timeMs / 1000);
  bytes.writeUInt32BE((seconds + UNIX_EPOCH_S) % ERA_S, at);
  bytes.writeUInt32BE(Math.floor(((timeMs / 1000 - seconds) * ERA_S) % ERA_S), at + 4);
}

function letters(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^A-Za-z0-9]/g, '');
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

function fault(code: SntpFault, message: string): SntpAnswer {
  return { ok: false, code, message };
}
