import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { notSent, WriteFence } from '../../../gateways/write-fence.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('the fence before writes', () => {
  let temp: ReturnType<typeof tempDir>;
  let path: string;
  let errors: string[];

  beforeEach(() => {
    temp = tempDir('fence');
    path = join(temp.dir, 'write-epochs.json');
    errors = [];
    now = at(0);
  });
  afterEach(() => temp.remove());

  const at = (ms: number) => ({ monoMs: ms, wallMs: 1_000_000 + ms });
  let now = at(0);
  const write = (device: string, epoch: number, more: { mayAct?: () => boolean } = {}) => ({
    device,
    epoch,
    deadline: at(1000),
    mayAct: () => true,
    ...more,
  });
  const fence = () =>
    new WriteFence(
      path,
      { debug() {}, info() {}, warn() {}, error: (_, message) => void errors.push(message) },
      () => now,
    );

  it('lets the newest owner of a device through, and none from before', () => {
    const writes = fence();
    assert.equal(writes.refusal(write('pump', 3)), null);
    assert.equal(writes.refusal(write('pump', 3)), null);
    assert.equal(writes.refusal(write('pump', 2)), 'epoch_stale');
    assert.equal(writes.refusal(write('pump', 4)), null);
    assert.equal(writes.refusal(write('pump', 3)), 'epoch_stale');
    assert.equal(writes.refusal(write('valve', 1)), null, 'each device has owners of its own');
  });

  it('knows after a restart what it knew before', () => {
    fence().refusal(write('pump', 7));
    const next = fence();
    assert.equal(next.refusal(write('pump', 6)), 'epoch_stale');
    assert.equal(next.refusal(write('pump', 7)), null);
  });

  it('lets nothing through that it could not keep: a restart would forget it', () => {
    const writes = fence();
    assert.equal(writes.refusal(write('pump', 7)), null);
    // A folder where the file is to go: the new one cannot take its place.
    rmSync(path);
    mkdirSync(path);
    assert.equal(writes.refusal(write('pump', 8)), 'epoch_unknown');
    assert.equal(writes.refusal(write('pump', 7)), null, 'the owner that is kept goes on');
    rmSync(path, { recursive: true });
    assert.equal(writes.refusal(write('pump', 8)), null);
    assert.ok(existsSync(path));
    assert.equal(errors.length, 1);
  });

  it('lets nobody write while what it kept cannot be read', () => {
    writeFileSync(path, '{"version":1,"epo');
    assert.equal(fence().refusal(write('pump', 9)), 'epoch_unknown');
    assert.equal(errors.length, 1);
  });

  it('lets nothing through from the deadline on, by whichever clock it comes first', () => {
    const writes = fence();
    now = at(999);
    assert.equal(writes.refusal(write('pump', 3)), null);
    now = at(1000);
    assert.equal(writes.refusal(write('pump', 3)), 'deadline_passed');
    now = { ...at(1000), wallMs: 0 };
    assert.equal(writes.refusal(write('pump', 3)), 'deadline_passed', 'somebody has set the wall clock back');
    now = { ...at(1000), monoMs: 0 };
    assert.equal(writes.refusal(write('pump', 3)), 'deadline_passed', 'the machine was suspended');
  });

  it('asks at the moment of the write whether this node still owns the device', () => {
    const writes = fence();
    let owns = true;
    const order = write('pump', 3, { mayAct: () => owns });
    assert.equal(writes.refusal(order), null);
    owns = false;
    assert.equal(writes.refusal(order), 'authority_lost');
  });

  it('says of what it stopped that it was not sent', () => {
    assert.equal(notSent({ writeId: 'w' }, 'deadline_passed').state, 'timed_out');
    for (const code of ['authority_lost', 'epoch_stale', 'epoch_unknown'] as const) {
      const { state, message } = notSent({ writeId: 'w' }, code);
      assert.equal(state, 'failed');
      assert.match(message ?? '', /^not sent: /);
    }
  });

  it('forgets the epochs of another journal: in a new or restored one they begin lower', async () => {
    const journal = (identity: string, end: number) => ({
      identity: async () => identity,
      end: async () => end,
      includes: async (other: string, position: number) => other === identity && position <= end,
    });
    const first = fence();
    await first.follow(journal('first', 100));
    assert.equal(first.refusal(write('pump', 57)), null);
    const again = fence();
    await again.follow(journal('first', 120));
    assert.equal(again.refusal(write('pump', 56)), 'epoch_stale', 'the same journal, gone on');
    const restored = fence();
    await restored.follow(journal('first', 90));
    assert.equal(restored.refusal(write('pump', 56)), null, 'a copy of it from before');
    const other = fence();
    await other.follow(journal('another', 5));
    assert.equal(other.refusal(write('pump', 1)), null);
    assert.equal(other.refusal(write('pump', 2)), null);
    const onward = fence();
    await onward.follow(journal('another', 7));
    assert.equal(onward.refusal(write('pump', 1)), 'epoch_stale', 'what is kept is of the other now');
  });
});
