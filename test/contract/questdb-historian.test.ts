import { after, before, type TestContext } from 'node:test';
import { QuestDb, withoutQuestDb } from '../support/servers/questdb.ts';
import { tempDir } from '../support/temp-dir.ts';
import { historianContract } from './historian.contract.ts';
import { historianReadingContract } from './historian-reading.contract.ts';
import { openOnServer } from './server-historian-support.ts';

const skip = withoutQuestDb();
const { dir, remove } = tempDir('questdb');
let server: QuestDb | undefined;
let opened = 0;

before(async () => {
  if (!skip) server = await QuestDb.start(dir);
});
after(async () => {
  await server?.kill();
  remove();
});

/** Tables of its own in the one server of this file. */
function open(t: TestContext) {
  if (server === undefined) throw new Error('there is no server');
  return openOnServer(t, { kind: 'questdb', url: server.url, prefix: `plant${++opened}` });
}

historianContract('the QuestDB historian', open, { skip });
historianReadingContract('the QuestDB historian', open, { skip });
