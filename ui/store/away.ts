import type { Cells } from './cells.ts';
import { useSubscription } from './signal.ts';

/** Nobody speaks for an entity: what is shown of it is what was then. */
export interface Away {
  readonly sinceMs: number;
  /** The edge cell that it lives in, where the link to that is what is lost; null: the node of this cell that owns it is silent. */
  readonly cell: string | null;
  /** That cell has never told of it: what is shown is what the topology says, and since then somebody listens. */
  readonly neverHeard?: true;
}

/** A command on its way to an edge cell. */
export interface Underway {
  readonly commandId: string;
  readonly kind: string;
  /** Of the alarm that it is about; null: of none. */
  readonly rule: string | null;
  readonly by: string;
  readonly sinceMs: number;
  readonly expiresAtMs: number;
  /** It left, and whether it arrived nobody knows yet; otherwise it waits for the link. */
  readonly sent: boolean;
}

type Group = Readonly<Record<string, unknown>> | undefined;

/** Out of the group of fields that a server puts beside a view. */
export function awayIn(group: Group): Away | null {
  if (group === undefined) return null;
  const known = read.get(group);
  if (known !== undefined) return known;
  const { sinceMs, cell: of, neverHeard } = group;
  const cell = typeof of === 'string' ? of : null;
  const away =
    typeof sinceMs === 'number'
      ? { sinceMs, cell, ...(neverHeard === true ? { neverHeard: true as const } : {}) }
      : null;
  read.set(group, away);
  return away;
}

/** The same object for the same fields, so that rows that did not change are not drawn again. */
const read = new WeakMap<object, Away | null>();

export function underwayIn(group: Group): Underway[] {
  return Object.values(group ?? {})
    .flatMap((each) => underwayOf(each) ?? [])
    .sort((a, b) => a.sinceMs - b.sinceMs);
}

function underwayOf(value: unknown): Underway | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { commandId, kind, rule, by, sinceMs, expiresAtMs, state } = value as Record<string, unknown>;
  if (typeof commandId !== 'string' || typeof sinceMs !== 'number' || typeof expiresAtMs !== 'number') return undefined;
  const about = typeof rule === 'string' ? rule : null;
  return { commandId, kind: text(kind), rule: about, by: text(by), sinceMs, expiresAtMs, sent: state === 'sent' };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What lost its voice, in the words of a sentence: `Owner silent`, `Link to the edge edge-7 lost`. */
export function whoIsSilent({ cell, neverHeard }: Pick<Away, 'cell' | 'neverHeard'>): string {
  if (neverHeard) return `Edge ${cell} never heard`;
  return cell === null ? 'Owner silent' : `Link to the edge ${cell} lost`;
}

/** Of one entity; drawn again when it falls silent or speaks. */
export function useAway<V>(cells: Cells<V>, id: string): Away | null {
  const group = cells.beside(id, 'away');
  useSubscription(
    (listener) => cells.watch(listener, id, 'away'),
    [cells, id],
    () => cells.beside(id, 'away') !== group,
  );
  return awayIn(group);
}

export function useUnderway<V>(cells: Cells<V>, id: string): readonly Underway[] {
  const group = cells.beside(id, 'pending');
  useSubscription(
    (listener) => cells.watch(listener, id, 'pending'),
    [cells, id],
    () => cells.beside(id, 'pending') !== group,
  );
  return underwayIn(group);
}

/** Since when not all that is shown of an entity is on record; null where it is. Drawn again when that changes. */
export function useUnrecordedSince(cells: Cells<unknown>, id: string): number | null {
  const group = cells.beside(id, 'notRecorded');
  useSubscription(
    (listener) => cells.watch(listener, id, 'notRecorded'),
    [cells, id],
    () => cells.beside(id, 'notRecorded') !== group,
  );
  return typeof group?.sinceMs === 'number' ? group.sinceMs : null;
}
