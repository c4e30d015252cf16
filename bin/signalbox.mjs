#!/usr/bin/env -S node --v8-pool-size=1 --max-semi-space-size=4
// Short pauses before all: collections of a few megabytes, and one helper thread of V8, since on a small machine four of them
// take the core from the main thread for up to 50 ms. See docs/reference/performance.md.
import fs from 'node:fs';

const built = new URL('../dist/cli/signalbox.js', import.meta.url);
if (!fs.existsSync(built)) {
  console.error('Signalbox is not built yet. Run: npm run build');
  process.exit(1);
}
await import(built.href);
