// Started by the test of kill -9: appends to the journal and the log as fast as it can and says what was acknowledged.
import { writeSync } from 'node:fs';
import path from 'node:path';
import { openHistorian } from '../../gateways/historian/open.ts';
import { entityId } from '../../runtime/ids.ts';
import { openSqlite } from '../../runtime/sql/open.ts';
import { turn } from './storage-support.ts';

const dir = process.argv[2] ?? '';
const pump = entityId('asset', 'pump-1');
const device = entityId('device', 'plc-1');
const START_MS = Date.UTC(2026, 2, 1, 12);

const storage = await openSqlite(dir);
// Few cells in memory, so that the kill comes between and within its writes.
await openHistorian({
  dir: path.join(dir, 'history'),
  logFile: storage.logFile,
  log: storage.log,
  maxBufferedCells: 40,
});

async function journal(): Promise<void> {
  const events = await storage.journal.events(pump, 0);
  for (let seq = events.length + 1; ; seq++) {
    const { epoch } = storage;
    const [answer] = await storage.journal.append([turn(pump, seq, { epoch, commandId: `c-${seq}`, effects: [seq] })]);
    if (answer?.kind !== 'committed') throw new Error(`turn ${seq} was ${answer?.kind}`);
    writeSync(1, `journal ${seq}\n`);
  }
}

async function log(): Promise<void> {
  for (;;) {
    const end = await storage.log.end();
    const records = Array.from({ length: 7 }, (_, index) => {
      const n = end + 1 + index;
      // Over several days, so that several files are written.
      const deviceTimeMs = START_MS + Math.floor(n / 350) * 86_400_000 + n;
      const shared = { gatewayTimeMs: deviceTimeMs, quality: null, reasons: null, times: null };
      return { source: device, observation: { ...shared, deviceTimeMs, points: ['n', 'half'], values: [n, n / 2] } };
    });
    const first = await storage.log.append(records);
    if (first !== end + 1) throw new Error(`record ${end + 1} went to ${first}`);
    writeSync(1, `log ${first + records.length - 1}\n`);
  }
}

await Promise.all([journal(), log()]);
