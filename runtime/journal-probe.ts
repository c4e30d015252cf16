import { pack } from 'msgpackr';
import { entityId } from './ids.ts';
import type { Journal } from './journal.ts';

/** Of no entity: written when the journal has failed, to see whether it works again. */
const PROBE = entityId('journal', 'probe');

/** Writes and reads as entities do, in a row of its own. Rejects while the journal does not work. */
export async function probeJournal(journal: Journal): Promise<void> {
  await journal.saveSnapshots([{ entity: PROBE, seq: 0, logPosition: 0, timeMs: Date.now(), state: pack(null) }]);
  await journal.snapshot(PROBE);
}
