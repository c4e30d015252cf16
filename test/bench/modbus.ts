// What polling costs: 500 devices of 30 tags, once a second, simulated in a process of its own.
//   node --import tsx test/bench/modbus.ts [devices] [pollMs] [seconds]
// Printed for one link a device (500 PLCs) and for 10 gateways of 50 units: CPU of the process with the driver and of the whole
// (driver and simulator), requests and readings a second, and how late the readings are.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ConnectionReport, Driver, DriverHost } from '../../gateways/driver.ts';
import { modbusDriver } from '../../gateways/modbus/driver.ts';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import type { DeviceDefinition } from '../../topology/plant.ts';
import { connectionDefinition, deviceDefinition } from '../integration/modbus-support.ts';

const FromSimulator = z.union([z.object({ port: z.number() }), z.object({ cpuUs: z.number() })]);
const REGISTER_TAGS = 24;
const COIL_TAGS = 6;

if (process.argv[2] === 'simulator') await simulate(Number(process.argv[3]));
else await measure(Number(process.argv[2] ?? 500), Number(process.argv[3] ?? 1000), Number(process.argv[4] ?? 10));

async function measure(devices: number, pollMs: number, seconds: number): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const simulator = fork(self, ['simulator', '250'], { execArgv: ['--import', 'tsx'] });
  const { port } = z.object({ port: z.number() }).parse((await once(simulator, 'message'))[0]);
  console.log(`${devices} devices × ${REGISTER_TAGS + COIL_TAGS} tags every ${pollMs} ms, ${seconds} s each`);
  await scenario(simulator, `${devices} links of 1 unit`, port, devices, 1, pollMs, seconds);
  await scenario(simulator, `${Math.ceil(devices / 50)} links of 50 units`, port, devices, 50, pollMs, seconds);
  simulator.kill();
}

async function scenario(
  simulator: ChildProcess,
  title: string,
  port: number,
  devices: number,
  unitsPerLink: number,
  pollMs: number,
  seconds: number,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
  const counters = { frames: 0, readings: 0, bad: 0 };
  const reports = new Map<string, ConnectionReport>();
  const drivers: Driver[] = [];
  for (let first = 0; first < devices; first += unitsPerLink) {
    const list: DeviceDefinition[] = [];
    for (let i = first; i < Math.min(first + unitsPerLink, devices); i++) list.push(device(i, 1 + (i % 250), pollMs));
    const definition = { ...connectionDefinition({ tcp: { host: '127.0.0.1', port } }, list), id: `line-${first}` };
    const host: DriverHost = {
      ingest: (_device, frame) => {
        counters.frames++;
        counters.readings += frame.values.length;
        if (frame.quality !== null) counters.bad++;
        return Promise.resolve();
      },
      connectivity: () => {},
      certificate: () => {},
      report: (report) => reports.set(definition.id, report),
      deadLetter: () => {},
      secret: () => '',
      dataDir,
      writeFence: { refusal: () => null },
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    };
    drivers.push(modbusDriver(definition, host));
  }
  for (const driver of drivers) driver.start();
  await pause(3000);

  const before = { ...counters };
  const cpu = process.cpuUsage();
  const simulatorCpu = await simulatorCpuUs(simulator);
  const requests = sum(reports, (report) => Number(report.facts?.requestsSent));
  const startedAtMs = performance.now();
  await pause(seconds * 1000);
  const elapsedS = (performance.now() - startedAtMs) / 1000;
  const used = process.cpuUsage(cpu);
  const driverShare = (used.user + used.system) / 1e6 / elapsedS;
  const simulatorShare = ((await simulatorCpuUs(simulator)) - simulatorCpu) / 1e6 / elapsedS;
  const sent = sum(reports, (report) => Number(report.facts?.requestsSent)) - requests;
  const p99 = Math.max(...[...reports.values()].map((report) => report.latencyMs?.p99 ?? 0));
  const line = {
    'driver CPU': `${(driverShare * 100).toFixed(1)} %`,
    'simulator CPU': `${(simulatorShare * 100).toFixed(1)} %`,
    'requests/s': Math.round(sent / elapsedS),
    'readings/s': Math.round((counters.readings - before.readings) / elapsedS),
    'frames not all good': counters.bad - before.bad,
    'cycle overruns': sum(reports, (report) => report.cycleOverruns),
    'worst p99 of a link': `${p99} ms`,
    'memory of the driver process': `${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`,
  };
  console.log(`\n${title}`);
  for (const [name, value] of Object.entries(line)) console.log(`  ${name.padEnd(30)}${value}`);
  await Promise.all(drivers.map((driver) => driver.stop()));
  rmSync(dataDir, { recursive: true, force: true });
}

/** 16 whole numbers and 8 floats in one block, 6 coils in another: two requests a cycle. */
function device(index: number, unit: number, pollMs: number): DeviceDefinition {
  const points: ({ name: string } & Record<string, unknown>)[] = [];
  for (let i = 0; i < 16; i++) points.push({ name: `n${i}`, modbus: { address: i, type: 'int16', scale: 0.1 } });
  for (let i = 0; i < 8; i++)
    points.push({ name: `f${i}`, modbus: { address: 20 + 2 * i, type: 'float32', order: 'CDAB' } });
  for (let i = 0; i < COIL_TAGS; i++)
    points.push({ name: `c${i}`, type: 'boolean', modbus: { area: 'coil', address: i } });
  return deviceDefinition(`device-${index}`, { unit, pollMs }, points);
}

async function simulate(units: number): Promise<void> {
  const images = new Map(
    Array.from({ length: units }, (_, i) => {
      const holding = new Uint16Array(64);
      const image = {
        holding,
        coil: new Uint8Array(16),
        onRead: () => {
          holding[0] = ((holding[0] ?? 0) + 1) & 0x7fff;
        },
      };
      return [i + 1, image] as const;
    }),
  );
  const server = await createModbusServer({ units: images });
  process.send?.({ port: server.port });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuUs: user + system });
  });
  process.on('disconnect', () => process.exit(0));
}

async function simulatorCpuUs(simulator: ChildProcess): Promise<number> {
  const answer = once(simulator, 'message');
  simulator.send('cpu');
  const message = FromSimulator.parse((await answer)[0]);
  return 'cpuUs' in message ? message.cpuUs : 0;
}

function sum(reports: ReadonlyMap<string, ConnectionReport>, of: (report: ConnectionReport) => number): number {
  let total = 0;
  for (const report of reports.values()) total += of(report);
  return total;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
