import { randomBytes } from 'node:crypto';
import { pack } from 'msgpackr';
import { entityId } from './ids.ts';
import type { Journal } from './journal.ts';

/** Of no entity: written when the journal has failed, to see whether it works again. */
const PROBE = entityId('journal', 'probe');
/** What a batch of some hundred decisions takes. Random, since what is all the same would be stored as next to nothing. */
const ROOM_BYTES = 256 * 1024;

/**
 * Writes and reads as entities do, in a row of its own. Rejects while the journal does not work.
 *
 * @param forRoom it had no room: a row that fits into a page which is there already would say that it works, and the next
 * decision that it does not
 */
export async function probeJournal(journal: Journal, forRoom: boolean): Promise<void> {
  const state = forRoom ? randomBytes(ROOM_BYTES) : pack(null);
  await journal.saveSnapshots([{ entity: PROBE, seq: 0, logPosition: 0, timeMs: Date.now(), state }]);
  await journal.snapshot(PROBE);
}
