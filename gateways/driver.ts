import type { Frame, PointValue } from '../actors/frame.ts';
import type { Instant } from '../runtime/cluster/instant.ts';
import type { ConnectionDefinition } from '../topology/plant.ts';
import type { DriverCode } from './driver-codes.ts';

/**
 * A driver: one link to the field and the devices on it. It is started, stopped and reconfigured without touching any other;
 * nothing it does may throw into its caller after `start` has resolved.
 */
export interface Driver {
  /** Begins to connect and returns at once; connecting and its failures show in `report`. */
  start(): void;
  /** Takes a changed definition of the same connection; resolves when the new one is in force. */
  reconfigure(definition: ConnectionDefinition): Promise<void>;
  /** Drains writes and closes; resolves within 3 s. */
  stop(): Promise<void>;
  /** Carries out a checked, journaled write. Never throws: the outcome says what happened. */
  write(request: WriteRequest): Promise<WriteOutcome>;
}

export type DriverFactory = (definition: ConnectionDefinition, host: DriverHost) => Driver;

/** What a driver may do to the rest of the product. */
export interface DriverHost {
  /** Resolves once the log has the frame (or its readings were refused as bad data): only now may the source be told. Rejects when the log cannot take it. */
  ingest(device: string, frame: Frame): Promise<void>;
  /** The connection of a device: called on change, and for every device of a link when the link itself changes. */
  connectivity(device: string, connectivity: Connectivity): void;
  /** A certificate that the link depends on, told at every attempt to connect that shows it. */
  certificate(certificate: LinkCertificate): void;
  /** Diagnostics of the link; may be called often, only the newest counts. */
  report(report: ConnectionReport): void;
  /** Data that belongs to no known device, or cannot be read at all. */
  deadLetter(letter: {
    readonly source: string;
    readonly code: DriverCode;
    readonly reason: string;
    readonly body: string;
  }): void;
  /** `${secret:name}` -> its value; throws an Error that names the secret when it is not there. */
  secret(reference: string): string;
  /** Folder for what the driver has to keep (certificates, learned ranges). */
  readonly dataDir: string;
  /**
   * Asked when a write arrives, and once more right before everything that is sent for it: it may be late by then, or its owner
   * a former one, and a device checks neither. Null: it may go on.
   */
  readonly writeFence: { refusal(write: FencedWrite): WriteRefusal | null };
  readonly log: DriverLog;
}

export interface DriverLog {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface Connectivity {
  readonly state: 'online' | 'offline' | 'unknown';
  readonly reason: DriverCode;
  readonly detail?: string;
  /** The link itself is down: said of every device on it, for one cause. */
  readonly ofLink?: true;
}

export interface LinkCertificate {
  /** `server`: of the other side, trusted even if it has ended; `own`: of this installation, the same for all links of a driver. */
  readonly whose: 'server' | 'own';
  readonly subject: string;
  readonly thumbprint: string;
  readonly expiresAtMs: number;
}

/** State of a link, shown on the wall. */
export interface ConnectionReport {
  readonly state: 'stopped' | 'connecting' | 'connected' | 'degraded' | 'waiting' | 'failed';
  readonly detail?: string;
  readonly lastError?: { readonly code: DriverCode; readonly message: string; readonly atMs: number };
  /** Of the last minute. */
  readonly latencyMs?: { readonly p50: number; readonly p99: number };
  /** Since the start, by stable code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly readingsPerSecond: number;
  readonly lastReadingAtMs: number | null;
  /** Cycles that took longer than their interval, since the start. */
  readonly cycleOverruns: number;
  readonly queueDepth: number;
  /** Instant of the next attempt while waiting. */
  readonly nextAttemptAtMs?: number;
  /** Further facts of the protocol, for the detail page: planned requests, illegal ranges, revised intervals. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

export interface WriteRequest {
  readonly writeId: string;
  readonly device: string;
  readonly point: string;
  readonly value: PointValue;
  readonly epoch: number;
  /** Past it the write is dropped, never sent late. */
  readonly deadline: Instant;
  /** False once this node may no longer act for the device under the epoch: that may end long before the deadline. */
  readonly mayAct: () => boolean;
}

/** What decides at the last moment whether a write may leave. */
export type FencedWrite = Pick<WriteRequest, 'device' | 'epoch' | 'deadline' | 'mayAct'>;

/** Why a write may not leave (any more): it has not been sent. */
export type WriteRefusal = Extract<DriverCode, 'deadline_passed' | 'authority_lost' | 'epoch_stale' | 'epoch_unknown'>;

export interface WriteOutcome {
  readonly writeId: string;
  readonly state: 'acknowledged' | 'verified' | 'failed' | 'timed_out';
  readonly code?: DriverCode;
  readonly message?: string;
  readonly readBack?: PointValue;
}
