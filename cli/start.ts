import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../runtime/errors.ts';
import { readSettings, type Settings } from '../runtime/settings.ts';
import { Failure, reportFailure } from './failure.ts';
import { startPlant } from './plant.ts';
import { readPlant } from './topology.ts';

export interface StartOptions {
  readonly topology?: string;
  readonly data?: string;
  readonly port?: string;
  readonly host?: string;
  readonly config?: string;
  readonly simulators: boolean;
}

const DEFAULT_CONFIG = 'signalbox.json';
/** Whoever wants out gets out: what has not ended by then is left to the journal, which is made for it. */
const STOP_WITHIN_MS = 5000;

/** `signalbox start`: settings, plant, storage, actors, drivers, wall; then it runs until it is told to stop. */
export function start(options: StartOptions): Promise<void> {
  return reportFailure(async () => {
    const startedMs = performance.now();
    const settings = settingsOf(options);
    const demo = settings.TOPOLOGY === undefined;
    const plant = await readPlant(settings.TOPOLOGY ?? demoFile());
    const running = await startPlant({ settings, plant, simulators: demo && options.simulators });
    print(settings, running, Math.round(performance.now() - startedMs), demo);
    stopOnSignal(() => running.stop());
  });
}

function print(
  settings: Settings,
  running: Awaited<ReturnType<typeof startPlant>>,
  tookMs: number,
  demo: boolean,
): void {
  const { plant, entities, key } = running;
  const lines = [
    `Signalbox ${running.version}: ${plant.organization.name}${plant.simulated ? ' (simulated plant)' : ''}`,
    `  data      ${path.resolve(settings.DATA_DIR)}`,
    `  plant     ${plant.sites.size} sites, ${plant.assets.size} assets, ${plant.devices.size} devices on ${plant.connections.size} connections`,
    `  actors    ${entities} recovered, live after ${(tookMs / 1000).toFixed(1)} s`,
    key === undefined ? `  wall      ${running.url}` : `  wall      ${running.url}#key=${key}`,
    key === undefined
      ? `            (no key at hand? npx signalbox token create NAME --role operator --data ${settings.DATA_DIR})`
      : '            This link holds the first key, of an administrator. It is shown this once.',
  ];
  if (demo)
    lines.push('  Simulated faults begin within half a minute. Your own plant: npx signalbox start --topology FILE');
  lines.push('  Ctrl-C stops.');
  console.log(lines.join('\n'));
}

function settingsOf(options: StartOptions): Settings {
  const overrides = {
    ...(options.topology !== undefined && { TOPOLOGY: options.topology }),
    ...(options.data !== undefined && { DATA_DIR: options.data }),
    ...(options.port !== undefined && { PORT: options.port }),
    ...(options.host !== undefined && { HOST: options.host }),
  };
  const result = readSettings(process.env, readConfig(options.config), overrides);
  if (!result.ok) throw new Failure(...result.problems.map((problem) => `signalbox: ${problem}`));
  return result.settings;
}

function readConfig(file: string | undefined): Record<string, unknown> {
  if (file === undefined && !fs.existsSync(DEFAULT_CONFIG)) return {};
  const name = file ?? DEFAULT_CONFIG;
  try {
    const parsed: unknown = JSON.parse(fs.readFileSync(name, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw new Error('it must hold one object');
    return { ...parsed };
  } catch (error) {
    throw new Failure(`signalbox: the settings file ${name} cannot be read: ${messageOf(error)}`);
  }
}

function demoFile(): string {
  return fileURLToPath(new URL('../topology/demo.yaml', import.meta.url));
}

function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) process.exit(1);
    stopping = true;
    console.log('Stopping …');
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
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
