import WebSocket from 'ws';
import { ServerFrames } from '../../gateways/websocket/server-frames.ts';

export type Frame = Record<string, unknown> & { readonly op: string; readonly seq: number };

const TIMEOUT_MS = 20_000;

/** A WebSocket client that keeps its frames, and holds each to the published format and the next number. */
export class WsClient {
  readonly frames: Frame[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly socket: WebSocket;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      const frame: Frame = JSON.parse(String(data));
      ServerFrames.parse(frame);
      if (frame.seq !== this.frames.length + 1) throw new Error(`frame ${frame.seq} after ${this.frames.length}`);
      this.frames.push(frame);
      for (const check of [...this.#waiting]) check();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      for (const check of [...this.#waiting]) check();
    });
    socket.on('error', () => {});
  }

  /** Resolves when the connection is open; rejects with the status when the server refuses. */
  static open(url: string, headers: Record<string, string>): Promise<WsClient> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, { headers });
      const client = new WsClient(socket);
      socket.once('open', () => resolve(client));
      socket.once('unexpected-response', (_, response) => {
        response.resume();
        reject(new Error(`HTTP ${response.statusCode}`));
      });
      socket.once('error', reject);
    });
  }

  send(frame: object | string): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  of(op: string): Frame[] {
    return this.frames.filter((frame) => frame.op === op);
  }

  /** Tokens of all events, in the order of their coming. */
  get tokens(): string[] {
    return this.of('event').flatMap((frame) => (frame.events as { token: string }[]).map(({ token }) => token));
  }

  /** Their positions in the journal. */
  get positions(): number[] {
    return this.tokens.map(positionIn);
  }

  waitFor(what: string, condition: (client: WsClient) => boolean, timeoutMs = TIMEOUT_MS): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`${what}: not within ${timeoutMs} ms; last frame ${JSON.stringify(this.frames.at(-1))}`));
      }, timeoutMs);
      const check = () => {
        if (!condition(this)) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Cuts the connection without a word. */
  kill(): void {
    this.socket.terminate();
  }

  close(): void {
    this.socket.terminate();
  }
}

/** Of a resume token; only the server may rely on its form. */
export function positionIn(token: unknown): number {
  return Number(/-(\d+)$/.exec(String(token))?.[1]);
}
