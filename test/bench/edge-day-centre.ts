import assert from 'node:assert/strict';
import { connect } from 'nats';
import type { Frame } from '../../actors/frame.ts';
import { entityId } from '../../runtime/ids.ts';
import { cellSubjectOf } from '../../runtime/nats/central-log.ts';
import { openNatsLog } from '../../runtime/nats/open.ts';
import type { NatsServer } from '../support/servers/nats.ts';
import { CELL, type Sent } from './edge-day-plant.ts';

const KEPT_MS = 30 * 86_400_000;
const STREAM = 'signalbox-telemetry';

/** What the stream of the centre has of the edge, by device in its order. */
export interface Stored {
  readonly frames: number;
  readonly ofDevice: ReadonlyMap<string, readonly Sent[]>;
}

export async function readStored(nats: NatsServer): Promise<Stored> {
  const place = { url: nats.url, name: 'checker', startTimeoutMs: 10_000, prefix: 'signalbox', replicas: 1 };
  const log = await openNatsLog({ ...place, maxAgeMs: KEPT_MS });
  const ofDevice = new Map<string, Sent[]>();
  let [frames, position] = [0, 0];
  for (;;) {
    const records = await log.read(position, 5000);
    if (records.length === 0) break;
    for (const { source, observation } of records) {
      const { points, deviceTimeMs, values } = observation as Frame;
      if (!source.startsWith('device/d-') || points.length === 0) continue;
      frames++;
      const those = ofDevice.get(source) ?? [];
      ofDevice.set(source, those);
      those.push([deviceTimeMs ?? Number.NaN, Number(values[0])]);
    }
    position = records.at(-1)?.position ?? position;
  }
  await log.close();
  return { frames, ofDevice };
}

/**
 * Each device has at the centre what it sent, once and in order, but for what was dropped: one run of its oldest that were not
 * there yet. Returns how many frames are missing.
 */
export function checkOrder(sent: ReadonlyMap<number, readonly Sent[]>, { ofDevice }: Stored): number {
  let missing = 0;
  for (const [device, frames] of sent) {
    const source = entityId('device', `d-${device}`);
    const place = new Map(frames.map(([timeMs], index) => [timeMs, index]));
    const gaps: string[] = [];
    let last = -1;
    for (const [timeMs, first] of ofDevice.get(source) ?? []) {
      const index = place.get(timeMs);
      assert.ok(index !== undefined, `${source} never sent a frame of ${timeMs}`);
      assert.ok(index > last, `frame ${index} of ${source} comes behind frame ${last}`);
      assert.equal(first, frames[index]?.[1], `the value of frame ${index} of ${source}`);
      if (index > last + 1) gaps.push(`${last + 1} to ${index - 1}`);
      missing += index - last - 1;
      last = index;
    }
    assert.equal(last, frames.length - 1, `the newest frame of ${source} is there`);
    assert.ok(gaps.length <= 1, `${source} lacks ${gaps.join(', ')}: not one run`);
  }
  return missing;
}

/** Messages of the edge in the stream, of which some say that they are late. */
export interface Messages {
  readonly messages: number;
  readonly late: number;
  readonly lateBytes: number;
  /** Between the first and the last that is late, by the clock of the server. */
  readonly lateForMs: number;
  /** Of the first of them: what it has needs no time. */
  readonly firstBytes: number;
}

export async function readMessages(nats: NatsServer): Promise<Messages> {
  const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info(STREAM);
  const late: { readonly bytes: number; readonly timeMs: number }[] = [];
  let messages = 0;
  for (let seq = state.first_seq; state.messages > 0 && seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(STREAM, { seq });
    if (message.subject !== cellSubjectOf('signalbox', CELL)) continue;
    messages++;
    if (message.header.get('Signalbox-Late') === '1')
      late.push({ bytes: message.data.length, timeMs: message.time.getTime() });
  }
  await connection.close();
  return {
    messages,
    late: late.length,
    lateBytes: late.reduce((sum, { bytes }) => sum + bytes, 0),
    lateForMs: (late.at(-1)?.timeMs ?? 0) - (late[0]?.timeMs ?? 0),
    firstBytes: late[0]?.bytes ?? 0,
  };
}
