import { decodePng, type Picture } from './png.ts';

/** Judges pictures of the wall by their pixels. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The most colourful pixel of a picture: largest difference between its channels, 0 for grey. */
export function mostColourful(png: Buffer): number {
  const picture = decodePng(png);
  let most = 0;
  for (let at = 0; at < picture.pixels.length; at += picture.channels) most = Math.max(most, colourAt(picture, at));
  return most;
}

/** How many pixels are more colourful than `above`, in all the picture or outside of some boxes. */
export function colourfulPixels(png: Buffer, above: number, except: readonly Box[] = []): number {
  const picture = decodePng(png);
  let count = 0;
  for (let at = 0; at < picture.pixels.length; at += picture.channels) {
    if (colourAt(picture, at) <= above) continue;
    const x = (at / picture.channels) % picture.width;
    const y = Math.floor(at / picture.channels / picture.width);
    if (!except.some((box) => contains(box, x, y))) count++;
  }
  return count;
}

/** Differences of luminance above this nobody overlooks, below it is the soft edge of a letter. */
const SEEN = 48;
const INK = 24;

/**
 * How different two small pictures are without colour: of the pixels that are ink in either, the share whose luminance is not
 * nearly the same. They are laid over each other at their upper left corners, and that corner's pixel is the ground.
 */
export function differenceInGrey(one: Buffer, other: Buffer): number {
  const [a, b] = [decodePng(one), decodePng(other)];
  let ink = 0;
  let different = 0;
  for (let y = 0; y < Math.max(a.height, b.height); y++) {
    for (let x = 0; x < Math.max(a.width, b.width); x++) {
      const [inA, inB] = [luminance(a, x, y), luminance(b, x, y)];
      if (Math.abs(inA - luminance(a, 0, 0)) > INK || Math.abs(inB - luminance(b, 0, 0)) > INK) ink++;
      if (Math.abs(inA - inB) > SEEN) different++;
    }
  }
  return ink === 0 ? 0 : different / ink;
}

/** Contrast of the strongest ink of a picture against its ground, as WCAG 2 defines it: 1 to 21. */
export function contrastInGrey(png: Buffer): number {
  const picture = decodePng(png);
  const ground = linear(luminance(picture, 0, 0));
  let most = 1;
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      const ink = linear(luminance(picture, x, y));
      most = Math.max(most, (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05));
    }
  }
  return most;
}

function colourAt({ pixels }: Picture, at: number): number {
  const [r = 0, g = 0, b = 0] = [pixels[at], pixels[at + 1], pixels[at + 2]];
  return Math.max(r, g, b) - Math.min(r, g, b);
}

/** 0 to 255; beyond the picture that of its ground. */
function luminance(picture: Picture, x: number, y: number): number {
  const at = x < picture.width && y < picture.height ? (y * picture.width + x) * picture.channels : 0;
  const { pixels } = picture;
  return 0.2126 * (pixels[at] ?? 0) + 0.7152 * (pixels[at + 1] ?? 0) + 0.0722 * (pixels[at + 2] ?? 0);
}

function linear(level: number): number {
  const share = level / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

/** With a pixel of room for soft edges. */
function contains(box: Box, x: number, y: number): boolean {
  return x >= box.x - 1 && x <= box.x + box.width + 1 && y >= box.y - 1 && y <= box.y + box.height + 1;
}
