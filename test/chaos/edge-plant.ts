import fs from 'node:fs';
import path from 'node:path';
import type { CellPlant } from '../cluster/plant-cell.ts';
import { METERS_AND_TANKS } from '../support/meters-and-tanks.ts';

export const EDGE = 'edge-7';
/** The device that can be written to. */
export const PLC = 'plc';

const RULES = ['high', 'low', 'extreme'];

/**
 * A plant of a centre and one edge: meters of both on MQTT, each with an asset that alarms all the time, and at the edge a PLC
 * that can be written to. Intervals are long, so that what is decided follows from readings, commands and faults.
 */
export function writeEdgeChaosPlant(
  dir: string,
  brokerUrl: string,
  { near, far, plcPort }: { readonly near: number; readonly far: number; readonly plcPort: number },
): CellPlant {
  const topology = path.join(dir, 'plant.yaml');
  const of = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}-${index + 1}`);
  const [here, there] = [of('m', near), of('e', far)];
  const asset = (device: string) => device.replace('m-', 'a-').replace('e-', 'b-');
  const connection = (id: string) => [
    `  - id: ${id}`,
    '    driver: mqtt',
    `    url: ${brokerUrl}`,
    `    clientId: signalbox-${id}`,
    '    reconnect: { minMs: 50, maxMs: 500 }',
    '    topics:',
    `      - { topic: "plant/${id}/{device}" }`,
  ];
  const meter = (site: string, net: (id: string) => string) => (id: string) =>
    `  - { id: ${id}, name: Meter ${id}, site: ${site}, connection: ${net(id)}, profile: meter }`;
  const tank = (site: string) => (id: string) =>
    `  - { id: ${asset(id)}, name: Tank ${asset(id)}, site: ${site}, profile: tank, links: [{ device: ${id} }] }`;
  const netOf = (id: string) => `net-${id}`;
  const lines = [
    'signalbox: 1',
    'organization: { id: cells, name: Works with an edge }',
    'sites:',
    '  - { id: works, name: Works, timeZone: Europe/Berlin }',
    `  - { id: farm, name: Farm, timeZone: Europe/Berlin, cell: ${EDGE} }`,
    'connections:',
    ...here.flatMap((id) => connection(netOf(id))),
    ...connection('farm-net'),
    `  - { id: line, driver: modbus, tcp: { host: 127.0.0.1, port: ${plcPort} }, timeoutMs: 1000, reconnect: { minMs: 100, maxMs: 200 } }`,
    ...METERS_AND_TANKS,
    'devices:',
    ...here.map(meter('works', netOf)),
    ...there.map(meter('farm', () => 'farm-net')),
    `  - id: ${PLC}`,
    '    name: PLC',
    '    site: farm',
    '    connection: line',
    '    offlineAfterMs: 600000',
    '    modbus: { pollMs: 1000 }',
    '    points:',
    '      - { name: level, modbus: { address: 0 } }',
    '      - { name: setpoint, writable: { max: 65535 }, modbus: { address: 10 } }',
    'assets:',
    ...here.map(tank('works')),
    ...there.map(tank('farm')),
  ];
  fs.writeFileSync(topology, `${lines.join('\n')}\n`);
  return {
    topology,
    devices: [...here, ...there],
    assets: [...here, ...there].map(asset),
    rules: RULES,
    meters: [...here.map((id) => `${netOf(id)}/${id}`), ...there.map((id) => `farm-net/${id}`)],
  };
}
