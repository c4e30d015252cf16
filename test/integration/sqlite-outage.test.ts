/**
 * Goal: a journal file that somebody else holds locked, as a careless tool or a hung copy does, stops nobody on a node of one
 * process: what is decided meanwhile is shown, and recorded once when the lock is gone.
 * Method: a node on its SQLite files, whose journal a second connection locks for writing until the node has been told so.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import Database from 'libsql';
import { CommandId, entityId } from '../../runtime/ids.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode } from '../support/engine.ts';
import { LEVEL, tallies } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const WITHIN_MS = 40_000;

test('a locked journal file stops nobody, and has everything once when it is free again', async (t) => {
  const { dir, remove } = tempDir('sqlite-outage');
  const storage = await openStorage(dir);
  const id = entityId('tally', 'a');
  const node = await startNode(storage, tallies([id]));
  const intruder = new Database(path.join(dir, 'journal.db'));
  t.after(async () => {
    intruder.close();
    await node.halt();
    await storage.close();
    remove();
  });
  const add = (commandId: string) =>
    node.ask(
      id,
      { kind: 'Add', amount: 1 },
      {
        commandId: CommandId.parse(commandId),
        by: { user: 'test', via: 'http' },
        permissions: ['*'],
        timeoutMs: 20_000,
      },
    );
  const observed = () => node.ingest(id, { gatewayTimeMs: Date.now(), value: LEVEL });
  const view = () => node.live.cell(id)?.view;

  intruder.exec('begin immediate');
  await observed();
  await until('it is shown', () => view()?.props?.level === 1, WITHIN_MS);
  assert.equal(typeof view()?.notRecorded?.sinceMs, 'number');
  await observed();
  await until('it goes on', () => view()?.props?.level === 2, WITHIN_MS);
  const refused = await add('while-locked');
  assert.equal(!refused.ok && refused.code, 'UNAVAILABLE');
  const journal = node.health().parts.find(({ name }) => name === 'journal');
  assert.equal(journal?.status, 'unhealthy');
  assert.match(journal?.detail ?? '', /locked/);

  intruder.exec('rollback');
  await until('the mark is gone', () => view()?.notRecorded === undefined, WITHIN_MS);
  await until('health is whole', () => node.health().status === 'healthy', WITHIN_MS);
  assert.deepEqual(
    (await storage.journal.events(id, 0)).map(({ kind }) => kind),
    ['LevelReached', 'LevelReached'],
  );
  assert.equal((await add('afterwards')).ok, true);
});
