import { registry } from '../../ports/registry.ts';
import { prometheus } from './prometheus.ts';

/** Backends that answer queries, by what users write in `spec.provider.type` of a MetricTemplate. */
export const metricsProviders = registry('metrics provider', [prometheus]);
