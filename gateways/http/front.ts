import type { HttpRequest, HttpResponse, us_listen_socket, us_socket_context_t } from 'uWebSockets.js';
import uWS from 'uWebSockets.js';
import type { Registry } from 'prom-client';
import type { EdgeReport } from '../../runtime/edge/edge-report.ts';
import { ErrorWithCode } from '../../runtime/errors.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { FileRule } from '../../topology/file-rules.ts';
import type { AccessAudit } from '../auth/access-audit.ts';
import { type Authenticator, may } from '../auth/authenticator.ts';
import type { DriverLog } from '../driver.ts';
import type { KnownLink } from '../link-board.ts';
import type { SocketData } from '../websocket/connection.ts';
import { WebSocketGateway } from '../websocket/gateway.ts';
import type { PlantInfo } from '../websocket/push-contract.ts';
import { ApiServer, acceptsGzip } from './api.ts';
import { credentialsOf, isAllowedOrigin } from './credentials.ts';
import { HttpError } from './errors.ts';
import { Exchange } from './exchange.ts';
import { FrontMetrics } from './front-metrics.ts';
import { API_HEADERS, PAGE_HEADERS } from './headers.ts';
import { openApiOf } from './openapi.ts';
import { decoded } from './router.ts';
import { ROUTES } from './routes.ts';
import { StaticFiles } from './static-files.ts';
import { SystemHealth } from './system-health.ts';

export interface FrontOptions {
  /** 127.0.0.1 unless people elsewhere are to get in. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly runtime: Runtime;
  readonly plant: PlantInfo;
  /** Rules that stand in the topology file; none when left out. */
  readonly fileRules?: readonly FileRule[];
  readonly tokens: Authenticator;
  /** Is told who came in, and who was turned away. */
  readonly access: AccessAudit;
  readonly registry: Registry;
  /** The links of this node; without it those that devices tell of. */
  readonly links?: () => Iterable<KnownLink>;
  readonly edges?: () => Iterable<EdgeReport>;
  /** Text of `/metrics`; that of the registry when left out. */
  readonly metricsText?: () => Promise<string>;
  /** Files of the wall; without them there is the API alone. */
  readonly uiDir?: string;
  /** Origins of other pages that may use the API. */
  readonly allowedOrigins?: readonly string[];
  readonly limits?: FrontLimits;
  /** Addresses are taken from `X-Forwarded-For`: only behind a proxy that sets it. */
  readonly trustProxy?: boolean;
  /** Browsers reach us over TLS: the session cookie is then never sent without. */
  readonly secureCookie?: boolean;
  readonly log: DriverLog;
  readonly now?: () => number;
}

export interface FrontLimits {
  /** Of one token. Default 6000. */
  readonly requestsPerMinute?: number;
  /** Of one address, without a valid token. Default 100. */
  readonly anonymousPerMinute?: number;
  /** WebSockets at once. Default 20,000. */
  readonly clients?: number;
  /** WebSockets at once with one token. Default 1000. */
  readonly clientsPerToken?: number;
  /** WebSockets at once from one address. Default 2000. */
  readonly clientsPerAddress?: number;
  /** Longest time that a request may take. Default 30,000. */
  readonly answerWithinMs?: number;
}

export interface Front {
  readonly port: number;
  /** Takes nothing new, lets what is under way finish for at most two seconds, closes everything. */
  close(): Promise<void>;
}

const API = '/api/v1';
const DRAIN_MS = 2000;

/**
 * The people's side of a node on one port: the wall's files, REST under `/api/v1`, the push at `/ws`, and `/health`, `/ready`
 * and `/metrics` for machines that watch it.
 *
 * @throws ErrorWithCode PORT_IN_USE
 */
export async function startFront(options: FrontOptions): Promise<Front> {
  const files = await StaticFiles.load(options.uiDir);
  const server = new FrontServer(options, files);
  await server.start();
  return { port: server.port, close: () => server.close() };
}

class FrontServer {
  readonly #options: FrontOptions;
  readonly #files: StaticFiles;
  readonly #metrics: FrontMetrics;
  readonly #api: ApiServer;
  readonly #push: WebSocketGateway;
  readonly #app = uWS.App();
  readonly #allowedOrigins: ReadonlySet<string>;
  #listening: us_listen_socket | undefined;
  #underWay = 0;
  #stopping = false;

  constructor(options: FrontOptions, files: StaticFiles) {
    const { runtime, plant, tokens, access, log, limits = {}, now = Date.now } = options;
    this.#options = options;
    this.#files = files;
    this.#metrics = new FrontMetrics(options.registry);
    this.#allowedOrigins = new Set(options.allowedOrigins ?? []);
    const health = new SystemHealth(runtime, options.links);
    let document: string | undefined;
    this.#api = new ApiServer({
      api: {
        runtime,
        tokens,
        access,
        plant,
        fileRules: options.fileRules ?? [],
        health,
        edges: options.edges ?? (() => []),
        now,
        startedAtMs: now(),
        log,
        secureCookie: options.secureCookie ?? false,
        document: () => (document ??= JSON.stringify(openApiOf(ROUTES, plant.version))),
      },
      routes: ROUTES,
      allowedOrigins: this.#allowedOrigins,
      requestsPerMinute: limits.requestsPerMinute ?? 6000,
      anonymousPerMinute: limits.anonymousPerMinute ?? 100,
      log,
      ...(limits.answerWithinMs !== undefined && { answerWithinMs: limits.answerWithinMs }),
      refused: (code) => this.#metrics.refused(code),
    });
    this.#push = new WebSocketGateway({
      runtime,
      plant,
      tokens,
      access,
      health: () => health.read(now()),
      log,
      now,
      metrics: this.#metrics,
      limits: {
        total: limits.clients ?? 20_000,
        perToken: limits.clientsPerToken ?? 1000,
        perAddress: limits.clientsPerAddress ?? 2000,
      },
    });
  }

  get port(): number {
    return this.#listening === undefined ? 0 : uWS.us_socket_local_port(this.#listening);
  }

  async start(): Promise<void> {
    await this.#push.start();
    this.#push.attach(this.#app, (res, req, context) => this.#upgrade(res, req, context));
    this.#app.any('/*', (res, req) => this.#serve(res, req));
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#app.listen(host, port, (socket) => {
        if (socket) {
          this.#listening = socket;
          resolve();
          return;
        }
        this.#push.close();
        reject(
          new ErrorWithCode('PORT_IN_USE', `cannot listen on ${host}:${port}: the port is taken, or not ours to use`),
        );
      });
    });
  }

  async close(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    if (this.#listening) uWS.us_listen_socket_close(this.#listening);
    this.#push.close();
    const deadlineMs = performance.now() + DRAIN_MS;
    while ((this.#underWay > 0 || this.#push.clients > 0) && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#app.close();
  }

  #exchange(res: HttpResponse, req: HttpRequest): Exchange {
    this.#underWay++;
    const exchange: Exchange = new Exchange(res, req, {
      trustProxy: this.#options.trustProxy ?? false,
      ended: (status) => {
        this.#underWay--;
        const ms = performance.now() - exchange.startedMs;
        this.#metrics.request(exchange.method, this.#patternOf(exchange), status, ms);
      },
    });
    return exchange;
  }

  #serve(res: HttpResponse, req: HttpRequest): void {
    const exchange = this.#exchange(res, req);
    const { path } = exchange;
    if (this.#stopping) this.#api.refuse(exchange, new HttpError('STOPPING', 'this node is stopping'));
    else if (path.startsWith(`${API}/`)) void this.#api.handle(exchange, path.slice(API.length));
    else if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
      this.#api.refuse(exchange, new HttpError('METHOD_NOT_ALLOWED', `takes GET, HEAD; the API is at ${API}`), {
        allow: 'GET, HEAD',
      });
    } else if (path === '/ws') {
      const headers = { upgrade: 'websocket', connection: 'Upgrade' };
      this.#api.refuse(exchange, new HttpError('UPGRADE_REQUIRED', 'this is the address of the WebSocket'), headers);
    } else if (path === '/health') this.#status(exchange, true);
    else if (path === '/ready') this.#status(exchange, this.#options.runtime.readiness().ready);
    else if (path === '/metrics') void this.#showMetrics(exchange);
    else if (path === '/api' || path.startsWith('/api/')) {
      this.#api.refuse(exchange, new HttpError('NOT_FOUND', `the API is at ${API}`));
    } else this.#file(exchange);
  }

  /** Open to everybody, since orchestrators ask from other machines; so it says nothing but yes or no. */
  #status(exchange: Exchange, ok: boolean): void {
    exchange.answer({
      status: ok ? 200 : 503,
      headers: { ...API_HEADERS, 'content-type': 'application/json' },
      body: JSON.stringify({ status: ok ? 'ok' : 'unavailable' }),
    });
  }

  /** Open on this machine; from elsewhere, or through a proxy, with a token that has health:read. */
  async #showMetrics(exchange: Exchange): Promise<void> {
    try {
      if (!exchange.isLocal && !may(await this.#api.authenticate(exchange), 'health:read')) {
        throw new HttpError('FORBIDDEN', 'this needs the permission health:read');
      }
      const { metricsText, registry } = this.#options;
      const body = await (metricsText ?? (() => registry.metrics()))();
      exchange.answer({ status: 200, headers: { ...API_HEADERS, 'content-type': registry.contentType }, body });
    } catch (error) {
      this.#api.refuse(exchange, error);
    }
  }

  #file(exchange: Exchange): void {
    const path = decoded(exchange.path);
    const file = path === undefined ? undefined : this.#files.find(path);
    if (file === undefined) {
      const why = this.#files.size === 0 ? 'the files of the wall are not built: npm run build' : 'no such file';
      this.#api.refuse(exchange, new HttpError('NOT_FOUND', why));
      return;
    }
    const credentials = file.type.startsWith('text/html') ? credentialsOf(exchange.headers) : undefined;
    if (credentials !== undefined) void this.#options.tokens.prepare(credentials.token);
    const headers = { ...PAGE_HEADERS, etag: file.etag, vary: 'Accept-Encoding' };
    if (exchange.headers['if-none-match']?.split(/\s*,\s*/).includes(file.etag)) {
      exchange.answer({ status: 304, headers });
      return;
    }
    const zipped = acceptsGzip(exchange.headers) ? file.gzipped : undefined;
    exchange.answer({
      status: 200,
      headers: { ...headers, 'content-type': file.type, ...(zipped && { 'content-encoding': 'gzip' }) },
      body: zipped ?? file.body,
    });
  }

  /** The handshake: as any request by token or cookie, and from a page only if it is ours. */
  async #upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): Promise<void> {
    const exchange = this.#exchange(res, req);
    try {
      const { headers } = exchange;
      if (this.#stopping || this.#push.full) throw new HttpError('OVERLOADED', 'no further connections now');
      if (headers.origin !== undefined && !isAllowedOrigin(headers.origin, headers, this.#allowedOrigins)) {
        throw new HttpError('BAD_ORIGIN', 'pages of this origin may not connect');
      }
      if (headers.origin === undefined && headers.authorization === undefined && headers.cookie !== undefined) {
        throw new HttpError('BAD_ORIGIN', 'a browser says where it comes from; programs send a bearer token');
      }
      // Without a wait the upgrade is made within the callback of the request, as uWebSockets.js would have it; later it works
      // as well, but prints a warning each time. A wall that has just asked for its page is known (`#file`).
      const identity = this.#api.identityAtHand(exchange) ?? (await this.#api.authenticate(exchange));
      const refusal = this.#push.refusal({ tokenId: identity.tokenId, address: exchange.address });
      if (refusal !== undefined) throw new HttpError('TOO_MANY_CONNECTIONS', refusal);
      exchange.upgrade<SocketData>({ identity, address: exchange.address, connection: undefined }, context);
    } catch (error) {
      this.#api.refuse(exchange, error);
    }
  }

  #patternOf({ method, path }: Exchange): string {
    if (path.startsWith(`${API}/`)) return this.#api.patternOf(method, path.slice(API.length));
    return path === '/ws' || path === '/health' || path === '/ready' || path === '/metrics' ? path : 'files';
  }
}
