import { openClusterRows, openPostgres } from '../../runtime/sql/open-postgres.ts';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { TIMES } from '../simulation/plant.ts';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { clusterRowsContract } from './cluster-rows.contract.ts';

const shared = new SharedPostgres();

clusterRowsContract(
  'the rows of a cell in PostgreSQL',
  async (t) => {
    const server = await shared.server();
    const url = await shared.database();
    const address = postgresAddress(url, {});
    const { leaseTtlMs } = TIMES;
    const store = await openPostgres(address, { leaseTtlMs });
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
        const other = openClusterRows(address, leaseTtlMs);
        opened.push(other);
        return other.rows;
      },
    };
  },
  { skip: shared.skip },
);
