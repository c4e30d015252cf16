import fs from 'node:fs';
import path from 'node:path';

/** A plant of two cells: `works` at the centre and `farm` on the edge-7, each with a device and an asset of one metric. */
export function writeEdgePlant(dir: string, brokerUrl: string): string {
  const file = path.join(dir, 'plant.yaml');
  const connection = (id: string, topic: string) => [
    `  - id: ${id}`,
    '    driver: mqtt',
    `    url: ${brokerUrl}`,
    `    clientId: ${id}`,
    '    reconnect: { minMs: 50, maxMs: 500 }',
    '    topics:',
    `      - { topic: "${topic}/{device}" }`,
  ];
  const lines = [
    'signalbox: 1',
    'organization: { id: acme, name: Acme }',
    'sites:',
    '  - { id: works, name: Works, timeZone: Europe/Berlin }',
    '  - { id: farm, name: Farm, timeZone: Europe/Berlin, cell: edge-7 }',
    'connections:',
    ...connection('works-net', 'works'),
    ...connection('farm-net', 'farm'),
    'deviceProfiles:',
    '  - id: meter',
    '    expectedIntervalMs: 600000',
    '    points:',
    '      - { name: level, range: { min: 0, max: 100 } }',
    'assetProfiles:',
    '  - id: tank',
    '    metrics:',
    '      - { name: level, key: true }',
    '    rules:',
    '      - { id: high, name: High, metric: level, when: { above: 70 }, cooldownSeconds: 0, severity: HIGH, workOrder: inspect }',
    'workOrderTemplates:',
    '  - { id: inspect, name: Inspect the tank, dueHours: 500 }',
    'devices:',
    '  - { id: near, name: Near, site: works, connection: works-net, profile: meter }',
    '  - { id: far, name: Far, site: farm, connection: farm-net, profile: meter }',
    'assets:',
    '  - { id: near-tank, name: Near tank, site: works, profile: tank, links: [{ device: near }] }',
    '  - { id: far-tank, name: Far tank, site: farm, profile: tank, links: [{ device: far }] }',
  ];
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}
