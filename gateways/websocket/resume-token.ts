import type { Journal } from '../../runtime/journal.ts';

/** What of a journal tells whether a token is of it. */
export type Lineage = Pick<Journal, 'identity' | 'includes'>;

/**
 * A place in the event lane that survives reconnects: the position, and under which identity of the journal it was handed
 * out. The number alone would also be taken by a journal that was restored and has given it to another row since.
 */
export function resumeToken(identity: string, position: number): string {
  return `${identity}-${position}`;
}

/** The position to go on from, or undefined where the token is not one of this history. */
export async function positionOf(token: string, lineage: Lineage): Promise<number | undefined> {
  const parts = /^([^-]+)-(\d{1,15})$/.exec(token);
  const [, identity, digits] = parts ?? [];
  if (identity === undefined || digits === undefined) return undefined;
  const position = Number(digits);
  return (await lineage.includes(identity, position)) ? position : undefined;
}
