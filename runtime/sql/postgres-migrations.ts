import { type Migration, sql } from 'kysely';

/**
 * Migrations of PostgreSQL alone, in one row with those of both databases: the append as a function, so that a batch is one
 * statement on the wire and the end of the journal is locked for no longer than that takes, the partitions it writes to, when
 * the journal gets another identity, and the claim of a shard, for the same reason as the append. See docs/decisions/0010-journal-on-postgresql.md and 0014-identity-of-the-journal.md.
 */
export function postgresMigrations(): Record<string, Migration> {
  return {
    '0008-append-function': {
      async up(db) {
        await sql.raw(KEEP_PARTITIONS).execute(db);
        await sql.raw('select keep_journal_partitions(0)').execute(db);
        await sql.raw(GIVEN_UP).execute(db);
        await sql.raw(GIVE_UP_APPEND).execute(db);
        await sql.raw(APPEND_TURNS).execute(db);
        // Written by every batch: room on its page, and the new version needs no place elsewhere.
        await sql.raw('alter table journal_end set (fillfactor = 10)').execute(db);
      },
    },
    '0009-identity-by-server': {
      async up(db) {
        await sql.raw('alter table journal_identity add column life text').execute(db);
        await sql.raw(JOURNAL_LIFE).execute(db);
        await sql.raw(CONTINUE_JOURNAL).execute(db);
        await sql.raw(APPEND_BATCH).execute(db);
      },
    },
    '0012-claim-function': {
      async up(db) {
        await sql.raw(CLAIM_SHARD).execute(db);
      },
    },
  };
}

/**
 * The partition of a position and the next one. Who appends has the end of the journal locked, so no two make the same. A
 * partition made ahead may wait for the next append; one that is needed now may not.
 */
const KEEP_PARTITIONS = `
create function keep_journal_partitions(last bigint) returns void language plpgsql as $$
declare
  size constant bigint := 5000000;
  part bigint;
  called text;
begin
  for part in (last / size) .. (last / size + 1) loop
    called := 'journal_p' || part;
    continue when to_regclass(called) is not null;
    begin
      execute format('create table %I (like journal)', called);
      execute format('create unique index %I on %I (entity, seq)', called || '_entity_seq', called);
      execute format('alter table journal attach partition %I for values from (%s) to (%s)',
        called, part * size, (part + 1) * size);
    exception when others then
      if part = last / size then
        raise;
      end if;
      raise warning 'the partition % of the journal could not be made ahead: %', called, sqlerrm;
    end;
  end loop;
end
$$`;

/** Batches whose sender got no answer and went on without them. */
const GIVEN_UP = `
create table append_given_up (
  batch uuid primary key,
  at timestamptz not null default clock_timestamp()
)`;

/**
 * After this the batch is in the journal or never will be. It waits for the append if that is under way, and is found by it
 * if it comes later. A day on, nothing of a connection that was closed is left anywhere.
 */
const GIVE_UP_APPEND = `
create function give_up_append(p_batch uuid) returns void language plpgsql as $$
begin
  perform from journal_end where id = 1 for update;
  insert into append_given_up (batch) values (p_batch) on conflict do nothing;
  delete from append_given_up where at < clock_timestamp() - interval '1 day';
end
$$`;

/**
 * The same as `StatementAppender`, turn by turn, in one call. Every statement in it sees what was committed before it began,
 * so what follows the lock of the end sees all earlier appends, and no later one can come in between. Null: given up before.
 */
const APPEND_TURNS = `
create function append_turns(
  p_batch uuid, p_turns jsonb, p_rows jsonb, p_effects jsonb, p_node text, p_incarnation text
) returns jsonb language plpgsql as $$
declare
  begun bigint;
  last bigint;
  epochs jsonb;
  turn record;
  known record;
  head_seq bigint;
  answers jsonb[] := '{}';
  -- Position before the first event of each turn; -1 for a turn that was refused.
  befores bigint[] := '{}';
begin
  select position into strict begun from journal_end where id = 1 for update;
  if exists (select from append_given_up where batch = p_batch) then
    return null;
  end if;
  last := begun;

  -- Locked, so that nobody takes a shard between this look and the commit.
  select coalesce(jsonb_object_agg(held.n, held.epoch), '{}') into epochs from (
    select n, epoch from shard
    where n in (select (t ->> 'shard')::int from jsonb_array_elements(p_turns) as t)
      and owner is not null
      and (p_node is null or (owner = p_node and incarnation = p_incarnation))
    order by n for share
  ) as held;

  for turn in
    select * from jsonb_to_recordset(p_turns) as t(
      entity text, kind text, seq bigint, events int, shard int, epoch bigint,
      command_id text, command_hash text, answer text, time_ms bigint)
  loop
    if (epochs ->> turn.shard::text)::bigint is distinct from turn.epoch then
      answers := array_append(answers, jsonb_build_object('kind', 'fenced', 'reason', format(
        'shard %s is at epoch %s, not %s', turn.shard, coalesce(epochs ->> turn.shard::text, 'of another owner'), turn.epoch)));
      befores := array_append(befores, -1::bigint);
      continue;
    end if;

    if turn.command_id is not null then
      select command_hash, answer into known from command
        where command_id = turn.command_id and entity = turn.entity;
      if found then
        answers := array_append(answers, case
          when known.command_hash is null or known.command_hash is not distinct from turn.command_hash
          then jsonb_build_object('kind', 'repeated', 'answer', known.answer)
          else jsonb_build_object('kind', 'reused') end);
        befores := array_append(befores, -1::bigint);
        continue;
      end if;
    end if;

    select seq into head_seq from head where entity = turn.entity;
    head_seq := coalesce(head_seq, 0);
    if turn.seq <> head_seq + 1 then
      answers := array_append(answers, jsonb_build_object('kind', 'fenced', 'reason', format(
        '%s is at %s, so %s cannot come next', turn.entity, head_seq, turn.seq)));
      befores := array_append(befores, -1::bigint);
      continue;
    end if;

    if turn.events > 0 then
      insert into head (entity, kind, seq) values (turn.entity, turn.kind, turn.seq + turn.events - 1)
        on conflict (entity) do update set seq = excluded.seq, retired = 0;
    end if;
    if turn.command_id is not null then
      insert into command (command_id, entity, command_hash, answer, time_ms)
        values (turn.command_id, turn.entity, turn.command_hash, turn.answer, turn.time_ms);
    end if;
    answers := array_append(answers, jsonb_build_object('kind', 'committed', 'firstPosition',
      case when turn.events > 0 then last + 1 else last end));
    befores := array_append(befores, last);
    last := last + turn.events;
  end loop;

  if last > begun then
    perform keep_journal_partitions(last);
    insert into journal (position, entity, seq, shard, epoch, command_id, kind, event, time_ms, by_user, by_via,
        log_position, before, after)
      select befores[r.turn] + r.nth, r.entity, r.seq, r.shard, r.epoch, r.command_id, r.kind, r.event,
        r.time_ms, r.by_user, r.by_via, r.log_position, r.before, r.after
      from jsonb_to_recordset(p_rows) as r(turn int, nth int, entity text, seq bigint, shard int, epoch bigint,
        command_id text, kind text, event text, time_ms bigint, by_user text, by_via text, log_position bigint,
        before text, after text)
      where befores[r.turn] >= 0;
    insert into effect (entity, seq, idx, effect)
      select e.entity, e.seq, e.idx, e.effect
      from jsonb_to_recordset(p_effects) as e(turn int, entity text, seq bigint, idx int, effect text)
      where befores[e.turn] >= 0;
    update journal_end set position = last where id = 1;
  end if;
  return to_jsonb(answers);
end
$$`;

/**
 * What has to change for the journal to go on from a copy: the server was started on it, or the database or its tables were
 * made anew. It also changes without that, which costs a row in `journal_identity`.
 */
const JOURNAL_LIFE = `
create function journal_life() returns text language sql volatile as $$
  select concat_ws(' ', extract(epoch from pg_postmaster_start_time()),
    (select oid from pg_database where datname = current_database()), pg_relation_filenode('journal_end'))
$$`;

/** The identity under which the journal is written now: another one from here on, if this is its first use in this life. */
const CONTINUE_JOURNAL = `
create function continue_journal() returns text language plpgsql as $$
declare
  current_life constant text := journal_life();
  known record;
  last bigint;
  drawn text;
begin
  select identity, life into known from journal_identity order by n desc limit 1;
  if known.life = current_life then
    return known.identity;
  end if;
  -- As an append does: none can come between the end that is noted and the identity.
  select position into strict last from journal_end where id = 1 for update;
  select identity, life into known from journal_identity order by n desc limit 1;
  if known.life = current_life then
    return known.identity;
  end if;
  drawn := substr(md5(gen_random_uuid()::text), 1, 16);
  insert into journal_identity (n, identity, after_position, since_ms, life)
    select coalesce(max(n), 0) + 1, drawn, last, extract(epoch from clock_timestamp()) * 1000, current_life
    from journal_identity;
  delete from journal_identity where n <= (select max(n) from journal_identity) - 1000;
  return drawn;
end
$$`;

/** An append that nobody can take for one to the history before the copy: the identity is drawn ahead of its first row. */
const APPEND_BATCH = `
create function append_batch(
  p_batch uuid, p_turns jsonb, p_rows jsonb, p_effects jsonb, p_node text, p_incarnation text
) returns jsonb language plpgsql as $$
begin
  perform continue_journal();
  return append_turns(p_batch, p_turns, p_rows, p_effects, p_node, p_incarnation);
end
$$`;

/**
 * The same as `claim` of `SqlClusterRows`, in one call: a node that takes over all shards of another one claims them side by
 * side, each claim locks the rows of both nodes, and the renewal of the lease waits for the same row. Locked over several ways
 * to the database and back, they would go one by one, each at the pace of the node that is busy with recovering the rest.
 */
const CLAIM_SHARD = `
create function claim_shard(
  p_shard int, p_expected bigint, p_node text, p_incarnation text, p_lease_ttl_ms bigint
) returns bigint language plpgsql as $$
declare
  held record;
  life record;
  at_ms bigint;
begin
  select owner, incarnation, epoch into held from shard where n = p_shard for update;
  if not found or held.epoch <> p_expected then
    return null;
  end if;
  -- Two nodes that take from each other lock in the same order.
  perform from node
    where (id = p_node and incarnation = p_incarnation) or (id = held.owner and incarnation = held.incarnation)
    order by id, incarnation for update;
  -- After the locks: a renewal came before, and counts, or comes later, and is rejected.
  at_ms := extract(epoch from clock_timestamp()) * 1000;
  select state, beat_ms into life from node where id = p_node and incarnation = p_incarnation;
  if not found or life.state <> 'live' or at_ms - life.beat_ms > p_lease_ttl_ms then
    return null;
  end if;
  if held.owner is not null then
    select state, beat_ms into life from node where id = held.owner and incarnation = held.incarnation;
    if found and life.state not in ('evicted', 'gone') and at_ms - life.beat_ms <= p_lease_ttl_ms then
      return null;
    end if;
    update node set state = 'evicted'
      where id = held.owner and incarnation = held.incarnation and state <> 'evicted';
  end if;
  update shard
    set epoch = held.epoch + 1, owner = p_node, incarnation = p_incarnation, state = 'claiming', target = null
    where n = p_shard;
  return held.epoch + 1;
end
$$`;
