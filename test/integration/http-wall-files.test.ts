import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startTestFront, type TestFront } from '../support/front.ts';

describe('the files of the wall', () => {
  let t: TestFront;
  let uiDir: string;
  before(async () => {
    uiDir = await mkdtemp(join(tmpdir(), 'front-ui-'));
    await mkdir(join(uiDir, 'assets'));
    await writeFile(join(uiDir, 'index.html'), `<!doctype html><title>Wall</title>${' '.repeat(2000)}`);
    await writeFile(join(uiDir, 'assets', 'wall.js'), 'export {};');
    await writeFile(join(uiDir, '..', 'front-secret.txt'), 'secret');
    t = await startTestFront({ uiDir });
  });
  after(async () => {
    await t.close();
    await rm(uiDir, { recursive: true });
    await rm(join(tmpdir(), 'front-secret.txt'));
  });

  it('serves the wall, and its page for every view, and nothing from outside of it', async () => {
    const page = await fetch(`${t.url}/assets/pump-1?tab=trend`);
    assert.match(await page.text(), /Wall/);
    assert.equal(page.headers.get('content-encoding'), 'gzip');
    assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'self';.*frame-ancestors 'none'/);
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
    const script = await fetch(`${t.url}/assets/wall.js`);
    assert.match(script.headers.get('content-type') ?? '', /javascript/);
    await script.text();
    const again = await fetch(`${t.url}/assets/wall.js`, {
      headers: { 'if-none-match': script.headers.get('etag') ?? '' },
    });
    assert.equal(again.status, 304);
    assert.equal((await fetch(`${t.url}/assets/gone.js`)).status, 404);
    for (const path of [
      '/../front-secret.txt',
      '/..%2ffront-secret.txt',
      '/assets/..%2f..%2ffront-secret.txt',
      '/%2e%2e/front-secret.txt',
      '/%',
    ]) {
      const text = await rawGet(t.front.port, path);
      assert.ok(text.startsWith('HTTP/1.1') && !text.includes('secret'), path);
    }
    const head = await fetch(`${t.url}/`, { method: 'HEAD' });
    assert.equal(head.status, 200);
  });
});

/** Paths as they are: fetch would tidy them up. */
function rawGet(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    socket.end(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  });
}
