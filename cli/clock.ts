import { Reports } from '../gateways/reports.ts';
import { askTime, parseTimeServer } from '../runtime/clock/client.ts';
import { ClockWatch, measuredIn } from '../runtime/clock/watch.ts';
import { entityId } from '../runtime/ids.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Settings } from '../runtime/settings.ts';

/** TIM-04: the watch over the clock of this machine, told to the node's own actor. `runtime` is asked for once it is started. */
export function watchClock({ NODE, NTP_SERVER }: Settings, runtime: () => Pick<Runtime, 'ask' | 'note'>): ClockWatch {
  const id = entityId('node', NODE);
  const server = NTP_SERVER ?? '';
  let reports: Reports | undefined;
  return new ClockWatch({
    server: NTP_SERVER === undefined ? undefined : parseTimeServer(NTP_SERVER),
    ask: askTime,
    onState: (state) => {
      const offsetMs = measuredIn(state)?.offsetMs ?? null;
      runtime().note(id, { state: state.kind, server, offsetMs });
      // A server that does not answer says nothing of the clock: the alarm stays as it is. Without a server it goes.
      if (state.kind !== 'measured' && state.kind !== 'not_checked') return;
      reports ??= new Reports(runtime());
      void reports.tell(id, { kind: 'ReportClock', offsetMs, server });
    },
  });
}
