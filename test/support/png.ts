import { inflateSync } from 'node:zlib';

/** A decoded picture; `channels` bytes a pixel, of which the first three are red, green and blue. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly pixels: Uint8Array;
}

const SIGNATURE = '89504e470d0a1a0a';

/** Decodes what a browser's screenshot is: a PNG of 8 bits a channel, with or without alpha, not interlaced. */
export function decodePng(png: Buffer): Picture {
  if (png.subarray(0, 8).toString('hex') !== SIGNATURE) throw new Error('no PNG');
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const [depth, colourType, , , interlace] = png.subarray(24, 29);
  if (depth !== 8 || (colourType !== 2 && colourType !== 6) || interlace !== 0)
    throw new Error('a PNG of another kind');
  const channels = colourType === 2 ? 3 : 4;
  const data: Buffer[] = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(png.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return { width, height, channels, pixels: unfiltered(inflateSync(Buffer.concat(data)), width * channels, channels) };
}

/** PNG, clause 9: each line begins with the number of its filter. */
function unfiltered(lines: Buffer, lineBytes: number, channels: number): Uint8Array {
  const height = lines.length / (lineBytes + 1);
  const pixels = new Uint8Array(lineBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (lineBytes + 1)];
    const from = y * (lineBytes + 1) + 1;
    const to = y * lineBytes;
    for (let i = 0; i < lineBytes; i++) {
      const left = i < channels ? 0 : (pixels[to + i - channels] ?? 0);
      const above = y === 0 ? 0 : (pixels[to + i - lineBytes] ?? 0);
      const aboveLeft = y === 0 || i < channels ? 0 : (pixels[to + i - lineBytes - channels] ?? 0);
      pixels[to + i] = (lines[from + i] ?? 0) + predicted(filter, left, above, aboveLeft);
    }
  }
  return pixels;
}

function predicted(filter: number | undefined, left: number, above: number, aboveLeft: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4:
      return paeth(left, above, aboveLeft);
    default:
      return 0;
  }
}

function paeth(left: number, above: number, aboveLeft: number): number {
  const guess = left + above - aboveLeft;
  const toLeft = Math.abs(guess - left);
  const toAbove = Math.abs(guess - above);
  const toBoth = Math.abs(guess - aboveLeft);
  if (toLeft <= toAbove && toLeft <= toBoth) return left;
  return toAbove <= toBoth ? above : aboveLeft;
}
