import net from 'node:net';

export interface RawFrame extends Record<string, unknown> {
  readonly op: string;
}

/** A client on a bare socket, which can stop reading. */
export async function rawClient(port: number, token: string) {
  const socket = net.connect(port, '127.0.0.1');
  const frames: RawFrame[] = [];
  let buffer = Buffer.alloc(0);
  let open = false;
  let wake: () => void = () => {};
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  const chunks: Buffer[] = [];
  const parse = () => {
    buffer = Buffer.concat([buffer, ...chunks.splice(0)]);
    if (!open) {
      const end = buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      buffer = buffer.subarray(end + 4);
      open = true;
    }
    for (;;) {
      if (buffer.length < 2) return;
      const short = (buffer[1] ?? 0) & 127;
      const header = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (buffer.length < header) return;
      const length = short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short;
      if (buffer.length < header + length) return;
      if (((buffer[0] ?? 0) & 15) === 1) frames.push(JSON.parse(buffer.toString('utf8', header, header + length)));
      buffer = buffer.subarray(header + length);
    }
  };
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    parse();
    wake();
  });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return {
    socket,
    frames,
    write(text: string) {
      const payload = Buffer.from(text);
      // Masked with zeros: valid, and the payload stays as it is.
      const head =
        payload.length < 126
          ? [0x81, 0x80 | payload.length, 0, 0, 0, 0]
          : [0x81, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0];
      socket.write(Buffer.concat([Buffer.from(head), payload]));
    },
    async until(condition: (frames: readonly RawFrame[]) => boolean) {
      const deadlineMs = Date.now() + 10_000;
      while (!condition(frames)) {
        if (Date.now() > deadlineMs) throw new Error(`not within 10 s; ${frames.length} frames`);
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 100).unref();
        });
      }
    },
  };
}
