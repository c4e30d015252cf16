import type { TestContext } from 'node:test';
import { openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { deadLetterStoreContract } from './dead-letter-store.contract.ts';
import { journalContract } from './journal.contract.ts';
import { journalFenceContract } from './journal-fence.contract.ts';
import { journalReadingContract } from './journal-reading.contract.ts';
import { turn } from './storage-support.ts';
import { tokenStoreContract } from './token-store.contract.ts';

const shared = new SharedPostgres();
const { skip } = shared;

async function open(t: TestContext) {
  const store = await openPostgres(postgresAddress(await shared.database(), {}));
  t.after(() => store.close());
  return store;
}

tokenStoreContract('tokens in PostgreSQL', async (t) => (await open(t)).tokens, { skip });
deadLetterStoreContract('dead letters in PostgreSQL', async (t) => (await open(t)).deadLetters, { skip });
journalFenceContract('the PostgreSQL journal', open, { skip });

journalContract(
  'the PostgreSQL journal',
  async (t) => {
    const url = await shared.database();
    const address = postgresAddress(url, {});
    let store = await openPostgres(address);
    t.after(() => store.close());
    const epoch = await store.claims.claimAllShards('first');
    return {
      journal: store.journal,
      epoch,
      claimAgain: async () => {
        const other = await openPostgres(address);
        const epoch = await other.claims.claimAllShards('second');
        await other.close();
        return epoch;
      },
      reopen: async () => {
        await store.close();
        store = await openPostgres(address);
        return store.journal;
      },
      // What the journal knows of the server it is on, as another one would find it.
      serveAgain: async () => {
        await (await shared.server()).query(`update journal_identity set life = 'of another server'`, [], url);
        return epoch;
      },
    };
  },
  { skip },
);

journalReadingContract(
  'the PostgreSQL journal',
  async (t) => {
    const { journal, claims } = await open(t);
    const epoch = await claims.claimAllShards('test');
    return {
      journal,
      add: async (facts) => {
        const heads = new Map<string, number>();
        for (const { entity, kind, timeMs, by } of facts) {
          const seq = (heads.get(entity) ?? 0) + 1;
          heads.set(entity, seq);
          await journal.append([turn(entity, seq, { epoch, kinds: [kind], timeMs, by })]);
        }
      },
    };
  },
  { skip },
);
