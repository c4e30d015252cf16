import path from 'node:path';
import { messageOf } from '../runtime/errors.ts';
import type { Settings } from '../runtime/settings.ts';
import { databaseOf } from './database.ts';
import { reportFailure } from './failure.ts';
import { startPlant } from './plant.ts';
import { hasSeat } from './seat.ts';
import { type SettingsOptions, settingsOf } from './settings.ts';
import { takeFreePorts } from './simulator-ports.ts';
import { demoFile, readPlant } from './topology.ts';

export interface StartOptions extends SettingsOptions {
  readonly simulators: boolean;
}

const DEMO_NOTE = '  Simulated faults begin within half a minute. Your own plant: npx signalbox start --topology FILE';
/** Whoever wants out gets out: what has not ended by then is left to the journal, which is made for it. */
const STOP_WITHIN_MS = 5000;
/** A node of several hands its shards over first; whoever runs it gives it 30 s (`deploy/`) before it kills it. */
export const HAND_OVER_WITHIN_MS = 25_000;

/** `signalbox start`: settings, plant, storage, actors, drivers, wall; then it runs until it is told to stop. */
export function start(options: StartOptions): Promise<void> {
  return reportFailure(async () => {
    const startedMs = performance.now();
    const settings = settingsOf(options);
    const demo = settings.TOPOLOGY === undefined;
    const simulators = demo && options.simulators;
    const read = () => readPlant(settings.TOPOLOGY ?? demoFile());
    const { plant, moved } = simulators ? await takeFreePorts(read, process.env) : { plant: await read(), moved: [] };
    const running = await startPlant({ settings, plant, simulators });
    print(settings, running, Math.round(performance.now() - startedMs), demo ? [...moved, DEMO_NOTE] : []);
    stopOnSignal(() => running.stop(), hasSeat(settings) ? HAND_OVER_WITHIN_MS : STOP_WITHIN_MS);
  });
}

function print(
  settings: Settings,
  running: Awaited<ReturnType<typeof startPlant>>,
  tookMs: number,
  notes: readonly string[],
): void {
  const { plant, entities, key } = running;
  const database = databaseOf(settings);
  const lines = [
    `Signalbox ${running.version}: ${plant.organization.name}${plant.simulated ? ' (simulated plant)' : ''}`,
    `  data      ${path.resolve(settings.DATA_DIR)}`,
    ...(database === undefined ? [] : [`  journal   PostgreSQL, ${database.shown}`]),
    // One of several that look alike.
    ...(hasSeat(settings) ? [`  node      ${settings.NODE}`] : []),
    ...(running.cell === undefined ? [] : [`  cell      ${running.cell}`]),
    ...(running.log === undefined ? [] : [`  log       ${running.log}`]),
    `  plant     ${plant.sites.size} sites, ${plant.assets.size} assets, ${plant.devices.size} devices on ${plant.connections.size} connections`,
    `  actors    ${entities} recovered, live after ${(tookMs / 1000).toFixed(1)} s`,
    key === undefined ? `  wall      ${running.url}` : `  wall      ${running.url}#key=${key}`,
    key === undefined
      ? `            (no key at hand? npx signalbox token create NAME --role operator --data ${settings.DATA_DIR})`
      : '            This link holds the first key, of an administrator. It is shown this once.',
  ];
  lines.push(...notes, '  Ctrl-C stops.');
  console.log(lines.join('\n'));
}

function stopOnSignal(stop: () => Promise<void>, withinMs: number): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) process.exit(1);
    stopping = true;
    console.log('Stopping …');
    setTimeout(() => process.exit(1), withinMs).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(`signalbox: ${messageOf(error)}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
