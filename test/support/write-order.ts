import type { WriteRequest } from '../../gateways/driver.ts';
import { instantNow } from '../../gateways/write-fence.ts';
import { after } from '../../runtime/cluster/instant.ts';

/** A write as the driver gets it: of the owner of the device, and with two seconds until it has to have left. */
export function writeOrder(
  order: Pick<WriteRequest, 'writeId' | 'device' | 'point' | 'value'> & {
    readonly epoch?: number;
    readonly withinMs?: number;
    readonly mayAct?: () => boolean;
  },
): WriteRequest {
  const { writeId, device, point, value, epoch = 1, withinMs = 2000, mayAct = () => true } = order;
  return { writeId, device, point, value, epoch, deadline: after(instantNow(), withinMs), mayAct };
}
