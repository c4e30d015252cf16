import { assetKind } from '../../actors/asset/asset.ts';
import { deviceKind } from '../../actors/device/device.ts';
import type { Frame } from '../../actors/frame.ts';
import { entityId } from '../../runtime/ids.ts';
import { Metric } from '../../topology/schema/asset.ts';
import { asset, device, frame, link, mapping, point, rule } from '../unit/actors/plant.ts';

/**
 * What one frame of ten readings costs the actors, without the runtime around them: `device.admit`, `device.observe`,
 * `asset.observe` with three rules, with and without the windows of 1 s, 1 min and 1 h.
 *
 *   node --import tsx test/bench/actors.ts [frames]
 */
const COUNT = Number(process.argv[2] ?? 300_000);
const NAMES = Array.from({ length: 10 }, (_, i) => `m${i}`);
const DEVICE = entityId('device', 'plc-1');
const ASSET = entityId('asset', 'pump-1');
const PERIOD_MS = 100;

const deviceDefinition = device({ points: NAMES.map((name) => point({ name, range: { min: -1e6, max: 1e6 } })) });
const assetDefinition = asset({
  metrics: NAMES.map((name) => Metric.parse({ name })),
  rules: [
    rule({ id: 'a', metric: 'm0' }),
    rule({ id: 'b', metric: 'm1', when: { outside: [-1000, 1000] }, durationSeconds: 5 }),
    rule({ id: 'c', metric: 'm2', when: { below: -1000 }, deadband: 1 }),
  ],
  links: [link({ mappings: NAMES.map((name) => mapping(name)) })],
});

/** As a driver makes them: one list of points for all; `fresh`: a list of its own each, as after the log was read. */
function framesOf(count: number, fresh: boolean): Frame[] {
  return Array.from({ length: count }, (_, i) => ({
    ...frame(i * PERIOD_MS, {}),
    points: fresh ? [...NAMES] : NAMES,
    values: NAMES.map((_, m) => 20 + Math.sin(i / 50 + m) * 10),
  }));
}

function run(frames: readonly Frame[], windows: boolean): number {
  const plc = deviceKind.initial({ id: DEVICE, definition: deviceDefinition });
  const pump = assetKind.initial({ id: ASSET, definition: assetDefinition });
  if (!windows) pump.live.windows.fill(null);
  const by = { user: 'system', via: 'log' } as const;
  const turn = { id: DEVICE, definition: deviceDefinition, nowMs: 0, by, permissions: [] };
  const deviceTurn = { ...turn, source: DEVICE, replay: false };
  const assetTurn = { ...deviceTurn, id: ASSET, definition: assetDefinition };
  const started = performance.now();
  for (const input of frames) {
    const { observation } = deviceKind.admit?.(plc, input, turn) ?? {};
    if (observation === undefined || observation === null) throw new Error('the frame was refused');
    deviceKind.observe?.(plc, observation, deviceTurn);
    assetKind.observe?.(pump, observation, assetTurn);
  }
  return ((performance.now() - started) * 1000) / frames.length;
}

for (const [name, fresh, windows] of [
  ['shared list of points, no windows', false, false],
  ['list of points from the log, no windows', true, false],
  ['shared list of points, three windows a metric', false, true],
] as const) {
  const frames = framesOf(COUNT, fresh);
  run(frames, windows);
  const best = Math.min(...[1, 2, 3].map(() => run(frames, windows)));
  console.log(`${name}: ${best.toFixed(2)} µs a frame of ${NAMES.length} readings`);
}
