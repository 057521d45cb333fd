/** One line for people about each scenario: what was sent, what failed and by whom, and what the proxies gave. */
import type { RequestRecord } from '../../../src/sandbox/demo/request-record.ts';
import { blame } from './load.ts';
import type { Share } from './shares.ts';

export function report(scenario: string, ...parts: readonly string[]): void {
  process.stdout.write(`  ${scenario}: ${parts.filter((part) => part !== '').join('; ')}\n`);
}

export function requests(records: readonly RequestRecord[]): string {
  const whom = blame(records);
  const { length: failed } = records.filter((record) => record.failed);
  return `${records.length} requests, ${failed} failed${whom.length === 0 ? '' : ` (${whom.join(', ')})`}`;
}

export function shares(all: readonly Share[]): string {
  const texts = all.map(({ weight, requests: count, canary, servedAfterMs }) => {
    const percent = ((canary / count) * 100).toFixed(2);
    const after = (servedAfterMs / 1_000).toFixed(1);
    return `${weight} % → ${canary}/${count} = ${percent} % (served after ${after} s)`;
  });
  return texts.join(', ');
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
