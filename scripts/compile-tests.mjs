// The tests as JavaScript, file for file, in .tests/: the whole tree once more, so that what a test imports or starts lies where
// it lies in the sources. Run so, a test costs half the processor time of one that is translated while it loads.
import fs from 'node:fs';
import path from 'node:path';
import esbuild from 'esbuild';
import { ROOT } from './setup.mjs';

export const COMPILED = path.join(ROOT, '.tests');
/** What holds TypeScript; all else at the root is linked whole. */
const SOURCES = [
  'runtime',
  'actors',
  'gateways',
  'topology',
  'cli',
  'simulators',
  'ui',
  'test',
  'scripts',
  'moleculer.config.ts',
];
/** What marks the root of the sources (`test/support/root.ts`), or has no part in a run. */
const LEFT_OUT = new Set(['.git', '.tests', 'node_modules', 'tsconfig.json']);
/** Has nothing to register where all is JavaScript already. */
const REGISTER = path.join('test', 'support', 'register.mjs');

/** Each file stays a file of its own: what it imports is named by the name it has once compiled. */
const filesOfTheirOwn = {
  name: 'files-of-their-own',
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\// }, ({ kind, path: name }) =>
      kind === 'entry-point' ? undefined : { path: name.replace(/\.ts$/, '.js'), external: true },
    );
  },
};

export async function compileTests() {
  fs.rmSync(COMPILED, { recursive: true, force: true });
  fs.mkdirSync(COMPILED);
  const sources = fs
    .readdirSync(ROOT)
    .filter((name) => !LEFT_OUT.has(name))
    .flatMap((name) => (SOURCES.includes(name) ? sourcesIn(name) : link(name)));
  await esbuild.build({
    entryPoints: sources,
    absWorkingDir: ROOT,
    outbase: ROOT,
    outdir: COMPILED,
    bundle: true,
    packages: 'external',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
    plugins: [filesOfTheirOwn],
  });
  fs.writeFileSync(path.join(COMPILED, REGISTER), '');
}

/** The TypeScript in it; what is not is linked on the way. */
function sourcesIn(name) {
  if (path.basename(name) === 'node_modules' || name === REGISTER) return [];
  if (fs.statSync(path.join(ROOT, name)).isDirectory())
    return fs.readdirSync(path.join(ROOT, name)).flatMap((entry) => sourcesIn(path.join(name, entry)));
  return name.endsWith('.ts') ? [name] : link(name);
}

function link(name) {
  const target = path.join(COMPILED, name);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.symlinkSync(path.join(ROOT, name), target);
  return [];
}
