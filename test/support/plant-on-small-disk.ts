import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type RunningPlant, startPlant } from '../../cli/plant.ts';
import { readSettings } from '../../runtime/settings.ts';
import { createModbusServer } from '../../simulators/modbus/server.ts';
import { parseTopology } from '../../topology/load.ts';
import { SmallDisk } from './small-disk.ts';
import { TANK_ON_MODBUS } from './tank-on-modbus.ts';
import { tempDir } from './temp-dir.ts';

/** Levels of the tank: above the limit of one alarm, between both, and below that of the other, where it begins. */
export const [HIGH, NORMAL, LOW] = [900, 7, 3];

/** Of the answers of the API what tests of a full disk look at. */
export interface Body {
  readonly status: string;
  readonly parts: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
  readonly error: { readonly code: string; readonly message: string };
  readonly result: { readonly number: string };
  readonly notRecorded?: { readonly sinceMs: number };
  readonly values: Readonly<Record<string, number>>;
  readonly items: readonly {
    readonly id: string;
    readonly props: { readonly title: string };
    readonly rule: string;
    readonly detail: string;
    readonly raisedAtMs: number;
    readonly notRecorded?: boolean;
    readonly event: { readonly rule: string; readonly atMs: number };
  }[];
}

/** One node with a tank on Modbus, of which one register says the level and another counts. */
export interface TankPlant {
  readonly disk: SmallDisk;
  readonly registers: Uint16Array;
  /** @param commandId for whoever sends the same command again */
  request(
    method: string,
    address: string,
    body?: object,
    commandId?: string,
  ): Promise<{ readonly status: number; readonly body: Body }>;
}

/** A plant whose journal is on the disk; `settings` says how, given its folder. */
export async function plantOn(
  t: TestContext,
  settings: (disk: SmallDisk, dataDir: string) => Promise<object>,
): Promise<TankPlant> {
  const disk = new SmallDisk(40);
  t.after(() => disk.remove());
  const { dir, remove } = tempDir('disk-full');
  t.after(remove);
  const registers = new Uint16Array([LOW, 0]);
  const field = await createModbusServer({ units: new Map([[1, { holding: registers }]]) });
  t.after(() => field.close());
  const counting = setInterval(() => (registers[1] = (registers[1] ?? 0) + 1), 50);
  t.after(() => clearInterval(counting));
  const topology = parseTopology(TANK_ON_MODBUS.replace('PORT', String(field.port)), 'plant.yaml');
  assert.ok(topology.ok, JSON.stringify(topology));
  const where = await settings(disk, dir);
  const read = readSettings({}, {}, { DATA_DIR: dir, PORT: 0, LOG_LEVEL: 'fatal', ...where });
  assert.ok(read.ok, JSON.stringify(read));
  const running: RunningPlant = await startPlant({ settings: read.settings, plant: topology.plant, simulators: false });
  t.after(() => running.stop());
  return {
    disk,
    registers,
    async request(method, address, body, commandId) {
      const response = await fetch(new URL(`api/v1/${address}`, running.url), {
        method,
        headers: {
          authorization: `Bearer ${running.key}`,
          ...(body && { 'content-type': 'application/json' }),
          ...(commandId !== undefined && { 'idempotency-key': commandId }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(20_000),
      });
      return { status: response.status, body: (await response.json()) as Body };
    },
  };
}
