import type { TestContext } from 'node:test';
import { SharedPostgres } from '../support/servers/postgres.ts';
import { historianContract } from './historian.contract.ts';
import { historianReadingContract } from './historian-reading.contract.ts';
import { openOnServer } from './server-historian-support.ts';

const shared = new SharedPostgres({ fsync: 'off' });
const { skip } = shared;

/** A database of its own in the one server of this file. */
async function open(t: TestContext) {
  return openOnServer(t, { kind: 'postgresql', url: await shared.database() });
}

historianContract('the PostgreSQL historian', open, { skip });
historianReadingContract('the PostgreSQL historian', open, { skip });
