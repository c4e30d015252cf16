import type { FrontOptions } from '../../gateways/http/front.ts';
import { startTestFront, type TestFront } from './front.ts';

/** A front over a small plant: three assets with two alarms, two hundred devices. */
export async function startScene(more: Partial<FrontOptions> = {}): Promise<TestFront> {
  const t = await startTestFront(more);
  t.runtime.set('site/north', { props: { name: 'North', timeZone: 'Pacific/Kiritimati' } });
  t.runtime.set('asset/pump-1', {
    ...asset('Pump 1', { health: 40, children: ['motor-1', 'unknown'] }),
    alarms: { hot: alarm('hot', 'HIGH'), dry: alarm('dry', 'CRITICAL', { shelved: { untilMs: 9 } }) },
  });
  t.runtime.set('asset/motor-1', asset('Motor 1', { parent: 'pump-1', children: ['pump-1'], status: 'damaged' }));
  t.runtime.set('asset/pump-2', asset('Pump 2', { health: null, site: 'south' }));
  for (let i = 0; i < 200; i++) {
    t.runtime.set(`device/d${String(i).padStart(3, '0')}`, {
      props: {
        name: `Device ${i}`,
        site: i % 2 ? 'north' : 'south',
        connectivity: i % 3 ? 'online' : 'offline',
        lastSeenMs: i,
      },
      values: { flow: i },
      times: { flow: 1000 + i },
      received: { flow: 1001 + i },
      marks:
        i === 1 ? { flow: { quality: 'SUSPECT', reason: 'rate', sinceMs: 3, lastGood: { value: 0, timeMs: 2 } } } : {},
      points: { flow: { title: 'Flow', unit: 'm³/h', decimals: 1, writable: true, min: 0, max: 10 } },
    });
  }
  t.runtime.live.flush();
  return t;
}

/** An alarm of pump-1, as far as these tests look. */
export const alarm = (rule: string, severity: string, more: object = {}) => ({
  id: `asset/pump-1:${rule}`,
  entity: 'asset/pump-1',
  rule,
  site: 'north',
  severity,
  state: 'ACTIVE',
  shelved: null,
  ...more,
});

export function asset(name: string, more: object = {}) {
  return {
    props: {
      name,
      site: 'north',
      parent: null,
      path: [],
      type: null,
      icon: null,
      lifecycle: 'in_service',
      latitude: null,
      longitude: null,
      status: 'operational',
      health: 90,
      healthBreakdown: { alarms: 90, workOrders: null, telemetry: 100, age: null, maintenance: null },
      devices: [],
      children: [],
      connected: true,
      lastReadingMs: 5,
      alarmsUnacknowledged: 0,
      alarmsActive: 0,
      worstSeverity: null,
      openWorkOrders: 0,
      ...more,
    },
    values: { temperature: 21.5 },
    times: { temperature: 5 },
    received: { temperature: 6 },
    marks: {},
    metrics: {
      temperature: {
        title: 'Temperature',
        unit: '°C',
        decimals: 1,
        range: null,
        normal: null,
        formula: null,
        key: true,
        sourceDevices: [],
        limits: [],
      },
    },
    alarms: {},
    windows: {},
    rules: {},
  };
}
