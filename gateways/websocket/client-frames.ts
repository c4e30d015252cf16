import type { z } from 'zod';
import { CommandId, EntityId } from '../../runtime/ids.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { type AccessAudit, wantedBy } from '../auth/access-audit.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { DriverLog } from '../driver.ts';
import { parseJsonText, UnusableText } from '../json-text.ts';
import { madeIsShown } from '../made.ts';
import type { Connection } from './connection.ts';
import { ClientFrame, type Command } from './protocol.ts';
import { MAX_COMMANDS_IN_FLIGHT, MAX_ERRORS, MAX_FRAME_BYTES, type PushMetrics } from './push-contract.ts';
import type { Subscription } from './selection.ts';

export interface ClientFramesOptions {
  readonly runtime: Runtime;
  readonly tokens: Authenticator;
  readonly access: AccessAudit;
  readonly metrics: PushMetrics;
  readonly log: DriverLog;
  readonly now: () => number;
  subscribe(connection: Connection, subscription: Subscription): Promise<void>;
}

export interface FrameError {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly sub?: string;
}

/** Takes what clients send: never throws, answers every frame, and counts what is wrong. */
export class ClientFrames {
  readonly #options: ClientFramesOptions;

  constructor(options: ClientFramesOptions) {
    this.#options = options;
  }

  take(connection: Connection, message: ArrayBuffer, isBinary: boolean): void {
    if (connection.deaf) {
      this.#options.metrics.error('DEAF');
      connection.end(1008, 'answers are not being read');
      return;
    }
    const frame = this.#read(connection, message, isBinary);
    if ('code' in frame) {
      this.error(connection, frame);
      return;
    }
    this.#answer(connection, frame).catch((error: unknown) => {
      this.#options.log.error({ error, op: frame.op }, 'a frame could not be answered');
      this.error(connection, { code: 'INTERNAL', message: 'this went wrong on the server' });
    });
  }

  error(connection: Connection, error: FrameError): void {
    if (connection.closed) return;
    this.#options.metrics.error(error.code);
    connection.json({ op: 'error', ...error });
    connection.errors++;
    if (connection.errors >= MAX_ERRORS) connection.end(1008, 'too many errors');
  }

  async #answer(connection: Connection, frame: ClientFrame): Promise<void> {
    switch (frame.op) {
      case 'subscribe':
        return this.#options.subscribe(connection, frame);
      case 'unsubscribe':
        if (!connection.unsubscribe(frame.sub)) {
          this.error(connection, { code: 'NOT_SUBSCRIBED', message: 'no such subscription', sub: frame.sub });
        }
        return;
      case 'command':
        return this.#command(connection, frame);
      case 'ping':
        return connection.json({
          op: 'pong',
          ...(frame.id !== undefined && { id: frame.id }),
          timeMs: this.#options.now(),
        });
      default:
        return frame satisfies never;
    }
  }

  async #command(connection: Connection, frame: z.infer<typeof Command>): Promise<void> {
    const refuse = (code: string, message: string, field?: string) => {
      this.#options.metrics.error(code);
      connection.json({ op: 'reply', id: frame.id, ok: false, code, message, ...(field !== undefined && { field }) });
    };
    const entity = EntityId.safeParse(frame.entity);
    if (!entity.success) return refuse('INVALID_COMMAND', 'an entity id reads kind/name', 'entity');
    if (connection.commandsInFlight >= MAX_COMMANDS_IN_FLIGHT) {
      return refuse('OVERLOADED', `at most ${MAX_COMMANDS_IN_FLIGHT} commands at once`);
    }
    connection.commandsInFlight++;
    try {
      const reply = await this.#options.runtime.ask(entity.data, frame.command, {
        commandId: CommandId.parse(frame.id),
        by: { user: connection.identity.user, via: 'websocket' },
        // Asked for again: an applied topology may have changed the role since the client connected.
        permissions: this.#options.tokens.permissionsOf(connection.identity.role) ?? [],
      });
      if (!reply.ok) {
        if (reply.code === 'FORBIDDEN') {
          const { identity, address } = connection;
          const wanted = wantedBy(frame.command, frame.entity);
          this.#options.access.refused({ identity, address, via: 'websocket', wanted, reason: reply.message });
        }
        return refuse(reply.code, reply.message, reply.field);
      }
      await madeIsShown(this.#options.runtime, entity.data, frame.command, reply);
      connection.json({ op: 'reply', id: frame.id, ok: true, result: reply.result, repeated: reply.repeated });
    } finally {
      connection.commandsInFlight--;
    }
  }

  #read(connection: Connection, message: ArrayBuffer, isBinary: boolean): ClientFrame | FrameError {
    if (connection.exceedsRate(this.#options.now())) return { code: 'RATE_LIMITED', message: 'too many frames' };
    if (isBinary) return { code: 'BAD_FRAME', message: 'frames are text' };
    if (message.byteLength > MAX_FRAME_BYTES) {
      return { code: 'TOO_LARGE', message: `a frame has at most ${MAX_FRAME_BYTES} bytes` };
    }
    let json: unknown;
    try {
      json = parseJsonText(Buffer.from(message).toString());
    } catch (error) {
      return {
        code: 'BAD_JSON',
        message: error instanceof UnusableText ? `a frame is ${error.message}` : 'a frame is one JSON object',
      };
    }
    const frame = ClientFrame.safeParse(json);
    return frame.success ? frame.data : malformed(json, frame.error);
  }
}

function malformed(json: unknown, error: z.ZodError): FrameError {
  const issue = error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : [];
  const field = [...(issue?.path ?? []), ...unknown.slice(0, 1)].join('.');
  const sub = typeof json === 'object' && json !== null && 'sub' in json ? json.sub : undefined;
  return {
    code: 'BAD_FRAME',
    message: issue?.message ?? 'not a frame of this protocol',
    ...(field !== '' && { field }),
    ...(typeof sub === 'string' && sub.length <= 40 && { sub }),
  };
}
