import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '../../../runtime/settings.ts';

test('without any setting the documented defaults hold, bound to loopback', () => {
  const result = readSettings({}, {}, {});
  assert.ok(result.ok);
  assert.equal(result.settings.HOST, '127.0.0.1');
  assert.equal(result.settings.PORT, 8080);
});

test('the command line counts before the environment, the environment before the file', () => {
  const result = readSettings(
    { SIGNALBOX_PORT: '2000', SIGNALBOX_NODE: 'n2' },
    { PORT: 1000, NODE: 'n1', LOG_LEVEL: 'info' },
    { PORT: '3000' },
  );
  assert.ok(result.ok);
  assert.deepEqual([result.settings.PORT, result.settings.NODE, result.settings.LOG_LEVEL], [3000, 'n2', 'info']);
});

test('an unknown key and a value out of range are named', () => {
  const result = readSettings({ SIGNALBOX_PROT: '1' }, {}, { PORT: '70000' });
  assert.ok(!result.ok);
  assert.ok(result.problems.some((problem) => problem.includes('PROT') && problem.includes('known are')));
  assert.ok(result.problems.some((problem) => problem.includes('PORT')));
});

test('names of secrets in the environment are not settings', () => {
  assert.ok(readSettings({ SIGNALBOX_SECRET_PLC: 'x' }, {}, {}).ok);
});

test('a historian without its server is named, and an address that is none', () => {
  const problemsOf = (file: Record<string, unknown>) => {
    const result = readSettings({}, file, {});
    return result.ok ? [] : result.problems;
  };
  assert.deepEqual(problemsOf({ HISTORIAN: 'questdb' }), ['setting HISTORIAN: questdb needs QUESTDB_URL']);
  assert.deepEqual(problemsOf({ HISTORIAN: 'postgresql' }), ['setting HISTORIAN: postgresql needs DATABASE_URL']);
  assert.match(problemsOf({ QUESTDB_URL: 'db.example:9000' }).join(), /QUESTDB_URL/);
  assert.deepEqual(problemsOf({ HISTORIAN: 'sqlite', QUESTDB_URL: 'https://user:word@db.example' }), []);
});

test('files of one folder are no history for the nodes of a cell', () => {
  const cell = { DATABASE_URL: 'postgresql://db.example/plant', NATS_URL: 'nats://bus.example:4222' };
  const refused = readSettings({}, { ...cell, HISTORIAN: 'sqlite' }, {});
  assert.match(refused.ok ? '' : refused.problems.join(), /^setting HISTORIAN: sqlite is in the folder of one node/);
  for (const rest of [{}, { HISTORIAN: 'postgresql' }]) assert.ok(readSettings({}, { ...cell, ...rest }, {}).ok);
  const { NATS_URL, ...alone } = cell;
  assert.ok(readSettings({}, { ...alone, HISTORIAN: 'sqlite' }, {}).ok, NATS_URL);
});

test('an edge has a node of its own name, sends to an uplink and not to NATS, and the address is one of NATS', () => {
  const edge = readSettings({}, {}, { CELL: 'edge-7', UPLINK_URL: 'tls://edge-7:x@a:4222,nats://b' });
  assert.ok(edge.ok);
  assert.equal(edge.settings.NODE, 'edge-7-1');
  const problemsOf = (given: Record<string, unknown>) => {
    const result = readSettings({}, {}, given);
    return result.ok ? '' : result.problems.join();
  };
  assert.match(problemsOf({ CELL: 'edge-7', UPLINK_URL: 'http://nats' }), /UPLINK_URL: nats:\/\/host:4222/);
  assert.match(problemsOf({ CELL: 'edge-7', NATS_URL: 'nats://a' }), /NATS_URL: the edge edge-7 keeps its log itself/);
  assert.match(problemsOf({ UPLINK_URL: 'nats://a' }), /UPLINK_URL: it is for an edge/);
  assert.match(problemsOf({ CELL: 'edge.7' }), /CELL/);
});
