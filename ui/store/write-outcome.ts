import type { DeviceView, WriteView } from '../../actors/views.ts';
import { Cells } from './cells.ts';
import type { Connection, Outcome } from './connection.ts';

/** After the time in which a write has to be sent: for the answer of the device, and for a driver that says nothing. */
const ANSWER_MS = 15_000;

/**
 * What became of a write that was accepted: done once the device has it, and not before. Followed by a subscription of its own,
 * since whoever asked for it may have left the page of the device.
 */
export function outcomeOfWrite(
  connection: Pick<Connection, 'subscribe'>,
  write: { readonly device: string; readonly accepted: unknown; readonly timeoutMs: number },
): Promise<Outcome> {
  const { device, accepted, timeoutMs } = write;
  const writeId = idOf(accepted);
  const cells = new Cells<DeviceView>();
  return new Promise((resolve) => {
    const end = (outcome: Outcome) => {
      clearTimeout(timer);
      unsubscribe();
      resolve(outcome);
    };
    const look = () => {
      const outcome = ended(cells.group(device, 'writes')?.[writeId]);
      if (outcome !== null) end(outcome);
    };
    const timer = setTimeout(() => end(NOT_HEARD), timeoutMs + ANSWER_MS);
    const unsubscribe = connection.subscribe({
      topic: 'devices',
      filter: { ids: [device] },
      fields: ['writes'],
      onSnapshot: (items) => {
        cells.replace(items);
        look();
      },
      onDelta: (items) => {
        cells.merge(items);
        look();
      },
      // What is only on its way to another node is asked for again.
      onError: (code, message) => code !== 'UNAVAILABLE' && end({ ok: false, code, message }),
    });
  });
}

const NOT_HEARD: Outcome = {
  ok: false,
  code: 'no_report',
  message: 'Nothing was heard of how it ended. The page of the device has it',
};

/** Null while it is under way. */
function ended(write: WriteView | undefined): Outcome | null {
  switch (write?.state) {
    case 'acknowledged':
    case 'verified':
      return { ok: true, result: null, repeated: false };
    case 'failed':
    case 'timed_out':
      return { ok: false, code: write.code ?? write.state, message: write.message ?? 'the device did not take it' };
    default:
      return null;
  }
}

function idOf(accepted: unknown): string {
  const isAnswer = typeof accepted === 'object' && accepted !== null && 'writeId' in accepted;
  return isAnswer ? String(accepted.writeId) : '';
}
