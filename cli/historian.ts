import path from 'node:path';
import { openHistorian } from '../gateways/historian/open.ts';
import { openServerHistorian } from '../gateways/historian/open-server.ts';
import type { ServerStore } from '../gateways/historian/server-store.ts';
import type { Historian } from '../runtime/historian.ts';
import { entityId } from '../runtime/ids.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Settings } from '../runtime/settings.ts';
import { hasSeat } from './seat.ts';
import type { PlantLog } from './telemetry-log.ts';

/** Of all nodes of a cell, the one that has this carries the log into the history, and lets go of what is old. */
export const CARRIER = entityId('historian', 'main');

export interface PlantHistorian extends Historian {
  /** The node is there and knows what it has. Returns how to hear no more of it. */
  follow(node: Pick<Runtime, 'isHere' | 'onMoved'>): () => void;
}

/** The historian that the settings ask for, else on a server that is named anyway, else in files of the data folder. */
export async function historianOf(
  settings: Settings,
  { log, logFile, nats }: Pick<PlantLog, 'log' | 'logFile' | 'nats'>,
): Promise<PlantHistorian> {
  const store = serverOf(settings);
  if (store === undefined) {
    const local = await openHistorian({ dir: path.join(settings.DATA_DIR, 'history'), logFile, nats, log });
    return { ...local, follow: () => () => undefined };
  }
  const carrier = { carries: !hasSeat(settings) };
  const served = await openServerHistorian({ store, log, logFile, nats, carrier });
  return {
    ...served,
    follow: (node) => {
      // A thread that has ended says so where it is asked.
      const told = () => served.carry(node.isHere(CARRIER)).catch(() => undefined);
      void told();
      return node.onMoved(told);
    },
  };
}

function serverOf({ HISTORIAN, QUESTDB_URL, DATABASE_URL }: Settings): ServerStore | undefined {
  const wanted = HISTORIAN ?? (QUESTDB_URL !== undefined ? 'questdb' : 'postgresql');
  if (wanted === 'questdb' && QUESTDB_URL !== undefined) return { kind: 'questdb', url: QUESTDB_URL };
  if (wanted === 'postgresql' && DATABASE_URL !== undefined) return { kind: 'postgresql', url: DATABASE_URL };
  return undefined;
}
