import type { Answer } from './session.ts';
import { Signal } from './signal.ts';

const EVERY_MS = 2000;

/** What the server is asked for again and again while somebody looks at it, and is not pushed. */
export class Polled<Value> {
  /** Null until the first answer. */
  readonly value = new Signal<Value | null>(null);
  /** Why what is known is not of now. */
  readonly problem = new Signal<string | null>(null);
  readonly #ask: () => Promise<Answer<unknown>>;
  readonly #parse: (body: unknown) => Value;

  constructor(ask: () => Promise<Answer<unknown>>, parse: (body: unknown) => Value) {
    this.#ask = ask;
    this.#parse = parse;
  }

  async load(): Promise<void> {
    const answer = await this.#ask();
    if (!answer.ok) {
      this.problem.value = answer.status === 403 ? 'This needs the permission health:read.' : answer.message;
      return;
    }
    this.problem.value = null;
    this.value.value = this.#parse(answer.body);
  }

  /** Each time after the last answer; returns what ends it. */
  follow(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const next = async () => {
      await this.load();
      if (!ended) timer = setTimeout(next, EVERY_MS);
    };
    void next();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }
}
