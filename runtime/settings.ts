import { z } from 'zod';
import { parseTimeServer } from './clock/client.ts';
import { CORE } from './edge/cell-link.ts';

/**
 * Every setting of a node: one schema, read from the environment (`SIGNALBOX_` and the name) and from a settings file, the
 * environment first. An unknown key or a value out of range stops the start with a message that names it.
 */
export const Settings = z.strictObject({
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder of journal, log and history; belongs to one process at a time'),
  DATABASE_URL: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PostgreSQL for journal, snapshots, tokens and dead letters: `postgres://user:password@host:5432/database?sslmode=verify-full`; without it they are in the data folder',
    ),
  NATS_URL: z
    .string()
    .min(1)
    .optional()
    .describe(
      'NATS with JetStream for the telemetry log: `nats://host:4222` or `tls://user:password@host:4222`, several servers of one cluster separated by commas; without it the log is in the data folder',
    ),
  NATS_STREAM_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/)
    .default('signalbox')
    .describe('Streams and subjects of this cell on NATS begin with it'),
  NATS_REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe(
      'Servers that have each record before its source is told; more than 1 needs nats-server 2.10.27 or newer',
    ),
  NATS_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3650)
    .default(30)
    .describe('Age beyond which the stream drops records, whether everybody has read them or not'),
  NATS_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(10_000_000)
    .optional()
    .describe('Size beyond which the stream drops its oldest records; without it the limit of the server holds'),
  NATS_ALARMS_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(36_500)
    .default(2557)
    .describe('How long the stream of alarms keeps each transition, for other programs'),
  NATS_EVENTS_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(36_500)
    .default(365)
    .describe('How long the stream of all other events keeps each of them, for other programs'),
  NATS_DEAD_LETTERS_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3650)
    .default(30)
    .describe('How long the stream of dead letters keeps each of them, for other programs'),
  NATS_CREDENTIALS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('A .creds file, or one with the seed of an nkey, to log in to NATS with'),
  NATS_TLS_CA_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('Certificates of the authority that NATS has its own from, PEM'),
  NATS_TLS_CERT_FILE: z.string().min(1).optional().describe('Our certificate for NATS, PEM'),
  NATS_TLS_KEY_FILE: z.string().min(1).optional().describe('The key of our certificate for NATS, PEM'),
  NATS_START_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3_600_000)
    .default(30_000)
    .describe('Time for which a start waits for NATS before it gives up, in ms'),
  CELL: z
    .string()
    .min(1)
    .max(20)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'letters, digits, dash and underscore')
    .default('core')
    .describe(
      'The cell that runs here: the sites of the topology file that name it. `core` is the centre; any other runs on an edge, by itself where nothing else can be reached',
    ),
  UPLINK_URL: z
    .string()
    .regex(/^(nats|tls):\/\/[^\s,/]+(,(nats|tls):\/\/[^\s,/]+)*$/, 'nats://host:4222 or tls://user:password@host:4222')
    .optional()
    .describe(
      'NATS of the centre, or a leaf node of it, that an edge connects to: `tls://user:password@host:4222`; without it the edge stays alone. Credentials and certificates are those of `NATS_CREDENTIALS_FILE` and `NATS_TLS_…`',
    ),
  UPLINK_DOMAIN: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/)
    .optional()
    .describe('JetStream domain of the centre, where `UPLINK_URL` names a leaf node that has one of its own'),
  UPLINK_BACKFILL_BYTES_PER_SECOND: z.coerce
    .number()
    .int()
    .min(1000)
    .max(1_000_000_000)
    .default(500_000)
    .describe('How fast an edge sends what it kept during a cut, compressed; what is live passes beside it'),
  DISK_BUDGET_BYTES: z.coerce
    .number()
    .int()
    .min(50_000_000)
    .default(100_000_000_000)
    .describe(
      'What the data folder of an edge may take. From 90 % of it, or of the disk, the oldest goes until 85 %: dead letters first, then the history here, then the telemetry log; never an event or an alarm',
    ),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\/[^/]/, 'reads redis://host:6379 or rediss://user:password@host:6379/0')
    .optional()
    .describe(
      'Redis for the live views of several nodes: `redis://host:6379` or `rediss://user:password@host:6379/0`; without it, and while it is away, nodes ask each other',
    ),
  TOPOLOGY: z.string().min(1).optional().describe('The topology file; without it the demo plant runs'),
  HISTORIAN: z
    .enum(['sqlite', 'postgresql', 'questdb'])
    .optional()
    .describe(
      'Where the history of values is kept; without it `questdb` where `QUESTDB_URL` is set, else `postgresql` where `DATABASE_URL` is, else `sqlite` in the data folder, which one node alone can use, so not with `DATABASE_URL` and `NATS_URL` together',
    ),
  QUESTDB_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('QuestDB for the history, its HTTP port: `http://user:password@host:9000`'),
  HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address that the wall and the API listen on; loopback unless said otherwise'),
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8080)
    .describe('Port of the wall and the API; 0 takes a free one'),
  NODE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/)
    .default('core-1')
    .describe('Name of this node'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('warn')
    .describe('What goes to the structured log on stderr'),
  FLUSH_INTERVAL_MS: z.coerce
    .number()
    .int()
    .min(2)
    .max(1000)
    .default(5)
    .describe('Shortest time between two pushes of changed values, in ms'),
  CHECKPOINT_INTERVAL_MS: z.coerce
    .number()
    .int()
    .min(100)
    .max(600_000)
    .default(5000)
    .describe('Time between snapshots of changed entities, in ms; the bound of what a restart has to read again'),
  MAX_OUTSTANDING: z.coerce
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(20_000)
    .describe('Observations handed to actors and not yet applied; more wait in the log'),
  MAX_WAITING: z.coerce
    .number()
    .int()
    .min(100)
    .max(1_000_000)
    .default(50_000)
    .describe('Observations waiting for the log; beyond it sources have to wait'),
  REQUESTS_PER_MINUTE: z.coerce.number().int().min(1).default(6000).describe('REST requests a minute and token'),
  CONNECTIONS_PER_TOKEN: z.coerce
    .number()
    .int()
    .min(1)
    .max(20_000)
    .default(1000)
    .describe('WebSockets at once with one token'),
  CONNECTIONS_PER_ADDRESS: z.coerce
    .number()
    .int()
    .min(1)
    .max(20_000)
    .default(2000)
    .describe('WebSockets at once from one address'),
  ALLOWED_ORIGINS: z
    .string()
    .default('')
    .describe('Origins beside our own that browsers may call from, separated by commas'),
  BEHIND_PROXY: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true behind a reverse proxy with TLS: cookies are Secure, and addresses are taken from X-Forwarded-For'),
  NTP_SERVER: z
    .string()
    .refine((text) => parseTimeServer(text) !== undefined, 'host, host:port or [address]:port')
    .optional()
    .describe(
      'Time server that the clock of this machine is compared with, at the start and every hour: host, or host:port; without it the clock is not checked. The clock is never set',
    ),
  SECRETS_FILE: z
    .string()
    .optional()
    .describe(
      'JSON file of names and secrets that ${secret:name} refers to; only its owner may write it, and only its owner and its group may read it',
    ),
});
export type Settings = z.infer<typeof Settings>;

export const ENVIRONMENT_PREFIX = 'SIGNALBOX_';

export type SettingsResult =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * @param environment usually `process.env`; only names with our prefix are looked at
 * @param overrides from the command line, above everything
 */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
  file: Readonly<Record<string, unknown>>,
  overrides: Readonly<Record<string, unknown>>,
): SettingsResult {
  const fromEnvironment: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(environment)) {
    // ${secret:name} is resolved from the environment too; those names are free.
    if (name.startsWith(ENVIRONMENT_PREFIX) && !name.startsWith(`${ENVIRONMENT_PREFIX}SECRET_`))
      fromEnvironment[name.slice(ENVIRONMENT_PREFIX.length)] = value;
  }
  const given: Record<string, unknown> = { ...file, ...fromEnvironment, ...overrides };
  // Names of nodes are unique over all cells.
  if (typeof given.CELL === 'string' && given.CELL !== CORE && given.NODE === undefined) given.NODE = `${given.CELL}-1`;
  const parsed = Settings.safeParse(given);
  if (parsed.success) {
    const problems = contradictionsIn(parsed.data);
    return problems.length === 0 ? { ok: true, settings: parsed.data } : { ok: false, problems };
  }
  return { ok: false, problems: parsed.error.issues.map(explain) };
}

/** Settings that are right by themselves and not together. */
function contradictionsIn({ HISTORIAN, QUESTDB_URL, DATABASE_URL, CELL, NATS_URL, UPLINK_URL }: Settings): string[] {
  if (CELL === CORE && UPLINK_URL !== undefined)
    return ['setting UPLINK_URL: it is for an edge, which CELL names; the centre is reached at NATS_URL'];
  if (CELL !== CORE && NATS_URL !== undefined)
    return [`setting NATS_URL: the edge ${CELL} keeps its log itself; UPLINK_URL is where it sends it`];
  if (HISTORIAN === 'questdb' && QUESTDB_URL === undefined) return ['setting HISTORIAN: questdb needs QUESTDB_URL'];
  if (HISTORIAN === 'postgresql' && DATABASE_URL === undefined)
    return ['setting HISTORIAN: postgresql needs DATABASE_URL'];
  if (HISTORIAN === 'sqlite' && DATABASE_URL !== undefined && NATS_URL !== undefined)
    return [
      'setting HISTORIAN: sqlite is in the folder of one node, and with DATABASE_URL and NATS_URL a cell may have several; leave it out, or name QUESTDB_URL',
    ];
  return [];
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `unknown setting ${issue.keys.join(', ')}; known are ${Object.keys(Settings.shape).join(', ')}`;
  return `setting ${issue.path.join('.')}: ${issue.message}`;
}
