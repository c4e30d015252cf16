// For `node --import` before a file of tests: ends it after the time that one may take. `--test-timeout` holds for the whole of a
// file on Node.js 20, but on Node.js 24 for each test in it: a file that something keeps from its end would keep all from theirs.
import { isMainThread } from 'node:worker_threads';

const LIMIT_MS = 180_000;

// The runner itself and the threads of a test have this import as well.
if (isMainThread && process.env.NODE_TEST_CONTEXT?.startsWith('child')) {
  setTimeout(() => {
    console.error(
      `${process.argv[1]} has not ended within ${LIMIT_MS} ms. It has: ${process.getActiveResourcesInfo()}`,
    );
    process.exit(1);
  }, LIMIT_MS).unref();
}
