/** How the overview is cut so that every asset of every site stands on one screen, at any size. */
export interface OverviewLayout {
  readonly columns: number;
  readonly rows: number;
  /** `card`: name and key values; `name`: name alone; `dot`: a square; `abnormal`: healthy ones are only counted. */
  readonly tile: TileKind;
  /** Smallest width of a tile in units of the root font size. */
  readonly tileWidth: number;
  readonly tileHeight: number;
}
export type TileKind = 'card' | 'name' | 'dot' | 'abnormal';

/** In root font sizes. The header of a site holds its name, time, figures and counts; the gaps are the style sheet's. */
const HEADER = 7.1;
const PADDING = 1.2;
const PANEL_GAP = 0.6;
const TILE_GAP = 0.25;
const TILES: readonly { readonly kind: TileKind; readonly width: number; readonly height: number }[] = [
  { kind: 'card', width: 12, height: 4.3 },
  { kind: 'card', width: 9.5, height: 4.3 },
  { kind: 'name', width: 8, height: 1.9 },
  { kind: 'name', width: 6, height: 1.7 },
  { kind: 'name', width: 4.6, height: 1.55 },
  { kind: 'dot', width: 1.6, height: 1.4 },
  { kind: 'dot', width: 1.05, height: 1 },
];
const NARROWEST_PANEL = 21;

/**
 * Takes the largest tile with which all fits, and for it the number of columns that leaves the panels nearest to 3:2.
 * @param width of the area for sites, in root font sizes
 * @param assets number of assets of each site
 */
export function layOutOverview(width: number, height: number, assets: readonly number[]): OverviewLayout {
  const most = Math.max(1, ...assets);
  const maxColumns = Math.max(1, Math.min(assets.length, Math.floor(width / NARROWEST_PANEL)));
  for (const tile of TILES) {
    let best: { columns: number; rows: number; badness: number } | null = null;
    for (let columns = 1; columns <= maxColumns; columns++) {
      const rows = Math.ceil(assets.length / columns) || 1;
      const panelWidth = (width - (columns - 1) * PANEL_GAP) / columns;
      const panelHeight = (height - (rows - 1) * PANEL_GAP) / rows;
      if (capacity(panelWidth, panelHeight, tile) < most) continue;
      const badness = Math.abs(Math.log(panelWidth / panelHeight / 1.5)) + (columns * rows - assets.length) * 0.2;
      if (best === null || badness < best.badness) best = { columns, rows, badness };
    }
    if (best !== null) {
      return { columns: best.columns, rows: best.rows, tile: tile.kind, tileWidth: tile.width, tileHeight: tile.height };
    }
  }
  const columns = maxColumns;
  return { columns, rows: Math.ceil(assets.length / columns) || 1, tile: 'abnormal', tileWidth: 6, tileHeight: 1.7 };
}

function capacity(panelWidth: number, panelHeight: number, tile: { width: number; height: number }): number {
  const across = Math.floor((panelWidth - PADDING + TILE_GAP) / (tile.width + TILE_GAP));
  const down = Math.floor((panelHeight - HEADER - PADDING + TILE_GAP) / (tile.height + TILE_GAP));
  return Math.max(0, across) * Math.max(0, down);
}
