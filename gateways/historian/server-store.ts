import { z } from 'zod';
import { postgresAddress } from '../../runtime/sql/postgres-url.ts';
import { PostgresStore } from './postgresql/store.ts';
import { QuestDbStore } from './questdb/store.ts';
import type { SampleStore } from './sample-store.ts';

/** Which database, in a form that goes to another thread. */
export const ServerStore = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('questdb'),
    /** `http://host:9000`, with `user:password@` where the server asks for them. */
    url: z.string(),
    /** Before the names of the tables, for several plants in one database. */
    prefix: z.string().default('signalbox'),
    writeTimeoutMs: z.number().default(20_000),
    queryTimeoutMs: z.number().default(30_000),
  }),
  z.object({
    kind: z.literal('postgresql'),
    /** As `DATABASE_URL`. */
    url: z.string(),
    answerTimeoutMs: z.number().default(30_000),
  }),
]);
export type ServerStore = z.input<typeof ServerStore>;

/** @param log id of the telemetry log: positions of another log mean nothing */
export function sampleStoreOf(given: ServerStore, log: string): SampleStore {
  const store = ServerStore.parse(given);
  return store.kind === 'questdb'
    ? new QuestDbStore({ ...store, log })
    : new PostgresStore({ ...store, address: postgresAddress(store.url, process.env), log });
}
