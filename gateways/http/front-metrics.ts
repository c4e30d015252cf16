import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { PushMetrics } from '../websocket/push-contract.ts';

/** What the people's side counts, in the registry of the node. */
export class FrontMetrics implements PushMetrics {
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #seconds: Histogram<'route'>;
  readonly #errors: Counter<'side' | 'code'>;
  readonly #clients: Gauge;
  readonly #frames: Counter;
  readonly #skipped: Counter<'lane'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requests = new Counter({
      name: 'signalbox_http_requests_total',
      help: 'Requests by route and status; 499: the client went away',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'signalbox_http_request_seconds',
      help: 'From the request to its answer',
      labelNames: ['route'],
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    this.#errors = new Counter({
      name: 'signalbox_front_errors_total',
      help: 'What was refused, over HTTP and WebSocket, by stable code',
      labelNames: ['side', 'code'],
      registers,
    });
    this.#clients = new Gauge({ name: 'signalbox_ws_clients', help: 'Open WebSockets', registers });
    this.#frames = new Counter({ name: 'signalbox_ws_frames_total', help: 'Frames sent', registers });
    this.#skipped = new Counter({
      name: 'signalbox_ws_skipped_total',
      help: 'Times that a congested client was left out of a flush, or was put to catching up',
      labelNames: ['lane'],
      registers,
    });
  }

  /** `route` is the pattern and never the path, so that the number of series is bounded. */
  request(method: string, route: string, status: number, ms: number): void {
    this.#requests.inc({ method: METHODS.has(method) ? method : 'OTHER', route, status });
    this.#seconds.observe({ route }, ms / 1000);
  }

  refused(code: string): void {
    this.#errors.inc({ side: 'http', code });
  }

  clients(count: number): void {
    this.#clients.set(count);
  }

  frames(count: number): void {
    this.#frames.inc(count);
  }

  skipped(lane: 'values' | 'events'): void {
    this.#skipped.inc({ lane });
  }

  error(code: string): void {
    this.#errors.inc({ side: 'websocket', code: KNOWN.test(code) ? code : 'OTHER' });
  }
}

const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);
const KNOWN = /^[A-Z][A-Z0-9_]{1,40}$/;
