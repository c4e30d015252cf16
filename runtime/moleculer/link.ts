import { type Context, Errors, ServiceBroker, type ServiceSchema } from 'moleculer';
import { ErrorCode } from 'nats';
import type { Logger } from 'pino';
import { z } from 'zod';
import { brokerOptions } from '../../moleculer.config.ts';
import { codeOf, ErrorWithCode, messageOf } from '../errors.ts';
import type { Link, LinkState } from '../link.ts';
import { accessOf, type NatsAccess } from '../nats/connection.ts';
import { BrokerLog } from './broker-log.ts';
import { NatsTransporter } from './nats-transporter.ts';
import { Outbox } from './outbox.ts';

const SERVICE = 'node';
const TAKE = `${SERVICE}.take`;

const Message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('request'), id: z.number().int(), what: z.string(), body: z.unknown() }),
  z.object({ kind: z.literal('tell'), what: z.string(), body: z.unknown() }),
  z.object({ kind: z.literal('answer'), id: z.number().int(), value: z.unknown() }),
  z.object({ kind: z.literal('refusal'), id: z.number().int(), code: z.string(), message: z.string() }),
]);
type Message = z.infer<typeof Message>;
const Batch = z.object({ messages: z.array(Message).max(1024) });

/** What the registry says of a node; one that was there first is never announced, so that its events would not do. */
const KnownNodes = z.array(z.object({ id: z.string(), available: z.boolean(), local: z.boolean() }));

interface Pending {
  readonly node: string;
  resolve(value: unknown): void;
  reject(error: ErrorWithCode): void;
  readonly timer: NodeJS.Timeout;
}

export interface MoleculerLinkOptions {
  readonly node: string;
  readonly cell: string;
  /** As every other connection to NATS of this process. */
  readonly nats: NatsAccess;
  readonly log: Logger;
  readonly changed: (state: LinkState) => void;
}

/**
 * The link between nodes on Moleculer over NATS. One action, `node.take`, takes a batch and answers at once that it is here;
 * what each message leads to comes back in a batch of the other direction. So nobody's answer waits for another's.
 */
export class MoleculerLink implements Link {
  readonly node: string;
  readonly #broker: ServiceBroker;
  readonly #changed: (state: LinkState) => void;
  readonly #outboxes = new Map<string, Outbox<Message>>();
  readonly #answers = new Map<string, (body: unknown, from: string) => unknown>();
  readonly #pending = new Map<number, Pending>();
  #state: LinkState = { connected: false, detail: 'not started', sinceMs: Date.now() };
  #nextId = 1;

  constructor({ node, cell, nats, log, changed }: MoleculerLinkOptions) {
    this.node = node;
    this.#changed = changed;
    const transporter = new NatsTransporter({ access: accessOf(nats), changed: (state) => this.#became(state) });
    this.#broker = new ServiceBroker({ ...brokerOptions(node, cell), transporter, logger: new BrokerLog(log) });
    this.#broker.createService(this.#service());
  }

  async start(): Promise<void> {
    await this.#broker.start();
  }

  async stop(): Promise<void> {
    await this.#broker.stop();
    for (const id of [...this.#pending.keys()]) this.#fail(id, 'LINK_CLOSED', 'this node is stopping');
    this.#became({ connected: false, detail: 'stopped', sinceMs: Date.now() });
  }

  get state(): LinkState {
    return this.#state;
  }

  get nodes(): readonly string[] {
    const known = KnownNodes.parse(this.#broker.registry.nodes.toArray());
    return known.filter(({ available, local }) => available && !local).map(({ id }) => id);
  }

  request(node: string, what: string, body: unknown, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => this.#fail(id, 'LINK_TIMEOUT', `no answer within ${timeoutMs} ms`), timeoutMs);
      this.#pending.set(id, { node, resolve, reject, timer });
      if (!this.#post(node, { kind: 'request', id, what, body }))
        this.#fail(id, 'LINK_FULL', `too much waits for ${node} already`);
    });
  }

  tell(node: string, what: string, body: unknown): void {
    this.#post(node, { kind: 'tell', what, body });
  }

  announce(what: string, body: unknown): void {
    for (const node of this.nodes) this.tell(node, what, body);
  }

  serve(what: string, answer: (body: unknown, from: string) => unknown): void {
    this.#answers.set(what, answer);
  }

  #service(): ServiceSchema {
    return {
      name: SERVICE,
      actions: {
        take: (context: Context) => {
          const batch = Batch.safeParse(context.params);
          if (!batch.success) throw new Errors.MoleculerClientError('not a batch', 400, 'BAD_BATCH');
          const from = context.nodeID ?? this.node;
          for (const message of batch.data.messages) this.#receive(message, from);
          return true;
        },
      },
    };
  }

  #post(node: string, message: Message): boolean {
    let outbox = this.#outboxes.get(node);
    if (!outbox) {
      outbox = new Outbox<Message>(
        async (messages) => void (await this.#broker.call(TAKE, { messages }, { nodeID: node })),
        (messages, error) => this.#undelivered(node, messages, error),
      );
      this.#outboxes.set(node, outbox);
    }
    return outbox.post(message);
  }

  #receive(message: Message, from: string): void {
    switch (message.kind) {
      case 'request':
        void this.#answer(message, from);
        return;
      case 'tell':
        void this.#take(message.what, message.body, from).catch(() => undefined);
        return;
      case 'answer':
        this.#settle(message.id)?.resolve(message.value);
        return;
      case 'refusal':
        this.#fail(message.id, message.code, message.message);
        return;
    }
  }

  async #answer({ id, what, body }: Extract<Message, { kind: 'request' }>, from: string): Promise<void> {
    try {
      const value = await this.#take(what, body, from);
      this.#post(from, { kind: 'answer', id, value: value ?? null });
    } catch (error) {
      this.#post(from, { kind: 'refusal', id, code: codeOf(error) ?? 'FAILED', message: messageOf(error) });
    }
  }

  async #take(what: string, body: unknown, from: string): Promise<unknown> {
    const answer = this.#answers.get(what);
    if (!answer) throw new ErrorWithCode('NOT_SERVED', `this node does not answer ${what}`);
    return answer(body, from);
  }

  #undelivered(node: string, messages: readonly Message[], error: unknown): void {
    // A node that the registry does not know was sent nothing; of any other failure nobody knows.
    const unsent = error instanceof Errors.ServiceNotFoundError || error instanceof Errors.ServiceNotAvailableError;
    const tooLarge = codeOf(error) === ErrorCode.MaxPayloadExceeded;
    const code = tooLarge ? 'LINK_MESSAGE_TOO_LARGE' : unsent ? 'NODE_UNREACHABLE' : 'LINK_TIMEOUT';
    for (const message of messages) {
      const text = `${node}: ${messageOf(error)}`;
      if (message.kind === 'request') this.#fail(message.id, code, text);
      // Whoever asked need not wait until its time is up.
      else if (message.kind === 'answer' && tooLarge)
        this.#post(node, { kind: 'refusal', id: message.id, code, message: 'the answer is larger than NATS takes' });
    }
  }

  #fail(id: number, code: string, message: string): void {
    this.#settle(id)?.reject(new ErrorWithCode(code, message));
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  #became(state: LinkState): void {
    this.#state = state;
    this.#changed(state);
  }
}
