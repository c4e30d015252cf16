import type { Assembly } from './assembly.ts';
import { checkCells } from './check/cells.ts';
import { checkConnections } from './check/connections.ts';
import { checkDevices } from './check/devices.ts';
import { checkHierarchy } from './check/hierarchy.ts';
import { checkIdentity } from './check/identity.ts';
import { checkLinks } from './check/links.ts';
import { checkMetrics } from './check/metrics.ts';
import { checkReferences } from './check/references.ts';
import { checkRoles } from './check/roles.ts';
import { checkRules } from './check/rules.ts';
import { checkSites } from './check/sites.ts';
import { checkWorkOrders } from './check/work-orders.ts';
import type { Source } from './source.ts';

/** Everything that the schema alone cannot see. All checks run, so that one look at the result shows all there is to mend. */
export function check(assembly: Assembly, source: Source): void {
  checkIdentity(assembly, source);
  checkReferences(assembly, source);
  checkHierarchy(assembly, source);
  checkSites(assembly, source);
  checkCells(assembly, source);
  checkConnections(assembly, source);
  checkDevices(assembly, source);
  checkMetrics(assembly, source);
  checkLinks(assembly, source);
  checkRules(assembly, source);
  checkRoles(assembly, source);
  checkWorkOrders(assembly, source);
}
