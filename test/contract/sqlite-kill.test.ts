/**
 * Goal: after kill -9 at any moment, everything acknowledged is there exactly once, in the journal, in the log and in the
 * history, and the next process starts at once. Method: a child process appends without end and says on its standard output
 * what was acknowledged; it is killed in the middle, several times on the same folder, and then all is counted.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openHistorian } from '../../gateways/historian/open.ts';
import { entityId } from '../../runtime/ids.ts';
import { openSqlite } from '../../runtime/sql/open.ts';
import { EXEC_ARGV, moduleFile } from '../support/places.ts';
import { tempDir } from '../support/temp-dir.ts';

const CHILD = moduleFile('./sqlite-kill-child', import.meta.url);
const ROUNDS = 3;
const LINES_A_ROUND = 150;

interface Acknowledged {
  journalSeq: number;
  logPosition: number;
}

async function runAndKill(dir: string, acknowledged: Acknowledged): Promise<void> {
  const child = spawn(process.execPath, [...EXEC_ARGV, CHILD, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, number] = line.split(' ');
    if (what === 'journal') acknowledged.journalSeq = Number(number);
    if (what === 'log') acknowledged.logPosition = Number(number);
    lines += 1;
    if (lines === LINES_A_ROUND) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  assert.equal(child.signalCode, 'SIGKILL', 'the child ran until it was killed');
}

test('kill -9 loses nothing that was acknowledged and doubles nothing', async (t) => {
  const { dir, remove } = tempDir('kill');
  t.after(remove);
  const acknowledged: Acknowledged = { journalSeq: 0, logPosition: 0 };
  for (let round = 0; round < ROUNDS; round++) await runAndKill(dir, acknowledged);

  const storage = await openSqlite(dir);
  const historian = await openHistorian({ dir: path.join(dir, 'history'), logFile: storage.logFile, log: storage.log });
  try {
    assert.equal(storage.epoch, ROUNDS + 1, 'each start had an epoch of its own');

    const events = await storage.journal.events(entityId('asset', 'pump-1'), 0);
    assert.ok(events.length >= acknowledged.journalSeq, `${events.length} of ${acknowledged.journalSeq} events`);
    for (const [index, { seq, commandId }] of events.entries())
      assert.deepEqual({ seq, commandId }, { seq: index + 1, commandId: `c-${index + 1}` });
    assert.equal((await storage.journal.pendingEffects()).length, events.length);

    const end = await storage.log.end();
    assert.ok(end >= acknowledged.logPosition, `${end} of ${acknowledged.logPosition} records`);
    assert.ok(acknowledged.logPosition > 100 && acknowledged.journalSeq > 20);

    await historian.caughtUp(end);
    const stored: unknown[] = [];
    const question = { entity: 'device/plc-1', series: 'n', fromMs: 0, toMs: 4e12, limit: 100_000 };
    for (const sample of await historian.raw(question)) stored.push(sample.value);
    assert.deepEqual(
      stored,
      Array.from({ length: end }, (_, index) => index + 1),
    );
    const windows = await historian.windows({ ...question, windowMs: 3_600_000 });
    assert.equal(
      windows.reduce((sum, window) => sum + window.count, 0),
      end,
      'each sample counts once',
    );
  } finally {
    await historian.close();
    await storage.close();
  }
});
