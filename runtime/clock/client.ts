import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, messageOf } from '../errors.ts';
import { decodeAnswer, encodeQuestion, type Measurement, measure, NONCE_BYTES, type SntpFault } from './sntp.ts';

export interface TimeServer {
  readonly host: string;
  readonly port: number;
}

export interface AskOptions {
  /** Questions of one check. */
  readonly samples: number;
  /** Between two questions: public servers refuse who asks faster. */
  readonly pauseMs: number;
  /** How long each answer may take. */
  readonly timeoutMs: number;
  /** Ends the check early. */
  readonly signal: AbortSignal;
}

export type ClockAnswer =
  | ({ readonly ok: true } & Measurement)
  | { readonly ok: false; readonly code: ClockFault; readonly message: string };

export type ClockFault = SntpFault | 'timeout' | 'host_not_found' | 'unreachable' | 'stopped';

const NTP_PORT = 123;
/** What the system calls it. */
const FAULTS: Readonly<Record<string, ClockFault>> = { ENOTFOUND: 'host_not_found', EAI_AGAIN: 'host_not_found' };

/** `host`, `host:port`, `[v6]:port`; undefined for what is none of them. */
export function parseTimeServer(text: string): TimeServer | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? NTP_PORT : Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** Asks several times and goes by the answer with the shortest way, whose error is the smallest. Never rejects. */
export async function askTime(server: TimeServer, options: AskOptions): Promise<ClockAnswer> {
  let best: Measurement | null = null;
  let fault: ClockAnswer = { ok: false, code: 'timeout', message: 'not asked' };
  let socket: Socket | null = null;
  try {
    socket = await connect(server);
    for (let sample = 0; sample < options.samples && !options.signal.aborted; sample++) {
      if (sample > 0) await delay(options.pauseMs, undefined, { signal: options.signal, ref: false });
      const answer = await askOnce(socket, options);
      if (!answer.ok) {
        fault = answer;
        // RFC 4330, 8: who is told to go away does not ask again.
        if (answer.code === 'refused') break;
      } else if (best === null || answer.roundTripMs < best.roundTripMs) best = answer;
    }
  } catch (error) {
    fault = faultOf(error);
  } finally {
    socket?.close();
  }
  if (options.signal.aborted) return { ok: false, code: 'stopped', message: 'the check was ended' };
  return best === null ? fault : { ok: true, offsetMs: best.offsetMs, roundTripMs: best.roundTripMs };
}

/** A connected socket takes packets of this one sender, and hears that nobody listens there. */
async function connect({ host, port }: TimeServer): Promise<Socket> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  // An error that comes between two questions says no more than that there is no answer.
  socket.on('error', () => undefined);
  socket.unref();
  socket.connect(port, address);
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function askOnce(socket: Socket, { timeoutMs, signal }: AskOptions): Promise<ClockAnswer> {
  return new Promise((resolve) => {
    const nonce = randomBytes(NONCE_BYTES);
    let last: ClockAnswer = { ok: false, code: 'timeout', message: `no answer within ${timeoutMs} ms` };
    const end = (answer: ClockAnswer): void => {
      clearTimeout(timer);
      socket.off('message', onMessage);
      socket.off('error', onError);
      signal.removeEventListener('abort', onAbort);
      resolve(answer);
    };
    const onMessage = (packet: Buffer): void => {
      // Our wall clock may be set while we wait; how long we have waited is not a matter of it.
      const answeredAtMs = askedAtMs + (performance.now() - askedAt);
      const answer = decodeAnswer(packet, nonce);
      if (answer.ok) end({ ok: true, ...measure(answer.times, askedAtMs, answeredAtMs) });
      // A late answer to an earlier question, or somebody else's: ours may still come.
      else if (answer.code === 'of_another_question' || answer.code === 'not_an_answer') last = answer;
      else end(answer);
    };
    const onError = (error: Error): void => end(faultOf(error));
    const onAbort = (): void => end({ ok: false, code: 'stopped', message: 'the check was ended' });
    const timer = setTimeout(() => end(last), timeoutMs);
    timer.unref();
    socket.on('message', onMessage);
    socket.on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    const askedAtMs = Date.now();
    const askedAt = performance.now();
    socket.send(encodeQuestion(nonce), (error) => {
      if (error) onError(error);
    });
  });
}

function faultOf(error: unknown): ClockAnswer {
  return { ok: false, code: FAULTS[codeOf(error) ?? ''] ?? 'unreachable', message: messageOf(error) };
}
