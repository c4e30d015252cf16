// Signalbox as the system under test: 100 presses over MQTT, each an asset with ten metrics and three rules. Started by
// peer.mjs with MQTT_URL and WS_PORT in its environment, and with BENCH_TOKEN, which run.mjs has made.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const DEVICES = Number(process.env.DEVICES ?? 100);
const METRICS = {
  temperature_bearing_de_c: '°C',
  temperature_bearing_nde_c: '°C',
  vibration_rms_mm_s: 'mm/s',
  vibration_peak_mm_s: 'mm/s',
  motor_current_a: 'A',
  motor_voltage_v: 'V',
  spindle_speed_rpm: 'rpm',
  hydraulic_pressure_bar: 'bar',
  coolant_flow_l_min: 'l/min',
  energy_active_kwh: 'kWh',
};

/** The limit of 90 °C is crossed by every tenth message; it has to hold for a second, as a real rule would ask. */
const RULES = [
  {
    id: 'bearing-hot',
    name: 'Bearing hot',
    metric: 'temperature_bearing_de_c',
    when: { above: 90 },
    durationSeconds: 1,
    deadband: 2,
    severity: 'HIGH',
  },
  {
    id: 'vibration',
    name: 'Vibration high',
    metric: 'vibration_rms_mm_s',
    when: { above: 7.1 },
    durationSeconds: 5,
    severity: 'MEDIUM',
  },
  {
    id: 'pressure',
    name: 'Pressure out of range',
    metric: 'hydraulic_pressure_bar',
    when: { outside: [120, 200] },
    deadband: 5,
    severity: 'CRITICAL',
  },
];

const names = Array.from({ length: DEVICES }, (_, index) => `press-${String(index).padStart(5, '0')}`);
const topology = {
  signalbox: 1,
  organization: { id: 'bench', name: 'Pipeline bench' },
  simulated: true,
  sites: [{ id: 'plant-north', name: 'Plant North', timeZone: 'UTC' }],
  connections: [
    { id: 'broker', driver: 'mqtt', url: process.env.MQTT_URL, topics: [{ topic: 'tele/{device}', payload: 'flat' }] },
  ],
  deviceProfiles: [
    {
      id: 'press',
      points: [
        { name: 'seq', mqtt: {} },
        { name: 'mono_us', mqtt: {} },
        ...Object.entries(METRICS).map(([name, unit]) => ({
          name,
          unit,
          range: { min: -1e9, max: 1e9 },
          mqtt: { field: `metrics.${name}` },
        })),
      ],
    },
  ],
  assetProfiles: [
    {
      id: 'press',
      metrics: [
        { name: 'seq' },
        { name: 'mono_us' },
        ...Object.entries(METRICS).map(([name, unit]) => ({ name, unit })),
      ],
      rules: RULES,
    },
  ],
  devices: names.map((id) => ({ id, name: id, site: 'plant-north', connection: 'broker', profile: 'press', mqtt: {} })),
  assets: names.map((id) => ({ id, name: id, site: 'plant-north', profile: 'press', links: [{ device: id }] })),
};

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'signalbox-bench-'));
const file = path.join(dir, 'bench.yaml');
fs.writeFileSync(file, JSON.stringify(topology));

const dist = new URL('../../../dist/', import.meta.url);
const { openTokens } = await import(new URL('runtime/sql/open.js', dist).href);
const { tokens, close } = await openTokens(path.join(dir, 'data'));
const token = process.env.BENCH_TOKEN;
await tokens.create(
  {
    id: token.split('_')[1],
    name: 'bench',
    role: 'admin',
    hash: createHash('sha256').update(token).digest('hex'),
    createdAtMs: Date.now(),
    createdBy: 'bench',
    expiresAtMs: null,
    revokedAtMs: null,
    lastUsedAtMs: null,
  },
  { user: 'bench', via: 'cli', address: null },
);
await close();

process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
process.argv = [
  process.argv[0],
  'signalbox',
  'start',
  '--topology',
  file,
  '--data',
  path.join(dir, 'data'),
  '--port',
  process.env.WS_PORT,
];
await import(new URL('cli/signalbox.js', dist).href);
