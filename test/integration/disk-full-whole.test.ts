/**
 * Goal: a node whose whole disk is full, journal, telemetry log and history at once, says so and stands: readings wait at their sources
 * and values are marked, commands are refused, its own log does not flood what is left; killed and started on the full disk it says why
 * it cannot begin; with room everything is back by itself, and what was acknowledged is there.
 * Method: the product as a process on a file system of a few megabytes that somebody else's file fills up to the last page, killed
 * with -9 meanwhile; a Modbus device whose value moves all the time.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import { until } from '../support/condition.ts';
import { Product } from '../support/product.ts';
import { noSmallDisk, SmallDisk } from '../support/small-disk.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 30_000;
const NEARLY_NOTHING_BYTES = 256 * 1024;
/** Of warnings: journal, log and snapshots go once and come once, with some to spare for a disk that is full by turns. */
const MAX_LINES = 20;
const FULL_MS = 10_000;

const TOPOLOGY = `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: bus, driver: modbus, tcp: { host: 127.0.0.1, port: PORT } }
devices:
  - id: meter
    name: Meter
    site: works
    connection: bus
    modbus: { unit: 1, pollMs: 100 }
    points:
      - { name: count, modbus: { area: holding, address: 0, type: uint16 } }
assets:
  - { id: tank, name: Tank, site: works, metrics: [{ name: count }], links: [{ device: meter }] }
`;

interface Health {
  readonly status: string;
  readonly parts: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}
interface Latest {
  readonly items: readonly { readonly value: number; readonly quality: string; readonly timeMs: number }[];
}
interface Made {
  readonly result: { readonly number: string };
}

test('a node whose whole disk is full stands and says so, and is back with all that was acknowledged when there is room', {
  skip: noSmallDisk,
}, async (t) => {
  const disk = new SmallDisk(40);
  t.after(() => disk.remove());
  const { dir, remove } = tempDir('disk-full-whole');
  t.after(remove);
  const registers = new Uint16Array([0]);
  const field = await createModbusServer({ units: new Map([[1, { holding: registers }]]) });
  t.after(() => field.close());
  const counting = setInterval(() => (registers[0] = (registers[0] ?? 0) + 1), 50);
  t.after(() => clearInterval(counting));
  const topology = path.join(dir, 'plant.yaml');
  fs.writeFileSync(topology, TOPOLOGY.replace('PORT', String(field.port)));
  const product = await Product.start({
    dataDir: path.join(disk.dir, 'data'),
    topology,
    args: ['--no-simulators'],
    environment: { SIGNALBOX_LOG_LEVEL: 'warn' },
  });
  t.after(() => product.kill());

  const health = async () => (await product.request<Health>('GET', '/health')).body as Health;
  const detail = async (wanted: string) => (await health()).parts.find(({ name }) => name === wanted)?.detail ?? '';
  const latest = async () => (await product.get<Latest>('/telemetry/latest?device=meter')).items[0];
  const order = () =>
    product.request<Made>('POST', '/workorders', { body: { title: 'look at it', asset: 'tank', dueInHours: 24 } });

  await until('values come', async () => ((await latest())?.value ?? 0) > 20, WITHIN_MS);
  const acknowledged: string[] = [];
  disk.fill(NEARLY_NOTHING_BYTES);
  await until(
    'the disk is full',
    async () => {
      const answer = await order();
      if (answer.ok) acknowledged.push(answer.body.result.number);
      else disk.fill();
      return !answer.ok && /the disk of the telemetry log is full/.test(await detail('log'));
    },
    WITHIN_MS,
  );
  assert.ok(acknowledged.length > 0);
  await until(
    'so does the journal',
    async () => /the disk of the database is full/.test(await detail('journal')),
    WITHIN_MS,
  );
  assert.match(
    await detail('log'),
    /^the disk of the telemetry log is full, for \d+ s; readings wait at their sources/,
  );
  await until('the value is marked', async () => (await latest())?.quality !== 'GOOD', WITHIN_MS);
  const refused = await order();
  assert.match(refused.ok ? '' : refused.body.error.message, /the disk of the database is full/);
  const sinceMs = Date.now();
  await until('it was full for a while', () => Date.now() - sinceMs > FULL_MS, WITHIN_MS);
  const lines = product.stderr.trim().split('\n');
  assert.ok(lines.length <= MAX_LINES, product.stderr);
  assert.ok(
    lines.some((line) => line.includes('the disk of the database is full')),
    product.stderr,
  );

  await product.kill();
  await assert.rejects(product.restart(), /(its disk|the disk of the database|the disk of the telemetry log) is full/);

  disk.makeRoom();
  await product.restart();
  await until('everything is well', async () => (await health()).status === 'healthy', WITHIN_MS);
  await until('values go on', async () => (await latest())?.quality === 'GOOD', WITHIN_MS);
  const found = new Set((await product.list<{ readonly id: string }>('/workorders')).map(({ id }) => id));
  for (const number of acknowledged) assert.ok(found.has(`work-order/${number}`) || found.has(number), number);
  assert.equal((await order()).ok, true);
});
