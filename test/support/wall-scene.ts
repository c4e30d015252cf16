import type { AlarmView, AssetView, DeviceView, MetricInfo, Severity, SiteView } from '../../actors/views.ts';
import type { WorkOrderView } from '../../actors/work-order/views.ts';

/** A plant made up for browser tests: all that the wall can show, in every state. Not part of the product. */
export interface Scene {
  readonly sites: Map<string, SiteView>;
  readonly assets: Map<string, AssetView>;
  readonly devices: Map<string, DeviceView>;
  readonly orders: Map<string, WorkOrderView>;
  readonly alarms: Map<string, AlarmView>;
}

const SITES = [
  ['north', 'Nordkap pumping', 'Europe/Oslo'],
  ['harbour', 'Harbour district', 'Europe/Berlin'],
  ['ridge', 'Ridge wind farm', 'Atlantic/Azores'],
  ['valley', 'Valley waterworks', 'Asia/Kolkata'],
  ['coast', 'Coast substation', 'America/New_York'],
] as const;

/** A healthy plant of so many assets over five sites, each with one device and four metrics. */
export function healthyScene(assets: number, nowMs: number): Scene {
  const scene: Scene = {
    sites: new Map(),
    assets: new Map(),
    devices: new Map(),
    orders: new Map(),
    alarms: new Map(),
  };
  for (let i = 0; i < assets; i++) {
    const [site, siteName] = SITES[i % SITES.length] ?? SITES[0];
    const number = Math.floor(i / SITES.length) + 1;
    const id = `${site}-pump-${number}`;
    scene.assets.set(
      id,
      asset(id, `Pump ${site.slice(0, 1).toUpperCase()}${String(number).padStart(3, '0')}`, site, siteName, i, nowMs),
    );
    scene.devices.set(`${id}-plc`, device(`PLC of ${id}`, site, id, i, nowMs));
  }
  for (const [id, name, timeZone] of SITES) scene.sites.set(id, siteOf(scene, id, name, timeZone));
  return scene;
}

/** Counts of the site as the alarms now stand. */
export function siteOf(scene: Scene, id: string, name: string, timeZone: string): SiteView {
  const assets = [...scene.assets.values()].filter((asset) => asset.props.site === id);
  const devices = [...scene.devices.values()].filter((device) => device.props.site === id);
  const alarms = [...scene.alarms.values()].filter((alarm) => alarm.site === id);
  const shown = alarms.filter((alarm) => alarm.state !== 'SUPPRESSED' && alarm.detail !== 'NORMAL');
  const of = (severity: Severity) => shown.filter((alarm) => alarm.severity === severity).length;
  const online = devices.filter((device) => device.props.connectivity === 'online').length;
  const health = assets.map((asset) => asset.props.health ?? 100);
  return {
    props: {
      name,
      timeZone,
      latitude: null,
      longitude: null,
      simulated: true,
      healthWorst: health.length === 0 ? null : Math.min(...health),
      health: health.length === 0 ? null : health.reduce((a, b) => a + b, 0) / health.length,
      assets: assets.length,
      assetsAbnormal: assets.filter((asset) => asset.props.worstSeverity !== null).length,
      devices: devices.length,
      devicesOnline: online,
      devicesOffline: devices.length - online,
      devicesUnknown: 0,
      openWorkOrders: [...scene.orders.values()].filter((o) => o.props.site === id && o.props.state !== 'closed')
        .length,
      alarmsUnacknowledged: shown.filter((alarm) => alarm.detail.endsWith('UNACK')).length,
      alarmsActive: shown.length,
      alarmsShelved: alarms.filter((alarm) => alarm.shelved !== null).length,
      alarmsCritical: of('CRITICAL'),
      alarmsHigh: of('HIGH'),
      alarmsMedium: of('MEDIUM'),
      alarmsLow: of('LOW'),
    },
    values: { flow: 1240.5, power: 312.25 },
    marks: {},
    figures: {
      flow: { title: 'Flow', unit: 'm³/h', decimals: 0, function: 'sum' },
      power: { title: 'Power', unit: 'kW', decimals: 1, function: 'sum' },
    },
  };
}

const METRICS: Readonly<Record<string, MetricInfo>> = {
  flow: metric('Flow', 'm³/h', [0, 200], [80, 160], [['flow-low', 'MEDIUM', undefined, 40]], true),
  temperature: metric(
    'Bearing temperature',
    '°C',
    [0, 120],
    [20, 75],
    [
      ['temp-high', 'HIGH', 85, undefined],
      ['temp-critical', 'CRITICAL', 100, undefined],
    ],
    true,
  ),
  vibration: metric('Vibration', 'mm/s', [0, 12], [0, 4.5], [['vibration', 'LOW', 7.1, undefined]], false),
  running: { ...metric('Running', '', null, null, [], false), range: null },
};

const RULES: AssetView['rules'] = {
  'temp-high': {
    name: 'Bearing hot',
    source: 'file',
    profile: null,
    metric: 'temperature',
    when: { above: 85 },
    durationSeconds: 10,
    severity: 'HIGH',
    workOrder: null,
    idle: null,
  },
  'flow-low': {
    name: 'Little flow',
    source: 'api',
    profile: 'pump',
    metric: 'flow',
    when: { below: 40 },
    durationSeconds: 0,
    severity: 'MEDIUM',
    workOrder: null,
    idle: null,
  },
};

function metric(
  title: string,
  unit: string,
  range: readonly [number, number] | null,
  normal: readonly [number, number] | null,
  limits: readonly (readonly [string, Severity, number | undefined, number | undefined])[],
  key: boolean,
): MetricInfo {
  return {
    title,
    unit,
    decimals: 1,
    range: range === null ? null : { min: range[0], max: range[1] },
    normal: normal === null ? null : { min: normal[0], max: normal[1] },
    formula: null,
    key,
    sourceDevices: [],
    limits: limits.map(([rule, severity, above, below]) => ({
      rule,
      severity,
      ...(above === undefined ? {} : { above }),
      ...(below === undefined ? {} : { below }),
    })),
  };
}

function asset(id: string, name: string, site: string, siteName: string, i: number, nowMs: number): AssetView {
  const temperature = 48 + (i % 17);
  const window = {
    startMs: nowMs - 60_000,
    endMs: nowMs,
    count: 60,
    sum: 0,
    stddev: 1,
    good: 60,
    suspect: 0,
    uncertain: 0,
    bad: 0,
    pctGood: 100,
  };
  return {
    props: {
      name,
      site,
      parent: null,
      path: [siteName],
      type: 'pump',
      icon: 'pump',
      lifecycle: 'in_service',
      latitude: null,
      longitude: null,
      status: 'operational',
      health: 92 + (i % 8),
      healthBreakdown: { alarms: 100, workOrders: 100, telemetry: 98, age: 90, maintenance: 95 },
      devices: [`${id}-plc`],
      children: [],
      connected: true,
      lastReadingMs: nowMs,
      alarmsUnacknowledged: 0,
      alarmsActive: 0,
      worstSeverity: null,
      openWorkOrders: 0,
    },
    values: { flow: 110 + (i % 30), temperature, vibration: 2.1, running: true },
    times: { flow: nowMs, temperature: nowMs, vibration: nowMs, running: nowMs },
    received: { flow: nowMs, temperature: nowMs, vibration: nowMs, running: nowMs },
    marks: {},
    metrics: METRICS,
    rules: RULES,
    alarms: {},
    windows: {
      'temperature@1m': {
        ...window,
        min: temperature - 4,
        max: temperature,
        avg: temperature - 3,
        p50: temperature - 3,
        p95: temperature,
        p99: temperature,
      },
    },
  };
}

function device(name: string, site: string, asset: string, i: number, nowMs: number): DeviceView {
  const point = (title: string, unit: string, writable: boolean, min: number | null, max: number | null) => ({
    title,
    unit,
    decimals: 1,
    writable,
    min,
    max,
  });
  return {
    props: {
      name,
      site,
      connection: `${site}-bus`,
      driver: i % 3 === 0 ? 'modbus' : i % 3 === 1 ? 'opcua' : 'mqtt',
      serialNumber: `SN-${1000 + i}`,
      latitude: null,
      longitude: null,
      decommissioned: false,
      connectivity: 'online',
      connectivityReason: 'connected',
      connectivityDetail: null,
      lastConnectivityChangeMs: nowMs - 7_200_000,
      lastSeenMs: nowMs,
      linkedAssets: [asset],
      clockSkewMs: 12,
      rejected: 0,
      gaps: 0,
      frames: 40_312,
    },
    values: { flow: 110, temperature: 52, setpoint: 120 },
    times: { flow: nowMs, temperature: nowMs, setpoint: nowMs },
    received: { flow: nowMs, temperature: nowMs, setpoint: nowMs },
    marks: {},
    points: {
      flow: point('Flow', 'm³/h', false, 0, 200),
      temperature: point('Bearing temperature', '°C', false, -50, 500),
      setpoint: point('Flow setpoint', 'm³/h', true, 40, 180),
    },
    alarms: {},
    link: {
      state: 'connected',
      errors: {},
      readingsPerSecond: 12,
      latencyMs: { p50: 3, p99: 9 },
      lastReadingAtMs: nowMs,
      cycleOverruns: 0,
      queueDepth: 0,
    },
    writes: {},
  };
}
