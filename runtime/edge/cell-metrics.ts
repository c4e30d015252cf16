import type { Metrics } from '../metrics.ts';
import type { CellState, Centre } from './centre.ts';
import type { UplinkState } from './uplink.ts';

/** Names and describes what an edge counts of its uplink; read when the metrics page is. */
export function describeUplink(
  metrics: Metrics,
  state: () => Pick<UplinkState, 'connected' | 'behind' | 'clock'>,
): void {
  metrics.gauge('signalbox_uplink_connected', 'On an edge: 1 while there is a connection to the centre', () =>
    state().connected ? 1 : 0,
  );
  metrics.gauges(
    'signalbox_uplink_lag_seconds',
    'On an edge: time since the oldest was written that the centre lacks, of telemetry and of events; NaN: nobody knows',
    'of',
    () => {
      const { telemetryLagMs, journalLagMs } = state().behind;
      return [
        ['telemetry', secondsOf(telemetryLagMs)],
        ['events', secondsOf(journalLagMs)],
      ];
    },
  );
  metrics.gauges(
    'signalbox_uplink_waiting',
    'On an edge: records of telemetry and events that the centre lacks; NaN: nobody knows',
    'of',
    () => {
      const { telemetryLeft, journalLeft } = state().behind;
      return [
        ['telemetry', telemetryLeft ?? Number.NaN],
        ['events', journalLeft ?? Number.NaN],
      ];
    },
  );
  metrics.gauge(
    'signalbox_uplink_clock_offset_seconds',
    'On an edge: what has to be added to its clock to have that of the centre',
    () => (state().clock?.offsetMs ?? Number.NaN) / 1000,
  );
}

/** The same for a node of the centre, by cell. */
export function describeCells(metrics: Metrics, cells: Centre['cells']): void {
  const each = (read: (cell: CellState) => number) => () =>
    [...cells()].map((cell) => [cell.cell, read(cell)] as const);
  metrics.gauges(
    'signalbox_cell_linked',
    'At the centre: 1 while a cell is heard',
    'cell',
    each(({ linked }) => (linked ? 1 : 0)),
  );
  metrics.gauges(
    'signalbox_cell_silent_seconds',
    'At the centre: time since the last word of a cell',
    'cell',
    each(({ silentSeconds }) => silentSeconds),
  );
  metrics.gauges(
    'signalbox_cell_telemetry_lag_seconds',
    'At the centre: how far the telemetry of a cell is behind, as it said last, with the time since then while it is not heard',
    'cell',
    each(({ behind }) => secondsOf(behind.telemetryLagMs)),
  );
  metrics.gauges(
    'signalbox_cell_events_lag_seconds',
    'At the centre: how far the events of a cell are behind, in the same way',
    'cell',
    each(({ behind }) => secondsOf(behind.journalLagMs)),
  );
  metrics.gauges(
    'signalbox_cell_live_lag_seconds',
    'At the centre: how long the newest live values of a cell were on their way, whatever waits behind them',
    'cell',
    each(({ liveLagMs }) => secondsOf(liveLagMs)),
  );
  metrics.gauges(
    'signalbox_cell_telemetry_waiting',
    'At the centre: records of telemetry that a cell had still to send, as it said last',
    'cell',
    each(({ behind }) => behind.telemetryLeft ?? Number.NaN),
  );
  metrics.gauges(
    'signalbox_cell_commands_waiting',
    'At the centre: commands for a cell that wait for the link or for their answer',
    'cell',
    each(({ waiting }) => waiting),
  );
}

function secondsOf(ms: number | null): number {
  return ms === null ? Number.NaN : ms / 1000;
}
