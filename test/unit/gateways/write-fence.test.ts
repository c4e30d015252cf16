import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { WriteFence } from '../../../gateways/write-fence.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('the fence before writes', () => {
  let temp: ReturnType<typeof tempDir>;
  let path: string;
  let errors: string[];

  beforeEach(() => {
    temp = tempDir('fence');
    path = join(temp.dir, 'write-epochs.json');
    errors = [];
  });
  afterEach(() => temp.remove());

  const fence = () =>
    new WriteFence(path, { debug() {}, info() {}, warn() {}, error: (_, message) => void errors.push(message) });

  it('lets the newest owner of a device through, and none from before', () => {
    const writes = fence();
    assert.equal(writes.refusal('pump', 3), null);
    assert.equal(writes.refusal('pump', 3), null);
    assert.equal(writes.refusal('pump', 2), 'epoch_stale');
    assert.equal(writes.refusal('pump', 4), null);
    assert.equal(writes.refusal('pump', 3), 'epoch_stale');
    assert.equal(writes.refusal('valve', 1), null, 'each device has owners of its own');
  });

  it('knows after a restart what it knew before', () => {
    fence().refusal('pump', 7);
    const next = fence();
    assert.equal(next.refusal('pump', 6), 'epoch_stale');
    assert.equal(next.refusal('pump', 7), null);
  });

  it('lets nothing through that it could not keep: a restart would forget it', () => {
    const writes = fence();
    assert.equal(writes.refusal('pump', 7), null);
    // A folder where the file is to go: the new one cannot take its place.
    rmSync(path);
    mkdirSync(path);
    assert.equal(writes.refusal('pump', 8), 'epoch_unknown');
    assert.equal(writes.refusal('pump', 7), null, 'the owner that is kept goes on');
    rmSync(path, { recursive: true });
    assert.equal(writes.refusal('pump', 8), null);
    assert.ok(existsSync(path));
    assert.equal(errors.length, 1);
  });

  it('lets nobody write while what it kept cannot be read', () => {
    writeFileSync(path, '{"version":1,"epo');
    assert.equal(fence().refusal('pump', 9), 'epoch_unknown');
    assert.equal(errors.length, 1);
  });
});
