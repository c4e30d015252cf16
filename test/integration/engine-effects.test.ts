/**
 * Goal: what a commit asks for outside is begun once by a node that starts after a crash: what was committed before it and not
 * done, and what the recovery itself decides from readings that the log alone has.
 * Method: a node on real storage that is halted as a crash would; the outlet hangs or is not reached before, and counts after.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ActorKind } from '../../runtime/actor-kind.ts';
import type { OutletCall } from '../../runtime/effects.ts';
import { CommandId, entityId } from '../../runtime/ids.ts';
import type { Json } from '../../runtime/json.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode } from '../support/engine.ts';
import { type Reading, type TallyEvent, type TallyState, tallies, tallyKind } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const A = entityId('tally', 'a');
const ADD = {
  commandId: CommandId.parse('add'),
  by: { user: 'test', via: 'http' },
  permissions: ['tally:add'],
} as const;
/** Long enough for what is begun twice to have come twice. */
const MEANWHILE_MS = 300;

/** A tally that rings outside for each amount and each level. */
function ringing() {
  const base = tallies([A]);
  const [kind] = base.kinds;
  assert.equal(kind, tallyKind);
  const rings: ActorKind<TallyState, never, TallyEvent, Reading, Reading, null> = {
    ...(tallyKind as ActorKind<TallyState, never, TallyEvent, Reading, Reading, null>),
    effects: (event) =>
      event.kind === 'Added' || event.kind === 'LevelReached' ? [{ kind: 'out', port: 'bell', body: event.kind }] : [],
  };
  return { ...base, kinds: [rings] };
}

async function storageOf(t: TestContext) {
  const { dir, remove } = tempDir('effects');
  const storage = await openStorage(dir);
  t.after(async () => {
    await storage.close();
    remove();
  });
  return storage;
}

function bell() {
  const rung: string[] = [];
  const ring = async (body: Json, { id }: OutletCall) => void rung.push(`${body} ${id}`);
  return { rung, ring };
}

test('what was committed before a crash and not done is begun once', async (t) => {
  const storage = await storageOf(t);
  let begun = 0;
  const hangs = () => {
    begun++;
    return new Promise<void>(() => {});
  };
  const first = await startNode(storage, ringing(), { outlets: { bell: hangs } });
  assert.ok((await first.ask(A, { kind: 'Add', amount: 1 }, ADD)).ok);
  await until('it is under way', () => begun === 1);
  await first.halt();

  const { rung, ring } = bell();
  const second = await startNode(storage, ringing(), { outlets: { bell: ring } });
  t.after(() => second.halt());
  await until('it is done', () => rung.length > 0);
  await pause(MEANWHILE_MS);
  assert.deepEqual(rung, [`Added ${A}#1.0`]);
  assert.deepEqual(await storage.journal.pendingEffects(), []);
});

test('what a recovery decides from the log is begun once', async (t) => {
  const storage = await storageOf(t);
  await storage.log.append([{ source: A, observation: { gatewayTimeMs: 1, value: 25 } }]);
  const { rung, ring } = bell();
  const node = await startNode(storage, ringing(), { outlets: { bell: ring } });
  t.after(() => node.halt());
  await until('it is done', () => rung.length > 0);
  await pause(MEANWHILE_MS);
  assert.deepEqual(rung, [`LevelReached ${A}#1.0`]);
});
