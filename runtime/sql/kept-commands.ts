import type { Kysely, Selectable } from 'kysely';
import type { CommandStore, KeptCommand, KeptRow } from '../edge/command-store.ts';
import { CommandId, EntityId } from '../ids.ts';
import type { Reply } from '../runtime.ts';
import type { JournalSchema, KeptCommandTable } from './schema.ts';
import { storable } from './storable.ts';
import { viaOf } from './via.ts';

/** Commands for other cells that wait for their link, in the database of this one. Every step is one statement. */
export class SqlKeptCommands implements CommandStore {
  readonly #db: Kysely<JournalSchema>;

  constructor(db: Kysely<JournalSchema>) {
    this.#db = db;
  }

  async keep(command: KeptCommand): Promise<KeptRow> {
    await this.#db
      .insertInto('kept_command')
      .values(rowOf(command))
      .onConflict((conflict) => conflict.columns(['cell', 'key']).doNothing())
      .execute();
    return (await this.find(command.cell, command.key)) ?? { ...command, reply: null };
  }

  async find(cell: string, key: string): Promise<KeptRow | undefined> {
    const row = await this.#db
      .selectFrom('kept_command')
      .selectAll()
      .where('cell', '=', cell)
      .where('key', '=', storable(key))
      .executeTakeFirst();
    return row && keptOf(row);
  }

  async waiting(): Promise<KeptRow[]> {
    const rows = await this.#db.selectFrom('kept_command').selectAll().where('ended_ms', 'is', null).execute();
    return rows.map(keptOf).sort(inOrder);
  }

  async claim(cell: string, nowMs: number, untilMs: number): Promise<KeptRow[]> {
    const rows = await this.#db
      .updateTable('kept_command')
      .set(({ eb }) => ({ sent: eb('sent', '+', 1), under_way_until_ms: untilMs }))
      .where('cell', '=', cell)
      .where('ended_ms', 'is', null)
      .where('under_way_until_ms', '<=', nowMs)
      .where('expires_at_ms', '>', nowMs)
      .returningAll()
      .execute();
    return rows.map(keptOf).sort(inOrder);
  }

  async giveBack(cell: string, key: string): Promise<void> {
    await this.#db
      .updateTable('kept_command')
      .set({ under_way_until_ms: 0 })
      .where('cell', '=', cell)
      .where('key', '=', storable(key))
      .execute();
  }

  async end(cell: string, key: string, reply: Reply, nowMs: number, ifSent?: number): Promise<boolean> {
    const open = this.#db
      .updateTable('kept_command')
      .set({ reply: JSON.stringify(reply), ended_ms: nowMs })
      .where('cell', '=', cell)
      .where('key', '=', storable(key))
      .where('ended_ms', 'is', null);
    const { numUpdatedRows } = await (ifSent === undefined ? open : open.where('sent', '=', ifSent)).executeTakeFirst();
    return numUpdatedRows > 0;
  }

  async trim(beforeMs: number): Promise<void> {
    await this.#db.deleteFrom('kept_command').where('ended_ms', '<', beforeMs).execute();
  }
}

function inOrder(a: KeptCommand, b: KeptCommand): number {
  return a.sinceMs - b.sinceMs || (a.key < b.key ? -1 : 1);
}

function rowOf(command: KeptCommand) {
  const { cell, key, to, by, commandId, permissions, sinceMs, expiresAtMs, sent, underWayUntilMs } = command;
  return {
    cell,
    key: storable(key),
    entity: to,
    command_id: storable(commandId),
    by_user: storable(by.user),
    by_via: by.via,
    permissions: JSON.stringify(permissions),
    command: JSON.stringify(command.command),
    since_ms: sinceMs,
    expires_at_ms: expiresAtMs,
    sent,
    under_way_until_ms: underWayUntilMs,
    reply: null,
    ended_ms: null,
  };
}

function keptOf(row: Selectable<KeptCommandTable>): KeptRow {
  return {
    cell: row.cell,
    key: row.key,
    to: EntityId.parse(row.entity),
    commandId: CommandId.parse(row.command_id),
    by: { user: row.by_user, via: viaOf(row.by_via) },
    // Written by `keep` alone.
    permissions: JSON.parse(row.permissions) as string[],
    command: JSON.parse(row.command),
    sinceMs: row.since_ms,
    expiresAtMs: row.expires_at_ms,
    sent: row.sent,
    underWayUntilMs: row.under_way_until_ms,
    reply: row.reply === null ? null : (JSON.parse(row.reply) as Reply),
  };
}
