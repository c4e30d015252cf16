import fs from 'node:fs';
import path from 'node:path';
import { METERS_AND_TANKS } from '../support/meters-and-tanks.ts';

/** A plant that decides much: every asset has rules that its readings cross all the time, and one that opens work orders. */
export interface ChaosPlant {
  readonly topology: string;
  /** Device `m-1` measures asset `a-1`, and so on. */
  readonly devices: readonly string[];
  readonly assets: readonly string[];
  readonly rules: readonly string[];
}

const RULES = ['high', 'low', 'extreme'];

/** Intervals are long, so that what is decided follows from readings, commands and kills, and not from the clock. */
export function writeChaosPlant(dir: string, brokerUrl: string, size: number): ChaosPlant {
  const numbers = Array.from({ length: size }, (_, index) => index + 1);
  const topology = path.join(dir, 'plant.yaml');
  const lines = [
    'signalbox: 1',
    'organization: { id: chaos, name: Chaos works }',
    'sites:',
    '  - { id: works, name: Works, timeZone: Europe/Berlin }',
    'connections:',
    '  - id: broker',
    '    driver: mqtt',
    `    url: ${brokerUrl}`,
    '    clientId: signalbox-chaos',
    '    reconnect: { minMs: 50, maxMs: 500 }',
    '    topics:',
    '      - { topic: "plant/{device}" }',
    ...METERS_AND_TANKS,
    'devices:',
    ...numbers.map((n) => `  - { id: m-${n}, name: Meter ${n}, site: works, connection: broker, profile: meter }`),
    'assets:',
    ...numbers.map(
      (n) => `  - { id: a-${n}, name: Tank ${n}, site: works, profile: tank, links: [{ device: m-${n} }] }`,
    ),
  ];
  fs.writeFileSync(topology, `${lines.join('\n')}\n`);
  return { topology, devices: numbers.map((n) => `m-${n}`), assets: numbers.map((n) => `a-${n}`), rules: RULES };
}
