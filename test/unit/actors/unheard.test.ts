import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { unheardViews } from '../../../actors/unheard.ts';
import { readPlant } from '../../../cli/topology.ts';
import { entityId } from '../../../runtime/ids.ts';
import { writeEdgePlant } from '../../support/edge-plant.ts';
import { tempDir } from '../../support/temp-dir.ts';

const temp = tempDir('unheard');
after(() => temp.remove());

test('of a cell that was never heard the plant names everything that is there, and judges nothing', async () => {
  const plant = await readPlant(writeEdgePlant(temp.dir, 'mqtt://127.0.0.1:1'));
  const views = unheardViews(plant, 'edge-7');
  assert.deepEqual([...views.keys()].sort(), ['asset/far-tank', 'connection/farm-net', 'device/far', 'site/farm']);
  const props = (kind: string, id: string) => views.get(entityId(kind, id))?.().props;
  assert.equal(props('asset', 'far-tank')?.name, 'Far tank');
  assert.deepEqual([props('asset', 'far-tank')?.health, props('asset', 'far-tank')?.alarmsActive], [null, 0]);
  assert.equal(props('device', 'far')?.connectivity, 'unknown');
  assert.equal(props('site', 'farm')?.devicesUnknown, 1);
});
