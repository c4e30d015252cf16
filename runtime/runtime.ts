import type { View, Who } from './actor-kind.ts';
import type { Historian } from './historian.ts';
import type { CommandId, EntityId } from './ids.ts';
import type { Journal } from './journal.ts';
import type { Json } from './json.ts';
import type { LiveBus } from './live-bus.ts';
import type { DeadLetter, DeadLetterStore } from './log.ts';

/** What a gateway may do with the actors. Implemented by the node, whatever number of nodes there are. */
export interface Runtime {
  /** Sends a command and waits for its commit. Never rejects: every failure is a reply with a stable code. */
  ask(to: EntityId, command: unknown, options: AskOptions): Promise<Reply>;
  /** An input for the entity's `admit`. Resolves when the log has what was admitted; rejects when it cannot. */
  ingest(source: EntityId, input: unknown): Promise<void>;
  /** A live fact for the entity's `note`, never journaled. */
  note(to: EntityId, note: Json): void;
  /** What an entity would show, made from its records: for those that are not live. Undefined when there are none. */
  remembered(id: EntityId): Promise<View | undefined>;
  /**
   * Builds an entity again that does not run, whatever it has crashed before; without a permission of its own: that is for
   * whoever calls this to ask for. Never rejects.
   */
  restart(id: EntityId): Promise<Restarted>;
  deadLetter(letter: DeadLetter): void;
  /**
   * Of an entity that is not shown: false where there certainly is none of that name. True where it is on its way to another node
   * or being recovered, so that nobody can say what it shows; the next question may find it.
   */
  mayExist(id: EntityId): boolean;
  /** Whether people may be sent to this node: what it owns is recovered and served, and what it does not own it can reach. */
  readiness(): Readiness;
  /** Whether an entity lives on this node now: what there is to do for it in the field is then for this node to do. */
  isHere(id: EntityId): boolean;
  /** Told when entities have come to this node, and before some leave it, which then waits, for a while. Returns the unsubscribe. */
  onMoved(listener: () => Promise<void>): () => void;
  readonly live: LiveBus;
  readonly journal: Journal;
  readonly historian: Historian;
  readonly deadLetters: DeadLetterStore;
  /** For the health page: state of each part, with reason. */
  health(): Health;
}

export interface AskOptions {
  /**
   * Repeated, it returns the first answer; with another command to the same entity it is refused. Ids of different users
   * never meet, and none meets an id that the product itself uses (`journalCommandId`).
   */
  readonly commandId: CommandId;
  readonly by: Who;
  /** What the sender may do; `internal` commands need `internal:*`, which no token has. */
  readonly permissions: readonly string[];
  readonly timeoutMs?: number;
  /**
   * By the clock here: from then on it is not decided any more, and what acts on the world not begun, however long that may take by
   * itself; refused with EXPIRED unless it was accepted before. Default: never.
   */
  readonly deadlineMs?: number;
}

export type Reply =
  | {
      readonly ok: true;
      readonly result: Json /** True when the command id was known: the first answer. */;
      readonly repeated: boolean;
    }
  | { readonly ok: false; readonly code: ReplyCode; readonly message: string; readonly field?: string };

/** How a restart ended: with the entity live, or with NOT_FOUND, INVALID_STATE_TRANSITION where it runs, STALE_ROUTE or UNAVAILABLE. */
export type Restarted =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: ReplyCode; readonly message: string };

/** Codes of the runtime; an actor's own rejections add theirs. */
export type ReplyCode =
  | 'INVALID_COMMAND'
  | 'COMMAND_ID_REUSED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'OVERLOADED'
  | 'UNAVAILABLE'
  | 'TIMEOUT'
  | 'STALE_ROUTE'
  | 'STOPPED'
  | (string & {});

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

export interface Health {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly parts: readonly {
    readonly name: string;
    /** `not_checked`: nobody looks, so nothing can be said; it counts neither as well nor as ill. */
    readonly status: 'healthy' | 'degraded' | 'unhealthy' | 'not_checked';
    readonly detail: string;
  }[];
}
