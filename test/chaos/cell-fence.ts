import assert from 'node:assert/strict';
import { z } from 'zod';
import type { JournalEntry } from '../../runtime/journal.ts';
import type { PlantCell } from '../cluster/plant-cell.ts';

const Claim = z.object({ n: z.coerce.number(), epoch: z.coerce.number(), position: z.coerce.number() });

/** The database itself keeps account of where the journal stood when a shard was taken, with the shard's row locked. */
const WATCH = `
create table chaos_claim (n int not null, epoch bigint not null, position bigint not null);
create function chaos_claimed() returns trigger language plpgsql as $$
begin
  insert into chaos_claim select new.n, new.epoch, position from journal_end;
  return new;
end
$$;
create trigger chaos_claimed after update on shard for each row
  when (new.epoch is distinct from old.epoch) execute function chaos_claimed();
`;
const FENCE = 'if (epochs ->> turn.shard::text)::bigint is distinct from turn.epoch then';

export async function watchFence({ postgres, database }: PlantCell): Promise<void> {
  await postgres.query(WATCH, [], database);
}

/** In this database alone, to see whether the checker notices: appends are taken under whatever epoch. */
export async function switchFenceOff({ postgres, database }: PlantCell): Promise<void> {
  const read = `select pg_get_functiondef('append_turns'::regproc) as source`;
  const [row] = await postgres.query(read, [], database);
  const source = String(row?.source);
  assert.ok(source.includes(FENCE), 'the append function looks otherwise now');
  await postgres.query(source.replace(FENCE, 'if false then'), [], database);
}

/** No row of a shard was appended under an older epoch than the one it had been taken under. */
export async function checkFence({ postgres, database }: PlantCell, entries: readonly JournalEntry[]): Promise<number> {
  const claims = z
    .array(Claim)
    .parse(await postgres.query('select * from chaos_claim order by position', [], database));
  let next = 0;
  const fences = new Map<number, number>();
  for (const { position, shard, epoch, entity } of entries) {
    for (let claim = claims[next]; claim && claim.position < position; claim = claims[++next])
      fences.set(claim.n, Math.max(fences.get(claim.n) ?? 0, claim.epoch));
    const fence = fences.get(shard) ?? 0;
    assert.ok(
      epoch >= fence,
      `row ${position} of ${entity}: epoch ${epoch} of shard ${shard}, taken at ${fence} before`,
    );
  }
  return claims.length;
}
