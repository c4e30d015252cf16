import { MemoryDeadLetters } from '../support/memory-dead-letters.ts';
import { MemoryHistorian, MemoryJournal } from '../support/memory-runtime.ts';
import { MemoryTokenStore } from '../support/memory-token-store.ts';
import { deadLetterStoreContract } from './dead-letter-store.contract.ts';
import { historianReadingContract } from './historian-reading.contract.ts';
import { journalReadingContract } from './journal-reading.contract.ts';
import { tokenStoreContract } from './token-store.contract.ts';

// What tests believe of the stores is what the stores do.
tokenStoreContract('tokens of tests', async () => new MemoryTokenStore());
deadLetterStoreContract('dead letters of tests', async () => new MemoryDeadLetters());
journalReadingContract('the journal of tests', async () => {
  const journal = new MemoryJournal();
  return {
    journal,
    add: async (facts) => {
      for (const { entity, kind, timeMs, by } of facts) journal.add(entity, kind, null, { timeMs, by });
    },
  };
});
historianReadingContract('the historian of tests', async () => {
  const historian = new MemoryHistorian();
  return {
    historian,
    add: async (entity, series, samples) => {
      historian.samples.set(`${entity} ${series}`, [...samples]);
    },
  };
});
