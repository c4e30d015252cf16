import { createServer, type Socket } from 'node:net';
import { type AreaRange, addressed, answer, exception, type UnitImage } from './image.ts';

/**
 * A Modbus TCP server for simulated plants: many units behind one port, function codes 1 to 6, 15, 16 and 22, answered within
 * the turn of the event loop in which they arrive (modbus-serial's own server adds a timer of 1 ms to each).
 *
 * @example
 * const holding = new Uint16Array(100);
 * const server = await createModbusServer({ port: 0, units: new Map([[1, { holding, onRead: () => { holding[0] = now(); } }]]) });
 * server.setFault(1, { kind: 'exception', code: 4 });   // device failure on every request
 * server.setFault(1, { kind: 'hang' });                 // no answer any more
 * server.setFault(1, null);                             // sound again
 * await server.close();
 */
export async function createModbusServer(options: ModbusServerOptions): Promise<ModbusServer> {
  const units = options.units;
  const faults = new Map<number, Fault>();
  const requests = new Map<number, number>();
  const sockets = new Set<Socket>();

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, (unit, request) => {
      requests.set(unit, (requests.get(unit) ?? 0) + 1);
      options.onRequest?.(unit, request);
      return respond(units.get(unit), faults.get(unit), request, options.unknownUnit ?? 'exception');
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');

  return {
    port: address.port,
    setFault: (unit, fault) => {
      if (fault === null) faults.delete(unit);
      else faults.set(unit, fault);
    },
    requestsTo: (unit) => requests.get(unit) ?? 0,
    disconnectAll: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export interface ModbusServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0, the default: any free port. */
  readonly port?: number;
  /** May be changed while the server runs. */
  readonly units: ReadonlyMap<number, UnitImage>;
  /** What a request to a unit that is not there gets: exception 0B as from a gateway (default), or no answer. */
  readonly unknownUnit?: 'exception' | 'silent';
  /** Sees every request, function code first. */
  readonly onRequest?: (unit: number, request: Buffer) => void;
}

export interface ModbusServer {
  readonly port: number;
  /** Makes a unit misbehave; null makes it sound again. A later fault replaces an earlier one. */
  setFault(unit: number, fault: Fault | null): void;
  /** Requests to the unit since the start, answered or not. */
  requestsTo(unit: number): number;
  /** Cuts all connections; the server goes on listening. */
  disconnectAll(): void;
  /** Cuts all connections and frees the port. */
  close(): Promise<void>;
}

/** With `range` it concerns only requests that touch it. */
export type Fault = { readonly range?: AreaRange } & (
  | { readonly kind: 'exception'; readonly code: number }
  /** No answer. */
  | { readonly kind: 'hang' }
  /** The right answer, late. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** The connection is closed. */
  | { readonly kind: 'close' }
  /** Bytes that are no Modbus. */
  | { readonly kind: 'garbage' }
);

type Response =
  | { readonly kind: 'reply'; readonly reply: Buffer; readonly delayMs: number }
  | { readonly kind: 'none' | 'close' | 'garbage' };

const GATEWAY_TARGET_SILENT = 0x0b;
const HEADER_LENGTH = 7;
const MAX_LENGTH = 254;
const NONE: Response = { kind: 'none' };

function respond(
  image: UnitImage | undefined,
  fault: Fault | undefined,
  request: Buffer,
  unknownUnit: 'exception' | 'silent',
): Response {
  if (image === undefined) {
    return unknownUnit === 'silent' ? NONE : reply(exception(request.readUInt8(0), GATEWAY_TARGET_SILENT));
  }
  if (fault === undefined || !concerns(fault, request)) return reply(answer(image, request));
  switch (fault.kind) {
    case 'exception':
      return reply(exception(request.readUInt8(0), fault.code));
    case 'delay':
      return { kind: 'reply', reply: answer(image, request), delayMs: fault.delayMs };
    case 'hang':
      return NONE;
    default:
      return { kind: fault.kind };
  }
}

function reply(bytes: Buffer): Response {
  return { kind: 'reply', reply: bytes, delayMs: 0 };
}

function concerns({ range }: Fault, request: Buffer): boolean {
  if (range === undefined) return true;
  const asked = addressed(request);
  return asked !== null && asked.area === range.area && asked.from < range.to && range.from < asked.to;
}

/** Cuts the stream into requests; all that arrived together are answered together. */
function serve(socket: Socket, handle: (unit: number, request: Buffer) => Response): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    socket.cork();
    while (bytes.length - at >= HEADER_LENGTH + 1) {
      const length = bytes.readUInt16BE(at + 4);
      if (bytes.readUInt16BE(at + 2) !== 0 || length < 2 || length > MAX_LENGTH) {
        socket.destroy();
        return;
      }
      const end = at + 6 + length;
      if (bytes.length < end) break;
      const header = bytes.subarray(at, at + HEADER_LENGTH);
      send(socket, header, handle(bytes.readUInt8(at + 6), bytes.subarray(at + HEADER_LENGTH, end)));
      at = end;
    }
    socket.uncork();
    rest = bytes.subarray(at);
  });
}

function send(socket: Socket, header: Buffer, response: Response): void {
  switch (response.kind) {
    case 'reply': {
      const frame = Buffer.allocUnsafe(HEADER_LENGTH + response.reply.length);
      header.copy(frame);
      frame.writeUInt16BE(response.reply.length + 1, 4);
      response.reply.copy(frame, HEADER_LENGTH);
      if (response.delayMs === 0) socket.write(frame);
      else setTimeout(() => socket.destroyed || socket.write(frame), response.delayMs).unref();
      return;
    }
    case 'garbage':
      socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
      return;
    case 'close':
      socket.destroy();
      return;
    case 'none':
      return;
  }
}
