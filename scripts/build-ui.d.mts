/** Bundles the wall into a folder: index.html, wall.js, wall.css, icon.svg. Throws when wall.js exceeds its bound. */
export function buildUi(outDir: string): Promise<{ readonly bytes: number }>;
