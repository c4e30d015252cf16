import type { AssembledDevice, Assembly } from '../assembly.ts';
import { cellOf } from '../cells.ts';
import type { Source } from '../source.ts';

/**
 * What works together lives in one cell, since a cell goes on when no other can be reached: a connection with its devices, an
 * asset with what feeds it.
 */
export function checkCells(assembly: Assembly, source: Source): void {
  checkConnections(assembly, source);
  for (const { asset, site, links } of assembly.assets) {
    if (site === null) continue;
    const cell = cellOf(site.value);
    for (const { entry, device } of links) {
      if (device === null || device.site === null) continue;
      const other = cellOf(device.site.value);
      if (other === cell) continue;
      source.report({
        at: [...entry.path, 'device'],
        code: 'CELL_CONFLICT',
        message: `${asset.id} lives in the cell ${cell}, and ${device.device.id} in ${other}: it would lose its readings with the link between them`,
        suggestion: `a device at a site of the cell ${cell}`,
      });
    }
  }
}

function checkConnections(assembly: Assembly, source: Source): void {
  const firsts = new Map<string, { readonly device: AssembledDevice; readonly cell: string }>();
  for (const device of assembly.devices) {
    const { connection } = device.device;
    if (device.site === null) continue;
    const cell = cellOf(device.site.value);
    const first = firsts.get(connection);
    if (first === undefined) firsts.set(connection, { device, cell });
    else if (first.cell !== cell) {
      source.report({
        at: [...device.entry.path, 'connection'],
        code: 'CELL_CONFLICT',
        message: `${device.device.id} lives in the cell ${cell}, and ${connection} is that of ${first.device.device.id} in ${first.cell}: one cell has a connection`,
        suggestion: `a connection of its own for the cell ${cell}`,
      });
    }
  }
}
