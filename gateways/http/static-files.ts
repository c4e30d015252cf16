import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.mp3': 'audio/mpeg',
  '.wav': 'audio/wav',
  '.txt': 'text/plain; charset=utf-8',
};
const COMPRESSIBLE = new Set(['.html', '.js', '.mjs', '.css', '.json', '.map', '.webmanifest', '.svg', '.txt']);

export interface StaticFile {
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
  readonly gzipped: Buffer | undefined;
}

const compress = promisify(gzip);

/**
 * The files of the wall, read once and served from memory. A path is looked up, never joined to a folder, so that no path can
 * lead anywhere else.
 */
export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>;

  private constructor(files: ReadonlyMap<string, StaticFile>) {
    this.#files = files;
  }

  /** A folder that is not there gives no files: the API works without the wall. */
  static async load(folder: string | undefined): Promise<StaticFiles> {
    const files = new Map<string, StaticFile>();
    const entries =
      folder === undefined ? [] : await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile() || folder === undefined) continue;
      const path = join(entry.parentPath, entry.name);
      files.set(`/${relative(folder, path).split(sep).join('/')}`, await load(path, entry.name));
    }
    return new StaticFiles(files);
  }

  get size(): number {
    return this.#files.size;
  }

  /** What a decoded path answers: the file, or the page for paths that are views of the wall. */
  find(path: string): StaticFile | undefined {
    const file = this.#files.get(path === '/' ? '/index.html' : path);
    // A view has no extension; a missing script must be missing, and not be a page.
    return file ?? (extname(path) === '' ? this.#files.get('/index.html') : undefined);
  }
}

async function load(path: string, name: string): Promise<StaticFile> {
  const body = await readFile(path);
  const extension = extname(name).toLowerCase();
  const gzipped = COMPRESSIBLE.has(extension) && body.length > 1024 ? await compress(body) : undefined;
  return {
    type: TYPES[extension] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    body,
    gzipped,
  };
}
