import { copyFile, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Of wall.js, before compression, which leaves 89 kB of 247: the page has to be there at once on a slow plant network. */
const MOST_BYTES = 250_000;

/** Bundles the wall into a folder: index.html, wall.js, wall.css, icon.svg. Nothing of it needs the internet. */
export async function buildUi(outDir) {
  await mkdir(outDir, { recursive: true });
  await build({
    entryPoints: { wall: join(root, 'ui/wall.ts') },
    outdir: outDir,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'linked',
    logLevel: 'warning',
  });
  await build({
    entryPoints: { wall: join(root, 'ui/wall.css') },
    outdir: outDir,
    bundle: true,
    minify: true,
    logLevel: 'warning',
  });
  for (const name of ['index.html', 'icon.svg']) await copyFile(join(root, 'ui', name), join(outDir, name));
  const { size } = await stat(join(outDir, 'wall.js'));
  if (size > MOST_BYTES) throw new Error(`wall.js has ${size} bytes, the bound is ${MOST_BYTES}`);
  return { bytes: size };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outDir = process.argv[2] ?? join(root, 'dist/ui');
  const { bytes } = await buildUi(outDir);
  process.stdout.write(`wall.js ${bytes} bytes in ${outDir}\n`);
}
