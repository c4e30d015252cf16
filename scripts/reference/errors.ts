import { readFile } from 'node:fs/promises';
import { LINK_CODES, READING_CODES, WRITE_CODES } from '../../gateways/driver-codes.ts';
import { MODBUS_CODES } from '../../gateways/modbus/codes.ts';
import { MQTT_CODES } from '../../gateways/mqtt/codes.ts';
import { OPCUA_CODES } from '../../gateways/opcua/codes.ts';

const PAGE = new URL('../../docs/reference/errors.md', import.meta.url);

type Codes = Readonly<Record<string, string>>;

/** Tables of the page that are made from the code, by the name in their marks. The rest of it is written by hand. */
const TABLES: Readonly<Record<string, Codes>> = {
  readings: READING_CODES,
  links: LINK_CODES,
  writes: WRITE_CODES,
  modbus: MODBUS_CODES,
  opcua: OPCUA_CODES,
  mqtt: MQTT_CODES,
};

/** `docs/reference/errors.md` as it should be: what stands between `<!-- from the code: name -->` and `<!-- end -->` made anew. */
export async function errorsReference(): Promise<string> {
  let page = await readFile(PAGE, 'utf8');
  for (const [name, codes] of Object.entries(TABLES)) {
    const begin = `<!-- from the code: ${name} -->\n`;
    const from = page.indexOf(begin);
    const to = page.indexOf('<!-- end -->', from);
    if (from < 0 || to < 0) throw new Error(`docs/reference/errors.md has no place for: ${name}`);
    page = `${page.slice(0, from + begin.length)}\n${tableOf(codes)}\n${page.slice(to)}`;
  }
  return page;
}

function tableOf(codes: Codes): string {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${upperFirst(meaning)} |`);
  return ['| Code | Meaning |', '|---|---|', ...rows, ''].join('\n');
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
