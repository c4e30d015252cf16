import type { Generated } from 'kysely';

/** Tables of the journal's database, as Kysely sees them. Times are milliseconds since 1970, JSON is text. */
export interface JournalSchema {
  journal: JournalTable;
  journal_end: { id: number; position: number };
  /** One row a time that the history may have gone on from a copy: what was written since stands after `after_position`. */
  journal_identity: { n: number; identity: string; after_position: number; since_ms: number };
  head: { entity: string; kind: string; seq: number /** 1: history, in no list. */; retired: Generated<number> };
  command: CommandTable;
  shard: ShardTable;
  node: NodeTable;
  effect: { entity: string; seq: number; idx: number; effect: string };
  /** How far the journals of other cells are copied, and under which identity of theirs. */
  replica: { cell: string; position: number; identity: string | null };
  kept_command: KeptCommandTable;
  refused_command: RefusedCommandTable;
  uplink_place: UplinkPlaceTable;
  snapshot: { entity: string; seq: number; log_position: number; time_ms: number; state: Uint8Array };
  dead_letter: DeadLetterTable;
  token: TokenTable;
  token_change: TokenChangeTable;
}

/** Who may write for a shard. One row each, from the beginning on. */
interface ShardTable {
  n: number;
  /** The life of a node; null while the shard is free or released. */
  owner: string | null;
  incarnation: string | null;
  epoch: number;
  state: 'free' | 'claiming' | 'open' | 'handing_off' | 'released';
  target: string | null;
}

/** The lives of the nodes of a cell. A former life stays until its lease is over: it may still be running. */
interface NodeTable {
  id: string;
  incarnation: string;
  /** Order of joining: of two lives of a node the newer one counts. */
  joined: number;
  /** Its lease, by the database's clock. */
  beat_ms: number;
  /** Another life came, somebody took a shard of it, or it said goodbye: no renewal any more. */
  state: 'live' | 'replaced' | 'evicted' | 'gone';
  may_hold: number;
  leaving: number;
}

/** Commands that were accepted. */
interface CommandTable {
  entity: string;
  command_id: string;
  /** Null for what was accepted before hashes were kept. */
  command_hash: string | null;
  answer: string;
  time_ms: number;
}

/** Commands for other cells that wait for their link, and for a while those that did. */
export interface KeptCommandTable {
  cell: string;
  key: string;
  entity: string;
  command_id: string;
  by_user: string;
  by_via: string;
  permissions: string;
  command: string;
  since_ms: number;
  expires_at_ms: number;
  sent: number;
  under_way_until_ms: number;
  reply: string | null;
  ended_ms: number | null;
}

/** Commands of the centre that an edge has refused. */
interface RefusedCommandTable {
  key: string;
  reply: string;
  at_ms: number;
}

/** How far the centre has what an edge sends. */
interface UplinkPlaceTable {
  lane: string;
  of: string;
  position: number;
}

interface JournalTable {
  position: number;
  entity: string;
  seq: number;
  shard: number;
  epoch: number;
  command_id: string | null;
  kind: string;
  event: string;
  time_ms: number;
  by_user: string;
  by_via: string;
  log_position: number;
  before: string;
  after: string;
  /** The cell that decided it, where that is not this one. */
  cell: string | null;
}

interface DeadLetterTable {
  id: number;
  time_ms: number;
  stream: string;
  source: string;
  code: string;
  reason: string;
  body: string;
}

interface TokenTable {
  id: string;
  name: string;
  role: string;
  hash: string;
  created_at_ms: number;
  created_by: string;
  expires_at_ms: number | null;
  revoked_at_ms: number | null;
  last_used_at_ms: number | null;
}

/** Left over from a transaction on `token` until the audit has it. */
interface TokenChangeTable {
  id: string;
  kind: string;
  time_ms: number;
  by_user: string;
  by_via: string;
  address: string | null;
  token: string;
  name: string;
  role: string;
  expires_at_ms: number | null;
}
