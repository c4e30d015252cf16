import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkTrouble } from '../../../../gateways/websocket/protocol.ts';
import { conditionsOf } from '../../../../ui/store/conditions.ts';

const WELL = { notRecorded: false, server: { status: 'healthy', reasons: [] } } as const;

function link(name: string, more: Partial<LinkTrouble> = {}): LinkTrouble {
  return {
    connection: name.toLowerCase(),
    name,
    driver: 'Modbus',
    state: 'lost',
    devices: 4,
    devicesOnline: 0,
    reason: 'nothing listens there',
    ...more,
  };
}

test('a server that is well with all of its links has no condition', () => {
  assert.deepEqual(conditionsOf(WELL), []);
});

test('a lost link is told as that, by its name, and not as a fault of the server', () => {
  const [condition, ...more] = conditionsOf({ ...WELL, links: [link('Station network')] });
  assert.deepEqual(more, []);
  assert.equal(`${condition?.label}: ${condition?.subject}`, 'FIELD LINK LOST: Station network (4 devices)');
  assert.deepEqual(condition?.reasons, ['Modbus: nothing listens there']);
  assert.equal(condition?.grave, true);
  assert.equal(condition?.href, '/connection/station%20network', 'its page');
});

test('several lost links are counted, each with its own reason; one that is on its way stands apart', () => {
  const links = [
    link('North', { devices: 1 }),
    link('South', { driver: 'MQTT', devices: 0 }),
    link('West', { state: 'connecting', reason: 'the first attempt is under way' }),
  ];
  const [lost, connecting] = conditionsOf({ ...WELL, links });
  assert.equal(`${lost?.label}: ${lost?.subject}`, '2 FIELD LINKS LOST: North, South (1 device)');
  assert.deepEqual(lost?.reasons, [
    'North (1 device), Modbus: nothing listens there',
    'South (no device), MQTT: nothing listens there',
  ]);
  assert.deepEqual([connecting?.label, connecting?.grave], ['FIELD LINK CONNECTING', false]);
});

test('links that were left out of the heartbeat are counted with the last kind that is listed', () => {
  const [lost] = conditionsOf({ ...WELL, links: [link('North'), link('South')], moreLinks: 7 });
  assert.equal(`${lost?.label}: ${lost?.subject}`, '9 FIELD LINKS LOST: North, South and 7 more');
});

test('a server that is not well says so beside its links, and a journal that takes nothing comes first', () => {
  const conditions = conditionsOf({
    notRecorded: true,
    server: { status: 'unhealthy', reasons: ['journal: disk full'] },
    links: [link('North')],
  });
  assert.deepEqual(
    conditions.map(({ label }) => label),
    ['NOT RECORDED YET', 'SERVER FAILING', 'FIELD LINK LOST'],
  );
  assert.deepEqual(conditions[1]?.reasons, ['journal: disk full']);
});

test('while there may be more than is shown, that stands before everything but the journal', () => {
  const [condition, ...more] = conditionsOf({ ...WELL, loading: { shards: 12, of: 64 } });
  assert.deepEqual(more, []);
  assert.deepEqual([condition?.label, condition?.grave], ['STILL LOADING', true]);
  assert.match(condition?.reasons.join() ?? '', /^12 of 64 shards/);
});
