import { Loggers, type LogLevels } from 'moleculer';
import type { Logger } from 'pino';

/** The broker's log as lines of ours. What it calls information or warns of is of use to whoever looks for a fault, and to nobody else. */
export class BrokerLog extends Loggers.Base {
  readonly #log: Logger;

  constructor(log: Logger) {
    super();
    this.#log = log.child({ part: 'moleculer' });
  }

  override getLogHandler() {
    return (level: LogLevels, args: unknown[]): void => {
      const [first, ...rest] = args;
      const ours = level === 'fatal' || level === 'error' ? level : 'debug';
      this.#log[ours]({ rest: rest.length > 0 ? rest : undefined }, String(first));
    };
  }
}
