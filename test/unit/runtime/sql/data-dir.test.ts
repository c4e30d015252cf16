import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { openDataDir } from '../../../../runtime/sql/data-dir.ts';
import { EXEC_ARGV, moduleFile } from '../../../support/places.ts';
import { tempDir } from '../../../support/temp-dir.ts';

function folder(t: TestContext): string {
  const { dir, remove } = tempDir('data-dir');
  t.after(remove);
  return dir;
}

test('a folder that is missing is created for this user alone', (t) => {
  const dir = path.join(folder(t), 'deep', 'data');
  const held = openDataDir(dir);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  held.close();
});

test('a folder is held once, and free again after it is closed', (t) => {
  const dir = folder(t);
  const held = openDataDir(dir);
  assert.throws(() => openDataDir(dir), { code: 'DATA_DIR_IN_USE' });
  held.close();
  openDataDir(dir).close();
});

test('a folder that another process holds is refused, and free at once when that one is killed', async (t) => {
  const dir = folder(t);
  const module = pathToFileURL(moduleFile('../../../../runtime/sql/data-dir', import.meta.url)).href;
  const code = `const { openDataDir } = await import(${JSON.stringify(module)});
    globalThis.held = openDataDir(${JSON.stringify(dir)}); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, [...EXEC_ARGV, '--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  assert.throws(() => openDataDir(dir), { code: 'DATA_DIR_IN_USE' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  openDataDir(dir).close();
});

test('a place that cannot be written to is named', (t) => {
  const dir = folder(t);
  const file = path.join(dir, 'file');
  writeFileSync(file, '');
  for (const place of [file, path.join(file, 'data')])
    assert.throws(() => openDataDir(place), { code: 'DATA_DIR_NOT_WRITABLE', message: new RegExp(place) });
});

test('a lock file that is no database makes the folder unusable, and that is said', (t) => {
  const dir = folder(t);
  mkdirSync(path.join(dir, 'lock.db'));
  assert.throws(() => openDataDir(dir), { code: 'DATA_DIR_NOT_WRITABLE' });
});
