/** NUL, which PostgreSQL keeps in no text, and halves of surrogate pairs, which are no characters. */
const UNSTORABLE = /[\0\p{Surrogate}]/gu;

/**
 * Text from outside as every database takes it. One that refuses a text refuses the whole batch with it, the turns of others
 * included. JSON needs none of this: it writes such characters as escapes.
 */
export function storable(text: string): string {
  return text.replace(UNSTORABLE, '\ufffd');
}
