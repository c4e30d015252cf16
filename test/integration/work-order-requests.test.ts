/**
 * Goal: a work order is about something that is there, says who wanted it, and exists only once it was made, whichever way
 * somebody asks.
 * Method: the actors of the demo plant on real storage, without its field, asked as the gateways ask.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ORDER_BOOK, populationOf } from '../../actors/population.ts';
import { CommandId, type EntityId, entityId } from '../../runtime/ids.ts';
import type { Node } from '../../runtime/node.ts';
import { loadTopology } from '../../topology/load.ts';
import { until } from '../support/condition.ts';
import { openStorage, startNode, type TestStorage } from '../support/engine.ts';
import { tempDir } from '../support/temp-dir.ts';

const DEMO = fileURLToPath(new URL('../../topology/demo.yaml', import.meta.url));

describe('requests for work orders', () => {
  const { dir, remove } = tempDir('work-order-requests');
  let storage: TestStorage;
  let node: Node;
  let commands = 0;
  before(async () => {
    const loaded = await loadTopology(DEMO);
    assert.ok(loaded.ok);
    storage = await openStorage(dir);
    node = await startNode(storage, populationOf(loaded.plant));
  });
  after(async () => {
    await node.stop();
    await storage.close();
    remove();
  });

  const ask = (to: EntityId, command: object) =>
    node.ask(to, command, {
      commandId: CommandId.parse(`c-${++commands}`),
      by: { user: 'ann', via: 'websocket' },
      permissions: ['*'],
    });
  const request = (draft: object) => ask(ORDER_BOOK, { kind: 'RequestWorkOrder', draft: { title: 'Look', ...draft } });
  const orders = () => {
    node.live.flush();
    return node.live.cells('work-order');
  };

  it('are refused over the push as over REST when asset, site or rule are not there', async () => {
    for (const [draft, code, field] of [
      [{ asset: 'nosuch', site: 'nowhere' }, 'UNKNOWN_ASSET', 'draft.asset'],
      [{ asset: 'pump-1', site: 'nowhere' }, 'SITE_MISMATCH', 'draft.site'],
      [{ asset: 'pump-1', rule: 'nosuch' }, 'UNKNOWN_RULE', 'draft.rule'],
    ] as const) {
      const reply = await request(draft);
      assert.deepEqual(!reply.ok && [reply.code, reply.field], [code, field]);
    }
    assert.deepEqual(orders(), []);
  });

  it('make an order that says who wanted it', async () => {
    const reply = await request({ asset: 'pump-1' });
    assert.ok(reply.ok);
    await until('the order is there', () => orders().length === 1);
    const props = orders()[0]?.view.props;
    assert.deepEqual(reply.result, { number: props?.number });
    assert.equal(props?.createdBy, 'ann');
    assert.equal(typeof props?.site, 'string');
  });

  it('cannot claim that somebody else wants it', async () => {
    const reply = await ask(ORDER_BOOK, {
      kind: 'RequestWorkOrder',
      requestedBy: 'bob',
      draft: { title: 'Look', asset: 'pump-1' },
    });
    assert.equal(!reply.ok && reply.code, 'FORBIDDEN');
  });

  it('are the only way: what was never made is neither found nor shown', async () => {
    const known = orders().length;
    for (const [id, command] of [
      ['work-order/GHOST-1', { kind: 'CommentWorkOrder', text: 'boo' }],
      ['order-book/other', { kind: 'RequestWorkOrder', draft: { title: 'x', asset: 'pump-1' } }],
      ['asset/nosuch', { kind: 'AcknowledgeAlarm', rule: 'hot' }],
      ['device/nosuch', { kind: 'WritePoint', point: 'x', value: 1 }],
      ['nosuch/nosuch', { kind: 'AcknowledgeAlarm', rule: 'hot' }],
    ] as const) {
      const to = entityId(...(id.split('/') as [string, string]));
      const reply = await ask(to, command);
      assert.equal(!reply.ok && reply.code, 'NOT_FOUND', id);
      node.live.flush();
      assert.equal(node.live.cell(to), undefined, id);
    }
    assert.equal(orders().length, known);
  });
});
