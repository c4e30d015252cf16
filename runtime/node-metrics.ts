import type { EffectRunner } from './effects.ts';
import type { Entities } from './entities.ts';
import { recordsBetween, type TelemetryLog } from './log.ts';
import type { Pump } from './log-pump.ts';
import type { Metrics } from './metrics.ts';

/** What the metrics of a node are read from when somebody asks for them. */
export interface NodeParts {
  readonly entities: Entities;
  readonly pump: Pump;
  readonly log: TelemetryLog;
  readonly effects: EffectRunner;
  /** By class of message. */
  readonly overflows: { readonly refused: Map<string, number>; readonly replaced: Map<string, number> };
  readonly historianPosition: () => number;
}

/** Names and describes what a node counts; each is read when the metrics page is. */
export function describeNode(
  metrics: Metrics,
  { entities, pump, log, effects, overflows, historianPosition }: NodeParts,
): void {
  metrics.counters(
    'signalbox_observed_records_total',
    'Observations applied by entities',
    'kind',
    () => entities.observedByKind,
  );
  metrics.counters(
    'signalbox_mailbox_refused_total',
    'Commands and inputs that a full mailbox did not take; whoever sent them keeps them',
    'message',
    () => overflows.refused,
  );
  metrics.counters(
    'signalbox_mailbox_replaced_total',
    'Notes and views of others that newer ones took the place of before they were looked at',
    'message',
    () => overflows.replaced,
  );
  metrics.gauge('signalbox_entities', 'Live entities', () => entities.size);
  metrics.gauge('signalbox_entities_down', 'Entities that do not run: crashed, waiting for a store, stopped', () =>
    [...entities.all()].reduce((count, entity) => count + (entity.down === undefined ? 0 : 1), 0),
  );
  metrics.gauge(
    'signalbox_outstanding_records',
    'Observations handed to actors and not yet applied',
    () => entities.outstanding,
  );
  metrics.gauge(
    'signalbox_log_position',
    'Newest position of the telemetry log; on NATS positions rise by 1,024 with each message',
    () => pump.end,
  );
  metrics.gauge('signalbox_log_waiting', 'Observations waiting for the log', () => pump.waiting);
  metrics.gauge('signalbox_pending_effects', 'Effects not yet carried out', () => effects.pending);
  metrics.gauge('signalbox_consumer_lag_records', 'Records that the historian is behind', () =>
    recordsBetween(log, historianPosition(), pump.end),
  );
}
