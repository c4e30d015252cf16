import type { SiteView } from '../../actors/views.ts';
import type { Cells } from './cells.ts';
import type { Hello } from './connection.ts';
import { knownZone } from './format.ts';
import { type Readable, Signal } from './signal.ts';

/**
 * The zone that the clock of the wall shows, and that headers of columns state: on a page of one site that site's, on a page of
 * several their common one, else the organization's. Every instant is drawn in the zone of its own site; where that differs from
 * this one, or its offset does (before a change to summer time), the instant carries its own offset wherever it stands.
 */
export class PageZone {
  readonly zone = new Signal('UTC');
  /** The sites do not share one zone: a clock then says which one it shows. */
  readonly several = new Signal(false);
  readonly #sites: Cells<SiteView>;
  readonly #hello: Readable<Hello | null>;
  #site: string | null = null;

  constructor(sites: Cells<SiteView>, hello: Readable<Hello | null>) {
    this.#sites = sites;
    this.#hello = hello;
    sites.revision.subscribe(() => this.#update());
    hello.subscribe(() => this.#update());
  }

  /** The one site that the page is about; null: several. */
  setSite(site: string | null): void {
    this.#site = site;
    this.#update();
  }

  zoneOf(site: string | null | undefined): string {
    return knownZone(site == null ? undefined : this.#sites.get(site)?.props?.timeZone);
  }

  #update(): void {
    const zones = new Set(this.#sites.ids.value.map((site) => this.zoneOf(site)));
    const [first] = zones;
    this.several.value = zones.size > 1;
    if (this.#site !== null && this.#sites.get(this.#site) !== undefined) this.zone.value = this.zoneOf(this.#site);
    else this.zone.value = zones.size === 1 && first !== undefined ? first : knownZone(this.#hello.value?.timeZone);
  }
}

/** `Azores` of `Atlantic/Azores`. */
export function placeOf(zone: string): string {
  return (zone.split('/').at(-1) ?? zone).replace(/_/g, ' ');
}
