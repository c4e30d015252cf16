/** The rules of an asset on its page: what is judged, where it was made, and what an engineer can change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROLES } from '../../topology/syntax/roles.ts';
import { until, WallBench } from '../support/wall-page.ts';

const PATH = '/asset/north-pump-1';

test('an engineer sees every rule, makes one, switches one off and deletes it, by keyboard', async () => {
  const bench = await WallBench.open(5, ROLES.engineer);
  try {
    const { server } = bench;
    const page = await bench.wall(PATH);
    const rules = page.locator('.asset-rules');
    await rules.locator('li').first().waitFor();
    const lines = (await rules.locator('li').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim());
    assert.deepEqual(lines, [
      'Bearing hot priority 2 topology file Bearing temperature above 85.0 °C for 10 s',
      'Little flow priority 3 for all of pump Flow below 40.0 m³/h Switch off … Delete …',
    ]);
    assert.equal(await rules.locator('[data-rule=temp-high] button').count(), 0, 'the file is changed in the file');

    await rules.locator('text=New rule …').focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    assert.equal(await page.locator('dialog .primary').isDisabled(), true);
    await page.keyboard.type('Bearing cold');
    await page.selectOption('dialog select >> nth=0', 'temperature');
    await page.selectOption('dialog select >> nth=1', 'below');
    await page.locator('dialog label:has-text("Limit") input').fill('5');
    await page.keyboard.press('Enter');
    await until('the rule is sent', () => server.commands.length === 1);
    assert.deepEqual(server.commands[0], {
      entity: 'rule/bearing-cold',
      command: {
        kind: 'CreateRule',
        entityId: 'asset/north-pump-1',
        rule: {
          name: 'Bearing cold',
          metric: 'temperature',
          when: { below: 5 },
          durationSeconds: 0,
          severity: 'MEDIUM',
        },
      },
    });

    await rules.locator('text=Switch off …').click();
    assert.match(
      await page.locator('dialog[open]').innerText(),
      /every asset of the profile pump[\s\S]*Alarms of it end/,
    );
    await page.keyboard.press('Enter');
    await until('it is switched off', () => server.commands.length === 2);
    await rules.locator('text=Delete …').click();
    await page.locator('dialog[open]').waitFor();
    await page.keyboard.press('Enter');
    await until('it is deleted', () => server.commands.length === 3);
    assert.deepEqual(server.commands.slice(1), [
      { entity: 'rule/flow-low', command: { kind: 'ChangeRule', changes: { active: false } } },
      { entity: 'rule/flow-low', command: { kind: 'DeleteRule' } },
    ]);
    assert.deepEqual(bench.complaints, []);
  } finally {
    await bench.close();
  }
});

test('an operator reads them and is offered no change; an asset without rules says so', async () => {
  const bench = await WallBench.open(5, ROLES.operator);
  try {
    const asset = bench.server.scene.assets.get('harbour-pump-1');
    assert.ok(asset);
    bench.server.scene.assets.set('harbour-pump-1', { ...asset, rules: {} });
    const page = await bench.wall(PATH);
    await page.locator('.asset-rules li').first().waitFor();
    assert.equal(await page.locator('.asset-rules button').count(), 0);
    const bare = await bench.wall('/asset/harbour-pump-1');
    await bare.locator('.asset-rules >> text=No rule').waitFor();
  } finally {
    await bench.close();
  }
});
