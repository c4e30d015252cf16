import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { entityId } from '../../runtime/ids.ts';
import { Retention } from '../../runtime/retention.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode } from '../support/engine.ts';
import { tallies } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const DAY_MS = 86_400_000;

test('the log lets go of what is old, but never of what the historian or a snapshot still needs', async () => {
  const { dir, remove } = tempDir('retention');
  const storage = await openStorage(dir);
  const entity = entityId('tally', 'a');
  const node = await startNode(storage, tallies([entity]), { checkpointIntervalMs: 50 });
  let covered = 0;
  const retention = new Retention({
    log: storage.log,
    historian: { ...storage.historian, position: () => storage.log.end() },
    covered: () => covered,
    deadLetters: storage.deadLetters,
    logHours: 1,
    telemetryDays: 90,
    deadLetterDays: 30,
    logger: pino({ level: 'silent' }),
  });
  try {
    for (let value = 0; value < 5; value++) await node.ingest(entity, { gatewayTimeMs: Date.now(), value });
    await until('a checkpoint covers all', () => node.covered === 5);
    await retention.apply(Date.now() + DAY_MS);
    assert.equal(await storage.log.begin(), 1, 'no snapshot covers it yet, as far as the retention knows');
    covered = node.covered;
    await retention.apply(Date.now());
    assert.equal(await storage.log.begin(), 1, 'it is not old yet');
    await retention.apply(Date.now() + DAY_MS);
    // The batch at the border stays: it is dropped once the next one has begun.
    assert.ok((await storage.log.begin()) >= 5);
    assert.equal(await storage.log.end(), 5, 'positions go on');
  } finally {
    retention.stop();
    await node.stop();
    await storage.close();
    remove();
  }
});

test('dead letters are kept for as many days as the topology file says', async () => {
  const { dir, remove } = tempDir('retention');
  const storage = await openStorage(dir);
  const { log, historian, deadLetters } = storage;
  const logger = pino({ level: 'silent' });
  const covered = () => 0;
  const retention = new Retention({
    log,
    historian,
    deadLetters,
    covered,
    logHours: 1,
    telemetryDays: 90,
    deadLetterDays: 2,
    logger,
  });
  const nowMs = Date.now();
  const letter = (days: number) =>
    ({
      timeMs: nowMs - days * DAY_MS,
      stream: 'messages',
      source: 'tally/a',
      code: 'CRASHED',
      reason: `${days} days old`,
      body: null,
    }) as const;
  try {
    await deadLetters.append([letter(3), letter(2.1), letter(1.9), letter(0)]);
    await retention.apply(nowMs);
    const kept = await deadLetters.query({ limit: 9 });
    assert.deepEqual(
      kept.map(({ reason }) => reason),
      ['0 days old', '1.9 days old'],
    );
  } finally {
    retention.stop();
    await storage.close();
    remove();
  }
});
