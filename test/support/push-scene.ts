import { startTestFront, type TestFront } from './front.ts';

/** A front over a pump with two alarms and three hundred devices, more than one frame takes. */
export async function startPushScene(): Promise<TestFront> {
  const t = await startTestFront();
  t.runtime.set('site/north', { props: { name: 'North', site: 'north' } });
  t.runtime.set('asset/pump-1', {
    props: { site: 'north' },
    alarms: { hot: alarm('hot'), low: alarm('low', { severity: 'LOW' }) },
  });
  for (let i = 0; i < 300; i++) {
    t.runtime.set(`device/d${i}`, {
      props: { site: i % 2 ? 'north' : 'south', note: 'x'.repeat(500) },
      values: { a: i },
    });
  }
  t.runtime.live.flush();
  return t;
}

/** An alarm of pump-1, as far as these tests look. */
export const alarm = (rule: string, more: object = {}) => ({
  id: `asset/pump-1:${rule}`,
  entity: 'asset/pump-1',
  rule,
  site: 'north',
  severity: 'HIGH',
  state: 'ACTIVE',
  ...more,
});
