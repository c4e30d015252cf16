import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SYSTEM_RULES } from '../../../../actors/system/rules.ts';
import { nodeKind } from '../../../../actors/system/system.ts';
import { entityId } from '../../../../runtime/ids.ts';
import { eventWords } from '../../../../ui/store/event-words.ts';
import { Bench, T0 } from '../plant.ts';

test('what an edge dropped for want of room is an event of its node, and changes nothing else', () => {
  const definition = {
    name: 'edge-7-1',
    site: 'farm',
    timeZone: 'UTC',
    rules: SYSTEM_RULES.node,
    group: null,
    certificateWarningDays: null,
  };
  const node = new Bench(nodeKind, entityId('node', 'edge-7-1'), definition).start();
  const before = node.state.decided;
  const dropped = { what: 'telemetry', segments: 3, bytesFreed: 5000, lost: 120, oldestMs: 1, newestMs: 2 };
  const decision = node.command(1000, { kind: 'ReportOverflow', ...dropped });
  assert.ok(decision.ok);
  assert.deepEqual(node.events, [{ kind: 'BufferOverflow', ...dropped, atMs: T0 + 1000 }]);
  assert.deepEqual(node.state.decided, before);
  assert.match(eventWords('BufferOverflow', node.events[0], null), /oldest telemetry dropped, 120 records/);
});
