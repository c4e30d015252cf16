import type { AssembledDevice } from '../assembly.ts';
import type { Entry } from '../draft.ts';
import { readingInterval } from '../resolve.ts';
import type { Connection, Point } from '../schema/device.ts';
import { ModbusDevice, type ModbusPoint } from '../schema/modbus.ts';
import type { Fault, Source } from '../source.ts';
import { parseNodeAddress } from '../syntax/node-address.ts';
import { registersOf } from './registers.ts';

type Found = Omit<Fault, 'at'> & { readonly at: readonly string[] };

/** Points that can be read as they are described, beyond their address: type, limits, times; and no two that are one. */
export function checkPoints(assembled: AssembledDevice, driver: Connection['driver'], source: Source): void {
  for (const { value: point, path } of assembled.points.values()) {
    for (const { at, ...said } of faultsOf(assembled, point, driver)) source.report({ at: [...path, ...at], ...said });
  }
  checkTwins(assembled, driver, source);
  checkOffline(assembled, source);
}

function* faultsOf(assembled: AssembledDevice, point: Point, driver: Connection['driver']): Iterable<Found> {
  if (point.type !== 'number') {
    for (const key of ['range', 'maxRatePerSecond'] as const) {
      if (point[key] === undefined) continue;
      yield unused([key], `a ${point.type} has no ${key === 'range' ? 'range' : 'rate'}`);
    }
  }
  yield* writeFaults(point, driver);
  if (driver === 'modbus' && point.modbus) yield* modbusFaults(assembled, point, point.modbus);
  if (driver === 'opcua' && point.opcua) {
    const node = `${assembled.device.opcua?.nodePrefix ?? ''}${point.opcua.node}`;
    if (parseNodeAddress(node) === null) {
      const message = `"${node}" is no node id`;
      const suggestion = 'nsu=<uri>;s=Name or ns=2;s=Name, in the point or begun by nodePrefix of the device';
      yield { at: ['opcua', 'node'], code: 'INVALID_ADDRESS', message, suggestion };
    }
  }
  const intervalMs = readingInterval(assembled, point);
  if (point.staleAfterMs !== undefined && point.staleAfterMs <= intervalMs) {
    yield {
      at: ['staleAfterMs'],
      code: 'STALE_BETWEEN_READINGS',
      severity: 'warning',
      message: `a reading comes every ${intervalMs} ms: the value would be called stale before the next one`,
      suggestion: `above ${intervalMs}`,
    };
  }
}

function* writeFaults(point: Point, driver: Connection['driver']): Iterable<Found> {
  const { writable, range, type } = point;
  if (writable === undefined) return;
  if (driver === 'mqtt') {
    const message = 'points of MQTT devices are read-only: every write would be refused';
    yield { at: ['writable'], atKey: true, code: 'NOT_WRITABLE', message, suggestion: 'leave writable out' };
    return;
  }
  for (const key of ['min', 'max'] as const) {
    const limit = writable[key];
    if (limit === undefined) continue;
    if (type !== 'number') yield unused(['writable', key], `a ${type} has no limits`);
    else if (range !== undefined && (limit < range.min || limit > range.max)) {
      yield {
        at: ['writable', key],
        code: 'WRITE_LIMITS',
        message: `${limit} may be written, but a reading outside ${range.min} to ${range.max} is BAD`,
        suggestion: `${key}: ${range[key]}, or a wider range`,
      };
    }
  }
}

function* modbusFaults({ device }: AssembledDevice, point: Point, modbus: ModbusPoint): Iterable<Found> {
  if ((point.type === 'string') !== (modbus.type === 'string')) {
    const message = `the registers hold a ${modbus.type}, and the point is a ${point.type}`;
    yield {
      at: ['modbus', 'type'],
      code: 'POINT_TYPE',
      message,
      suggestion: `type: ${point.type === 'string' ? 'string, with length' : 'uint16, or type: string for the point'}`,
    };
  }
  if (modbus.length !== undefined && modbus.type !== 'string')
    yield unused(['modbus', 'length'], `the length of a ${modbus.type} is known`);
  const { limits } = device.modbus ?? ModbusDevice.parse({});
  const isBit = modbus.area === 'coil' || modbus.area === 'discrete';
  if (!isBit && registersOf(modbus) > limits.registers) {
    const message = `the value has ${registersOf(modbus)} registers, and the device takes ${limits.registers} in one request`;
    yield { at: ['modbus', 'type'], code: 'INVALID_ADDRESS', message, suggestion: 'a larger limits.registers' };
  }
  const { deadband } = modbus;
  if (deadband !== undefined && deadband.absolute === undefined && deadband.percent === undefined)
    yield unused(['modbus', 'deadband'], 'neither absolute nor percent is given');
}

function unused(at: readonly string[], reason: string): Found {
  const message = `${reason}: it has no effect`;
  return { at, atKey: true, code: 'SETTING_WITHOUT_EFFECT', severity: 'warning', message, suggestion: 'leave it out' };
}

/** Two points on one place of the device: nearly always a line that was copied and not changed. */
function checkTwins(assembled: AssembledDevice, driver: Connection['driver'], source: Source): void {
  const taken: { readonly entry: Entry<Point>; readonly place: Place }[] = [];
  for (const entry of assembled.points.values()) {
    const place = placeOf(entry.value, driver);
    if (place === null) continue;
    const twin = taken.find((other) => collide(other.place, place));
    taken.push({ entry, place });
    if (twin === undefined) continue;
    const [section, key] = place.key;
    const at = entry.value[section] === undefined ? ['name'] : [section, key];
    source.report({
      at: [...entry.path, ...at],
      code: 'DUPLICATE_ADDRESS',
      // Of two points on one field of a message only one gets values; registers and nodes can be read twice.
      severity: driver === 'mqtt' ? 'error' : 'warning',
      message: `${entry.value.name} is read from the same place as ${twin.entry.value.name} of ${assembled.device.id}: ${place.text}`,
      suggestion: 'correct one of them',
    });
  }
}

interface Place {
  readonly key: readonly ['modbus', 'address'] | readonly ['opcua', 'node'] | readonly ['mqtt', 'field'];
  readonly text: string;
  /** Table, node or field. */
  readonly where: string;
  readonly from: number;
  readonly until: number;
  readonly bit: number | null;
}

function placeOf({ name, modbus, opcua, mqtt }: Point, driver: Connection['driver']): Place | null {
  const whole = { from: 0, until: 1, bit: null };
  if (driver === 'mqtt') {
    const where = mqtt?.field ?? name;
    return { key: ['mqtt', 'field'], text: `field ${where}`, where, ...whole };
  }
  if (driver === 'opcua') {
    return opcua ? { key: ['opcua', 'node'], text: `node ${opcua.node}`, where: opcua.node, ...whole } : null;
  }
  if (!modbus) return null;
  const { area, address, bit = null } = modbus;
  const isBit = area === 'coil' || area === 'discrete';
  const until = address + (isBit ? 1 : registersOf(modbus));
  return { key: ['modbus', 'address'], text: `${area} ${address}`, where: area, from: address, until, bit };
}

function collide(a: Place, b: Place): boolean {
  // A register as a whole beside single bits of it is on purpose.
  return a.where === b.where && a.bit === b.bit && a.from < b.until && b.from < a.until;
}

function checkOffline({ device, entry, profile }: AssembledDevice, source: Source): void {
  const { offlineAfterMs } = device;
  const expected = device.expectedIntervalMs ?? profile?.value.expectedIntervalMs ?? device.modbus?.pollMs ?? 1000;
  if (offlineAfterMs === undefined || offlineAfterMs > expected) return;
  source.report({
    at: [...entry.path, 'offlineAfterMs'],
    code: 'STALE_BETWEEN_READINGS',
    message: `a reading is expected every ${expected} ms: the device would be offline before the next one`,
    suggestion: `above ${expected}`,
  });
}
