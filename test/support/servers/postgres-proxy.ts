import net from 'node:net';

/**
 * Stands between a client and a PostgreSQL, to lose and to delay what goes through it. The server never notices that a client
 * has gone: its end of the connection stays open until the proxy closes.
 */
export class PostgresProxy {
  /** What the server answers is swallowed. */
  dropAnswers = false;
  #held: (() => void)[] | undefined;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(targetPort: number) {
    this.#server = net.createServer((client) => {
      const server = net.connect(targetPort, '127.0.0.1');
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
      }
      client.on('data', (data) => {
        const pass = () => void server.write(data);
        if (this.#held === undefined) pass();
        else this.#held.push(pass);
      });
      server.on('data', (data) => {
        if (!this.dropAnswers) client.write(data);
      });
      server.on('close', () => client.destroy());
    });
  }

  static async start(targetPort: number): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the proxy does not listen');
    return address.port;
  }

  /** From here on nothing that clients send arrives, until it is let go. */
  hold(): void {
    this.#held ??= [];
  }

  /** How many messages wait. */
  get held(): number {
    return this.#held?.length ?? 0;
  }

  /** What comes from now on passes; what was held stays back. Answers a way to deliver it. */
  passAgain(): () => void {
    const held = this.#held ?? [];
    this.#held = undefined;
    return () => {
      for (const pass of held) pass();
    };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
