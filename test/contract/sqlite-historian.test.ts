import { cpSync } from 'node:fs';
import path from 'node:path';
import { openHistorian } from '../../gateways/historian/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { tempDir } from '../support/temp-dir.ts';
import { historianContract } from './historian.contract.ts';
import { historianReadingContract } from './historian-reading.contract.ts';
import { filledThroughLog } from './storage-support.ts';

historianContract('the SQLite historian', async (t) => {
  const { dir, remove } = tempDir('historian');
  const logFile = path.join(dir, 'telemetry.db');
  const log = await SqlLog.open({ file: logFile });
  let historyDir = path.join(dir, 'history-0');
  // Few cells, so that files are written in the middle of things.
  const open = () => openHistorian({ dir: historyDir, logFile, log, maxBufferedCells: 100 });
  let historian = await open();
  let crashes = 0;
  t.after(async () => {
    await historian.close();
    await log.close();
    remove();
  });
  return {
    log,
    historian,
    reopen: async () => {
      await historian.close();
      historian = await open();
      return historian;
    },
    crash: async () => {
      // The files as they are now, before the historian can write what it has in memory.
      const left = path.join(dir, `history-${++crashes}`);
      cpSync(historyDir, left, { recursive: true });
      await historian.close();
      historyDir = left;
      historian = await open();
      return historian;
    },
  };
});

historianReadingContract('the SQLite historian', async (t) => {
  const { dir, remove } = tempDir('historian-reading');
  const logFile = path.join(dir, 'telemetry.db');
  const log = await SqlLog.open({ file: logFile });
  const historian = await openHistorian({ dir: path.join(dir, 'history'), logFile, log });
  t.after(async () => {
    await historian.close();
    await log.close();
    remove();
  });
  return {
    historian,
    add: filledThroughLog(log, historian),
  };
});
