/**
 * The MetricTemplate: a query that many Canaries share, and the backend that answers it.
 */

import * as z from 'zod';

import { Metadata } from './metadata.ts';
import { secretReference } from './reference.ts';
import { flag, list, oneOf, query, text, url } from './schema.ts';

/** What users may write in `spec.provider.type`. */
export const metricProviderTypes = [
  'prometheus',
  'influxdb',
  'datadog',
  'externalmetrics',
  'stackdriver',
  'cloudwatch',
  'newrelic',
  'graphite',
  'dynatrace',
  'keptn',
  'splunk',
] as const;

const Provider = z
  .object({
    type: oneOf('Kind of backend.', metricProviderTypes),
    address: url(
      'Base address of the backend, for example `http://prometheus.monitoring:9090`.',
    ).optional(),
    headers: z
      .record(z.string(), list('Values of this header.', text('One value.', 4096), 16))
      .meta({ description: 'Headers of each request, by name.', maxProperties: 64 })
      .optional(),
    secretRef: secretReference(
      'Secret with credentials. For prometheus: `token`, or `username` with `password`; `ca.crt` for the authority, `tls.crt` with `tls.key` for a client certificate.',
    ).optional(),
    region: text('Region of the backend, where it has regions.', 64).optional(),
    insecureSkipVerify: flag('Does not verify the certificate of the backend.').optional(),
  })
  .meta({ description: 'Where the query is sent.' });

export const MetricTemplate = z
  .object({
    apiVersion: text('API group and version of this object.', 253),
    kind: z.literal('MetricTemplate').meta({ description: 'Always `MetricTemplate`.' }),
    metadata: Metadata,
    spec: z
      .object({
        provider: Provider,
        query: query(
          'The query, with `{{ name }}`, `{{ namespace }}`, `{{ target }}`, `{{ service }}`, `{{ ingress }}`, `{{ route }}`, `{{ interval }}` and `{{ variables.name }}` filled in. It must give one number.',
        ),
      })
      .meta({ description: 'The query and its backend.' }),
  })
  .meta({ description: 'A metrics query that Canaries refer to.' });
export type MetricTemplate = z.infer<typeof MetricTemplate>;
