import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { UplinkMemory } from '../../runtime/edge/uplink-memory.ts';
import type { Reply } from '../../runtime/runtime.ts';

const refused: Reply = { ok: false, code: 'FORBIDDEN', message: 'not änn\u0000', field: 'rule' };
const other: Reply = { ok: false, code: 'ALARM_NOT_ACTIVE', message: 'not now' };

/** What an edge keeps of its uplink: refusals, each as it was first, and how far the centre has each lane. */
export function uplinkMemoryContract(
  name: string,
  open: (t: TestContext) => Promise<UplinkMemory>,
  options: { readonly skip: string | false } = { skip: false },
): void {
  const contract = (what: string, run: (memory: UplinkMemory) => Promise<void>) =>
    test(`${name}: ${what}`, options, async (t) => run(await open(t)));

  contract('a refusal is there as it was told, and the first of a command stands', async (memory) => {
    const key = 'asset/pump-1 änn\u0000 a';
    assert.equal(await memory.refusal(key), undefined);
    await memory.refuse(key, refused, 1000);
    await memory.refuse(key, other, 2000);
    assert.deepEqual(await memory.refusal(key), refused);
    assert.equal(await memory.refusal('asset/pump-1 änn b'), undefined);
  });

  contract('the old go, and of the rest the newest stay', async (memory) => {
    for (let n = 1; n <= 6; n++) await memory.refuse(`key-${n}`, refused, n * 1000);
    const left = async () => {
      const found: number[] = [];
      for (let n = 1; n <= 6; n++) if (await memory.refusal(`key-${n}`)) found.push(n);
      return found;
    };
    await memory.trimRefusals(2000, 10);
    assert.deepEqual(await left(), [2, 3, 4, 5, 6]);
    await memory.trimRefusals(2000, 3);
    assert.deepEqual(await left(), [4, 5, 6]);
  });

  contract('the newest place of a lane counts, with what it is a place of', async (memory) => {
    assert.equal(await memory.place('telemetry'), undefined);
    await memory.keepPlace('telemetry', { of: 'log-1', position: 9_000_000_000_000 });
    await memory.keepPlace('journal', { of: 'journal', position: 3 });
    assert.deepEqual(await memory.place('telemetry'), { of: 'log-1', position: 9_000_000_000_000 });
    await memory.keepPlace('telemetry', { of: 'log-2', position: 7 });
    assert.deepEqual(await memory.place('telemetry'), { of: 'log-2', position: 7 });
    assert.deepEqual(await memory.place('journal'), { of: 'journal', position: 3 });
  });
}
