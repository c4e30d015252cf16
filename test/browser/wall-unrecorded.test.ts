/**
 * Goal: with the database killed the wall goes on and is honest: an alarm that comes and one that goes are shown at once, marked as
 * not recorded yet, and acknowledging is refused with the reason in words. With the database back the marks go, nothing else changes.
 * Method: a node as `signalbox start` makes it on a real PostgreSQL that is killed with -9, a Modbus device, and a browser.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { readSettings } from '../../runtime/settings.ts';
import { createModbusServer, type ModbusServer } from '../../simulators/modbus/server.ts';
import { parseTopology } from '../../topology/load.ts';
import { launchChromium } from '../support/chromium.ts';
import { until } from '../support/condition.ts';
import { NO_POSTGRES, PostgresServer } from '../support/servers/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 30_000;
const [DRY, FULL] = [3, 900];
const row = (rule: string) => `.alarm-row[data-id="asset/tank:${rule}"]`;

const TOPOLOGY = `signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: bus, driver: modbus, tcp: { host: 127.0.0.1, port: PORT } }
  - { id: spare, name: Spare bus, driver: modbus, tcp: { host: 127.0.0.1, port: SPARE } }
devices:
  - id: meter
    name: Meter
    site: works
    connection: bus
    modbus: { unit: 1, pollMs: 100 }
    points:
      - { name: level, modbus: { area: holding, address: 0, type: uint16 } }
  - { id: s1, name: Spare 1, site: works, connection: spare, modbus: { unit: 1, pollMs: 100 }, lostAlarm: { delaySeconds: 5 }, points: [{ name: level, modbus: { area: holding, address: 0, type: uint16 } }] }
  - { id: s2, name: Spare 2, site: works, connection: spare, modbus: { unit: 1, pollMs: 100 }, lostAlarm: { delaySeconds: 5 }, points: [{ name: level, modbus: { area: holding, address: 0, type: uint16 } }] }
assets:
  - id: tank
    name: Tank
    site: works
    metrics:
      - { name: level, unit: cm, key: true }
    links: [{ device: meter }]
    rules:
      - { id: high, name: About to overflow, metric: level, when: { above: 800 }, severity: CRITICAL }
      - { id: low, name: Runs dry, metric: level, when: { below: 5 }, severity: HIGH }
`;

const temp = tempDir('wall-unrecorded');
const registers = new Uint16Array([DRY]);
const complaints: string[] = [];
let database: PostgresServer;
let field: ModbusServer;
let spare: ModbusServer;
let plant: RunningPlant;
let browser: Browser;

before(async () => {
  if (NO_POSTGRES) return;
  [database, browser] = await Promise.all([PostgresServer.start(), launchChromium()]);
  field = await createModbusServer({ units: new Map([[1, { holding: registers }]]) });
  spare = await createModbusServer({ units: new Map([[1, { holding: registers }]]) });
  const ports = TOPOLOGY.replace('PORT', String(field.port)).replace('SPARE', String(spare.port));
  const topology = parseTopology(ports, 'plant.yaml');
  assert.ok(topology.ok, JSON.stringify(topology));
  const settings = { DATA_DIR: temp.dir, PORT: 0, LOG_LEVEL: 'fatal', DATABASE_URL: await database.newDatabase() };
  const read = readSettings({}, {}, settings);
  assert.ok(read.ok, JSON.stringify(read));
  plant = await startPlant({ settings: read.settings, plant: topology.plant, simulators: false });
});

after(async () => {
  await browser?.close();
  await plant?.stop();
  await field?.close();
  await database?.remove();
  temp.remove();
});

const words = async (page: Page, selector: string) =>
  ((await page.locator(selector).first().innerText()) ?? '').replace(/\s+/g, ' ');
const says = (page: Page, selector: string, what: RegExp) =>
  until(
    `${selector} says ${what}`,
    async () => (await page.locator(selector).count()) > 0 && what.test(await words(page, selector)),
    WITHIN_MS,
  );
const isGone = (page: Page, selector: string) =>
  until(`no ${selector}`, async () => (await page.locator(selector).count()) === 0, WITHIN_MS);
const audited = async (entity: string, kind: string) => {
  const url = new URL(`api/v1/audit?entity=${entity}&kind=${kind}`, plant.url);
  const answer = await fetch(url, { headers: { authorization: `Bearer ${plant.key}` } });
  return (await answer.json()).items.length;
};
/** For whoever looks at the pages themselves: a folder for their pictures. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.WALL_PICTURES;
  if (folder !== undefined) await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

test('alarms come and go on the wall while the database is away, marked until they are on record', {
  skip: NO_POSTGRES,
}, async () => {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 }, colorScheme: 'dark' });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${plant.url}#key=${plant.key}`);
  await page.waitForSelector('.link-state.live');
  await page.goto(`${plant.url}alarms`);
  await says(page, row('low'), /Unacknowledged/);
  assert.equal(await page.locator('.unrecorded-tag').count(), 0);

  // What is wrong with the connection is on record; that it is an alarm will not be.
  await spare.close();
  await until('the connection is lost', async () => (await audited('connection/spare', 'LinkLost')) === 1, WITHIN_MS);
  await database.kill('SIGKILL');
  registers[0] = FULL;
  const lost = '.alarm-row[data-id="connection/spare:connection-lost"]';
  await says(page, lost, /Spare bus.* ?Not recorded yet .* Unacknowledged$/);
  await says(page, row('high'), /About to overflow ?Not recorded yet level 900 cm.* Unacknowledged$/);
  await says(page, row('low'), /Not recorded yet .* Returned, unacknowledged$/);
  await says(
    page,
    '.condition.grave',
    /NOT RECORDED YET .*Values and alarms go on.* Commands, acknowledging too, are refused/,
  );
  assert.match((await page.locator(row('high')).getAttribute('aria-label')) ?? '', /not recorded yet/);
  await page.locator(row('high')).click();
  await says(page, '.alarm-detail', /Not recorded yet: the journal is away/);
  const raised = await words(page, `${row('high')} .cell-raised`);
  // By the keyboard alone.
  await page.keyboard.press('a');
  await page.locator('dialog[open] button[type="submit"], dialog[open] .button.primary').first().click();
  await says(page, '.note.failed', /Acknowledge: About to overflow.*nothing can be recorded now/);
  await picture(page, 'unrecorded-alarms');

  await page.goto(`${plant.url}asset/tank`);
  await says(page, '.standing', /NOT RECORDED YET The journal is away since \d\d:\d\d:\d\d/);
  await says(page, '.asset-alarms', /About to overflow/);
  await picture(page, 'unrecorded-asset');
  await page.goto(plant.url);
  await says(page, '.abnormal', /Tank About to overflow ?Not recorded yet/);
  await picture(page, 'unrecorded-overview');
  // Loaded anew while the database is away, it shows the same.
  await page.goto(`${plant.url}alarms`);
  await says(page, row('high'), /Not recorded yet .* Unacknowledged$/);

  await database.restart();
  await isGone(page, '.unrecorded-tag');
  await isGone(page, '.condition:has-text("NOT RECORDED YET")');
  await says(page, lost, /Spare bus.* Unacknowledged$/);
  assert.equal(await words(page, `${row('high')} .cell-raised`), raised);
  await says(page, row('low'), /Returned, unacknowledged/);
  await page.locator(row('high')).click();
  await page.keyboard.press('a');
  await page.locator('dialog[open] button[type="submit"], dialog[open] .button.primary').first().click();
  await says(page, row('high'), /Acknowledged/);
  await picture(page, 'recorded-alarms');
  assert.deepEqual(complaints, []);
});
