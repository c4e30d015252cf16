import { GEARBOX_RATIO, type TurbineState } from './turbine.ts';
import { cabinetId, gaugeId, type World } from './world.ts';

export type FieldValue = number | boolean | string;
/** Device id -> point -> value in the unit of the point, as the sensor sees it. */
export type Readings = Map<string, Record<string, FieldValue>>;

/** What the devices of the demo plant measure in the world. */
export function readingsOf(world: World): Readings {
  const readings: Readings = new Map();
  for (const [index, turbine] of world.turbines.entries()) {
    readings.set(`wt-${index + 1}-controller`, turbineReadings(turbine, world));
  }
  readings.set('plc-1', plcReadings(world));
  readings.set('rtu-1', rtuReadings(world));
  for (const [index, cabinet] of world.cabinets.entries()) {
    readings.set(`${cabinetId(index)}-controller`, {
      voltage: round(cabinet.voltageV, 1),
      current: round(cabinet.currentA, 2),
      inside_temp: round(cabinet.insideC, 1),
      door_open: cabinet.doorOpen,
      battery_voltage: round(cabinet.batteryV, 2),
    });
  }
  for (const [index, gauge] of world.gauges.entries()) {
    readings.set(`${gaugeId(index)}-radar`, {
      water_level: round(gauge.levelM, 3),
      rain: round(gauge.rainMmH, 1),
      battery_voltage: round(gauge.batteryV, 2),
    });
  }
  return readings;
}

function turbineReadings(turbine: TurbineState, { wind, ambientC }: World): Record<string, FieldValue> {
  return {
    state: turbine.code,
    wind_speed: round(turbine.windSpeed, 2),
    wind_direction: round(wind.direction, 1),
    nacelle_direction: round(turbine.nacelleDirection, 1),
    rotor_speed: round(turbine.rotorRpm, 2),
    generator_speed: round(turbine.rotorRpm * GEARBOX_RATIO, 0),
    pitch_angle: round(turbine.pitchDegrees, 1),
    power: round(turbine.powerKw, 1),
    ambient_temp: round(ambientC, 1),
    oil_temp: round(turbine.oilC, 1),
    gearbox_bearing_temp: round(turbine.gearboxBearingC, 1),
    winding_temp: round(turbine.windingC, 1),
    generator_bearing_temp: round(turbine.generatorBearingC, 1),
    vibration: round(turbine.vibrationMmS, 2),
  };
}

function plcReadings({ station }: World): Record<string, FieldValue> {
  const values: Record<string, FieldValue> = {};
  for (const [index, pump] of station.pumps.entries()) {
    const prefix = `p${index + 1}`;
    values[`${prefix}_flow`] = pump.flowM3h;
    values[`${prefix}_pressure`] = pump.pressureBar;
    values[`${prefix}_current`] = pump.currentA;
    values[`${prefix}_speed`] = pump.rpm;
    values[`${prefix}_bearing_temp`] = pump.bearingC;
    values[`${prefix}_vibration`] = pump.vibrationMmS;
    values[`${prefix}_voltage`] = pump.voltageV;
    values[`${prefix}_running`] = pump.on;
  }
  values.tank_level = station.levelM;
  values.tank_inflow = station.inflowM3h;
  values.tank_outflow = station.outflowM3h;
  values.cabinet_voltage = station.controlVoltageV;
  return values;
}

function rtuReadings({ station }: World): Record<string, FieldValue> {
  const values: Record<string, FieldValue> = { supply_voltage: station.rtuVoltageV };
  for (const [index, zone] of station.zones.entries()) {
    values[`port${index + 1}_pressure`] = zone.pressureBar;
    values[`port${index + 1}_flow`] = zone.flowM3h;
    values[`port${index + 1}_valve`] = zone.valvePercent;
  }
  return values;
}

function round(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor;
}
