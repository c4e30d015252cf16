import type { Socket } from 'node:net';

/** A packet that is longer than allowed, as its first bytes announce it. */
export interface TooLong {
  /** Of the packet without its fixed header. */
  readonly bytes: number;
  /** Of a publication, when it came along with the header. */
  readonly topic: string | null;
}

/**
 * Follows the packets of a byte stream by their lengths alone (MQTT 3.1.1, 2.2) and says so at the first one that is too
 * long. The parser behind it collects a packet whole before anybody is asked about it: without this, one publication of
 * 256 MB would be 256 MB of memory.
 */
export class PacketGuard {
  readonly #limit: number;
  /** Bytes of the present packet that are still to come. */
  #rest = 0;
  /** Type and flags; null between packets. */
  #type: number | null = null;
  #length = 0;
  #shift = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @returns null while all is well */
  see(bytes: Buffer): TooLong | null {
    let at = 0;
    while (at < bytes.length) {
      if (this.#rest > 0) {
        const taken = Math.min(this.#rest, bytes.length - at);
        this.#rest -= taken;
        at += taken;
        continue;
      }
      const byte = bytes[at++] ?? 0;
      if (this.#type === null) {
        this.#type = byte;
        continue;
      }
      this.#length |= (byte & 0x7f) << this.#shift;
      this.#shift += 7;
      // A fifth byte of length is against the protocol; the parser says so.
      if (byte >= 0x80 && this.#shift < 28) continue;
      if (this.#length > this.#limit) return { bytes: this.#length, topic: topicOf(this.#type, bytes, at) };
      this.#rest = this.#length;
      this.#type = null;
      this.#length = 0;
      this.#shift = 0;
    }
    return null;
  }
}

const PUBLISH = 3;

function topicOf(type: number, bytes: Buffer, at: number): string | null {
  if (type >> 4 !== PUBLISH || at + 2 > bytes.length) return null;
  const length = bytes.readUInt16BE(at);
  return at + 2 + length > bytes.length ? null : bytes.toString('utf8', at + 2, at + 2 + length);
}

/** Ends the connection before the too long packet is read; what came ahead of it in the same piece goes with it, unacknowledged. */
export function guardSocket(socket: Socket, limit: number, onTooLong: (found: TooLong) => void): void {
  const guard = new PacketGuard(limit);
  const read = socket.read.bind(socket);
  // aedes reads the socket itself; another stream between them would cost every message a copy.
  socket.read = (size?: number): unknown => {
    const piece: unknown = read(size);
    const found = Buffer.isBuffer(piece) ? guard.see(piece) : null;
    if (found === null) return piece;
    onTooLong(found);
    socket.destroy();
    return null;
  };
}
