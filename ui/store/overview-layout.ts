/** How the overview is cut so that every asset of every site stands on one screen, at any size. All in root font sizes. */
export interface OverviewLayout {
  /** Rows of site panels from the top, in the order of the sites. */
  readonly rows: readonly PanelRow[];
  readonly tile: TileKind;
  /** Smallest width of a tile, and its height. */
  readonly tileWidth: number;
  readonly tileHeight: number;
}
export interface PanelRow {
  readonly height: number;
  /** One for each site of the row. */
  readonly widths: readonly number[];
}
/**
 * `card`: name and two key values; `line`: name and one key value; `name`: name alone; `dot`: a square; `abnormal`: healthy
 * ones are not drawn.
 */
export type TileKind = 'card' | 'line' | 'name' | 'dot' | 'abnormal';

/** As in `theme/pages/overview.css`: the header of a site holds its name, time, figures and counts. */
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
  { kind: 'card', width: 10.5, height: 4.3, tallest: 5 },
  { kind: 'line', width: 13, height: 1.9, tallest: 3 },
  { kind: 'line', width: 11, height: 1.7, tallest: 2.8 },
  { kind: 'name', width: 8, height: 1.9, tallest: 3 },
  { kind: 'name', width: 6.4, height: 1.7, tallest: 2.8 },
  { kind: 'name', width: 5, height: 1.55, tallest: 2.6 },
  { kind: 'dot', width: 1.6, height: 1.4, tallest: 1.6 },
  { kind: 'dot', width: 1.05, height: 1, tallest: 1.2 },
];
/** Without room for the names either. */
const ABNORMAL: TileSize = { kind: 'abnormal', width: 6.4, height: 1.7, tallest: 1.7 };

/**
 * Takes the largest tile with which all fits, and for it the arrangement of panels that leaves the least room unused. Sites
 * side by side share the width by their number of assets.
 * @param assets number of assets of each site
 * @param withValues whether tiles may show live values
 */
export function layOutOverview(
  width: number,
  height: number,
  assets: readonly number[],
  withValues: boolean,
): OverviewLayout {
  const mostColumns = Math.max(
    1,
    Math.min(assets.length, Math.floor((width + PANEL_GAP) / (NARROWEST_PANEL + PANEL_GAP))),
  );
  for (const tile of TILES) {
    if (!withValues && (tile.kind === 'card' || tile.kind === 'line')) continue;
    let best: { readonly layout: OverviewLayout; readonly used: number } | null = null;
    for (let columns = 1; columns <= mostColumns; columns++) {
      const candidate = fit(width, height, assets, columns, tile);
      if (candidate !== null && (best === null || candidate.used > best.used)) best = candidate;
    }
    if (best !== null) return best.layout;
  }
  const rows = chunks(assets, mostColumns);
  const rowHeight = (height - (rows.length - 1) * PANEL_GAP) / rows.length;
  return {
    rows: rows.map((row) => ({ height: rowHeight, widths: shareWidth(width, row) })),
    tile: ABNORMAL.kind,
    tileWidth: ABNORMAL.width,
    tileHeight: ABNORMAL.height,
  };
}

function fit(
  width: number,
  height: number,
  assets: readonly number[],
  columns: number,
  tile: TileSize,
): { readonly layout: OverviewLayout; readonly used: number } | null {
  const rows = chunks(assets, columns).map((row) => {
    const widths = shareWidth(width, row);
    const lines = row.map((count, i) => {
      const across = Math.floor(((widths[i] ?? 0) - PADDING + TILE_GAP) / (tile.width + TILE_GAP));
      return across < 1 ? Number.POSITIVE_INFINITY : Math.ceil(count / across);
    });
    return { widths, lines: Math.max(1, ...lines) };
  });
  const lines = rows.reduce((sum, row) => sum + row.lines, 0);
  const free = height - (rows.length - 1) * PANEL_GAP - rows.length * (HEADER + PADDING);
  const fits = Math.floor((free / lines - TILE_GAP) * 100) / 100;
  if (!(fits >= tile.height)) return null;
  const tileHeight = Math.min(tile.tallest, fits);
  const spare = (free - lines * (tileHeight + TILE_GAP)) / rows.length;
  const total = assets.reduce((sum, count) => sum + count, 0);
  return {
    layout: {
      rows: rows.map((row) => ({
        height: HEADER + PADDING + row.lines * (tileHeight + TILE_GAP) + spare,
        widths: row.widths,
      })),
      tile: tile.kind,
      tileWidth: tile.width,
      tileHeight,
    },
    // The share of the wall that tiles cover; where it is the same, panels nearest to 8:5.
    used:
      (total * tileHeight * tile.width) / (width * height) -
      0.01 * Math.abs(Math.log(width / columns / (height / rows.length) / 1.6)),
  };
}

function chunks(assets: readonly number[], columns: number): (readonly number[])[] {
  const rows: (readonly number[])[] = [];
  for (let i = 0; i < assets.length; i += columns) rows.push(assets.slice(i, i + columns));
  return rows.length === 0 ? [[]] : rows;
}

function shareWidth(width: number, row: readonly number[]): number[] {
  const total = row.reduce((sum, count) => sum + count, 0) || 1;
  const spare = width - (row.length - 1) * PANEL_GAP - row.length * NARROWEST_PANEL;
  return row.map((count) => NARROWEST_PANEL + (spare * count) / total);
}
