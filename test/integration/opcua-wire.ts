import assert from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A cable between driver and server that can be cut. */
export interface Wire {
  readonly port: number;
  /** Breaks every connection and lets none through until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function openWire(targetPort: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let open = true;
  const server: Server = createServer((near) => {
    if (!open) {
      near.destroy();
      return;
    }
    const far = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    port: address.port,
    cut() {
      open = false;
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      open = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Node id of the encoding of a WriteRequest (OPC 10000-6, A.3: 673), with which the body of its message begins. */
const WRITE_REQUEST = Buffer.from([0x01, 0x00, 0xa1, 0x02]);

/** A cable without security that tells when it has carried a write to the server. */
export async function openCable(targetPort: number, onWrite: (near: Socket) => void) {
  const sockets = new Set<Socket>();
  const line = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.end();
      });
    }
    far.on('data', (chunk: Buffer) => near.write(chunk));
    near.on('data', (chunk: Buffer) => {
      far.write(chunk);
      if (chunk.includes(WRITE_REQUEST)) onWrite(near);
    });
  });
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve));
  const address = line.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    port: address.port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => line.close(resolve));
    },
  };
}
