import fs from 'node:fs';

/** Version of the product, from package.json; the built files lie one folder deeper than the sources. */
export function version(): string {
  for (const place of ['../package.json', '../../package.json']) {
    const file = new URL(place, import.meta.url);
    if (!fs.existsSync(file)) continue;
    const parsed: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && 'version' in parsed && typeof parsed.version === 'string')
      return parsed.version;
  }
  return 'unknown';
}
