import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeAnswer, encodeQuestion, measure, writeTimestamp } from '../../../../runtime/clock/sntp.ts';

const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const TIME_MS = Date.UTC(2026, 4, 1, 12);

/** An answer of a server, byte by byte: leap 0, version 4, mode 4; stratum 2. */
function answer(change: (packet: Buffer) => void = () => undefined): Buffer {
  const packet = Buffer.alloc(48);
  packet[0] = 0b00_100_100;
  packet[1] = 2;
  packet.set(NONCE, 24);
  writeTimestamp(packet, 32, TIME_MS);
  writeTimestamp(packet, 40, TIME_MS + 250);
  change(packet);
  return packet;
}
const codeOf = (packet: Uint8Array) => {
  const decoded = decodeAnswer(packet, NONCE);
  return decoded.ok ? 'ok' : decoded.code;
};

describe('an SNTP packet', () => {
  it('asks as a client of version 4, with nothing but the nonce in the transmit field', () => {
    const expected = `23${'00'.repeat(39)}0102030405060708`;
    assert.equal(encodeQuestion(NONCE).toString('hex'), expected);
    assert.throws(() => encodeQuestion(new Uint8Array(4)), RangeError);
  });

  it('has seconds since 1900 and a fraction of 2^-32 seconds', () => {
    const bytes = Buffer.alloc(8);
    // RFC 5905, 6: the epoch of Unix is 2,208,988,800 s in era 0.
    writeTimestamp(bytes, 0, 0);
    assert.equal(bytes.toString('hex'), '83aa7e8000000000');
    writeTimestamp(bytes, 0, 1500);
    assert.equal(bytes.toString('hex'), '83aa7e8180000000');
  });

  it('is read with the times of the server', () => {
    assert.deepEqual(decodeAnswer(answer(), NONCE), {
      ok: true,
      times: { receivedAtMs: TIME_MS, sentAtMs: TIME_MS + 250, stratum: 2 },
    });
  });

  it('goes on after February 2036, when the seconds begin anew', () => {
    const timeMs = Date.UTC(2040, 0, 1);
    const decoded = decodeAnswer(
      answer((packet) => {
        writeTimestamp(packet, 32, timeMs);
        writeTimestamp(packet, 40, timeMs);
      }),
      NONCE,
    );
    assert.ok(decoded.ok);
    assert.equal(decoded.times.sentAtMs, timeMs);
  });

  it('is refused where it cannot be an answer to this question', () => {
    assert.equal(codeOf(answer()), 'ok');
    assert.equal(codeOf(answer().subarray(0, 47)), 'not_an_answer');
    assert.equal(codeOf(answer((packet) => packet.writeUInt8(0b00_100_011, 0))), 'not_an_answer');
    assert.equal(codeOf(answer((packet) => packet.writeUInt8(9, 31))), 'of_another_question');
  });

  it('is refused where the server does not know the time', () => {
    assert.equal(codeOf(answer((packet) => packet.writeUInt8(0b11_100_100, 0))), 'unsynchronized');
    assert.equal(codeOf(answer((packet) => packet.writeUInt8(16, 1))), 'unsynchronized');
    assert.equal(codeOf(answer((packet) => packet.fill(0, 40))), 'unsynchronized');
  });

  it('names the kiss of death that a server sends away with', () => {
    const decoded = decodeAnswer(
      answer((packet) => {
        packet[1] = 0;
        packet.write('RATE', 12, 'latin1');
      }),
      NONCE,
    );
    assert.ok(!decoded.ok);
    assert.equal(decoded.code, 'refused');
    assert.match(decoded.message, /RATE/);
  });

  it('is read from the middle of a larger buffer as well', () => {
    const packet = Buffer.concat([Buffer.alloc(5, 0xff), answer()]);
    assert.equal(codeOf(packet.subarray(5)), 'ok');
  });
});

describe('what follows from four times', () => {
  it('is the offset in the middle of the way, and the way without what the server took', () => {
    // Ours is 5 s behind; 30 ms there, 10 ms at the server, 50 ms back.
    const times = { receivedAtMs: 5030, sentAtMs: 5040, stratum: 1 };
    assert.deepEqual(measure(times, 0, 90), { offsetMs: 4990, roundTripMs: 80 });
  });

  it('never takes a way for shorter than nothing', () => {
    assert.equal(measure({ receivedAtMs: 0, sentAtMs: 20, stratum: 1 }, 0, 10).roundTripMs, 0);
  });
});
