import type { ConnectionDefinition, DeviceDefinition } from '../../topology/plant.ts';
import type { ModbusPoint } from '../../topology/schema/modbus.ts';
import type { AreaRange } from '../modbus/image.ts';
import type { ModbusServer } from '../modbus/server.ts';
import type { Field, FieldMoment } from './field.ts';
import type { FieldValue } from './readings.ts';
import { encodeRegisters, registerCount } from './registers.ts';

const REGISTERS = 256;

interface Unit {
  readonly device: DeviceDefinition;
  readonly holding: Uint16Array;
  readonly input: Uint16Array;
  readonly coil: Uint8Array;
  readonly discrete: Uint8Array;
}

/** The PLC and the RTU of the pumping station: one Modbus TCP server, a unit for each device, laid out as the topology says. */
export async function openModbusField(connection: ConnectionDefinition): Promise<Field> {
  const { settings } = connection;
  if (settings.driver !== 'modbus' || settings.tcp === undefined) throw new Error(`${connection.id} is not Modbus TCP`);
  const { createModbusServer } = await import('../modbus/server.ts');
  const units = new Map<number, Unit>();
  for (const device of connection.devices) {
    units.set(device.modbus?.unit ?? 1, {
      device,
      holding: new Uint16Array(REGISTERS),
      input: new Uint16Array(REGISTERS),
      coil: new Uint8Array(REGISTERS),
      discrete: new Uint8Array(REGISTERS),
    });
  }
  for (const unit of units.values()) setWritable(unit);
  const server = await createModbusServer({ host: settings.tcp.host, port: settings.tcp.port, units });

  return {
    apply: (moment) => applyMoment(connection.id, server, units, moment),
    written: () => readWritten(units.values()),
    close: () => server.close(),
  };
}

function applyMoment(
  connection: string,
  server: ModbusServer,
  units: ReadonlyMap<number, Unit>,
  { readings, events }: FieldMoment,
): void {
  for (const [number, unit] of units) {
    const values = readings.get(unit.device.id) ?? {};
    for (const point of unit.device.points) {
      const value = values[point.name];
      if (value !== undefined && point.modbus) write(unit, point.modbus, value);
    }
    const own = events.filter((event) => 'device' in event && event.device === unit.device.id);
    const refused = own.find((event) => event.kind === 'exception');
    if (own.some((event) => event.kind === 'hang')) server.setFault(number, { kind: 'hang' });
    else if (refused) server.setFault(number, { kind: 'exception', code: 2, range: rangeOf(unit, refused.points) });
    else server.setFault(number, null);
  }
  if (events.some((event) => event.kind === 'cut' && event.connection === connection)) server.disconnectAll();
}

/** What can be written starts at its highest, and from then on belongs to whoever writes it. */
function setWritable(unit: Unit): void {
  for (const { writable, modbus } of unit.device.points) {
    if (writable !== undefined && modbus) write(unit, modbus, writable.max ?? 0);
  }
}

function readWritten(units: Iterable<Unit>): Readonly<Record<string, number>> {
  const written: Record<string, number> = {};
  for (const { device, holding } of units) {
    for (const { name, writable, modbus } of device.points) {
      if (writable === undefined || modbus?.area !== 'holding' || registerCount(modbus) !== 1) continue;
      written[name] = (holding[modbus.address] ?? 0) * modbus.scale + modbus.offset;
    }
  }
  return written;
}

function write(unit: Unit, point: ModbusPoint, value: FieldValue): void {
  const address = point.address - (unit.device.modbus?.addressBase ?? 0);
  if (point.area === 'coil' || point.area === 'discrete')
    unit[point.area][address] = value === true || value === 1 ? 1 : 0;
  else unit[point.area].set(encodeRegisters(point, value, unit.device.modbus?.order ?? 'ABCD'), address);
}

/** The smallest range that holds all the points; they lie side by side in one area. */
function rangeOf({ device }: Unit, names: readonly string[]): AreaRange {
  const points = device.points.flatMap(({ name, modbus }) => (modbus && names.includes(name) ? [modbus] : []));
  const base = device.modbus?.addressBase ?? 0;
  return {
    area: points[0]?.area ?? 'input',
    from: Math.min(...points.map(({ address }) => address - base)),
    to: Math.max(...points.map((point) => point.address - base + registerCount(point))),
  };
}
