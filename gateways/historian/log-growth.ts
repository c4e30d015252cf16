import type { TelemetryLog } from '../../runtime/log.ts';

/** A log that says when it has grown; one that does not is looked at now and then. */
export type GrowingLog = TelemetryLog & { onAppended?(listener: (end: number) => void): () => void };

/** The log commits up to 250 times a second; reading some commits at once costs less than each alone. */
const TELL_INTERVAL_MS = 50;

/** Passes on that the log has grown, some commits at a time. The consumer looks by itself too, so nothing is lost with it. */
export function tellGrowth(log: GrowingLog | undefined, advanced: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  const unsubscribe = log?.onAppended?.(() => {
    timer ??= setTimeout(() => {
      timer = undefined;
      advanced().catch(() => undefined);
    }, TELL_INTERVAL_MS);
  });
  return () => {
    unsubscribe?.();
    clearTimeout(timer);
  };
}
