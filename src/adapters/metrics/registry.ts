import { InvalidError } from '../../errors.ts';
import type { MetricsProviderKind } from '../../ports/metrics-provider.ts';
import { prometheus } from './prometheus.ts';

/** Finds a kind of metrics backend by what users write in `spec.provider.type`. */
export interface MetricsProviders {
  readonly names: readonly string[];
  /** Throws `InvalidError` naming the known ones. */
  get(type: string): MetricsProviderKind;
}

const kinds: readonly MetricsProviderKind[] = [prometheus];
const names = kinds.map(({ name }) => name);

export const metricsProviders: MetricsProviders = {
  names,
  get(type) {
    const kind = kinds.find(({ name }) => name === type);
    if (kind !== undefined) return kind;
    throw new InvalidError(
      `unknown metrics provider ${JSON.stringify(type)}; known: ${names.join(', ')}`,
      { reason: 'UnknownMetricsProvider' },
    );
  },
};
