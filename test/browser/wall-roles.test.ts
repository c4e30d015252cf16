import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROLES } from '../../topology/syntax/roles.ts';
import { orderOf } from '../support/wall-order.ts';
import { until, WallBench } from '../support/wall-page.ts';

/** What a role may not do is not offered to it: no button, no key, no hint. */
const NUMBER = 'WO-20260101-00001';
const PLAN = {
  rule: 'temp-high',
  severity: 'HIGH',
  detail: 'ACTIVE_UNACK',
  name: 'Bearing hot',
  message: 'Bearing at 91.4 °C',
} as const;

test('a technician is offered the steps of the work, and not to verify or to release it', async () => {
  const bench = await WallBench.open(5, ROLES.technician);
  try {
    const { scene } = bench.server;
    const transitions = ['open', 'close', 'reopen'];
    scene.orders.set(NUMBER, orderOf(NUMBER, 'north-pump-1', scene, Date.now(), { transitions }));
    const page = await bench.wall(`/workorder/${NUMBER}`);
    await page.waitForSelector('.order-actions button');
    assert.deepEqual(await page.locator('.order-actions button').allInnerTexts(), ['Reopen …', 'Edit …', 'Comment …']);
    assert.ok((await page.locator('.check-actions').count()) > 0);
  } finally {
    await bench.close();
  }
});

test('a checklist is offered by the permission to edit, which its commands need, and not by that to go on', async () => {
  const bench = await WallBench.open(5, [...(ROLES.viewer ?? []), 'workorder:transition']);
  try {
    const { scene } = bench.server;
    scene.orders.set(NUMBER, orderOf(NUMBER, 'north-pump-1', scene, Date.now()));
    const page = await bench.wall(`/workorder/${NUMBER}`);
    await page.waitForSelector('.order-actions button');
    assert.equal(await page.locator('.check-actions').count(), 0);
  } finally {
    await bench.close();
  }
});

test('a viewer finds no key and no hint for what only others may do', async () => {
  const bench = await WallBench.open(5, ROLES.viewer);
  try {
    bench.server.raise({ ...PLAN, asset: 'north-pump-1', raisedAtMs: Date.now() });
    for (const path of ['/alarms', '/site/north', '/asset/north-pump-1']) {
      const page = await bench.wall(path);
      if (path === '/asset/north-pump-1') await page.waitForSelector('.alarm-detail');
      else {
        await page.click('.alarm-row[data-id] .cell-state');
        await page.waitForSelector('.alarm-row.focused:focus');
      }
      for (const key of ['a', 's', 'u', 'r', 'c', 'w']) await page.keyboard.press(key);
      assert.equal(await page.locator('dialog').count(), 0, path);
      assert.deepEqual(
        (await page.locator('main kbd').allInnerTexts()).filter((key) => key !== 'Enter'),
        [],
        path,
      );
      await page.keyboard.press('?');
      await until('the keys', async () => (await page.locator('dialog.help[open]').count()) === 1);
      assert.doesNotMatch(
        await page.locator('.keys').innerText(),
        /Acknowledge …|Shelve …|Unshelve …|Reset|Comment …|work order for/,
      );
      await page.context().close();
    }
  } finally {
    await bench.close();
  }
});
