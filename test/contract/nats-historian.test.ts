import { cpSync } from 'node:fs';
import path from 'node:path';
import { after, before, type TestContext } from 'node:test';
import { openHistorian } from '../../gateways/historian/open.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import { NatsServer, noNats } from '../support/servers/nats.ts';
import { tempDir } from '../support/temp-dir.ts';
import { historianContract } from './historian.contract.ts';

let server: NatsServer;
let streams = 0;
before(async () => {
  if (noNats === false) server = await NatsServer.start();
});
after(async () => {
  if (noNats === false) await server.remove();
});

/** The historian on files, in its worker, over a log on NATS. */
async function openOverNats(t: TestContext) {
  const { dir, remove } = tempDir('nats-historian');
  const nats = {
    url: server.url,
    name: 'test',
    startTimeoutMs: 10_000,
    prefix: `historian-${++streams}`,
    replicas: 1,
    maxAgeMs: 86_400_000,
  };
  const log = await openNatsLog(nats);
  let historyDir = path.join(dir, 'history-0');
  // Few cells, so that files are written in the middle of things.
  const open = () => openHistorian({ dir: historyDir, nats, maxBufferedCells: 100 });
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
}

historianContract('the SQLite historian over a log on NATS', openOverNats, { skip: noNats });
