import { z } from 'zod';
import type { ActorKind, Self, View } from '../../runtime/actor-kind.ts';
import type { Json } from '../../runtime/json.ts';
import { endOrphans } from '../alarm/book.ts';
import { isAlarmEvent } from '../alarm/events.ts';
import { normal } from '../alarm/machine.ts';
import { bookOf, StoredBook } from '../alarm/stored.ts';
import type { SystemView } from '../views.ts';
import { certificateAlarms } from './certificate.ts';
import { SystemCommand } from './commands.ts';
import { decideSystem, systemDue, systemDueMs, systemPermission } from './decide.ts';
import { evolveSystem } from './evolve.ts';
import { createLive, initialSystem } from './live.ts';
import type { SystemDefinition, SystemEvent, SystemState } from './state.ts';

type SystemKind = ActorKind<SystemState, SystemCommand, SystemEvent, never, never, SystemDefinition>;

/** A link to the field, `connection/<id>`: what is wrong with the link itself and not with one device on it. */
export const connectionKind: SystemKind = systemKind('connection');

/** A node, `node/<name>`: what is wrong with the machine or the installation, once for all connections that depend on it. */
export const nodeKind: SystemKind = systemKind('node');

/**
 * The parts of the system as holders of alarms, beside the plant that they watch: drivers and watches say what they find, and the
 * alarm has the life of any other. Alarms that have one cause are one alarm, at whatever they have in common.
 */
function systemKind(name: 'connection' | 'node'): SystemKind {
  return {
    name,
    command: SystemCommand,
    permission: systemPermission,

    initial: initialSystem,
    decide: decideSystem,
    evolve: evolveSystem,

    note({ live }, note) {
      if (isRecord(note)) live.clock = note;
    },
    nextDueMs: (state, { definition }) => systemDueMs(state, definition),
    due: systemDue,
    reconcile: (state, { nowMs, definition }) => [
      ...endOrphans(state.decided.alarms, state.live.rules, nowMs),
      ...certificateAlarms(state, definition.certificateWarningDays, nowMs),
    ],

    describe,
    // The views are interfaces of Json; TypeScript gives only type aliases the index signature that says so.
    view: (state, { definition }, recorded) => systemView(state, definition, recorded) as unknown as View,
    snapshot: { encode: encodeSystem, decode: decodeSystem },
  };
}

function describe({ decided, live }: SystemState, event: SystemEvent): Json {
  if (isAlarmEvent(event)) {
    const record = decided.alarms.get(event.rule) ?? normal(event.rule);
    return live.alarmViews.of(record, live.holder) as unknown as Json;
  }
  if (event.kind !== 'CertificateSeen') return decided.link === null ? null : { ...decided.link };
  const certificate = decided.certificates.find(({ whose }) => whose === event.whose);
  return certificate === undefined ? null : { ...certificate };
}

function systemView(
  { decided, live }: SystemState,
  { name, site }: SystemDefinition,
  recorded: SystemState | undefined,
): SystemView {
  return {
    props: { name, site },
    ...live.alarmViews.listed(decided.alarms, live.holder, recorded?.decided.alarms),
    certificates: Object.fromEntries(decided.certificates.map(({ whose, ...certificate }) => [whose, certificate])),
    link: decided.link === null ? {} : { ...decided.link },
    clock: live.clock,
  };
}

const StoredSystem = z.object({
  link: z
    .object({ state: z.enum(['up', 'lost']), reason: z.string(), detail: z.string().nullable(), sinceMs: z.number() })
    .nullable()
    .default(null),
  alarms: StoredBook,
  certificates: z.array(
    z.object({
      whose: z.enum(['server', 'own']),
      subject: z.string(),
      thumbprint: z.string(),
      expiresAtMs: z.number(),
    }),
  ),
});

function encodeSystem({ decided }: SystemState): z.infer<typeof StoredSystem> {
  return { alarms: [...decided.alarms.values()], certificates: [...decided.certificates], link: decided.link };
}

function decodeSystem(stored: unknown, self: Self<SystemDefinition>): SystemState {
  const { alarms, certificates, link } = StoredSystem.parse(stored);
  return { decided: { alarms: bookOf(alarms), certificates, link }, live: createLive(self) };
}

function isRecord(note: Json): note is { readonly [key: string]: Json } {
  return typeof note === 'object' && note !== null && !Array.isArray(note);
}
