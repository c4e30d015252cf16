import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openHistorian } from '../../gateways/historian/open.ts';
import { CommandId, type EntityId, entityId, kindOf } from '../../runtime/ids.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { Link } from '../../runtime/link.ts';
import type { Node } from '../../runtime/node.ts';
import { openSqlite } from '../../runtime/sql/open.ts';
import { until } from '../support/condition.ts';
import { startNode } from '../support/engine.ts';
import { MemoryLaneHub } from '../support/memory-live-lane.ts';
import { tallies } from '../support/tally.ts';
import { tempDir } from '../support/temp-dir.ts';

const ids = Array.from({ length: 1200 }, (_, n) => entityId('tally', `t-${n}`));
const OPTIONS = { by: { user: 'test', via: 'http' } as const, permissions: ['tally:add'] };
const alone = (node: string): Link => ({
  node,
  nodes: [],
  state: { connected: true, detail: 'alone', sinceMs: 0 },
  request: () => Promise.reject(new Error('there is nobody else')),
  tell: () => undefined,
  announce: () => undefined,
  serve: () => undefined,
  start: async () => undefined,
  stop: async () => undefined,
});

/** A journal whose reads of what tallies are built from wait until they are let through. */
function gated(journal: Journal) {
  const waiting: { readonly ids: readonly EntityId[]; pass(): void }[] = [];
  let isOpen = true;
  const restore: Journal['restore'] = async (ids) => {
    if (!isOpen && ids.some((id) => kindOf(id) === 'tally'))
      await new Promise<void>((pass) => waiting.push({ ids, pass }));
    return journal.restore(ids);
  };
  return {
    journal: { ...journal, restore },
    waiting,
    close: () => {
      isOpen = false;
    },
    open: () => {
      isOpen = true;
      for (const { pass } of waiting.splice(0)) pass();
    },
  };
}

test('a shard takes messages before all of its entities are built, and builds those first that are sent something', {
  timeout: 60_000,
}, async (t) => {
  const { dir, remove } = tempDir('engine-opening');
  const ending: (() => unknown)[] = [remove];
  // What was begun last ends first.
  t.after(async () => {
    for (const end of ending.reverse()) await end();
  });
  const { epoch: _, ...opened } = await openSqlite(dir, { shared: true });
  ending.push(() => opened.close());
  const historian = await openHistorian({ dir: `${dir}/history`, logFile: opened.logFile, log: opened.log });
  ending.push(() => historian.close());
  const lanes = new MemoryLaneHub();
  const start = (name: string, journal: Journal) => {
    const broken = (error: unknown) => assert.fail(String(error));
    const seat = { link: alone(name), rows: opened.cluster, lane: lanes.lane(), broken };
    return startNode({ ...opened, historian, journal }, tallies(ids), { name, seat });
  };
  const add = (node: Node, to: EntityId, commandId: string) =>
    node.ask(to, { kind: 'Add', amount: 5 }, { ...OPTIONS, commandId: CommandId.parse(commandId) });

  const former = await start('former', opened.journal);
  for (const id of ids.slice(-3)) assert.ok((await add(former, id, `before-${id}`)).ok);
  const gate = gated(opened.journal);
  const heir = await start('heir', gate.journal);
  ending.push(() => {
    gate.open();
    return heir.stop();
  });
  assert.deepEqual(heir.readiness(), { ready: true }, 'the other one has everything');

  gate.close();
  await former.halt();
  await until('every shard is open, and nothing of it was read', () => ids.every((id) => heir.isHere(id)), 20_000);
  await until('as many reads as may be are on their way', () => gate.waiting.length === 2);
  const underWay = new Set(gate.waiting.flatMap((read) => read.ids));
  const asked = ids.filter((id) => !underWay.has(id)).slice(-3);
  const answers = asked.map((id) => add(heir, id, `after-${id}`));
  const readiness = heir.readiness();
  assert.ok(!readiness.ready && /64 of its shards are being recovered/.test(readiness.reason), 'it is not ready yet');

  await until('all of the commands wait', () => asked.every((id) => (heir.entity(id)?.waiting ?? 0) === 1));
  gate.waiting.shift()?.pass();
  await until('the next read is on its way', () => gate.waiting.length === 2);
  const next = gate.waiting.pop();
  assert.deepEqual(next?.ids.slice(0, 3).sort(), [...asked].sort(), 'those who are sent something come first');
  next?.pass();
  for (const answer of await Promise.all(answers)) assert.ok(answer.ok, JSON.stringify(answer));
  const others = ids.filter((id) => heir.entity(id)?.status === 'recovering');
  assert.ok(others.length >= 256, `${others.length} are still being built`);
  gate.open();
  await until('all of them live', () => ids.every((id) => heir.entity(id)?.status === 'live'));
  assert.deepEqual(heir.readiness(), { ready: true });
});
