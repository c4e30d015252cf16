import { OpcUaFault } from './errors.ts';
import { readServerCondition, type ServerCondition } from './services.ts';
import type { FieldSession } from './session.ts';

const TICK_MS = 500;
const TICKS_PER_PING = 2;
/** 3.5 s of silence: a server that hangs shows as lost within 4.5 s of its last word. */
const SILENT_TICKS = 7;

export interface WatchdogOptions {
  readonly session: FieldSession;
  readonly onCondition: (condition: ServerCondition, latencyMs: number) => void;
  readonly onTick: () => void;
}

/**
 * Reads the server's status each second and notices when nothing at all is heard any more, publish responses included. It
 * counts ticks and not wall time, so that a pause of our own process is not taken for silence of the server.
 */
export class Watchdog {
  readonly #session: FieldSession;
  readonly #options: WatchdogOptions;
  readonly #timer: NodeJS.Timeout;
  readonly silent: Promise<OpcUaFault>;
  #ticks = 0;
  #silentTicks = 0;
  #heardAtMs = 0;
  #asking = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#session = options.session;
    let end: (fault: OpcUaFault) => void = () => undefined;
    this.silent = new Promise((resolve) => {
      end = resolve;
    });
    this.#timer = setInterval(() => this.#tick(end), TICK_MS);
    this.#ask();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(end: (fault: OpcUaFault) => void): void {
    this.#ticks += 1;
    const heardAtMs = this.#session.lastResponseReceivedTime.getTime();
    this.#silentTicks = heardAtMs === this.#heardAtMs ? this.#silentTicks + 1 : 0;
    this.#heardAtMs = heardAtMs;
    if (this.#silentTicks >= SILENT_TICKS) {
      this.stop();
      end(new OpcUaFault('timeout', `the server has not answered anything for ${SILENT_TICKS * TICK_MS} ms`));
      return;
    }
    if (this.#ticks % TICKS_PER_PING === 0) this.#ask();
    this.#options.onTick();
  }

  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    const startMs = performance.now();
    readServerCondition(this.#session).then(
      (condition) => {
        this.#asking = false;
        this.#options.onCondition(condition, performance.now() - startMs);
      },
      // A broken channel ends the link by itself, and silence is counted above.
      () => {
        this.#asking = false;
      },
    );
  }
}
