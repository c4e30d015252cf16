import net from 'node:net';

/** Stands between clients and a server on this machine: the way between them can be cut, or hold up what is on it. */
export class TcpProxy {
  readonly #server: net.Server;
  readonly #pairs = new Set<readonly [net.Socket, net.Socket]>();
  #open = true;
  /** What either side has sent since it is held up. */
  #held: (() => void)[] | undefined;
  /** Sent by clients, since the start. */
  bytes = 0;

  private constructor(targetPort: number) {
    this.#server = net.createServer((client) => {
      if (!this.#open) {
        client.destroy();
        return;
      }
      const server = net.connect(targetPort, '127.0.0.1');
      const pair = [client, server] as const;
      this.#pairs.add(pair);
      for (const socket of pair) {
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#pairs.delete(pair);
          for (const end of pair) end.destroy();
        });
      }
      client.on('data', (data) => {
        this.bytes += data.length;
        this.#pass(() => server.write(data));
      });
      server.on('data', (data) => this.#pass(() => client.write(data)));
    });
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the proxy does not listen');
    return address.port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Ends every connection, and takes no other until `mend`. What is on its way is lost. */
  cut(): void {
    this.#open = false;
    for (const [client, server] of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  mend(): void {
    this.#open = true;
  }

  /** Keeps what either side sends until `release`, when it arrives in its order. Connections stay. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const pass of held) pass();
  }

  #pass(write: () => void): void {
    if (this.#held) this.#held.push(write);
    else write();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
