import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, type UnitImage } from '../../../../simulators/modbus/image.ts';

function ask(image: UnitImage, hex: string): string {
  return answer(image, Buffer.from(hex.replaceAll(' ', ''), 'hex')).toString('hex');
}

test('the examples of the specification are answered byte by byte', () => {
  const holding = new Uint16Array(200);
  holding.set([0x022b, 0x0000, 0x0064], 107);
  const coil = new Uint8Array(200);
  for (const [i, byte] of [0xcd, 0x6b, 0x05].entries()) {
    for (let bit = 0; bit < 8; bit++) coil[19 + 8 * i + bit] = (byte >> bit) & 1;
  }
  const image = { holding, coil };
  assert.equal(ask(image, '03 006b 0003'), '0306022b00000064');
  assert.equal(ask(image, '01 0013 0013'), '0103cd6b05');
  assert.equal(ask(image, '05 00ac ff00'), '0500acff00');
  assert.equal(ask(image, '06 0001 0003'), '0600010003');
  assert.equal(ask(image, '10 0001 0002 04 000a 0102'), '1000010002');
  assert.equal(ask(image, '0f 0013 000a 02 cd01'), '0f0013000a');
  assert.deepEqual([coil[172], holding[1], holding[2]], [1, 10, 0x0102]);
});

test('a masked write changes only the bits outside of its and-mask', () => {
  const image = { holding: Uint16Array.of(0, 0, 0, 0, 0x12) };
  // Modbus application protocol V1.1b3, 6.16: 0x12 with 0xF2 and 0x25 is 0x17.
  assert.equal(ask(image, '16 0004 00f2 0025'), '16000400f20025');
  assert.equal(image.holding[4], 0x17);
});

test('what cannot be answered is an exception with its reason', () => {
  const image: UnitImage = {
    holding: new Uint16Array(10),
    unsupported: [6],
    illegal: [{ area: 'holding', from: 4, to: 5 }],
  };
  assert.equal(ask(image, '06 0001 0003'), '8601', 'function that the unit does not have');
  assert.equal(ask(image, '2b 0e01 0000'), 'ab01', 'function that nobody has');
  assert.equal(ask(image, '03 0009 0002'), '8302', 'past the end');
  assert.equal(ask(image, '03 0003 0002'), '8302', 'within an illegal range');
  assert.equal(ask(image, '04 0000 0001'), '8402', 'a table that is not there');
  assert.equal(ask(image, '03 0000 0000'), '8303', 'none');
  assert.equal(ask(image, '03 0000 007e'), '8303', 'more than 125');
  assert.equal(ask(image, '03 00'), '8303', 'cut short');
  assert.equal(ask(image, '10 0000 0002 04 0001'), '9003', 'less data than it says');
});

test('the image is brought up to date before a read and told of a write', () => {
  const seen: string[] = [];
  const holding = new Uint16Array(4);
  const image: UnitImage = {
    holding,
    onRead: (area, address, count) => {
      seen.push(`read ${area} ${address}+${count}`);
      holding[2] = 77;
    },
    onWrite: (area, address, count) => seen.push(`write ${area} ${address}+${count}`),
  };
  assert.equal(ask(image, '03 0002 0001'), '0302004d');
  ask(image, '10 0001 0002 04 0001 0002');
  assert.deepEqual(seen, ['read holding 2+1', 'write holding 1+2']);
});
