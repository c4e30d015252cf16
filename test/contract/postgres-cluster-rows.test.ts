import { openClusterRows, openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { clusterRowsContract, LEASE_MS } from './cluster-rows.contract.ts';

const shared = new SharedPostgres();

clusterRowsContract(
  'the rows of a cell in PostgreSQL',
  async (t) => {
    const server = await shared.server();
    const url = await shared.database();
    const address = postgresAddress(url, {});
    const store = await openPostgres(address, { leaseTtlMs: LEASE_MS });
    const opened: { close(): Promise<void> }[] = [store];
    t.after(async () => {
      for (const one of opened) await one.close();
    });
    return {
      rows: store.cluster,
      age: async (ms) => {
        await server.query(`update node set beat_ms = beat_ms - ${ms}`, [], url);
      },
      another: async () => {
        const other = openClusterRows(address, LEASE_MS);
        opened.push(other);
        return other.rows;
      },
    };
  },
  { skip: shared.skip },
);
