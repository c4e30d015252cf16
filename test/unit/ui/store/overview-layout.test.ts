import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { layOutOverview } from '../../../../ui/store/overview-layout.ts';

const [WIDTH, HEIGHT] = [125, 58];

test('a small plant gets cards with values, 500 assets get names', () => {
  assert.equal(layOutOverview(WIDTH, HEIGHT, [12, 12, 12, 12, 12], true).tile, 'card');
  assert.equal(layOutOverview(WIDTH, HEIGHT, [100, 100, 100, 100, 100], false).tile, 'name');
  assert.notEqual(layOutOverview(WIDTH, HEIGHT, [12], false).tile, 'card', 'no values, no cards');
});

test('what cannot be drawn one by one is reduced to the abnormal', () => {
  assert.equal(
    layOutOverview(
      WIDTH,
      HEIGHT,
      Array.from({ length: 20 }, () => 2000),
      false,
    ).tile,
    'abnormal',
  );
});

test('every site has its place, nothing reaches beyond the screen, and all tiles have room', () => {
  const sites = fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(
      sites,
      fc.integer({ min: 60, max: 200 }),
      fc.integer({ min: 30, max: 100 }),
      fc.boolean(),
      (assets, width, height, withValues) => {
        const layout = layOutOverview(width, height, assets, withValues);
        assert.equal(
          layout.rows.reduce((sum, row) => sum + row.widths.length, 0),
          assets.length,
        );
        if (layout.tile === 'abnormal') return;
        const tall = layout.rows.reduce((sum, row) => sum + row.height, 0) + (layout.rows.length - 1) * 0.6;
        assert.ok(tall <= height + 0.01, `${tall} of ${height}`);
        let next = 0;
        for (const row of layout.rows) {
          assert.ok(row.widths.reduce((sum, w) => sum + w, 0) + (row.widths.length - 1) * 0.6 <= width + 0.01);
          for (const panel of row.widths) {
            const across = Math.floor((panel - 1.4 + 0.25) / (layout.tileWidth + 0.25));
            const down = Math.ceil((assets[next++] ?? 0) / across);
            assert.ok(5.9 + 1.4 + down * (layout.tileHeight + 0.25) <= row.height + 0.01);
          }
        }
      },
    ),
  );
});
