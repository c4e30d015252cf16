import type { Metrics } from '../metrics.ts';
import type { CellState, Centre } from './centre.ts';
import type { UplinkState } from './uplink.ts';

/** Names and describes what an edge counts of its uplink; read when the metrics page is. */
export function describeUplink(
  metrics: Metrics,
  state: () => Pick<UplinkState, 'connected' | 'telemetryLagMs' | 'journalLagMs' | 'clock'>,
): void {
  metrics.gauge('signalbox_uplink_connected', 'On an edge: 1 while there is a connection to the centre', () =>
    state().connected ? 1 : 0,
  );
  metrics.gauges(
    'signalbox_uplink_lag_seconds',
    'On an edge: time since the oldest was written that the centre lacks, of telemetry and of events',
    'of',
    () => {
      const { telemetryLagMs, journalLagMs } = state();
      return [
        ['telemetry', telemetryLagMs / 1000],
        ['events', journalLagMs / 1000],
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
    'At the centre: how far the telemetry of a cell was behind, as it said last',
    'cell',
    each(({ telemetryLagMs }) => telemetryLagMs / 1000),
  );
  metrics.gauges(
    'signalbox_cell_commands_waiting',
    'At the centre: commands for a cell that wait for the link or for their answer',
    'cell',
    each(({ waiting }) => waiting),
  );
}
