/** The CustomResourceDefinitions that a sandbox starts with: ours, and those of the Gateway API. */
import { readdirSync, readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

import { isRecord } from './controllers/objects.ts';
import { gatewayApiDefinitions } from './crds/gateway-api.ts';

const OURS = new URL('../../crds/', import.meta.url);

/** Without `flaggerApi` there is one kind called canary, so that `kubectl get canary` means ours. */
export function readDefinitions(flaggerApi: boolean): readonly object[] {
  const ours = readdirSync(OURS)
    .filter((name) => name.endsWith('.yaml') && (flaggerApi || name.startsWith('serin.dev_')))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(new URL(name, OURS), 'utf8')))
    .map((document): unknown => document.toJS())
    .filter(isRecord)
    .filter(({ kind }) => kind === 'CustomResourceDefinition');
  return [...gatewayApiDefinitions, ...ours];
}
