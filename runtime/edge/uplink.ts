import type { Logger } from 'pino';
import { ErrorWithCode, messageOf } from '../errors.ts';
import { CommandId } from '../ids.ts';
import type { Json } from '../json.ts';
import { permits } from '../permissions.ts';
import type { Health, Reply, Runtime } from '../runtime.ts';
import { type CellLink, CORE } from './cell-link.ts';
import { ClockAnswer, CommandRequest } from './cell-messages.ts';
import type { CellNames } from './cell-names.ts';
import { CentreClock, instant } from './centre-clock.ts';
import type { Offset } from './clock-offset.ts';
import { type EdgeReport, edgeReport } from './edge-report.ts';
import { Forwarder, type Forwarding } from './forwarder.ts';
import { JournalLane } from './journal-lane.ts';
import { RateLimit } from './rate-limit.ts';
import { Refusals } from './refusals.ts';
import { type CentralLog, type EdgeLog, TelemetryLane } from './telemetry-lane.ts';
import type { UplinkMemory } from './uplink-memory.ts';
import { type Behind, behindInWords, behindOf, isBacklog } from './uplink-words.ts';
import { ViewLane } from './view-lane.ts';
import { PageRequest } from './view-message.ts';

export interface UplinkOptions {
  readonly link: CellLink;
  readonly centralLog: CentralLog;
  readonly runtime: Pick<Runtime, 'ask' | 'live' | 'journal' | 'deadLetter'>;
  readonly log: EdgeLog & { onAppended(listener: () => void): () => void };
  readonly memory: UplinkMemory;
  readonly names: CellNames;
  /** What actors of the centre may tell those of this cell, as those are to have it; undefined: not this. */
  readonly toldByCentre: (command: unknown) => Json | undefined;
  /** Kinds of entities that the centre shows. */
  readonly kinds: readonly string[];
  readonly backfillBytesPerSecond: number;
  /** What is told of this node beside its link, for whoever looks after it. */
  readonly own?: () => Readonly<Record<string, Json>>;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /** Shorter intervals, for tests. */
  readonly timing?: { readonly lateAfterMs?: number; readonly gatherMs?: number; readonly clockEveryMs?: number };
}

export interface UplinkState {
  readonly connected: boolean;
  readonly detail: string;
  readonly trouble: string | undefined;
  readonly telemetry: Forwarding;
  readonly journal: Forwarding;
  readonly behind: Behind;
  /** Of the clock of the centre from ours; undefined while nobody has answered. */
  readonly clock: Offset | undefined;
}

const CLOCK_EVERY_MS = 10_000;
const ANSWER_WITHIN_MS = 5000;

/**
 * What goes from an edge to the centre, and the commands that come back. The newest views go at once; telemetry log and journal
 * follow in order, each part once, from where the centre says that it is. Nothing here keeps the edge from working alone.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #telemetry: Forwarder<
    Awaited<ReturnType<TelemetryLane['learn']>>,
    NonNullable<Awaited<ReturnType<TelemetryLane['read']>>>
  >;
  readonly #journal: Forwarder<
    Awaited<ReturnType<JournalLane['learn']>>,
    NonNullable<Awaited<ReturnType<JournalLane['read']>>>
  >;
  readonly #views: ViewLane;
  readonly #clock = new CentreClock();
  readonly #refusals: Refusals;
  readonly #silence: (() => void)[];
  readonly #clockTimer: NodeJS.Timeout;
  readonly #late: RateLimit;
  #sinceMs = Date.now();

  constructor(options: UplinkOptions) {
    this.#options = options;
    const { link, centralLog, runtime, log, memory, backfillBytesPerSecond, timing = {} } = options;
    const { clockEveryMs = CLOCK_EVERY_MS, ...forwarding } = timing;
    this.#refusals = new Refusals(memory);
    const telemetry = new TelemetryLane({
      log,
      centre: centralLog,
      memory,
      dropped: ({ source }, error) =>
        runtime.deadLetter({
          timeMs: Date.now(),
          stream: 'messages',
          source,
          code: 'LOG_RECORD_TOO_LARGE',
          reason: messageOf(error),
          body: null,
        }),
    });
    // Both share what may pass late: the journal, which is small, goes first, and the telemetry has what is left of it.
    const limit = new RateLimit(backfillBytesPerSecond);
    this.#late = limit;
    this.#telemetry = new Forwarder(telemetry, { limit, ...forwarding });
    this.#journal = new Forwarder(new JournalLane({ journal: runtime.journal, link, memory }), {
      limit: new RateLimit(backfillBytesPerSecond),
      alsoFrom: limit,
      ...forwarding,
    });
    this.#views = new ViewLane({
      live: runtime.live,
      kinds: options.kinds,
      tell: (message) => link.tell(CORE, 'views', message),
      status: () => this.status(),
    });
    link.serve('page', (body) => this.#views.page(PageRequest.parse(body).after));
    link.serve('hello', () => {
      this.#telemetry.retry();
      this.#journal.retry();
    });
    link.serve('command', (body) => this.#command(body));
    this.#silence = [
      log.onAppended(() => this.#telemetry.grown()),
      runtime.live.onCommitted(() => this.#journal.grown()),
      link.onState(({ connected }) => this.#linked(connected)),
    ];
    this.#clockTimer = setInterval(() => void this.#askTime(), clockEveryMs);
    this.#linked(link.state.connected);
  }

  get state(): UplinkState {
    const { connected, detail, trouble } = this.#options.link.state;
    const [telemetry, journal] = [this.#telemetry.status, this.#journal.status];
    const behind = behindOf(telemetry, journal, Date.now());
    return { connected, detail, trouble, telemetry, journal, behind, clock: this.#clock.offset };
  }

  /** What the centre has of the telemetry log: so much need not be kept for it. */
  get forwarded(): number {
    return this.#telemetry.status.position ?? 0;
  }

  health(): Health['parts'][number] {
    return healthOf(this.state);
  }

  /** As the centre is told it, four times a second. */
  status(): Record<string, Json> {
    const { own, backfillBytesPerSecond } = this.#options;
    return {
      ...statusOf(this.state),
      ...own?.(),
      backfillBytesPerSecond: Math.round(this.#late.recent(Date.now())),
      backfillLimitBytesPerSecond: backfillBytesPerSecond,
    };
  }

  /** This edge as it sees itself. */
  report(): EdgeReport {
    const { connected, detail } = this.#options.link.state;
    const problem = connected ? null : detail;
    const now = { heardMs: Date.now(), liveLagMs: null, commands: [] };
    return edgeReport(
      { cell: this.#options.link.cell, linked: connected, sinceMs: this.#sinceMs, problem, ...now },
      this.status(),
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.#clockTimer);
    for (const end of this.#silence) end();
    this.#views.stop();
    await Promise.all([this.#telemetry.stop(), this.#journal.stop()]);
  }

  #linked(up: boolean): void {
    this.#sinceMs = Date.now();
    this.#telemetry.link(up);
    this.#journal.link(up);
    if (!up) this.#clock.forget();
    else void this.#askTime();
  }

  async #askTime(): Promise<void> {
    const { link } = this.#options;
    if (!link.state.connected) return;
    const asked = instant();
    try {
      const { receivedMs, answeredMs } = ClockAnswer.parse(await link.request(CORE, 'clock', {}, ANSWER_WITHIN_MS));
      this.#clock.add({ asked, receivedMs, answeredMs, heard: instant() });
    } catch {
      // The lanes say what is wrong with the link; a time that nobody told is no news.
    }
  }

  async #command(body: unknown): Promise<Reply> {
    const { link, runtime, names } = this.#options;
    const parsed = CommandRequest.safeParse(body);
    if (!parsed.success) throw new ErrorWithCode('INVALID_COMMAND', 'not a command of this version');
    const { to, command, commandId, by, permissions, expiresAtMs } = parsed.data;
    const leftMs = await this.#leftMs(expiresAtMs);
    const isTold = by.via === 'entity' && permits(permissions, 'internal:command');
    const told = isTold ? this.#options.toldByCentre(command) : undefined;
    if (told !== undefined) {
      if (leftMs <= 0) return { ok: false, code: 'EXPIRED', message: 'it arrived after its time' };
      // Actors of both cells may have one name, and so the same ids for what they tell.
      const asked = {
        commandId: CommandId.parse(`${CORE}:${commandId}`),
        by,
        permissions,
        timeoutMs: ANSWER_WITHIN_MS,
      };
      return runtime.ask(to, told, asked);
    }
    // Late or not, its entity is asked: a copy of it may have been accepted in time, and then nobody is told that it was not.
    const deadlineMs = Date.now() + leftMs;
    return this.#refusals.once(to, { by, commandId, command }, () =>
      runtime.ask(names.inside(to, link.cell), command, {
        commandId,
        by,
        // Whatever else actors tell each other stays within a cell.
        permissions: permissions.filter((permission) => !permission.startsWith('internal:')),
        timeoutMs: ANSWER_WITHIN_MS,
        deadlineMs,
      }),
    );
  }

  /** What is left at the least of the time that the centre gave, wherever the command was held up on its way. */
  async #leftMs(expiresAtMs: number): Promise<number> {
    if (this.#clock.offset === undefined) await this.#askTime();
    const latestMs = this.#clock.latestMs(instant());
    // Not carried out and not refused: the centre sends it again.
    if (latestMs === undefined) throw new ErrorWithCode('UNAVAILABLE', 'the clock of the centre is not known here yet');
    return expiresAtMs - latestMs;
  }
}

function statusOf(state: UplinkState): Record<string, Json> {
  const { telemetry, journal, behind, clock } = state;
  return {
    telemetry: telemetry.state,
    journal: journal.state,
    ...behind,
    clockOffsetMs: clock === undefined ? null : Math.round(clock.offsetMs),
    problem: (telemetry.error ?? journal.error)?.message ?? null,
  };
}

function healthOf(state: UplinkState): Health['parts'][number] {
  const { connected, detail, trouble, telemetry, journal, behind, clock } = state;
  const name = 'uplink';
  const lag = behindInWords(behind, Date.now());
  if (!connected)
    return { name, status: 'degraded', detail: `no link to the centre: ${detail}; this cell goes on alone, ${lag}` };
  const error = telemetry.error ?? journal.error;
  if (error !== undefined) return { name, status: 'degraded', detail: `${error.code}: ${error.message}; ${lag}` };
  if (trouble !== undefined) return { name, status: 'degraded', detail: `${trouble}; ${lag}` };
  const offset = clock === undefined ? '' : `, the clock of the centre is ${Math.round(clock.offsetMs)} ms from ours`;
  return { name, status: isBacklog(behind) ? 'degraded' : 'healthy', detail: `${lag}${offset}` };
}
