import fs from 'node:fs';
import { messageOf } from '../runtime/errors.ts';
import { readSettings, type Settings } from '../runtime/settings.ts';
import { Failure } from './failure.ts';

/** What commands take that says how a node is set up. */
export interface SettingsOptions {
  readonly topology?: string;
  readonly data?: string;
  readonly port?: string;
  readonly host?: string;
  readonly cell?: string;
  readonly node?: string;
  readonly config?: string;
}

const DEFAULT_CONFIG = 'signalbox.json';

/** One way for all commands: what the command line says counts most, then the environment, then the settings file. */
export function settingsOf(options: SettingsOptions): Settings {
  const overrides = {
    ...(options.topology !== undefined && { TOPOLOGY: options.topology }),
    ...(options.data !== undefined && { DATA_DIR: options.data }),
    ...(options.port !== undefined && { PORT: options.port }),
    ...(options.host !== undefined && { HOST: options.host }),
    ...(options.node !== undefined && { NODE: options.node }),
    ...(options.cell !== undefined && { CELL: options.cell }),
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
