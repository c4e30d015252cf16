import { z } from 'zod';

/** Resolved on the node that needs it, from its environment or secrets file; the topology file never holds a secret itself. */
export const SecretReference = z.string().regex(/^\$\{secret:[A-Za-z0-9_.-]+\}$/, 'a reference: ${secret:name}');
