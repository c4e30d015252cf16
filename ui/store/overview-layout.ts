/** How the overview is cut so that every asset of every site stands on one screen, at any size. */
export interface OverviewLayout {
  readonly columns: number;
  readonly rows: number;
  /** `card`: name and key values; `name`: name alone; `dot`: a square; `abnormal`: healthy ones are only counted. */
  readonly tile: TileKind;
  /** Smallest width of a tile, and its height, in root font sizes. */
  readonly tileWidth: number;
  readonly tileHeight: number;
}
export type TileKind = 'card' | 'name' | 'dot' | 'abnormal';

/** In root font sizes, as in `theme/overview.css`: the header of a site holds its name, time, figures and counts. */
const HEADER = 5.9;
const PADDING = 1.4;
const PANEL_GAP = 0.6;
const TILE_GAP = 0.25;
const NARROWEST_PANEL = 24;

interface TileSize {
  readonly kind: TileKind;
  readonly width: number;
  readonly height: number;
  /** It may grow up to here to use the room there is. */
  readonly tallest: number;
}
const TILES: readonly TileSize[] = [
  { kind: 'card', width: 13, height: 4.3, tallest: 6 },
  { kind: 'card', width: 10, height: 4.3, tallest: 5 },
  { kind: 'name', width: 8, height: 1.9, tallest: 3 },
  { kind: 'name', width: 6.4, height: 1.7, tallest: 2.8 },
  { kind: 'name', width: 5, height: 1.55, tallest: 2.6 },
  { kind: 'dot', width: 1.6, height: 1.4, tallest: 1.6 },
  { kind: 'dot', width: 1.05, height: 1, tallest: 1.2 },
];
/** Without room for the names either. */
const ABNORMAL: TileSize = { kind: 'abnormal', width: 6.4, height: 1.7, tallest: 1.7 };

/**
 * Takes the largest tile with which all fits, and for it the columns that leave the least room unused.
 * @param width of the area for sites, in root font sizes
 * @param assets number of assets of each site
 */
export function layOutOverview(width: number, height: number, assets: readonly number[]): OverviewLayout {
  const most = Math.max(1, ...assets);
  const maxColumns = Math.max(1, Math.min(assets.length, Math.floor(width / NARROWEST_PANEL)));
  for (const tile of TILES) {
    let best: (OverviewLayout & { readonly waste: number }) | null = null;
    for (let columns = 1; columns <= maxColumns; columns++) {
      const rows = Math.ceil(assets.length / columns) || 1;
      const tileHeight = heightThatFits(width, height, columns, rows, most, tile);
      if (tileHeight === null) continue;
      const waste = columns * rows - assets.length + (tile.tallest - tileHeight) / tile.tallest;
      if (best === null || waste < best.waste) {
        best = { columns, rows, tile: tile.kind, tileWidth: tile.width, tileHeight, waste };
      }
    }
    if (best !== null) return best;
  }
  const rows = Math.ceil(assets.length / maxColumns) || 1;
  return { columns: maxColumns, rows, tile: ABNORMAL.kind, tileWidth: ABNORMAL.width, tileHeight: ABNORMAL.height };
}

/** Null when so many tiles do not fit in a panel even at their smallest. */
function heightThatFits(
  width: number,
  height: number,
  columns: number,
  rows: number,
  tiles: number,
  tile: TileSize,
): number | null {
  const panelWidth = (width - (columns - 1) * PANEL_GAP) / columns - PADDING;
  const panelHeight = (height - (rows - 1) * PANEL_GAP) / rows - PADDING - HEADER;
  const across = Math.floor((panelWidth + TILE_GAP) / (tile.width + TILE_GAP));
  if (across < 1) return null;
  const down = Math.ceil(tiles / across);
  const fits = Math.floor((panelHeight / down - TILE_GAP) * 100) / 100;
  return fits < tile.height ? null : Math.min(tile.tallest, fits);
}
