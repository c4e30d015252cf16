import net from 'node:net';

/** How the way to a server is: whole, cut, or of one direction. */
export type WayState = 'open' | 'cut' | 'late requests' | 'lost answers';

interface Pair {
  readonly client: net.Socket;
  readonly server: net.Socket;
  readonly held: Buffer[];
  /** An answer of it was swallowed: nobody can go on with it. */
  torn: boolean;
}

/**
 * The way of one node to a server. Late requests arrive when the way is whole again, also those of a client that has given
 * up meanwhile: the server never hears of that, as with a network that loses the last packet of a connection.
 */
export class FaultyWay {
  readonly #server: net.Server;
  readonly #pairs = new Set<Pair>();
  #state: WayState = 'open';

  private constructor(targetPort: number) {
    this.#server = net.createServer((client) => {
      if (this.#state === 'cut') {
        client.destroy();
        return;
      }
      this.#join({ client, server: net.connect(targetPort, '127.0.0.1'), held: [], torn: false });
    });
  }

  static async start(targetPort: number): Promise<FaultyWay> {
    const way = new FaultyWay(targetPort);
    await new Promise<void>((resolve) => way.#server.listen(0, '127.0.0.1', resolve));
    return way;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the proxy does not listen');
    return address.port;
  }

  become(state: WayState): void {
    this.#state = state;
    for (const pair of this.#pairs) {
      if (state === 'cut' || (state === 'open' && pair.torn)) destroy(pair);
      else if (state === 'open') for (const data of pair.held.splice(0)) pair.server.write(data);
    }
  }

  /** Every connection ends at once; new ones are taken. */
  reset(): void {
    for (const pair of this.#pairs) destroy(pair);
  }

  async close(): Promise<void> {
    this.become('cut');
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(pair: Pair): void {
    const { client, server } = pair;
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
    }
    client.on('data', (data) => {
      if (this.#state === 'late requests' || pair.held.length > 0) pair.held.push(data);
      else server.write(data);
    });
    client.on('close', () => {
      if (this.#state === 'open') server.end();
    });
    server.on('data', (data) => {
      if (this.#state === 'lost answers') pair.torn = true;
      else if (!client.destroyed) client.write(data);
    });
    server.on('close', () => {
      this.#pairs.delete(pair);
      client.destroy();
    });
  }
}

function destroy({ client, server }: Pair): void {
  client.destroy();
  server.destroy();
}
