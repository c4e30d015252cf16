/**
 * Goal: the product with DATABASE_URL keeps what it decides in PostgreSQL, says so, takes no harm from a server that goes and
 * comes, and never shows the password. Method: the built product as a process of its own, on a real server that is killed.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { until } from '../support/condition.ts';
import { Product, signalbox } from '../support/product.ts';
import { PUMP_ON_MODBUS } from '../support/pump-on-modbus.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';

const PASSWORD = 'n0t-to-be-seen';

test('orders outlast the server, and the product with it', { skip: NO_POSTGRES, timeout: 120_000 }, async (t) => {
  const { dir, remove } = tempDir('postgres-product');
  t.after(remove);
  const server = await PostgresServer.start();
  t.after(() => server.remove());
  const url = new URL(await server.newDatabase());
  url.password = PASSWORD;
  const topology = path.join(dir, 'plant.yaml');
  fs.writeFileSync(topology, PUMP_ON_MODBUS);
  const dataDir = path.join(dir, 'data');
  const environment = { SIGNALBOX_DATABASE_URL: url.toString(), SIGNALBOX_LOG_LEVEL: 'info' };

  const early = await signalbox(['token', 'list', '--data', dataDir], environment);
  assert.equal(early.code, 1);
  assert.match(early.stderr, /no plant has used the database 127\.0\.0\.1:\d+\/test_1 yet/);

  const product = await Product.start({ dataDir, topology, environment });
  t.after(() => product.kill());
  assert.match(product.stdout, /^ {2}journal {3}PostgreSQL, 127\.0\.0\.1:\d+\/test_1$/m);
  assert.ok(!fs.existsSync(path.join(dataDir, 'journal.db')), 'there is one journal');

  const order = (title: string) =>
    product.request<{ result: { number: string } }>('POST', '/workorders', {
      body: { title, asset: 'pump-1', dueInHours: 24 },
      commandId: title,
    });
  const first = await order('first');
  assert.equal(first.ok, true, JSON.stringify(first.body));
  const created = await signalbox(['token', 'create', 'beside', '--role', 'viewer', '--data', dataDir], environment);
  const token = created.stdout.trim();
  assert.equal((await product.request('GET', '/assets', { token })).status, 200, created.stderr);

  await server.kill('SIGKILL');
  await until('commands are refused', async () => {
    const refused = await order('meanwhile');
    return !refused.ok && refused.status === 503 && refused.body.error.code === 'UNAVAILABLE';
  });
  await until('it is not ready', async () => (await fetch(`${product.url}/ready`)).status === 503, 20_000);
  assert.equal((await fetch(`${product.url}/health`)).status, 200, 'it is alive');
  await server.restart();
  await until('it is ready again', async () => (await fetch(`${product.url}/ready`)).status === 200, 30_000);
  await until('commands are taken', async () => (await order('second')).ok, 30_000);
  const again = await order('first');
  assert.deepEqual(again.ok && again.body.result, first.ok && first.body.result, 'the first answer, from before');

  await product.kill();
  await product.restart();
  const { items } = await product.get<{ items: { props: { title: string } }[] }>('/workorders');
  const titles = items.map(({ props }) => props.title);
  for (const title of ['first', 'second']) assert.equal(titles.filter((one) => one === title).length, 1, titles.join());
  const stopped = await product.stop();
  assert.equal(stopped.code, 0);
  for (const said of [product.stdout, product.stderr, early.stderr, created.stderr])
    assert.ok(!said.includes(PASSWORD));
});
