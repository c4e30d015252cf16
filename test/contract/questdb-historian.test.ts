import { after, before } from 'node:test';
import { openQuestDbHistorian } from '../../gateways/historian/questdb/open.ts';
import { SqlLog } from '../../runtime/sql/sql-log.ts';
import { QuestDb, withoutQuestDb } from '../support/servers/questdb.ts';
import { tempDir } from '../support/temp-dir.ts';
import { historianContract } from './historian.contract.ts';
import { historianReadingContract } from './historian-reading.contract.ts';
import { filledThroughLog } from './storage-support.ts';

const skip = withoutQuestDb();
const { dir, remove } = tempDir('questdb');
let server: QuestDb | undefined;
let opened = 0;

before(async () => {
  if (!skip) server = await QuestDb.start(dir);
});
after(async () => {
  await server?.kill();
  remove();
});

/** A log of its own, and tables of its own in the one server of this file. */
async function openNext() {
  if (server === undefined) throw new Error('there is no server');
  const { url } = server;
  const { dir: logDir, remove: removeLog } = tempDir('questdb-log');
  const log = await SqlLog.open({ file: `${logDir}/telemetry.db` });
  const prefix = `plant${++opened}`;
  // Through the log's port: a thread for each of dozens of openings would take most of the time.
  const open = () => openQuestDbHistorian({ url, prefix, log });
  return { log, historian: await open(), open, removeLog };
}

historianContract(
  'the QuestDB historian',
  async (t) => {
    const { log, open, removeLog, historian: first } = await openNext();
    let historian = first;
    t.after(async () => {
      await historian.close();
      await log.close();
      removeLog();
    });
    const reopen = async () => {
      await historian.close();
      historian = await open();
      await historian.caughtUp(await log.end());
      return historian;
    };
    // It holds nothing that is not on the server: a crash leaves what closing leaves.
    return { log, historian, reopen, crash: reopen };
  },
  { skip },
);

historianReadingContract(
  'the QuestDB historian',
  async (t) => {
    const { log, historian, removeLog } = await openNext();
    t.after(async () => {
      await historian.close();
      await log.close();
      removeLog();
    });
    return { historian, add: filledThroughLog(log, historian) };
  },
  { skip },
);
