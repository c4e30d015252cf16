import type { TestContext } from 'node:test';
import { openServerHistorian } from '../../gateways/historian/open-server.ts';
import type { ServerStore } from '../../gateways/historian/server-store.ts';
import { MemoryLog } from '../support/memory-log.ts';
import type { OpenHistorian } from './historian.contract.ts';
import type { ReadableHistorian } from './historian-reading.contract.ts';
import { filledThroughLog } from './storage-support.ts';

/** A historian on a server, with a log of its own. */
export async function openOnServer(t: TestContext, store: ServerStore): Promise<OpenHistorian & ReadableHistorian> {
  const log = new MemoryLog();
  const open = () => openServerHistorian({ store, log });
  let historian = await open();
  t.after(() => historian.close());
  const reopen = async () => {
    await historian.close();
    historian = await open();
    await historian.caughtUp(await log.end());
    return historian;
  };
  // It holds nothing that is not on the server: a crash leaves what closing leaves.
  return { log, historian, reopen, crash: reopen, add: filledThroughLog(log, historian) };
}
