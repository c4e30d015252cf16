import path from 'node:path';
import { openHistorian } from '../gateways/historian/open.ts';
import { openQuestDbHistorian } from '../gateways/historian/questdb/open.ts';
import type { Historian } from '../runtime/historian.ts';
import type { Settings } from '../runtime/settings.ts';
import type { SqlLog } from '../runtime/sql/sql-log.ts';

/** The log that the historian consumes. */
interface ConsumedLog {
  readonly log: SqlLog;
  readonly logFile: string;
}

/** The historian that the settings ask for: a server where one is named, else files in the data folder. */
export async function historianOf(settings: Settings, { log, logFile }: ConsumedLog): Promise<Historian> {
  const url = settings.HISTORIAN === 'sqlite' ? undefined : settings.QUESTDB_URL;
  if (url !== undefined) return openQuestDbHistorian({ url, log, logFile });
  return openHistorian({ dir: path.join(settings.DATA_DIR, 'history'), logFile, log });
}
