import { type Connection, newCommandId, type Outcome } from './connection.ts';
import { Signal } from './signal.ts';

const DONE_SHOWN_MS = 4000;
const FAILED_SHOWN_MS = 20_000;
const NOTES_SHOWN = 6;
const ASK_AGAIN_MS = 3000;

export interface Note {
  readonly key: number;
  readonly title: string;
  /** `waiting`: kept by the server until its link to the edge is back. */
  readonly state: 'pending' | 'waiting' | 'done' | 'failed';
  readonly message: string | null;
}

/** What became of each command: pending, then done or failed with the server's reason. Nothing is drawn as done before it is. */
export class Feedback {
  readonly notes = new Signal<readonly Note[]>([]);
  readonly #connection: Connection;
  #nextKey = 1;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @param carriedOut where the answer only says that it was accepted: what became of it, by that answer */
  async send(
    title: string,
    entity: string,
    command: Record<string, unknown>,
    carriedOut?: (accepted: unknown) => Promise<Outcome>,
  ): Promise<Outcome> {
    const key = this.#nextKey++;
    this.#begin(key, title);
    const answer = await this.#carryOut(key, entity, command);
    const outcome = answer.ok && carriedOut !== undefined ? await carriedOut(answer.result) : answer;
    this.#settle(key, outcome);
    return outcome;
  }

  /** One line for many commands: how many were carried out, and the first reason why one was not. */
  async sendAll(
    title: string,
    commands: readonly { readonly entity: string; readonly command: Record<string, unknown> }[],
  ): Promise<readonly Outcome[]> {
    const [only] = commands;
    if (commands.length === 1 && only !== undefined) return [await this.send(title, only.entity, only.command)];
    const key = this.#nextKey++;
    this.#begin(key, title);
    const outcomes = await Promise.all(commands.map((c) => this.#carryOut(key, c.entity, c.command)));
    const failed = outcomes.filter((outcome) => !outcome.ok);
    const [first] = failed;
    this.#settle(
      key,
      first === undefined || first.ok
        ? { ok: true, result: null, repeated: false }
        : { ...first, message: `${failed.length} of ${outcomes.length} failed. ${first.message}` },
    );
    return outcomes;
  }

  /** One that waits for the link to an edge is asked about, under its id, until it is known what became of it. */
  async #carryOut(key: number, entity: string, command: Record<string, unknown>): Promise<Outcome> {
    const id = newCommandId();
    for (let waits = false; ; waits = true) {
      const outcome = await this.#connection.command(entity, command, id);
      // The page's own link may be away for a while, too: that says nothing of the command.
      const isOpen = !outcome.ok && (outcome.code === 'PENDING' || (waits && outcome.code === 'NO_LINK'));
      if (!isOpen) return outcome;
      if (outcome.code === 'PENDING') this.#waits(key);
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }

  #waits(key: number): void {
    this.notes.value = this.notes.value.map((note) => (note.key === key ? { ...note, state: 'waiting' } : note));
  }

  dismiss(key: number): void {
    this.notes.value = this.notes.value.filter((note) => note.key !== key);
  }

  #begin(key: number, title: string): void {
    const note: Note = { key, title, state: 'pending', message: null };
    this.notes.value = [...this.notes.value, note].slice(-NOTES_SHOWN);
  }

  #settle(key: number, outcome: Outcome): void {
    const message = outcome.ok ? null : `${outcome.message} (${outcome.code})`;
    this.notes.value = this.notes.value.map((note) =>
      note.key === key ? { ...note, state: outcome.ok ? 'done' : 'failed', message } : note,
    );
    setTimeout(() => this.dismiss(key), outcome.ok ? DONE_SHOWN_MS : FAILED_SHOWN_MS);
  }
}
