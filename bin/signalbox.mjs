#!/usr/bin/env node
import fs from 'node:fs';

const built = new URL('../dist/cli/signalbox.js', import.meta.url);
if (!fs.existsSync(built)) {
  console.error('Signalbox is not built yet. Run: npm run build');
  process.exit(1);
}
await import(built.href);
