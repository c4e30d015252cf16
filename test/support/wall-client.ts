import WebSocket from 'ws';
import { AlarmBook } from '../../ui/store/alarm-book.ts';
import { ServerClock } from '../../ui/store/clock.ts';
import { Connection } from '../../ui/store/connection.ts';

/**
 * The wall's own connection and alarm book, outside of a browser: the page's code as it stands, over the sockets of `ws`, with
 * a key in the header where the browser has a cookie.
 */
export class WallClient {
  readonly book = new AlarmBook();
  readonly connection: Connection;
  /** Of the first snapshot: what came after it came as events. */
  firstToken: string | undefined;
  readonly #clock = new ServerClock();
  readonly #sockets: WebSocket[] = [];

  private constructor(
    url: string,
    headers: Readonly<Record<string, string>>,
    pauseMs: ((attempt: number) => number) | undefined,
  ) {
    const sockets = this.#sockets;
    class PageSocket extends WebSocket {
      constructor(address: string) {
        super(address, { headers });
        // A browser tells a failure by `close` alone; here an error that nobody hears would end the process.
        this.on('error', () => undefined);
        sockets.push(this);
      }
    }
    Object.assign(globalThis, { WebSocket: PageSocket });
    const sessionValid = async () => 'unknown' as const;
    this.connection = new Connection({ url, clock: this.#clock, sessionValid, ...(pauseMs && { pauseMs }) });
    this.connection.subscribe({
      topic: 'alarms',
      onSnapshot: (items, token) => {
        this.firstToken ??= token;
        this.book.takeSnapshot(items, token);
      },
      onOtherJournal: () => this.book.forget(),
      onEvents: (events) => this.book.takeEvents(events),
    });
  }

  /** One a process: the page's code takes the `WebSocket` of its globals. */
  static open(
    url: string,
    headers: Readonly<Record<string, string>> = {},
    pauseMs?: (attempt: number) => number,
  ): WallClient {
    const client = new WallClient(url, headers, pauseMs);
    client.connection.start();
    return client;
  }

  get isLive(): boolean {
    return this.connection.link.value.kind === 'live';
  }

  /** As when a cable is pulled: no farewell. */
  cut(): void {
    this.#sockets.at(-1)?.terminate();
  }

  close(): void {
    this.connection.close();
    this.#clock.close();
  }
}
