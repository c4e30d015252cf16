import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import type { Plant } from '../../topology/plant.ts';
import { DISTURBANCES, type Disturbance, type Disturbances } from './world.ts';

/** SIM-04. Faults by the clock: what happens to the plant and to its field, from the start on and then again each cycle. */
const Timed = {
  at: z.number().min(0).describe('Seconds after the start of the cycle'),
  for: z.number().positive().describe('How long it lasts, in s'),
  why: z.string().max(200).optional().describe('The story, for whoever reads the file'),
};
const Device = z.string().min(1);

export const ScenarioEvent = z.discriminatedUnion('kind', [
  /** Something in the plant itself goes wrong; the sensors tell the truth about it. */
  z.strictObject({
    kind: z.literal('disturb'),
    ...Timed,
    asset: z.string(),
    by: z.enum(DISTURBANCES),
    amount: z.number(),
  }),
  /** The sensor goes on giving its last value. */
  z.strictObject({ kind: z.literal('freeze'), ...Timed, device: Device, point: z.string() }),
  /** The sensor gives this value instead of its own. */
  z.strictObject({ kind: z.literal('spike'), ...Timed, device: Device, point: z.string(), value: z.number() }),
  /** The device no longer sends this value, only the others (MQTT). */
  z.strictObject({ kind: z.literal('omit'), ...Timed, device: Device, point: z.string() }),
  /** The device says nothing at all (MQTT). */
  z.strictObject({ kind: z.literal('silence'), ...Timed, device: Device }),
  /** Values carry a time in the past (MQTT, OPC UA). */
  z.strictObject({ kind: z.literal('late'), ...Timed, device: Device, byMs: z.int().positive() }),
  /** The unit answers exception 02 where these points are (Modbus). */
  z.strictObject({ kind: z.literal('exception'), ...Timed, device: Device, points: z.array(z.string()).min(1) }),
  /** The unit does not answer (Modbus). */
  z.strictObject({ kind: z.literal('hang'), ...Timed, device: Device }),
  /** The link is down: sockets are cut, and cut again. */
  z.strictObject({ kind: z.literal('cut'), ...Timed, connection: z.string() }),
]);
export type ScenarioEvent = z.infer<typeof ScenarioEvent>;

export const Scenario = z.strictObject({
  scenario: z.literal(1).describe('Version of this format'),
  cycleSeconds: z.number().positive().describe('After so long it starts again, in s'),
  events: z.array(ScenarioEvent).max(1000),
});
export type Scenario = z.infer<typeof Scenario>;

/** What is wrong at one moment. */
export interface ActiveFaults {
  readonly disturbances: Disturbances;
  readonly events: readonly ScenarioEvent[];
}

/** What goes on so many seconds after the start. */
export function faultsAt(scenario: Scenario, elapsedSeconds: number): ActiveFaults {
  const phase = elapsedSeconds % scenario.cycleSeconds;
  const events = scenario.events.filter((event) => phase >= event.at && phase < event.at + event.for);
  const disturbances: Record<string, Partial<Record<Disturbance, number>>> = {};
  for (const event of events) {
    if (event.kind !== 'disturb') continue;
    disturbances[event.asset] = { ...disturbances[event.asset], [event.by]: event.amount };
  }
  return { disturbances, events };
}

export type ParsedScenario =
  | { readonly ok: true; readonly scenario: Scenario }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads a scenario and checks that everything it names is in the plant. Problems read `file:line:column what`. */
export function parseScenario(text: string, file: string, plant: Plant): ParsedScenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems: string[] = [];
  const report = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset);
    problems.push(`${file}:${line}:${col} ${message}`);
  };
  for (const error of document.errors) report(error.pos[0], error.message);
  if (problems.length > 0) return { ok: false, problems };
  const parsed = Scenario.safeParse(document.toJS());
  const offsetOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length >= 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
        return Number(node.range[0]);
      }
    }
    return 0;
  };
  if (!parsed.success) {
    for (const issue of parsed.error.issues) report(offsetOf(issue.path), `${issue.path.join('.')}: ${issue.message}`);
    return { ok: false, problems };
  }
  for (const [index, event] of parsed.data.events.entries()) {
    for (const { key, message } of eventFaults(event, parsed.data.cycleSeconds, plant)) {
      report(offsetOf(['events', index, key]), message);
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, scenario: parsed.data };
}

interface EventFault {
  readonly key: string;
  readonly message: string;
}

function eventFaults(event: ScenarioEvent, cycleSeconds: number, plant: Plant): EventFault[] {
  const faults: EventFault[] = [];
  if (event.at + event.for > cycleSeconds) {
    faults.push({ key: 'for', message: `it lasts beyond the end of the cycle at ${cycleSeconds} s` });
  }
  if (event.kind === 'disturb') {
    if (!plant.assets.has(event.asset)) faults.push({ key: 'asset', message: `no asset "${event.asset}"` });
    return faults;
  }
  if (event.kind === 'cut') {
    if (!plant.connections.has(event.connection)) {
      faults.push({ key: 'connection', message: `no connection "${event.connection}"` });
    }
    return faults;
  }
  const device = plant.devices.get(event.device);
  if (device === undefined) return [...faults, { key: 'device', message: `no device "${event.device}"` }];
  const drivers = DRIVERS_OF[event.kind];
  if (!drivers.includes(device.driver)) {
    faults.push({ key: 'kind', message: `"${event.kind}" is for ${drivers.join(' and ')}, not for ${device.driver}` });
  }
  const points = 'points' in event ? event.points : 'point' in event ? [event.point] : [];
  for (const point of points) {
    if (device.points.some(({ name }) => name === point)) continue;
    faults.push({ key: 'points' in event ? 'points' : 'point', message: `no point "${point}" of ${event.device}` });
  }
  return faults;
}

const DRIVERS_OF: Readonly<Record<Exclude<ScenarioEvent['kind'], 'disturb' | 'cut'>, readonly string[]>> = {
  freeze: ['modbus', 'opcua', 'mqtt'],
  spike: ['modbus', 'opcua', 'mqtt'],
  omit: ['mqtt'],
  silence: ['mqtt'],
  late: ['mqtt', 'opcua'],
  exception: ['modbus'],
  hang: ['modbus'],
};
