import type { View } from './actor-kind.ts';
import { type EntityId, kindOf } from './ids.ts';
import type { Json } from './json.ts';
import { isGone, type LiveCell, type Revision } from './live-bus.ts';
import { sameJson } from './same-json.ts';

const NOTHING_IN_IT: View[string] = {};

/** One entity as it is shown: its view, and at which revision each field of it changed. */
export class Cell implements LiveCell {
  readonly id: EntityId;
  readonly kind: string;
  revision: Revision = 0;
  view: View = {};
  appearedAt: Revision = 0;
  mirrored = false;
  ownSince: Revision = 0;
  readonly #groups = new Map<string, FieldRevisions>();

  constructor(id: EntityId) {
    this.id = id;
    this.kind = kindOf(id);
  }

  /** The entity is here now, or no longer: true where that is new. */
  become(mirrored: boolean, revision: Revision): boolean {
    if (this.mirrored === mirrored && (mirrored || this.ownSince > 0)) return false;
    this.mirrored = mirrored;
    if (!mirrored) this.ownSince = revision;
    this.revision = revision;
    return true;
  }

  replace(next: View, revision: Revision): boolean {
    const last = this.view;
    if (isGone(this)) this.appearedAt = revision;
    let changed = false;
    for (const group in next) {
      const fields = next[group];
      if (fields !== undefined && fields !== last[group] && this.#replaceGroup(group, last[group], fields, revision))
        changed = true;
    }
    for (const group in last) {
      if (!(group in next) && this.#replaceGroup(group, last[group], NOTHING_IN_IT, revision)) changed = true;
    }
    this.view = next;
    if (changed) this.revision = revision;
    return changed;
  }

  #replaceGroup(group: string, last: View[string] | undefined, next: View[string], revision: Revision): boolean {
    let revisions = this.#groups.get(group);
    if (!revisions) {
      revisions = new FieldRevisions();
      this.#groups.set(group, revisions);
    }
    let changed = false;
    for (const key in next) {
      if (last !== undefined && key in last && sameJson(last[key], next[key])) continue;
      revisions.mark(key, revision);
      changed = true;
    }
    for (const key in last) {
      if (key in next) continue;
      revisions.mark(key, revision);
      changed = true;
    }
    return changed;
  }

  changesSince(since: Revision): Record<string, Record<string, Json>> | undefined {
    if (this.revision <= since) return undefined;
    let changes: Record<string, Record<string, Json>> | undefined;
    for (const group of this.#groups.keys()) {
      const fields = this.#groups.get(group)?.changesSince(since, this.view[group]);
      if (fields === undefined) continue;
      changes ??= {};
      changes[group] = fields;
    }
    return changes;
  }
}

/**
 * When each field of a group changed last, or went away. Two arrays beside each other, and not a map: they are walked through
 * at each flush, for each changed cell, and a walk through a map's entries makes an object of every entry.
 */
class FieldRevisions {
  readonly #places = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #revisions: Revision[] = [];
  #newest: Revision = 0;

  mark(key: string, revision: Revision): void {
    this.#newest = revision;
    const place = this.#places.get(key);
    if (place !== undefined) {
      this.#revisions[place] = revision;
      return;
    }
    this.#places.set(key, this.#keys.length);
    this.#keys.push(key);
    this.#revisions.push(revision);
  }

  changesSince(since: Revision, now: View[string] | undefined): Record<string, Json> | undefined {
    if (this.#newest <= since) return undefined;
    const fields: Record<string, Json> = {};
    for (let place = 0; place < this.#keys.length; place++) {
      const key = this.#keys[place];
      if (key !== undefined && (this.#revisions[place] ?? 0) > since) fields[key] = now?.[key] ?? null;
    }
    return fields;
  }
}
