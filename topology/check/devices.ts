import type { AssembledDevice, Assembly } from '../assembly.ts';
import type { Entry } from '../draft.ts';
import { readingInterval } from '../resolve.ts';
import type { Point } from '../schema/device.ts';
import { ModbusDevice, type ModbusPoint } from '../schema/modbus.ts';
import type { Source } from '../source.ts';
import { checkPoints } from './points.ts';
import { registersOf } from './registers.ts';

const DRIVERS = ['modbus', 'opcua', 'mqtt'] as const;

/** Devices speak the protocol of their connection, and every point says where its value is found. */
export function checkDevices(assembly: Assembly, source: Source): void {
  const topics = new Map<string, string>();
  for (const assembled of assembly.devices) {
    const { device, entry, connection } = assembled;
    if (connection === null) continue;
    const { driver, id } = connection.value;
    for (const other of DRIVERS) {
      if (other === driver || device[other] === undefined) continue;
      source.report({
        at: [...entry.path, other],
        atKey: true,
        code: 'DRIVER_MISMATCH',
        message: `settings for ${other}, but connection ${id} is ${driver}`,
        suggestion: `use "${driver}", or another connection`,
      });
    }
    for (const point of assembled.points.values()) {
      checkPoint(assembled, point, driver, source);
      checkFrozen(assembled, point, source);
    }
    checkPoints(assembled, driver, source);
    if (driver === 'mqtt') checkTopicName(topics, assembled, id, source);
    if (driver === 'modbus') checkPolling(assembled, source);
  }
}

function checkPoint(
  assembled: AssembledDevice,
  { value: point, path }: Entry<Point>,
  driver: (typeof DRIVERS)[number],
  source: Source,
): void {
  const { device, entry: owner } = assembled;
  const foreign = DRIVERS.filter((other) => other !== driver && point[other] !== undefined);
  // A profile may serve devices of several protocols; what stands at the device itself can only be meant for its own.
  const isOwn = path[0] === owner.path[0];
  const [first] = foreign;
  if (first !== undefined && (isOwn || point[driver] === undefined)) {
    source.report({
      at: [...path, first],
      atKey: true,
      code: 'DRIVER_MISMATCH',
      message: `point ${point.name} has settings for ${first}, but the device is reached by ${driver}`,
      suggestion: `use "${driver}"`,
    });
    return;
  }
  // A value in an MQTT payload is found by the name of its point.
  if (point[driver] === undefined && driver !== 'mqtt') {
    source.report({
      at: [...path, 'name'],
      code: 'POINT_WITHOUT_ADDRESS',
      message: `point ${point.name} does not say where its value is found`,
      suggestion: driver === 'modbus' ? 'modbus: { area: holding, address: 0 }' : 'opcua: { node: "ns=2;s=Name" }',
    });
  }
  if (driver === 'modbus' && point.modbus) {
    const base = (device.modbus ?? ModbusDevice.parse({})).addressBase;
    const fault = modbusFault(point, point.modbus, base);
    if (fault) source.report({ at: [...path, 'modbus', fault.key], code: 'INVALID_ADDRESS', message: fault.message });
  }
}

/** Fewer readings than this within the time are no evidence that a value stands still. */
const FROZEN_READINGS = 5;

function checkFrozen(assembled: AssembledDevice, { value: point, path }: Entry<Point>, source: Source): void {
  if (point.frozen === undefined) return;
  const fault = frozenFault(point, point.frozen, readingInterval(assembled, point));
  if (fault === null) return;
  const { key, ...said } = fault;
  const at = key === null ? [...path, 'frozen'] : [...path, 'frozen', key];
  source.report({ at, atKey: key === null, code: 'FROZEN_WITHOUT_FAULT', ...said });
}

function frozenFault(
  { type, writable, range }: Point,
  { afterMs, tolerance }: NonNullable<Point['frozen']>,
  intervalMs: number,
): { readonly key: 'afterMs' | 'tolerance' | null; readonly message: string; readonly suggestion?: string } | null {
  if (type !== 'number') return { key: null, message: `a ${type} may stand still for ever` };
  if (writable !== undefined) return { key: null, message: 'what is written stands still until it is written again' };
  const leastMs = FROZEN_READINGS * intervalMs;
  if (afterMs < leastMs) {
    const message = `a reading comes every ${intervalMs} ms: ${afterMs} ms are too few of them to judge by`;
    return { key: 'afterMs', message, suggestion: `at least ${leastMs}` };
  }
  if (range !== undefined && tolerance >= range.max - range.min) {
    return { key: 'tolerance', message: `no value from ${range.min} to ${range.max} would count as a move` };
  }
  return null;
}

function modbusFault(point: Point, modbus: ModbusPoint, base: 0 | 1): { key: string; message: string } | null {
  const isBit = modbus.area === 'coil' || modbus.area === 'discrete';
  const last = modbus.address - base + registersOf(modbus) - 1;
  if (modbus.address < base) return { key: 'address', message: 'addresses of this device are counted from 1' };
  if (last > 65_535)
    return { key: 'address', message: `the value ends at register ${last}, and 65535 is the last one` };
  if (modbus.type === 'string' && modbus.length === undefined) {
    return { key: 'type', message: 'a string needs "length", its number of registers' };
  }
  if (isBit && modbus.type !== 'bool' && modbus.type !== 'uint16') {
    return { key: 'type', message: `a ${modbus.area} is one bit and cannot hold ${modbus.type}` };
  }
  if (modbus.bit !== undefined && (isBit || registersOf(modbus) !== 1)) {
    return { key: 'bit', message: 'a bit can only be taken from one register of 16 bits' };
  }
  if (point.writable !== undefined && (modbus.area === 'input' || modbus.area === 'discrete')) {
    return { key: 'area', message: `${modbus.area} can only be read, but the point is writable` };
  }
  return null;
}

function checkTopicName(
  topics: Map<string, string>,
  { device, entry }: AssembledDevice,
  connection: string,
  source: Source,
): void {
  const name = device.mqtt?.topicName ?? device.id;
  const other = topics.get(`${connection} ${name}`);
  if (other === undefined) {
    topics.set(`${connection} ${name}`, device.id);
    return;
  }
  if (other === device.id) return;
  source.report({
    at: device.mqtt?.topicName === undefined ? [...entry.path, 'id'] : [...entry.path, 'mqtt', 'topicName'],
    code: 'DUPLICATE_TOPIC_NAME',
    message: `${other} is already called "${name}" in the topics of ${connection}`,
    suggestion: 'give each device a topicName of its own',
  });
}

function checkPolling({ device, entry, profile }: AssembledDevice, source: Source): void {
  const expected = device.expectedIntervalMs ?? profile?.value.expectedIntervalMs;
  const pollMs = device.modbus?.pollMs;
  if (expected === undefined || pollMs === undefined || pollMs <= expected) return;
  source.report({
    at: [...entry.path, 'modbus', 'pollMs'],
    code: 'POLL_SLOWER_THAN_EXPECTED',
    severity: 'warning',
    message: `polled every ${pollMs} ms, but a reading is expected every ${expected} ms: there will always be gaps`,
    suggestion: `expectedIntervalMs: ${pollMs}`,
  });
}
