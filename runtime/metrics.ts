import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What the engine counts, for `/metrics`. One registry a node; gateways add theirs to it. */
export interface Metrics {
  readonly registry: Registry;
  readonly records: Counter;
  readonly fencedRecords: Counter;
  readonly commits: Counter;
  readonly commands: Counter<'kind' | 'outcome'>;
  readonly crashes: Counter<'kind'>;
  readonly deadLetters: Counter<'stream' | 'code'>;
  readonly commandSeconds: Histogram;
  /** Reads its values when it is asked for, so that nothing is counted twice. */
  gauge(name: string, help: string, read: () => number): void;
  /** One gauge with a value for each of a label. */
  gauges(name: string, help: string, label: string, read: () => Iterable<readonly [string, number]>): void;
  /** The same for counts by label. */
  counters(name: string, help: string, label: string, read: () => ReadonlyMap<string, number>): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'signalbox_' });
  return {
    registry,
    records: new Counter({
      name: 'signalbox_log_records_total',
      help: 'Observations that the telemetry log has taken',
      registers,
    }),
    fencedRecords: new Counter({
      name: 'signalbox_log_fenced_records_total',
      help: 'Observations that the telemetry log refused since another node owns their shard by now; their source keeps them',
      registers,
    }),
    commits: new Counter({
      name: 'signalbox_journal_events_total',
      help: 'Events committed to the journal',
      registers,
    }),
    commands: new Counter({
      name: 'signalbox_commands_total',
      help: 'Commands by kind of entity and outcome',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    crashes: new Counter({
      name: 'signalbox_entity_crashes_total',
      help: 'Crashes by kind of entity',
      labelNames: ['kind'],
      registers,
    }),
    deadLetters: new Counter({
      name: 'signalbox_dead_letters_total',
      help: 'What was refused, by stream and code',
      labelNames: ['stream', 'code'],
      registers,
    }),
    commandSeconds: new Histogram({
      name: 'signalbox_command_seconds',
      help: 'From the arrival of a command to its reply',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    gauges(name, help, label, read) {
      new Gauge({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [value, number] of read()) this.set({ [label]: value }, number);
        },
      });
    },
    counters(name, help, label, read) {
      new Counter({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [value, count] of read()) this.inc({ [label]: value }, count);
        },
      });
    },
  };
}
