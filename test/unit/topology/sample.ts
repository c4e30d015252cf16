import assert from 'node:assert/strict';
import { type LoadResult, type Problem, parseTopology } from '../../../topology/load.ts';

/** A small plant that passes every check; each test spoils one thing in it. */
export const SOUND = `signalbox: 1
organization: { id: acme, name: Acme }
sites:
  - id: works
    name: Works
    timeZone: Europe/Berlin
    keyFigures:
      - { title: Flow, metric: flow, function: sum, unit: m³/h }
connections:
  - id: plc-net
    driver: modbus
    tcp: { host: 127.0.0.1, port: 1502 }
  - id: broker
    driver: mqtt
    url: mqtt://127.0.0.1:1883
    topics:
      - { topic: "t/{device}" }
deviceProfiles:
  - id: meter
    expectedIntervalMs: 2000
    points:
      - { name: voltage, unit: V }
devices:
  - id: plc
    name: PLC
    site: works
    connection: plc-net
    expectedIntervalMs: 1000
    modbus: { unit: 1, pollMs: 1000 }
    points:
      - { name: flow, unit: m³/h, range: { min: 0, max: 300 }, modbus: { address: 0 } }
      - { name: temp, unit: °C, modbus: { address: 1 } }
      - { name: running, type: boolean, modbus: { area: coil, address: 0, type: bool } }
      - { name: label, type: string, modbus: { address: 10, type: string, length: 4 } }
  - id: meter-1
    name: Meter 1
    site: works
    connection: broker
    profile: meter
  - id: meter-2
    name: Meter 2
    site: works
    connection: broker
    profile: meter
assetProfiles:
  - id: pump
    metrics:
      - { name: flow, unit: m³/h, range: { min: 0, max: 200 } }
      - { name: temp, unit: °C, range: { min: 0, max: 120 } }
      - { name: running }
      - { name: label }
      - { name: specific, formula: "flow > 0 ? temp / flow : 0" }
    rules:
      - id: hot
        name: Hot
        metric: temp
        when: { above: 80 }
        deadband: 2
        workOrder: look
      - id: lost
        name: Lost
        when: deviceLost
assets:
  - id: hall
    name: Hall
    site: works
    metrics:
      - { name: total, unit: m³/h, rollUp: { of: flow, function: sum } }
    children:
      - id: pump-1
        name: Pump 1
        profile: pump
        links:
          - device: plc
  - id: cabinet
    name: Cabinet
    site: works
    metrics:
      - { name: voltage, unit: V }
    links:
      - { device: meter-1 }
      - { device: meter-2, role: backup }
workOrderTemplates:
  - id: look
    name: Have a look
roles:
  crew: ["alarm:read"]
`;

/** Puts `replacement` in the place of `original`, which must be there exactly once. */
export function spoil(original: string, replacement: string, text = SOUND): string {
  const [before, after, ...more] = text.split(original);
  assert.ok(before !== undefined && after !== undefined && more.length === 0, `"${original}" must be there once`);
  return before + replacement + after;
}

/** Takes the mark `‸` out of the text and says where it stood. */
export function unmark(marked: string): { text: string; line: number; column: number } {
  const index = marked.indexOf('‸');
  assert.ok(index >= 0 && marked.lastIndexOf('‸') === index, 'the text has one mark');
  const before = marked.slice(0, index).split('\n');
  return {
    text: marked.replace('‸', ''),
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
  };
}

export function load(text: string, environment: Record<string, string> = {}): LoadResult {
  return parseTopology(text, 'plant.yaml', environment);
}

export function problemsOf(result: LoadResult): readonly Problem[] {
  return result.ok ? result.warnings : result.problems;
}
