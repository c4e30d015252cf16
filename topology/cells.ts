import type { Plant, SiteDefinition } from './plant.ts';

/** The cell of the centre: sites live there that name no other. */
export const CORE_CELL = 'core';

export function cellOf(site: Pick<SiteDefinition, 'cell'> | undefined): string {
  return site?.cell ?? CORE_CELL;
}

/** The cells that sites name, without that of the centre, in the order of the file. */
export function cellsBeside(plant: Pick<Plant, 'sites'>): string[] {
  return [...new Set([...plant.sites.values()].map(cellOf))].filter((cell) => cell !== CORE_CELL);
}

/**
 * The part of a plant that lives in one cell: its sites, with all that is at them. A connection is where its devices are, which
 * the check holds to one cell; one without devices stays at the centre.
 */
export function plantOfCell(plant: Plant, cell: string): Plant {
  const isHere = (site: string) => cellOf(plant.sites.get(site)) === cell;
  const connections = [...plant.connections].filter(
    ([
      ,
      {
        devices: [first],
      },
    ]) => (first === undefined ? cell === CORE_CELL : isHere(first.site)),
  );
  return {
    ...plant,
    ...(cell !== CORE_CELL && { cell }),
    sites: new Map([...plant.sites].filter(([id]) => isHere(id))),
    assets: new Map([...plant.assets].filter(([, { site }]) => isHere(site))),
    devices: new Map([...plant.devices].filter(([, { site }]) => isHere(site))),
    connections: new Map(connections),
  };
}
