import path from 'node:path';
import { openHistorian } from '../gateways/historian/open.ts';
import { openServerHistorian } from '../gateways/historian/open-server.ts';
import type { ServerStore } from '../gateways/historian/server-store.ts';
import type { Historian } from '../runtime/historian.ts';
import type { Settings } from '../runtime/settings.ts';
import type { PlantLog } from './telemetry-log.ts';

/** The historian that the settings ask for, else on a server that is named anyway, else in files of the data folder. */
export async function historianOf(
  settings: Settings,
  { log, logFile, nats }: Pick<PlantLog, 'log' | 'logFile' | 'nats'>,
): Promise<Historian> {
  const store = serverOf(settings);
  if (store !== undefined) return openServerHistorian({ store, log, logFile, nats });
  return openHistorian({ dir: path.join(settings.DATA_DIR, 'history'), logFile, nats, log });
}

function serverOf({ HISTORIAN, QUESTDB_URL, DATABASE_URL }: Settings): ServerStore | undefined {
  const wanted = HISTORIAN ?? (QUESTDB_URL !== undefined ? 'questdb' : 'postgresql');
  if (wanted === 'questdb' && QUESTDB_URL !== undefined) return { kind: 'questdb', url: QUESTDB_URL };
  if (wanted === 'postgresql' && DATABASE_URL !== undefined) return { kind: 'postgresql', url: DATABASE_URL };
  return undefined;
}
