import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PacketGuard } from '../../../../gateways/mqtt/packet-guard.ts';

/** MQTT 3.1.1, 3.3 */
function publish(topic: string, bytes: number): Buffer {
  const body = Buffer.alloc(2 + topic.length + 2 + bytes, 0xff);
  body.writeUInt16BE(topic.length, 0);
  body.write(topic, 2);
  const header = [0x32];
  for (let rest = body.length; ; rest >>= 7) {
    header.push(rest > 127 ? (rest & 0x7f) | 0x80 : rest);
    if (rest < 128) return Buffer.concat([Buffer.from(header), body]);
  }
}

describe('the guard of packet lengths', () => {
  it('lets packets of all lengths pass up to the limit, in pieces of any size', () => {
    const stream = Buffer.concat([0, 1, 100, 130, 990].map((bytes) => publish('a/b', bytes)));
    for (const size of [1, 2, 3, 7, 64, stream.length]) {
      const guard = new PacketGuard(1000);
      for (let at = 0; at < stream.length; at += size) assert.equal(guard.see(stream.subarray(at, at + size)), null);
    }
  });

  it('tells of the first packet beyond it by its first bytes, with the topic when that is there', () => {
    const long = publish('a/b', 100_000);
    assert.deepEqual(new PacketGuard(1000).see(Buffer.concat([publish('x', 5), long.subarray(0, 20)])), {
      bytes: 100_000 + 3 + 2 + 2,
      topic: 'a/b',
    });
    assert.equal(new PacketGuard(1000).see(long.subarray(0, 4))?.topic, null);
  });
});
