import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awayIn, underwayIn, whoIsSilent } from '../../../../ui/store/away.ts';
import { AwayBoard, countInWords } from '../../../../ui/store/away-board.ts';
import { Cells } from '../../../../ui/store/cells.ts';
import { awayConditions, conditionsOf } from '../../../../ui/store/conditions.ts';

const item = (id: string, more: object) => ({ id, props: { name: id }, ...more });

function board() {
  const directory = {
    sites: new Cells(),
    assets: new Cells(),
    devices: new Cells(),
    connections: new Cells(),
    nodes: new Cells(),
  };
  directory.sites.replace([item('farm', { away: { sinceMs: 3000, cell: 'edge-7' } })]);
  directory.assets.replace([
    item('pump', { away: { sinceMs: 5000 } }),
    item('fan', {
      away: { sinceMs: 4000 },
      pending: { c1: { commandId: 'c1', kind: 'X', by: 'ann', sinceMs: 1, expiresAtMs: 2, state: 'waiting' } },
    }),
    item('well', {}),
  ]);
  directory.devices.replace([item('plc', { away: { sinceMs: 3500, cell: 'edge-7' } })]);
  return { directory, of: new AwayBoard(directory) };
}

test('what nobody speaks for is counted by its cause, the oldest first', () => {
  const { of } = board();
  of.count();
  assert.deepEqual(of.groups.value, [
    { sinceMs: 3000, cell: 'edge-7', sites: 1, assets: 0, devices: 1 },
    { sinceMs: 4000, cell: null, sites: 0, assets: 2, devices: 0 },
  ]);
  assert.equal(of.commands.value, 1);
  assert.deepEqual(of.of('asset/pump'), { sinceMs: 5000, cell: null });
  assert.equal(of.of('asset/well'), null);
  assert.equal(of.of('connection/net'), null);
});

test('a command that is about an alarm is known by the alarm, until it is carried out or given up', () => {
  const { directory, of } = board();
  const command = (id: string, sinceMs: number) => ({
    [id]: {
      commandId: id,
      kind: 'AcknowledgeAlarm',
      rule: 'hot',
      by: 'ann',
      sinceMs,
      expiresAtMs: 9,
      state: 'waiting',
    },
  });
  directory.assets.merge([{ id: 'well', pending: { ...command('c3', 3), ...command('c2', 2) } }]);
  directory.devices.merge([{ id: 'plc', pending: command('c4', 4) }]);
  of.count();
  const alarms = () => [...of.alarms.value].map(([id, commands]) => [id, commands.map((each) => each.commandId)]);
  assert.deepEqual(alarms(), [
    ['asset/well:hot', ['c2', 'c3']],
    ['device/plc:hot', ['c4']],
  ]);
  directory.assets.merge([{ id: 'well', pending: { c2: null } }]);
  directory.devices.merge([{ id: 'plc', pending: null }]);
  of.count();
  assert.deepEqual(alarms(), [['asset/well:hot', ['c3']]]);
});

test('a command that is about an alarm of a connection or a node is known as well, and neither is counted as plant', () => {
  const { directory, of } = board();
  const waiting = (id: string) => ({
    [id]: { commandId: id, kind: 'ShelveAlarm', rule: 'down', by: 'ann', sinceMs: 1, expiresAtMs: 9, state: 'waiting' },
  });
  const away = { sinceMs: 1000, cell: 'edge-7' };
  directory.connections.replace([item('net', { away, pending: waiting('c5') })]);
  directory.nodes.replace([item('edge-7-1', { away, pending: waiting('c6') })]);
  of.count();
  assert.deepEqual([...of.alarms.value.keys()], ['connection/net:down', 'node/edge-7-1:down']);
  assert.equal(of.commands.value, 3);
  assert.deepEqual(of.of('connection/net'), away);
  assert.deepEqual(of.of('node/edge-7-1'), away);
  assert.equal(of.groups.value.find(({ cell }) => cell === 'edge-7')?.sinceMs, 3000, 'as of those that are counted');
});

test('who speaks again is away no longer, as the server tells it with nulls', () => {
  const { directory, of } = board();
  directory.sites.merge([{ id: 'farm', away: { sinceMs: null, cell: null } }]);
  directory.devices.merge([{ id: 'plc', away: { sinceMs: null, cell: null } }]);
  directory.assets.merge([{ id: 'fan', away: { sinceMs: null }, pending: { c1: null } }]);
  of.count();
  assert.deepEqual(of.groups.value, [{ sinceMs: 5000, cell: null, sites: 0, assets: 1, devices: 0 }]);
  assert.equal(of.commands.value, 0);
});

test('each cause is a line in words, and the server does not tell the same once more', () => {
  const { of } = board();
  of.count();
  const nowMs = (of.groups.value[0]?.sinceMs ?? 0) + 5 * 60_000;
  const lines = awayConditions(of.groups.value, () => '14:03:12', nowMs);
  assert.deepEqual(
    lines.map(({ label, subject }) => [label, subject]),
    [
      ['LINK TO EDGE LOST', 'edge-7'],
      ['OWNER SILENT', ''],
    ],
  );
  assert.match(lines[0]?.reasons[0] ?? '', /^since 14:03:12, for 5 min: 1 site and 1 device are shown as of then\./);
  const told = (reasons: string[]) =>
    conditionsOf({ notRecorded: false, server: { status: 'degraded', reasons }, links: [] }, of.groups.value);
  assert.deepEqual(told(['cell edge-7: link lost: no sign of it since then']), []);
  assert.equal(told(['cell edge-9: link lost: no sign of it since then']).length, 1);
});

test('what is not of the form is nothing', () => {
  assert.equal(awayIn(undefined), null);
  assert.equal(awayIn({ sinceMs: 'yesterday' }), null);
  assert.deepEqual(underwayIn({ a: null, b: 3, c: { commandId: 'c' } }), []);
  assert.equal(whoIsSilent({ cell: 'edge-7' }), 'Link to the edge edge-7 lost');
  assert.equal(countInWords({ sites: 0, assets: 2, devices: 1 }), '2 assets and 1 device');
});
