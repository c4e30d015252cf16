import type { Route } from './route.ts';
import { ACCESS_ROUTES } from './routes/access.ts';
import { ALARM_ROUTES } from './routes/alarms.ts';
import { EDGE_ROUTES } from './routes/edges.ts';
import { ENTITY_ROUTES } from './routes/entities.ts';
import { PLANT_ROUTES } from './routes/plant.ts';
import { RECORD_ROUTES } from './routes/records.ts';
import { RULE_ROUTES } from './routes/rules.ts';
import { SYSTEM_ROUTES } from './routes/system.ts';
import { TELEMETRY_ROUTES } from './routes/telemetry.ts';
import { WORK_ORDER_ROUTES } from './routes/work-orders.ts';

/** The route table: what is served, validated, permitted and described comes from here alone. */
export const ROUTES: readonly Route[] = [
  ...PLANT_ROUTES,
  ...TELEMETRY_ROUTES,
  ...ALARM_ROUTES,
  ...RULE_ROUTES,
  ...WORK_ORDER_ROUTES,
  ...RECORD_ROUTES,
  ...ACCESS_ROUTES,
  ...ENTITY_ROUTES,
  ...EDGE_ROUTES,
  ...SYSTEM_ROUTES,
];
