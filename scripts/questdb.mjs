// QuestDB for the tests: its jar from Maven Central, fetched once into the cache beside the packages.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '9.1.0';
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const CACHE = path.join(ROOT, 'node_modules', '.cache', 'signalbox');
const FETCH_TIMEOUT_MS = 180_000;

/** Where the jar lies, once it was fetched. */
export const QUESTDB_JAR = path.join(CACHE, `questdb-${VERSION}.jar`);

/** Fetches the jar unless it is there. Without Java, Maven or a network the tests of QuestDB are skipped, and this says so. */
export function fetchQuestDb() {
  if (!runs('java', ['-version'])) return missing('java (Debian: default-jre-headless)');
  if (fs.existsSync(QUESTDB_JAR)) return;
  if (!runs('mvn', ['-v'])) return missing('mvn (Debian: maven)');
  console.log(`Fetching QuestDB ${VERSION} for the tests (once) ...`);
  fs.mkdirSync(CACHE, { recursive: true });
  const { status } = spawnSync(
    'mvn',
    [
      ...['-q', '-B', 'dependency:copy', `-Dartifact=org.questdb:questdb:${VERSION}`],
      ...[`-DoutputDirectory=${CACHE}`, '-Dmdep.useBaseVersion=true'],
    ],
    { cwd: CACHE, stdio: ['ignore', 'inherit', 'inherit'], timeout: FETCH_TIMEOUT_MS },
  );
  if (status !== 0 || !fs.existsSync(QUESTDB_JAR)) missing('its jar: Maven Central did not give it');
}

function runs(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function missing(what) {
  console.warn(`\nNO QUESTDB: ${what} is missing. THE TESTS OF THE HISTORIAN ON QUESTDB ARE SKIPPED.\n`);
}
