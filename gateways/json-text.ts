/** A text that is JSON and holds what no record may: a NUL character, or half a surrogate pair. */
export class UnusableText extends Error {}

/**
 * JSON from a client. Escapes can bring in what is no text: storages cut off at a NUL, and half a pair turns into something
 * else in UTF-8, so that what was read back would not be what was sent.
 *
 * @throws SyntaxError for what is no JSON, `UnusableText`
 */
export function parseJsonText(text: string): unknown {
  return text.includes('\\u') ? JSON.parse(text, usable) : JSON.parse(text);
}

function usable(key: string, value: unknown): unknown {
  for (const part of [key, value]) {
    if (typeof part === 'string' && BAD.test(part))
      throw new UnusableText('JSON with a NUL character or half a surrogate pair');
  }
  return value;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const BAD = /\u0000|\p{Surrogate}/u;
