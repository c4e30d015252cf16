import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Droppable } from '../runtime/edge/disk-guard.ts';
import type { Historian } from '../runtime/historian.ts';
import type { Json } from '../runtime/json.ts';
import type { JournalSpace } from '../runtime/sql/journal-space.ts';
import type { SqlLog } from '../runtime/sql/sql-log.ts';

const DAY_MS = 86_400_000;

/** Bytes of all files in a folder; one that goes meanwhile counts nothing. */
export async function sizeOfFolder(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += file?.size ?? 0;
  }
  return bytes;
}

/** Bytes of the files of the telemetry log, its write-ahead log included. */
export async function sizeOfLog(file: string): Promise<number> {
  const sizes = await Promise.all(
    [file, `${file}-wal`].map((name) =>
      stat(name).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What was refused or could not be delivered, and is kept for people to look at. */
export function deadLettersDroppable(space: Pick<JournalSpace, 'deadLetterBytes' | 'dropDeadLetters'>): Droppable {
  return {
    name: 'dead letters',
    bytes: () => space.deadLetterBytes(),
    drop: (bytes) => space.dropDeadLetters(bytes),
  };
}

/** The history of the oldest days, which is a copy here: the log that it was made from went to the centre. Today stays. */
export function historyDroppable(historian: Pick<Historian, 'statistics' | 'trim'>): Droppable {
  const now = async () => {
    const { bytes, days, oldestMs, newestMs } = await historian.statistics();
    return { bytes: numberOf(bytes), days: numberOf(days), oldestMs: numberOf(oldestMs), newestMs: numberOf(newestMs) };
  };
  return {
    name: 'history',
    bytes: async () => {
      const { bytes, days } = await now();
      return days > 1 ? (bytes / days) * (days - 1) : 0;
    },
    drop: async (bytes) => {
      const before = await now();
      let after = before;
      while (after.days > 1 && before.bytes - after.bytes < bytes) {
        const { days, oldestMs } = after;
        await historian.trim((Math.floor(oldestMs / DAY_MS) + 1) * DAY_MS);
        after = await now();
        if (after.days === days) break;
      }
      const segments = before.days - after.days;
      return {
        bytes: before.bytes - after.bytes,
        segments,
        lost: 0,
        oldestMs: before.oldestMs,
        newestMs: after.oldestMs,
      };
    },
  };
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0;
}

/** The telemetry log: the oldest first, but never what the actors here would need after a restart. */
export function logDroppable(log: SqlLog, covered: () => number, forwarded: () => number): Droppable {
  return {
    name: 'telemetry',
    bytes: () => log.heldBytes(),
    drop: async (bytes) => {
      const sent = forwarded();
      const { blocks, records, oldestMs, newestMs, lastPosition, ...dropped } = await log.dropOldest({
        bytes,
        beforePosition: covered(),
      });
      const lost = Math.min(records, Math.max(0, lastPosition - sent));
      return { bytes: dropped.bytes, segments: blocks, lost, oldestMs, newestMs };
    },
  };
}
