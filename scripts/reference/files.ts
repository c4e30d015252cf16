import { referenceFiles } from '../../gateways/http/reference.ts';
import { topologyJsonSchemaText } from '../../topology/json-schema.ts';
import { topologyReferenceText } from '../../topology/reference.ts';
import { errorsReference } from './errors.ts';
import { metricsReference } from './metrics.ts';
import { settingsReference } from './settings.ts';

/** Everything in `docs/reference` that is made from the code: path -> text. */
export async function generatedReference(version: string): Promise<Readonly<Record<string, string>>> {
  return {
    ...referenceFiles(version),
    'docs/reference/topology.schema.json': topologyJsonSchemaText(),
    'docs/reference/topology.md': topologyReferenceText(),
    'docs/reference/settings.md': settingsReference(),
    'docs/reference/metrics.md': await metricsReference(),
    'docs/reference/errors.md': await errorsReference(),
  };
}
