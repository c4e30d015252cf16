// Started by the test of several processes that start at once: opens a database as the product does, and ends.
import { openPostgres } from '../../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../../runtime/sql/postgres-url.ts';

const store = await openPostgres(postgresAddress(process.argv[2] ?? '', {}));
await store.claims.claimAllShards(String(process.pid));
await store.close();
