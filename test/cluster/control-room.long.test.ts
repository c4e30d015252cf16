/**
 * Goal: what a control room and an orchestrator see of a cell is true while its parts change their nodes. A node that begins is ready
 * only once it can serve, an entity on its way is UNAVAILABLE and never unknown, views of an owner that is silent say so on the wall,
 * and none stays marked once somebody speaks for it.
 * Method: real processes of the product over PostgreSQL, NATS and a broker, the second behind a way to NATS that is cut; a browser.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { Random } from '../../simulators/plant/random.ts';
import { FaultyWay } from '../chaos/cell-way.ts';
import { Meters } from '../chaos/meters.ts';
import { launchChromium } from '../support/chromium.ts';
import { until } from '../support/condition.ts';
import type { Product } from '../support/product.ts';
import { PlantCell, shardsOf, skip } from './plant-cell.ts';

const DEVICES = 8;
const WITHIN_MS = 60_000;

interface Parts {
  readonly parts: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}

describe('a cell as a control room and an orchestrator see it', { skip, timeout: 400_000 }, () => {
  let cell: PlantCell;
  let way: FaultyWay;
  let meters: Meters;
  let browser: Browser;

  before(async () => {
    cell = await PlantCell.start({ nodes: ['core-1'], devices: DEVICES });
    way = await FaultyWay.start(cell.nats.port);
    meters = new Meters(cell.broker.url, cell.plant.meters, 2, new Random(5));
    await cell.add('core-2', { SIGNALBOX_NATS_URL: `nats://127.0.0.1:${way.port}` });
    await cell.balanced(12);
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await meters?.close();
    await way?.close();
    await cell?.end();
  });

  const isReady = async (node: Product) => (await fetch(`${node.url}/ready`)).status === 200;
  const viewsOf = async (node: Product) =>
    (await node.get<Parts>('/health')).parts.find(({ name }) => name === 'live views');
  const paths = () => [
    ...cell.plant.assets.map((id) => `/assets/${id}`),
    ...cell.plant.devices.map((id) => `/devices/${id}`),
  ];

  /** Asks for every entity, again and again, until the end is told; says what was answered and should not have been. */
  function watch(node: Product): () => Promise<string[]> {
    let ended = false;
    const wrong: string[] = [];
    const asking = (async () => {
      while (!ended) {
        for (const at of paths()) {
          try {
            const answer = await fetch(`${node.url}/api/v1${at}`, {
              headers: { authorization: `Bearer ${cell.node('core-1').key}` },
            });
            const isTold = answer.status === 503 && answer.headers.get('retry-after') !== null;
            if (answer.status !== 200 && !isTold) wrong.push(`${at}: ${answer.status} ${await answer.text()}`);
          } catch {
            // It does not listen yet.
          }
        }
      }
    })();
    return async () => {
      ended = true;
      await asking;
      return wrong;
    };
  }

  test('every node is ready once it serves what it owns, and no view is left without an owner by the moves', async () => {
    for (const name of ['core-1', 'core-2']) {
      await until(`${name} is ready`, () => isReady(cell.node(name)), WITHIN_MS);
      await until(
        `${name} hears everybody`,
        async () => (await viewsOf(cell.node(name)))?.status === 'healthy',
        10_000,
      );
    }
  });

  test('the wall says that an owner is silent, since when and what is as of then', async () => {
    const page = await (await browser.newContext({ viewport: { width: 1920, height: 1080 } })).newPage();
    const { url, key } = cell.node('core-1');
    await page.goto(`${url}/#key=${key}`);
    await page.waitForSelector('.tile');
    await until('no tile is away', async () => (await page.locator('.is-away').count()) === 0, WITHIN_MS);
    way.become('cut');
    await until('tiles are away', async () => (await page.locator('.tile.is-away').count()) > 0, WITHIN_MS);
    const strip = () => page.locator('.condition', { hasText: 'OWNER SILENT' });
    await until('the line under the top bar', async () => (await strip().count()) === 1, WITHIN_MS);
    assert.match(
      (await strip().innerText()).replace(/\s+/g, ' '),
      /OWNER SILENT since \d\d:\d\d:\d\d .* shown as of then\./,
    );
    assert.ok((await page.locator('.tile:not(.is-away)').count()) > 0, 'what this node owns itself is as it was');
    const folder = process.env.WALL_PICTURES;
    if (folder !== undefined) await page.screenshot({ path: path.join(folder, 'owner-silent.png') });
    way.become('open');
    await until('nothing is away', async () => (await page.locator('.is-away').count()) === 0, WITHIN_MS);
    await page.context().close();
  });

  test('while a node joins, one is killed and its part is taken over, nothing that the plant has is unknown', async () => {
    await cell.balanced(12);
    const stop = watch(cell.node('core-1'));
    const joined = await cell.add('core-3');
    const stopJoined = watch(joined);
    await until('it is ready', () => isReady(joined), WITHIN_MS);
    await cell.balanced(8);
    process.kill(cell.node('core-2').pid, 'SIGSTOP');
    await until(
      'the others have its part',
      async () => {
        const owned = await Promise.all(['core-1', 'core-3'].map((name) => shardsOf(cell.node(name))));
        return owned.reduce((sum, count) => sum + count, 0) === 64;
      },
      WITHIN_MS,
    );
    await until(
      'both are ready',
      async () => (await isReady(cell.node('core-1'))) && (await isReady(joined)),
      WITHIN_MS,
    );
    assert.deepEqual(await stop(), []);
    assert.deepEqual(await stopJoined(), []);
    const none = await fetch(`${joined.url}/api/v1/assets/none`, {
      headers: { authorization: `Bearer ${cell.node('core-1').key}` },
    });
    assert.equal(none.status, 404);
  });
});
