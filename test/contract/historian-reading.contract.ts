import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Historian, Sample } from '../../runtime/historian.ts';
import { type EntityId, entityId } from '../../runtime/ids.ts';

/** The samples of a historian as gateways read them, and a way to fill it. */
export interface ReadableHistorian {
  readonly historian: Pick<Historian, 'raw'>;
  add(entity: EntityId, series: string, samples: readonly Sample[]): Promise<void>;
}

const PLC = entityId('device', 'plc-1');
const START_MS = Date.UTC(2026, 2, 1);
const SAMPLES = [0, 1, 2, 3, 4].map((n): Sample => ({ timeMs: START_MS + n, value: n / 2, quality: 'GOOD' }));

/** How samples are read from every historian, that of tests included. */
export function historianReadingContract(
  name: string,
  open: (t: TestContext) => Promise<ReadableHistorian>,
  options: { readonly skip?: string | false } = {},
): void {
  test(
    `${name}: samples come in the order asked for, from an instant on, before another, and no more than wanted`,
    options,
    async (t) => {
      const { historian, add } = await open(t);
      await add(PLC, 'level', SAMPLES);
      const raw = (query: { fromMs?: number; toMs?: number; limit?: number; newestFirst?: boolean; series?: string }) =>
        historian.raw({ entity: PLC, series: 'level', fromMs: 0, toMs: 4e12, limit: 99, ...query });
      assert.deepEqual(await raw({}), SAMPLES);
      assert.deepEqual(await raw({ fromMs: START_MS + 1, toMs: START_MS + 3 }), SAMPLES.slice(1, 3));
      assert.deepEqual(await raw({ limit: 2 }), SAMPLES.slice(0, 2));
      assert.deepEqual(await raw({ limit: 2, newestFirst: true }), SAMPLES.slice(3).reverse());
      assert.deepEqual(await raw({ series: 'nothing' }), []);
      assert.deepEqual(
        await historian.raw({ entity: 'device/other', series: 'level', fromMs: 0, toMs: 4e12, limit: 9 }),
        [],
      );
    },
  );
}
