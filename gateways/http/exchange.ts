import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Identity } from '../auth/authenticator.ts';
import { utf8 } from '../utf8.ts';

/** Bodies are small: commands and queries, never files. */
export const MAX_BODY_BYTES = 64 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** The rest of what the client sends is of no interest. */
  readonly closeConnection?: boolean;
}

export type Body =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too large' }
  | { readonly kind: 'aborted' };

/**
 * A request and its answer, safe across awaits. What uWebSockets.js hands to a handler is gone after its first turn, writing
 * after an abort is fatal, and a body has to be listened for at once: so all three are settled here, in the constructor.
 */
export class Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly address: string;
  readonly requestId: string;
  readonly startedMs = performance.now();
  /** Who is asking, once that is known. */
  identity: Identity | undefined;
  /** Resolves for every method; empty where there is no body. */
  readonly body: Promise<Body>;
  readonly #res: HttpResponse;
  #over = false;
  #ended: (status: number) => void;

  constructor(res: HttpResponse, req: HttpRequest, options: { trustProxy: boolean; ended: (status: number) => void }) {
    this.#res = res;
    this.#ended = options.ended;
    this.method = req.getCaseSensitiveMethod();
    this.path = req.getUrl();
    this.query = req.getQuery() ?? '';
    const headers: Record<string, string> = {};
    req.forEach((name, value) => {
      headers[name] = value;
    });
    this.headers = headers;
    const peer = Buffer.from(res.getRemoteAddressAsText()).toString();
    // The last hop is the one that our own proxy saw; those before it can be made up.
    const forwarded = options.trustProxy ? headers['x-forwarded-for']?.split(',').at(-1)?.trim() : undefined;
    this.address = forwarded || peer;
    const given = headers['x-request-id'];
    this.requestId = given !== undefined && /^[\w.-]{8,64}$/.test(given) ? given : randomUUID();
    const hasBody = this.method !== 'GET' && this.method !== 'HEAD' && this.method !== 'OPTIONS';
    this.body = hasBody ? this.#read() : this.#none();
  }

  get over(): boolean {
    return this.#over;
  }

  /** Peers on this machine that no proxy stands in for. */
  get isLocal(): boolean {
    const { headers } = this;
    if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined) return false;
    return /^(127\.|0{4}(:0{4}){6}:0{3}1$|::1$|(0{4}:){5}ffff:7f)/i.test(this.address);
  }

  /** Answers once; a second answer, or one to a client that is gone, is dropped. */
  answer({ status, headers, body, closeConnection }: Answer): void {
    if (this.#over) return;
    this.#finish(status);
    this.#res.cork(() => {
      this.#res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
      for (const name in headers) this.#res.writeHeader(name, headers[name] ?? '');
      if (this.method === 'HEAD') this.#res.endWithoutBody(body === undefined ? 0 : Buffer.byteLength(body));
      else if (body === undefined) this.#res.end(undefined, closeConnection);
      else this.#res.end(typeof body === 'string' ? utf8(body) : body, closeConnection);
    });
  }

  /**
   * Turns the request into a WebSocket, unless the client has gone meanwhile. Not corked: where the upgrade grows the socket in
   * its place, `cork` of uWebSockets.js 20 takes the WebSocket for the answered request afterwards and may close it.
   */
  upgrade<Data>(data: Data, context: us_socket_context_t): void {
    if (this.#over) return;
    this.#finish(101);
    const { headers } = this;
    this.#res.upgrade(
      data,
      headers['sec-websocket-key'] ?? '',
      // We speak no subprotocol, and an offer must not come back as if it was chosen.
      '',
      headers['sec-websocket-extensions'] ?? '',
      context,
    );
  }

  #read(): Promise<Body> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let size = 0;
      this.#onAborted(() => resolve({ kind: 'aborted' }));
      if (Number(this.headers['content-length'] ?? 0) > MAX_BODY_BYTES) {
        resolve({ kind: 'too large' });
        return;
      }
      this.#res.onData((chunk, isLast) => {
        size += chunk.byteLength;
        if (size > MAX_BODY_BYTES) {
          chunks.length = 0;
          resolve({ kind: 'too large' });
          return;
        }
        // The chunk is neutered when this returns.
        chunks.push(Buffer.from(Buffer.from(chunk)));
        if (isLast) resolve({ kind: 'whole', bytes: Buffer.concat(chunks) });
      });
    });
  }

  #none(): Promise<Body> {
    this.#onAborted(() => {});
    return Promise.resolve({ kind: 'whole', bytes: Buffer.alloc(0) });
  }

  #onAborted(then: () => void): void {
    this.#res.onAborted(() => {
      if (!this.#over) this.#finish(499);
      then();
    });
  }

  #finish(status: number): void {
    this.#over = true;
    this.#ended(status);
  }
}
