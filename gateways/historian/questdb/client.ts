import { z } from 'zod';
import { ErrorWithCode, messageOf } from '../../../runtime/errors.ts';

export interface QuestDbOptions {
  /** `http://host:9000`, with `user:password@` where the server asks for them. */
  readonly url: string;
  readonly writeTimeoutMs: number;
  readonly queryTimeoutMs: number;
}

const Failure = z.object({ error: z.string() }).or(z.object({ message: z.string() }).transform(toError));
const Answer = z.object({ dataset: z.array(z.array(z.unknown())).default([]) });

function toError({ message }: { readonly message: string }): { readonly error: string } {
  return { error: message };
}

/**
 * QuestDB over its HTTP port: rows in by the line protocol, each request acknowledged once it is in the write-ahead log;
 * questions out as SQL with JSON. Fails with STORE_LOST while there is no answer, and with STORE_REFUSED where the server
 * says that what it was sent is wrong.
 */
export class QuestDbClient {
  readonly #origin: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #options: QuestDbOptions;

  constructor(options: QuestDbOptions) {
    const { username, password, origin } = new URL(options.url);
    this.#origin = origin;
    this.#options = options;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#headers =
      username === '' ? {} : { authorization: `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}` };
  }

  /** Rows of the line protocol, times in µs. All of them are taken, or none. */
  async write(lines: string): Promise<void> {
    const { writeTimeoutMs } = this.#options;
    await this.#request('/write?precision=u', { method: 'POST', body: lines }, writeTimeoutMs);
  }

  /** Rows of a question; of a statement none. */
  async query(sql: string): Promise<readonly (readonly unknown[])[]> {
    const { queryTimeoutMs } = this.#options;
    const body = await this.#request(`/exec?nm=true&query=${encodeURIComponent(sql)}`, {}, queryTimeoutMs);
    return Answer.parse(JSON.parse(body)).dataset;
  }

  /** The time-out holds for the answer's last byte; the server ends a question whose asker has gone. */
  async #request(path: string, init: RequestInit, timeoutMs: number): Promise<string> {
    const { status, body } = await this.#fetch(path, init, timeoutMs);
    if (status >= 200 && status < 300) return body;
    const code = status === 400 ? 'STORE_REFUSED' : 'STORE_LOST';
    throw new ErrorWithCode(code, `QuestDB answers ${status}: ${reasonOf(body)}`, { retryable: status !== 400 });
  }

  async #fetch(path: string, init: RequestInit, timeoutMs: number): Promise<{ status: number; body: string }> {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(`${this.#origin}${path}`, { ...init, headers: this.#headers, signal });
      return { status: response.status, body: await response.text() };
    } catch (error) {
      // What `fetch` says itself is "fetch failed"; its cause tells why.
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      throw new ErrorWithCode('STORE_LOST', `QuestDB at ${this.#origin} does not answer: ${messageOf(cause)}`, {
        cause,
      });
    }
  }
}

function reasonOf(body: string): string {
  try {
    const parsed = Failure.safeParse(JSON.parse(body));
    if (parsed.success) return parsed.data.error;
  } catch {
    // Not JSON: a proxy in between, or the server's own plain text.
  }
  return body.slice(0, 300);
}
