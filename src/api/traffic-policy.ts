/**
 * `spec.service.trafficPolicy`: how Istio treats connections to the pods.
 */

import * as z from 'zod';

import { flag, list, oneOf, rules, text } from './schema.ts';

const count = (description: string) => z.int32().meta({ description }).optional();
const plain = (description: string) => text(description, 1024).optional();

const ConsistentHash = z
  .object({
    httpHeaderName: plain('Header whose value chooses the pod.'),
    httpCookie: z
      .object({
        name: plain('Name of the cookie.'),
        path: plain('Path of the cookie.'),
        ttl: plain('Lifetime of the cookie.'),
      })
      .meta({ description: 'Cookie whose value chooses the pod.' })
      .optional(),
    useSourceIp: flag('The address of the sender chooses the pod.').optional(),
    httpQueryParameterName: plain('Query parameter whose value chooses the pod.'),
    minimumRingSize: z
      .int()
      .meta({ description: 'Smallest number of virtual nodes on the hash ring.' })
      .optional(),
  })
  .meta({
    description:
      'Sends equal requests to the same pod. One of the first four fields says what makes requests equal.',
  });

const LocalityLoadBalancing = z
  .object({
    enabled: flag('Switches locality load balancing on or off.').optional(),
    distribute: list(
      'Shares of requests by region.',
      z
        .object({
          from: plain('Region the requests come from.'),
          to: z
            .record(z.string(), z.int().meta({ description: 'The weight.' }))
            .meta({ description: 'Weight of each region that requests go to.', maxProperties: 64 })
            .optional(),
        })
        .meta({ description: 'Shares for one region of origin.' }),
      64,
    ).optional(),
    failover: list(
      'Where requests go when a region fails.',
      z
        .object({ from: plain('Region that fails.'), to: plain('Region that takes over.') })
        .meta({ description: 'One failing region.' }),
      64,
    ).optional(),
  })
  .meta({ description: 'How requests are spread over regions.' });

const LoadBalancer = z
  .object({
    simple: oneOf('Algorithm that needs no settings.', [
      'ROUND_ROBIN',
      'LEAST_CONN',
      'RANDOM',
      'PASSTHROUGH',
      'LEAST_REQUEST',
    ]).optional(),
    consistentHash: ConsistentHash.optional(),
    localityLbSetting: LocalityLoadBalancing.optional(),
    warmupDurationSecs: plain('How long a new pod gets fewer requests.'),
  })
  .meta({
    description: 'How a pod is chosen for a request.',
    ...rules({
      rule: 'has(self.simple) || has(self.consistentHash)',
      message: 'set simple or consistentHash',
    }),
  });

const ConnectionPool = z
  .object({
    http: z
      .object({
        h2UpgradePolicy: oneOf('Whether connections are upgraded to HTTP/2.', [
          'DEFAULT',
          'DO_NOT_UPGRADE',
          'UPGRADE',
        ]).optional(),
        http1MaxPendingRequests: count('Most requests that wait for a connection.'),
        http2MaxRequests: count('Most requests at a time.'),
        idleTimeout: plain('How long an idle connection is kept.'),
        maxRequestsPerConnection: count('Most requests over one connection.'),
        maxRetries: count('Most retries at a time.'),
      })
      .meta({ description: 'Limits for HTTP.' })
      .optional(),
  })
  .meta({ description: 'Limits of the connections to the pods.' });

const OutlierDetection = z
  .object({
    baseEjectionTime: plain('Shortest time a pod stays out.'),
    consecutive5xxErrors: z
      .int()
      .meta({ description: 'Number of 5xx answers in a row after which a pod is taken out.' })
      .optional(),
    consecutiveErrors: count('Number of errors in a row after which a pod is taken out.'),
    consecutiveGatewayErrors: count(
      'Number of gateway errors in a row after which a pod is taken out.',
    ),
    consecutiveLocalOriginFailures: count(
      'Number of failures on our side in a row after which a pod is taken out; needs `splitExternalLocalOriginErrors`.',
    ),
    interval: plain('Time between two looks at the pods.'),
    maxEjectionPercent: count('Largest share of pods that may be out, in percent.'),
    minHealthPercent: count('Share of healthy pods below which none is taken out, in percent.'),
    splitExternalLocalOriginErrors: flag(
      'Counts failures on our side apart from errors of the pod.',
    ).optional(),
  })
  .meta({ description: 'When a failing pod is taken out of the pool for a while.' });

const Tls = z
  .object({
    mode: oneOf('How connections are secured.', [
      'DISABLE',
      'SIMPLE',
      'MUTUAL',
      'ISTIO_MUTUAL',
    ]).optional(),
    caCertificates: plain('File with the certificates of the authorities.'),
    clientCertificate: plain('File with the certificate of the client; needed for `MUTUAL`.'),
    privateKey: plain('File with the key of the client; needed for `MUTUAL`.'),
    sni: plain('Server name that is asked for.'),
    subjectAltNames: list(
      'Names that the certificate of the pod may carry.',
      text('One name.', 1024),
      64,
    ).optional(),
  })
  .meta({ description: 'TLS towards the pods.' });

export const TrafficPolicy = z
  .object({
    connectionPool: ConnectionPool.optional(),
    loadBalancer: LoadBalancer.optional(),
    outlierDetection: OutlierDetection.optional(),
    tls: Tls.optional(),
  })
  .meta({ description: 'Istio traffic policy of both sides.' });
