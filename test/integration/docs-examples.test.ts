import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { readPlant } from '../../cli/topology.ts';
import { Settings } from '../../runtime/settings.ts';
import { until } from '../support/condition.ts';
import { tempDir } from '../support/temp-dir.ts';

// Nothing listens at the connection's address: its loss is the alarm.
const TOPOLOGY = `
signalbox: 1
organization: { id: acme, name: Acme Water }
sites:
  - { id: works, name: Waterworks, timeZone: Europe/Berlin }
connections:
  - { id: plc-net, driver: modbus, tcp: { host: 127.0.0.1, port: 1 } }
devices:
  - id: plc
    name: Station PLC
    site: works
    connection: plc-net
    modbus: { unit: 1, pollMs: 1000 }
    points:
      - { name: flow, unit: m³/h, modbus: { area: input, address: 0, type: float32 } }
assets:
  - id: pump-1
    name: Pump 1
    site: works
    metrics: [{ name: flow, unit: m³/h }]
    links: [{ device: plc }]
    rules: [{ id: lost, name: PLC lost, when: deviceLost, suppressWhenDeviceLost: false, severity: HIGH }]
`;

const data = tempDir('examples');
const children: ChildProcess[] = [];
let running: RunningPlant;
let args: readonly string[];

/** Runs an example as the guide says; what it prints grows in `text`. */
function run(example: string, ...more: string[]) {
  const file = fileURLToPath(new URL(`../../docs/examples/${example}`, import.meta.url));
  const output = { text: '', code: null as number | null };
  const child = spawn(process.execPath, [file, ...args, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output.text += String(chunk)));
  child.on('close', (code) => (output.code = code));
  return output;
}

before(async () => {
  const file = join(data.dir, 'plant.yaml');
  writeFileSync(file, TOPOLOGY);
  running = await startPlant({
    settings: Settings.parse({ DATA_DIR: join(data.dir, 'data'), PORT: 0, LOG_LEVEL: 'fatal' }),
    plant: await readPlant(file),
    simulators: false,
  });
  args = [running.url, running.key ?? ''];
});

after(async () => {
  for (const child of children) child.kill();
  await running.stop();
  data.remove();
});

test('the WebSocket example prints what is active and every transition', async () => {
  const output = run('follow-alarms.mjs');
  await until('the alarm is printed', () => /HIGH {2}ACTIVE_UNACK {2}asset\/pump-1:lost/.test(output.text));
  assert.match(output.text, /^connected to Acme Water as first-key \(admin\)$/m);
  const response = await fetch(`${running.url}api/v1/alarms/asset%2Fpump-1:lost/acknowledge`, {
    method: 'POST',
    headers: { authorization: `Bearer ${running.key}`, 'content-type': 'application/json' },
    body: '{}',
  });
  assert.equal(response.status, 200);
  await until('the transition is printed', () => /^AlarmAcknowledged {2}HIGH {2}ACTIVE_ACK/m.test(output.text));
});

test('the REST example takes a work order to its end', async () => {
  const output = run('work-order.mjs', 'pump-1');
  await until('it has ended', () => output.code !== null);
  assert.equal(output.code, 0, output.text);
  assert.match(output.text, /^WO-\d{8}-00001 is closed$/m);
  assert.match(output.text, /^completed -> closed by first-key$/m);
});
