import type { Frame, PointValue, Quality } from '../../../actors/frame.ts';
import type { ActorKind, Decision, Effect, Self, Turn, Who } from '../../../runtime/actor-kind.ts';
import { CommandId, type EntityId, entityId } from '../../../runtime/ids.ts';
import type { AssetDefinition, DeviceDefinition, LinkDefinition } from '../../../topology/plant.ts';
import { Metric } from '../../../topology/schema/asset.ts';
import { Point } from '../../../topology/schema/device.ts';
import { Rule } from '../../../topology/schema/rule.ts';

/** Definitions and a driver of one actor for tests: what the runtime does with a kind, without a journal and without a clock. */
export const T0 = Date.UTC(2026, 4, 1, 12);

export function device(over: Partial<DeviceDefinition> = {}): DeviceDefinition {
  return {
    id: 'plc-1',
    name: 'PLC 1',
    site: 'north',
    siteName: 'North',
    timeZone: 'Europe/Berlin',
    connection: 'line',
    driver: 'modbus',
    profile: null,
    decommissioned: false,
    expectedIntervalMs: 1000,
    offlineAfterMs: 3000,
    points: [point({ name: 'temperature', range: { min: -50, max: 500 } }), point({ name: 'pressure' })],
    attributes: {},
    linkedAssets: ['pump-1'],
    ...over,
  };
}

export function point(over: Record<string, unknown>): DeviceDefinition['points'][number] {
  return { ...Point.parse(over), staleAfterMs: 2000 };
}

export function mapping(metric: string, over: Partial<LinkDefinition['mappings'][number]> = {}) {
  return { metric, point: metric, scale: 1, offset: 0, staleAfterMs: 2000, ...over };
}

export function link(over: Partial<LinkDefinition> = {}): LinkDefinition {
  return {
    device: 'plc-1',
    role: 'primary',
    validFromMs: null,
    validUntilMs: null,
    mappings: [mapping('temperature'), mapping('pressure')],
    ...over,
  };
}

export function rule(over: Record<string, unknown> = {}): Rule {
  return Rule.parse({
    id: 'hot',
    name: 'Too hot',
    metric: 'temperature',
    when: { above: 80 },
    severity: 'HIGH',
    ...over,
  });
}

export function asset(over: Partial<AssetDefinition> = {}): AssetDefinition {
  return {
    id: 'pump-1',
    name: 'Pump 1',
    site: 'north',
    siteName: 'North',
    timeZone: 'Europe/Berlin',
    parent: null,
    children: [],
    path: [],
    level: 1,
    profile: null,
    type: 'pump',
    icon: null,
    tags: [],
    attributes: {},
    lifecycle: 'in_service',
    metrics: [Metric.parse({ name: 'temperature', unit: '°C' }), Metric.parse({ name: 'pressure', unit: 'bar' })],
    rules: [rule()],
    links: [link()],
    healthThresholds: { critical: 30, warning: 60, good: 80 },
    workOrderTemplates: {},
    ...over,
  };
}

export interface FrameOver {
  readonly quality?: readonly Quality[];
  readonly reasons?: readonly (string | null)[];
  readonly times?: readonly (number | null)[];
  readonly deviceTimeMs?: number | null;
  readonly historical?: boolean;
}

/** A frame measured and received at `atMs` since T0. */
export function frame(atMs: number, readings: Record<string, PointValue>, over: FrameOver = {}): Frame {
  const { quality = null, reasons = null, times = null, deviceTimeMs = T0 + atMs, historical } = over;
  return {
    deviceTimeMs,
    gatewayTimeMs: T0 + atMs,
    points: Object.keys(readings),
    values: Object.values(readings),
    quality,
    reasons,
    times,
    ...(historical === undefined ? {} : { historical }),
  };
}

const OPERATOR: Who = { user: 'olga', via: 'websocket' };

/** Runs a kind as the runtime does: events are folded in, effects gathered. */
export class Bench<State, Command, Event extends { readonly kind: string }, Definition> {
  readonly kind: ActorKind<State, Command, Event, Frame, Frame, Definition>;
  readonly self: Self<Definition>;
  readonly events: Event[] = [];
  readonly effects: Effect[] = [];
  /** Of whoever sends its commands. */
  permissions: readonly string[] = ['*'];
  state: State;
  #commands = 0;

  constructor(
    kind: ActorKind<State, Command, Event, Frame, Frame, Definition>,
    id: EntityId,
    definition: Definition,
    stored?: unknown,
  ) {
    this.kind = kind;
    this.self = { id, definition };
    this.state = stored === undefined ? kind.initial(this.self) : this.#decode(stored);
  }

  /** Comes up: `reconcile`, as after every recovery. */
  start(atMs = 0): this {
    this.#fold(this.kind.reconcile?.(this.state, this.turn(atMs)) ?? [], atMs);
    return this;
  }

  observe(frame: Frame, source: EntityId = entityId('device', 'plc-1')): readonly Event[] {
    const turn = { ...this.turn(0), nowMs: frame.gatewayTimeMs, source, replay: false };
    return this.#fold(this.kind.observe?.(this.state, frame, turn) ?? [], frame.gatewayTimeMs - T0);
  }

  /** @param deadlineMs of the command, since T0 */
  command(atMs: number, command: Command, deadlineMs?: number): Decision<Event> {
    const commandId = CommandId.parse(`command-${++this.#commands}`);
    const until = deadlineMs === undefined ? {} : { deadlineMs: T0 + deadlineMs };
    const decision = this.kind.decide(this.state, command, { ...this.turn(atMs), commandId, ...until });
    if (decision.ok) this.#fold(decision.events, atMs);
    return decision;
  }

  due(atMs: number): readonly Event[] {
    return this.#fold(this.kind.due?.(this.state, this.turn(atMs)) ?? [], atMs);
  }

  /** As the runtime's ticks would: `due` at every instant that is asked for, up to one. */
  runTo(atMs: number): readonly Event[] {
    const events: Event[] = [];
    for (let turns = 0; turns < 100; turns++) {
      const dueMs = this.dueMs();
      if (dueMs === undefined || dueMs > atMs) return events;
      events.push(...this.due(Math.max(0, dueMs)));
    }
    throw new Error('it asks to be woken for ever');
  }

  /** Since T0. */
  dueMs(): number | undefined {
    const dueMs = this.kind.nextDueMs?.(this.state, this.self);
    return dueMs === undefined ? undefined : dueMs - T0;
  }

  turn(atMs: number): Turn<Definition> {
    return { ...this.self, nowMs: T0 + atMs, by: OPERATOR, permissions: this.permissions };
  }

  encode(): unknown {
    return this.kind.snapshot?.encode(this.state) ?? this.state;
  }

  #decode(stored: unknown): State {
    if (this.kind.snapshot === undefined) throw new Error('the kind has no snapshot of its own');
    return this.kind.snapshot.decode(stored, this.self);
  }

  #fold(events: readonly Event[], atMs: number): readonly Event[] {
    for (const event of events) {
      this.state = this.kind.evolve(this.state, event, this.turn(atMs));
      this.events.push(event);
      this.effects.push(...(this.kind.effects?.(event, this.state, this.self) ?? []));
    }
    return events;
  }
}
