import type { View } from './actor-kind.ts';
import type { EntityId } from './ids.ts';
import type { Group, LiveCell, Revision } from './live-bus.ts';
import type { Epoch } from './ownership.ts';

/** A view as its owner showed it last. A higher epoch is newer, and under the same epoch the higher revision is. */
export interface OwnedView {
  readonly id: EntityId;
  readonly epoch: Epoch;
  readonly revision: Revision;
  readonly view: View;
}

/** The newest views of the entities that one node owns. */
export interface NodeViews {
  readonly node: string;
  readonly run: string;
  /** Number of the last frame of each group that is included; none was sent of a group that is missing here. */
  readonly numbers: ReadonlyMap<Group, number>;
  readonly views: readonly (OwnedView & { readonly group: Group })[];
}

/** What a node has itself, for whoever keeps it or asks for it. */
export interface OwnViews {
  readonly node: string;
  readonly run: string;
  groups(): readonly Group[];
  /** Number of the last frame of a group; what `views` shows includes it. */
  numberOf(group: Group): number;
  /** What is ours in a group. */
  cells(group: Group): Iterable<LiveCell>;
  /** In a stable order, as `after` and what follows an id. */
  views(group: Group, after?: EntityId): Iterable<OwnedView>;
  /** As `views`, of one; undefined where it is not ours to show. */
  view(cell: LiveCell): OwnedView | undefined;
}

/**
 * The newest views of a group, for whoever begins to follow it. Never a source of truth: what it has may be old, which its
 * numbers tell, or missing, and then the owners are asked.
 */
export interface LiveCache {
  readonly usable: boolean;
  /** For people, and for the health page. */
  readonly state: { readonly connected: boolean; readonly detail: string };
  /** Begins to keep what this node has, all of it. */
  keep(own: OwnViews): void;
  /** These changed, or are gone, or are not ours any more. Never waits, and never keeps more than one view of an entity. */
  changed(group: Group, cells: Iterable<LiveCell>): void;
  /** Of every node, this one included. Rejects where the cache does not answer in time. */
  read(groups: readonly Group[] | 'all'): Promise<readonly NodeViews[]>;
  close(): Promise<void>;
}
