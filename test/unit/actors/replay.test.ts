import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pack, unpack } from 'msgpackr';
import { assetKind } from '../../../actors/asset/asset.ts';
import type { AssetCommand } from '../../../actors/asset/commands.ts';
import type { DeviceCommand } from '../../../actors/device/commands.ts';
import { deviceKind } from '../../../actors/device/device.ts';
import type { Frame, PointValue, Quality } from '../../../actors/frame.ts';
import type { ActorKind } from '../../../runtime/actor-kind.ts';
import { type EntityId, entityId } from '../../../runtime/ids.ts';
import { Metric } from '../../../topology/schema/asset.ts';
import { asset, Bench, device, frame, link, point, rule, T0 } from './plant.ts';

/**
 * Goal: snapshot + journal + log give the same state as the run that wrote them.
 * Method: random frames, commands and ticks drive an actor; events and frames are kept in their order. At a random step its
 * state goes through msgpack, a second actor decodes it and gets the rest as a recovery would: frames to observe, whose
 * events are left aside, and the journaled events to evolve. Both must encode to the same. `due` is not replayed.
 */
type Step =
  | ({ readonly do: 'frame'; readonly from: string } & Reading)
  | { readonly do: 'command'; readonly command: unknown }
  | { readonly do: 'tick' };

interface Reading {
  readonly temperature: number;
  readonly pressure: number;
  readonly quality: readonly [Quality, Quality];
  readonly lateMs: number;
  readonly partial: boolean;
  readonly historical: boolean;
}

interface Timed {
  readonly afterMs: number;
  readonly step: Step;
}

const QUALITIES: readonly Quality[] = ['GOOD', 'GOOD', 'GOOD', 'GOOD', 'SUSPECT', 'UNCERTAIN', 'BAD'];

const reading = fc.record({
  temperature: fc.integer({ min: 60, max: 100 }),
  pressure: fc.integer({ min: 0, max: 12 }),
  quality: fc.tuple(fc.constantFrom(...QUALITIES), fc.constantFrom(...QUALITIES)),
  lateMs: fc.constantFrom(0, 0, 0, 0, 0, 1500, 30_000, -4000),
  partial: fc.boolean(),
  historical: fc.constantFrom(false, false, false, false, true),
  from: fc.constantFrom('plc-1', 'plc-1', 'plc-1', 'plc-2'),
});

function frameOf({ temperature, pressure, quality, lateMs, partial, historical }: Reading, atMs: number): Frame {
  const value = (v: number, q: Quality): PointValue => (q === 'BAD' ? null : v);
  const readings: Record<string, PointValue> = { temperature: value(temperature, quality[0]) };
  if (!partial) readings.pressure = value(pressure, quality[1]);
  const over = { quality: partial ? [quality[0]] : quality, deviceTimeMs: T0 + atMs - lateMs, historical };
  return frame(atMs, readings, over);
}

const ALARM_COMMANDS = (rules: readonly string[]) =>
  fc.oneof(
    fc.record({ kind: fc.constant('AcknowledgeAlarm'), rule: fc.constantFrom(...rules) }),
    fc.record({ kind: fc.constant('ResetAlarm'), rule: fc.constantFrom(...rules) }),
    fc.record({
      kind: fc.constant('ShelveAlarm'),
      rule: fc.constantFrom(...rules),
      durationMs: fc.constantFrom(60_000, 90_000),
      reason: fc.constant('test'),
    }),
    fc.record({ kind: fc.constant('UnshelveAlarm'), rule: fc.constantFrom(...rules) }),
    fc.record({ kind: fc.constant('CommentAlarm'), rule: fc.constantFrom(...rules), text: fc.constant('seen') }),
  );

/** A rule of the API that comes, changes, is switched off and goes, in any order and also late. */
const ruleCommands = fc.oneof(
  fc.record({
    kind: fc.constant('AdoptRule'),
    revision: fc.integer({ min: 1, max: 20 }),
    rule: fc.record({
      id: fc.constantFrom('made', 'made-2', 'hot'),
      name: fc.constant('Made'),
      metric: fc.constantFrom('temperature', 'pressure', 'nothing'),
      when: fc.constantFrom({ above: 75 }, { below: 70 }),
      durationSeconds: fc.constantFrom(0, 2),
      cooldownSeconds: fc.constantFrom(0, 5),
      active: fc.constantFrom(true, true, false),
    }),
  }),
  fc.record({
    kind: fc.constant('DropRule'),
    revision: fc.integer({ min: 1, max: 20 }),
    id: fc.constantFrom('made', 'made-2'),
  }),
);

const assetCommands = fc.oneof(
  ALARM_COMMANDS(['hot', 'power', 'lost', 'made']),
  ruleCommands,
  fc.record({
    kind: fc.constant('DeviceReported'),
    device: fc.constantFrom('plc-1', 'plc-2'),
    state: fc.constantFrom('online', 'offline'),
    reason: fc.constant('test'),
    sinceMs: fc.constant(T0),
  }),
  fc.record({
    kind: fc.constant('WorkOrderReported'),
    number: fc.constant('WO-1'),
    rule: fc.constant('hot'),
    state: fc.constantFrom('open', 'in_progress', 'on_hold', 'completed', 'closed'),
    assetDown: fc.constant(true),
  }),
);

const deviceCommands = fc.oneof(
  ALARM_COMMANDS(['clock-drift', 'device-lost']),
  fc.record({
    kind: fc.constant('ReportConnectivity'),
    state: fc.constantFrom('online', 'offline', 'unknown'),
    reason: fc.constantFrom('a', 'b'),
  }),
  fc.record({
    kind: fc.constant('WritePoint'),
    point: fc.constant('pressure'),
    value: fc.constantFrom(5, 500),
    timeoutMs: fc.constant(1000),
  }),
);

function script(commands: fc.Arbitrary<unknown>): fc.Arbitrary<Timed[]> {
  const step = fc.oneof(
    { weight: 8, arbitrary: reading.map((of): Step => ({ do: 'frame', ...of })) },
    { weight: 1, arbitrary: commands.map((command): Step => ({ do: 'command', command })) },
    { weight: 3, arbitrary: fc.constant<Step>({ do: 'tick' }) },
  );
  return fc.array(fc.record({ afterMs: fc.constantFrom(0, 100, 500, 1000, 1000, 4000, 65_000), step }), {
    minLength: 5,
    maxLength: 60,
  });
}

const PLANT = asset({
  metrics: [
    Metric.parse({ name: 'temperature' }),
    Metric.parse({ name: 'pressure' }),
    Metric.parse({ name: 'power', formula: 'temperature * pressure' }),
  ],
  rules: [
    rule({ durationSeconds: 1, deadband: 3, cooldownSeconds: 20, latched: true }),
    rule({ id: 'power', metric: 'power', when: { outside: [100, 900] }, offDelaySeconds: 2, cooldownSeconds: 5 }),
    rule({ id: 'noted', metric: 'pressure', when: { above: 9 }, severity: 'INFO' }),
    rule({ id: 'lost', metric: undefined, when: 'deviceLost', durationSeconds: 1 }),
  ],
  links: [link(), link({ device: 'plc-2', role: 'backup' })],
});

const PLC = device({
  lostAlarm: { severity: 'HIGH', delaySeconds: 1 },
  points: [
    point({ name: 'temperature', range: { min: 0, max: 99 }, frozen: { afterMs: 1000, tolerance: 10 } }),
    point({ name: 'pressure', writable: {} }),
  ],
});

interface Recorded {
  readonly frame?: { readonly source: EntityId; readonly frame: Frame };
  readonly events: readonly { readonly kind: string }[];
  readonly atMs: number;
}

function run<State, Command, Event extends { readonly kind: string }, Definition>(
  kind: ActorKind<State, Command, Event, Frame, Frame, Definition>,
  id: EntityId,
  definition: Definition,
  steps: readonly Timed[],
  cut: number,
): void {
  const first = new Bench(kind, id, definition).start();
  let stored: unknown = unpack(pack(first.encode()));
  let journal: Recorded[] = [];
  let atMs = 0;
  let last: unknown;
  steps.forEach(({ afterMs, step }, index) => {
    if (index === steps.length - 1) last = first.encode();
    atMs += afterMs;
    journal.push(play(first, step, atMs));
    if (index !== cut) return;
    stored = unpack(pack(first.encode()));
    journal = [];
  });
  const second = new Bench(kind, id, definition, stored);
  for (const [index, { frame, events, atMs }] of journal.entries()) {
    if (index === journal.length - 1) assert.deepEqual(followed(second.encode()), followed(last));
    if (frame !== undefined) {
      kind.observe?.(second.state, frame.frame, {
        ...second.turn(0),
        nowMs: frame.frame.gatewayTimeMs,
        source: frame.source,
        replay: true,
      });
    }
    const journaled: unknown = JSON.parse(JSON.stringify(events));
    for (const event of journaled as Event[]) second.state = kind.evolve(second.state, event, second.turn(atMs));
  }
  assert.deepEqual(withoutClock(second.encode()), withoutClock(first.encode()));
}

function play<State, Command, Event extends { readonly kind: string }, Definition>(
  bench: Bench<State, Command, Event, Definition>,
  step: Step,
  atMs: number,
): Recorded {
  switch (step.do) {
    case 'tick':
      return { events: bench.due(atMs), atMs };
    case 'command': {
      const decision = bench.command(atMs, bench.kind.command.parse(step.command));
      return { events: decision.ok ? decision.events : [], atMs };
    }
    case 'frame': {
      if (bench.kind.admit === undefined) {
        const source = entityId('device', step.from);
        const frame = frameOf(step, atMs);
        return { frame: { source, frame }, events: bench.observe(frame, source), atMs };
      }
      const { observation } = bench.kind.admit(bench.state, frameOf(step, atMs), bench.turn(atMs));
      if (observation === null) return { events: [], atMs };
      const source = bench.self.id;
      return { frame: { source, frame: observation }, events: bench.observe(observation, source), atMs };
    }
  }
}

/** Without the clock of the last turn, which a replay need not have. */
function withoutClock(encoded: unknown): unknown {
  const { nowMs: _, ...rest } = encoded as Record<string, unknown>;
  return rest;
}

/** And without windows: those that `due` ended in the first run end in the second with the next reading. */
function followed(encoded: unknown): unknown {
  const {
    closed: _,
    metrics,
    ...rest
  } = withoutClock(encoded) as {
    closed: unknown;
    metrics?: [string, Record<string, unknown>][];
  };
  return { ...rest, metrics: metrics?.map(([name, { windows: __, ...metric }]) => [name, metric]) };
}

/** What `due` closed and marked in the first run, the next reading does in the second. */
const LAST: Timed = {
  afterMs: 70_000,
  step: {
    do: 'frame',
    from: 'plc-1',
    temperature: 70,
    pressure: 5,
    quality: ['GOOD', 'GOOD'],
    lateMs: 0,
    partial: false,
    historical: false,
  },
};

test('an asset comes back from snapshot, journal and log as it was', () => {
  fc.assert(
    fc.property(script(assetCommands), fc.nat(), (steps, cut) => {
      const kind = assetKind as unknown as ActorKind<
        unknown,
        AssetCommand,
        { kind: string },
        Frame,
        Frame,
        typeof PLANT
      >;
      run(kind, entityId('asset', 'pump-1'), PLANT, [...steps, LAST], cut % steps.length);
    }),
    { numRuns: 1000, includeErrorInReport: true },
  );
});

test('a device comes back from snapshot, journal and log as it was', () => {
  fc.assert(
    fc.property(script(deviceCommands), fc.nat(), (steps, cut) => {
      const kind = deviceKind as unknown as ActorKind<
        unknown,
        DeviceCommand,
        { kind: string },
        Frame,
        Frame,
        typeof PLC
      >;
      run(kind, entityId('device', 'plc-1'), PLC, [...steps, LAST], cut % steps.length);
    }),
    { numRuns: 1000, includeErrorInReport: true },
  );
});
