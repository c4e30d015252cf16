import { readFileSync } from 'node:fs';
import { startPlant } from '../../cli/plant.ts';
import { Settings } from '../../runtime/settings.ts';
import { parseTopology } from '../../topology/load.ts';

/** The product in a process of its own, from the sources, so that a test can kill it. Says where it is, and its key. */
export interface Ready {
  readonly url: string;
  readonly key: string | undefined;
}

const [dataDir = '', file = ''] = process.argv.slice(2);
const parsed = parseTopology(readFileSync(file, 'utf8'), file, {});
if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
const settings = Settings.parse({ DATA_DIR: dataDir, PORT: 0, LOG_LEVEL: 'fatal' });
const { url, key } = await startPlant({ settings, plant: parsed.plant, simulators: false });
process.send?.({ url, key } satisfies Ready);
process.on('disconnect', () => process.exit());
