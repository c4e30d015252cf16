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
      const others = rest.filter((argument) => argument !== undefined);
      this.#log[ours]({ rest: others.length > 0 ? others : undefined }, inOurWords(String(first)));
    };
  }
}

/** The broker ends the process over it, with nothing but this line. */
function inOurWords(text: string): string {
  return text.includes('nodeID conflict')
    ? 'another process runs as the node of this name; this one ends. Each node of a cell has a name of its own (NODE)'
    : text;
}
