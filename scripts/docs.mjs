// npm run docs: writes docs/reference from the code; of errors.md the tables that the code has, the rest is written by hand.
import fs from 'node:fs';
import path from 'node:path';
import { generatedReference } from './reference/files.ts';
import { ROOT } from './setup.mjs';

const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
for (const [file, text] of Object.entries(await generatedReference(version))) {
  const place = path.join(ROOT, file);
  if (fs.existsSync(place) && fs.readFileSync(place, 'utf8') === text) continue;
  fs.writeFileSync(place, text);
  console.log(`wrote ${file}`);
}
