import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeTimestamp } from '../../runtime/clock/sntp.ts';

/** An SNTP server on loopback whose clock is off as it is told, and which answers or not. */
export class TimeServer {
  /** Of its clock from ours. */
  offsetMs = 0;
  behaviour: 'answers' | 'silent' | 'refuses' = 'answers';
  /** How long each answer takes on its way back, by number of the question; the rest none. */
  delaysMs: readonly number[] = [];
  questions = 0;
  readonly #socket: Socket = createSocket('udp4');

  static async start(offsetMs: number): Promise<TimeServer> {
    const server = new TimeServer();
    server.offsetMs = offsetMs;
    server.#socket.on('message', (question, { port, address }) => {
      const delayMs = server.delaysMs[server.questions++] ?? 0;
      if (server.behaviour === 'silent') return;
      const answer = server.#answer(question);
      setTimeout(() => server.#socket.send(answer, port, address), delayMs);
    });
    server.#socket.bind(0, '127.0.0.1');
    await once(server.#socket, 'listening');
    return server;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #answer(question: Buffer): Buffer {
    const answer = Buffer.alloc(48);
    answer[0] = 0x24;
    answer[1] = this.behaviour === 'refuses' ? 0 : 2;
    if (this.behaviour === 'refuses') answer.write('DENY', 12, 'latin1');
    question.copy(answer, 24, 40, 48);
    const nowMs = Date.now() + this.offsetMs;
    writeTimestamp(answer, 32, nowMs);
    writeTimestamp(answer, 40, nowMs);
    return answer;
  }
}
