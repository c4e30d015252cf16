/**
 * Goal: a device taken out of service over the API is no longer asked for anything, and is again once it is taken back.
 * Method: the built product against a Modbus server on a real socket that counts the requests to each of its units.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import { until } from '../support/condition.ts';
import { Product } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 30_000;
/** Of the neighbour on the same connection: many polls of the device too, were it still read. */
const NEIGHBOUR_REQUESTS = 20;
const { dir, remove } = tempDir('decommissioning');
const leaving = new Uint16Array([7]);
let server: ModbusServer;
let product: Product;

before(async () => {
  const units = new Map([
    [1, { holding: leaving }],
    [2, { holding: new Uint16Array([9]) }],
  ]);
  server = await createModbusServer({ units });
  const device = (id: string, unit: number) => `  - id: ${id}
    name: ${id}
    site: works
    connection: bus
    modbus: { unit: ${unit}, pollMs: 100 }
    points:
      - { name: level, modbus: { area: holding, address: 0, type: uint16 } }
`;
  const topology = path.join(dir, 'plant.yaml');
  fs.writeFileSync(
    topology,
    `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: bus, driver: modbus, tcp: { host: 127.0.0.1, port: ${server.port} } }
devices:
${device('leaving', 1)}${device('staying', 2)}`,
  );
  product = await Product.start({ dataDir: path.join(dir, 'data'), topology });
});
after(async () => {
  await product.kill();
  await server.close();
  remove();
});

const level = async () => (await product.get<{ values: Record<string, unknown> }>('/devices/leaving')).values.level;

async function order(verb: 'decommission' | 'recommission'): Promise<void> {
  const { ok, body } = await product.request('POST', `/devices/leaving/${verb}`, { body: { reason: 'rebuilt' } });
  assert.ok(ok, JSON.stringify(body));
}

/** Until the neighbour has been asked so often that a device in service would have been asked as well. */
async function neighbourGoesOn(): Promise<void> {
  const from = server.requestsTo(2);
  await until('the neighbour is read', () => server.requestsTo(2) >= from + NEIGHBOUR_REQUESTS, WITHIN_MS);
}

/** An order takes effect after its answer: from then on no request may come while the neighbour has many. */
async function leftAlone(): Promise<void> {
  let before = -1;
  await until(
    'no request to the device',
    async () => {
      before = server.requestsTo(1);
      await neighbourGoesOn();
      return server.requestsTo(1) === before;
    },
    WITHIN_MS,
  );
}

test('a decommissioned device is left alone, also after a restart, and its neighbour is not; taken back, it is read', async () => {
  await until('the device is read', async () => (await level()) === 7, WITHIN_MS);
  await order('decommission');
  await leftAlone();

  await product.kill();
  await product.restart();
  await leftAlone();

  leaving[0] = 8;
  await order('recommission');
  await until('the new value is read', async () => (await level()) === 8, WITHIN_MS);
});
