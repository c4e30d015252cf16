import { codeOf, ErrorWithCode } from '../../runtime/errors.ts';
import type { Historian, RawQuery, Sample, WindowQuery, WindowRow } from '../../runtime/historian.ts';
import type { Json } from '../../runtime/json.ts';
import { CARRIER_DEFAULTS, type CarrierOptions, LogCarrier } from './log-carrier.ts';
import type { LogSource, SampleStore } from './sample-store.ts';

/** How old the figures of a statistics page may be: they are asked for every second, and cost a query. */
const EXTENT_AGE_MS = 10_000;

/** A historian on a database server: a consumer that carries the log there, and the questions that are asked of it. */
export class ServerHistorian implements Historian {
  readonly #store: SampleStore;
  readonly #carrier: LogCarrier;
  #extent: Readonly<Record<string, number | null>> = {};
  #extentAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(source: LogSource, store: SampleStore, options: Partial<CarrierOptions> = {}) {
    this.#store = store;
    this.#carrier = new LogCarrier(source, store, { ...CARRIER_DEFAULTS, ...options });
  }

  raw(query: RawQuery): Promise<Sample[]> {
    return this.#answer(this.#store.raw(query));
  }

  windows(query: WindowQuery): Promise<WindowRow[]> {
    return this.#answer(this.#store.windows(query));
  }

  /** Before the server was reached its tables may be missing: that is no fault of the question. */
  async #answer<Rows>(asked: Promise<Rows>): Promise<Rows> {
    try {
      return await asked;
    } catch (error) {
      const { connected, problem } = this.#carrier.state;
      if (connected || codeOf(error) === 'INVALID_QUERY') throw error;
      throw new ErrorWithCode('STORE_LOST', problem ?? 'the historian has not reached its server yet', {
        cause: error,
      });
    }
  }

  /** Of several nodes on one server one carries the log there; see `LogCarrier`. */
  carry(carries: boolean): Promise<void> {
    return this.#carrier.carry(carries);
  }

  /** What the server has acknowledged: the log may be trimmed up to there. While it was never reached that is nothing. */
  async position(): Promise<number> {
    return this.#carrier.position;
  }

  caughtUp(position: number): Promise<void> {
    return this.#carrier.caughtUp(position);
  }

  /** There may be something new in the log. */
  async advanced(): Promise<void> {
    this.#carrier.advance();
  }

  /** Answers at once and with what was last known, while the server does not. */
  async statistics(): Promise<Record<string, Json>> {
    const { state } = this.#carrier;
    if (state.connected && performance.now() - this.#extentAtMs > EXTENT_AGE_MS) {
      this.#asking ??= this.#askExtent();
      await this.#asking;
    }
    return { ...this.#extent, ...this.#carrier.state };
  }

  async #askExtent(): Promise<void> {
    try {
      this.#extent = await this.#store.extent();
      this.#extentAtMs = performance.now();
    } catch {
      // The consumer meets the same fault, and tells it.
    } finally {
      this.#asking = undefined;
    }
  }

  async trim(olderThanMs: number): Promise<void> {
    await this.#store.trim(olderThanMs);
    this.#extentAtMs = Number.NEGATIVE_INFINITY;
  }

  close(): Promise<void> {
    return this.#carrier.close();
  }
}
