import type {
  AlarmView,
  AssetView,
  DeviceView,
  MetricInfo,
  Severity,
  SiteView,
  WorkOrderView,
} from '../../actors/views.ts';

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

export interface AlarmPlan {
  readonly asset: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly detail: AlarmView['detail'];
  readonly raisedAtMs: number;
  readonly name: string;
  readonly message: string;
  readonly overlay?: 'shelved' | 'suppressed' | 'out-of-service' | 'cannot-evaluate';
}

export function alarmOf(scene: Scene, plan: AlarmPlan, nowMs: number): AlarmView {
  const { asset, rule, severity, detail, raisedAtMs, name, message, overlay } = plan;
  return {
    id: `asset/${asset}:${rule}`,
    entity: `asset/${asset}`,
    rule,
    site: scene.assets.get(asset)?.props.site ?? '',
    name,
    message,
    response: 'Go to the pump. Check the oil level.\nReduce the load if the temperature goes on rising.',
    metric: 'temperature',
    severity,
    state:
      overlay !== undefined && overlay !== 'cannot-evaluate'
        ? 'SUPPRESSED'
        : detail.endsWith('ACK') && !detail.endsWith('UNACK')
          ? 'ACKNOWLEDGED'
          : 'ACTIVE',
    detail,
    latched: detail.startsWith('LATCHED'),
    shelved:
      overlay === 'shelved'
        ? { untilMs: nowMs + 5_400_000, by: 'olga', reason: 'sensor replaced tomorrow', atMs: nowMs }
        : null,
    suppressed: overlay === 'suppressed' ? { cause: 'device_lost', sinceMs: nowMs - 90_000 } : null,
    outOfService:
      overlay === 'out-of-service'
        ? { by: 'piet', reason: 'overhaul', workOrder: null, sinceMs: nowMs - 900_000 }
        : null,
    cannotEvaluate: overlay === 'cannot-evaluate' ? { reason: 'stale', sinceMs: nowMs - 45_000 } : null,
    value: 91.4,
    threshold: 85,
    unit: '°C',
    raisedAtMs,
    clearedAtMs: detail === 'RTN_UNACK' || detail.startsWith('LATCHED') ? nowMs - 20_000 : null,
    acknowledgedAtMs: detail.endsWith('UNACK') ? null : raisedAtMs + 60_000,
    acknowledgedBy: detail.endsWith('UNACK') ? null : 'olga',
    firstRaisedAtMs: raisedAtMs - 86_400_000,
    occurrences: 3,
    comments: [],
    workOrder: null,
  };
}

/** One alarm in each state and overlay, and values of every quality. */
export function everyState(nowMs: number): readonly AlarmPlan[] {
  const at = (minutes: number) => nowMs - minutes * 60_000;
  const make = (
    asset: string,
    rule: string,
    severity: Severity,
    detail: AlarmView['detail'],
    minutes: number,
    name: string,
    message: string,
    overlay?: AlarmPlan['overlay'],
  ): AlarmPlan => ({
    asset,
    rule,
    severity,
    detail,
    raisedAtMs: at(minutes),
    name,
    message,
    ...(overlay === undefined ? {} : { overlay }),
  });
  return [
    make(
      'north-pump-3',
      'temp-critical',
      'CRITICAL',
      'ACTIVE_UNACK',
      2,
      'Bearing too hot',
      'Bearing at 104.2 °C, limit 100 °C',
    ),
    make('harbour-pump-7', 'temp-high', 'HIGH', 'ACTIVE_UNACK', 6, 'Bearing hot', 'Bearing at 91.4 °C, limit 85 °C'),
    make('ridge-pump-1', 'flow-low', 'MEDIUM', 'RTN_UNACK', 18, 'Flow low', 'Flow was 31.0 m³/h, limit 40 m³/h'),
    make('valley-pump-2', 'vibration', 'LOW', 'ACTIVE_ACK', 55, 'Vibration', 'Vibration 7.9 mm/s, limit 7.1 mm/s'),
    make('coast-pump-4', 'trip', 'HIGH', 'LATCHED_ACK', 75, 'Protection trip', 'Motor protection tripped'),
    make('coast-pump-5', 'trip', 'CRITICAL', 'LATCHED_UNACK', 4, 'Protection trip', 'Motor protection tripped'),
    make(
      'north-pump-9',
      'temp-high',
      'HIGH',
      'ACTIVE_ACK',
      130,
      'Bearing hot',
      'Bearing at 86.0 °C, limit 85 °C',
      'cannot-evaluate',
    ),
    make(
      'ridge-pump-6',
      'flow-low',
      'MEDIUM',
      'ACTIVE_ACK',
      240,
      'Flow low',
      'Flow 12.0 m³/h, limit 40 m³/h',
      'shelved',
    ),
    make(
      'valley-pump-8',
      'temp-high',
      'HIGH',
      'ACTIVE_UNACK',
      3,
      'Bearing hot',
      'Bearing at 88.0 °C, limit 85 °C',
      'suppressed',
    ),
    make(
      'harbour-pump-9',
      'vibration',
      'LOW',
      'ACTIVE_ACK',
      600,
      'Vibration',
      'Vibration 9.0 mm/s, limit 7.1 mm/s',
      'out-of-service',
    ),
  ];
}

export function orderOf(
  number: string,
  asset: string,
  scene: Scene,
  nowMs: number,
  more: Partial<WorkOrderView['props']> = {},
): WorkOrderView {
  return {
    props: {
      number,
      title: 'Replace the bearing of the drive end',
      description: 'Noise and heat at the drive end.\nTake the vibration spectrum before and after.',
      type: 'corrective',
      priority: 'high',
      state: 'in_progress',
      transitions: ['hold', 'complete', 'cancel'],
      asset,
      site: scene.assets.get(asset)?.props.site ?? '',
      rule: 'temp-high',
      template: null,
      assignedTo: 'piet',
      assignedRole: 'technician',
      scheduledForMs: nowMs - 3_600_000,
      dueAtMs: nowMs + 7_200_000,
      overdue: false,
      holdReason: null,
      holdNote: null,
      createdAtMs: nowMs - 86_400_000,
      createdBy: 'rule temp-high',
      startedAtMs: nowMs - 1_800_000,
      completedAtMs: null,
      completedBy: null,
      closedAtMs: null,
      closedBy: null,
      cancelReason: null,
      reopened: 0,
      occurrences: 2,
      needsVerification: true,
      needsApproval: false,
      ...more,
    },
    checklist: {
      0: {
        item: 'Lock out and tag the drive',
        required: true,
        kind: 'check',
        unit: null,
        min: null,
        max: null,
        state: 'done',
        value: true,
        by: 'piet',
        atMs: nowMs - 1_700_000,
        reason: null,
      },
      1: {
        item: 'Vibration before',
        required: true,
        kind: 'number',
        unit: 'mm/s',
        min: 0,
        max: 20,
        state: 'done',
        value: 8.4,
        by: 'piet',
        atMs: nowMs - 1_500_000,
        reason: null,
      },
      2: {
        item: 'Replace the bearing',
        required: true,
        kind: 'check',
        unit: null,
        min: null,
        max: null,
        state: 'open',
        value: null,
        by: null,
        atMs: null,
        reason: null,
      },
      3: {
        item: 'Vibration after',
        required: true,
        kind: 'number',
        unit: 'mm/s',
        min: 0,
        max: 4.5,
        state: 'open',
        value: null,
        by: null,
        atMs: null,
        reason: null,
      },
      4: {
        item: 'Photograph',
        required: false,
        kind: 'text',
        unit: null,
        min: null,
        max: null,
        state: 'skipped',
        value: null,
        by: 'piet',
        atMs: nowMs - 600_000,
        reason: 'no camera in the zone',
      },
    },
    comments: { 0: { atMs: nowMs - 1_200_000, by: 'olga', text: 'Spare bearing is in rack 7.' } },
    history: {
      0: { atMs: nowMs - 86_000_000, by: 'olga', transition: 'schedule', from: 'open', to: 'scheduled', note: null },
      1: { atMs: nowMs - 1_800_000, by: 'piet', transition: 'start', from: 'scheduled', to: 'in_progress', note: null },
    },
  };
}
