import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { pod, startRunner } from '../runner/pods.ts';

let runner: Awaited<ReturnType<typeof startRunner>>;

beforeEach(async () => {
  runner = await startRunner();
});

afterEach(() => runner.close());

async function started(image: string): Promise<string> {
  runner.driver.start(pod('one', image));
  const { ip } = await runner.next('running');
  await runner.next('ready');
  return `http://${ip}:8080`;
}

describe('demo application', () => {
  it('counts its answers by status, probes left out', async () => {
    const url = await started('serin.dev/demo:2.0.0-flaky');
    for (let i = 0; i < 8; i++) await fetch(url).then((answer) => answer.text());
    await fetch(`${url}/readyz`);
    const metrics = await fetch(`${url}/metrics`).then((answer) => answer.text());
    const lines = metrics.split('\n');
    expect(lines).toContain('http_request_duration_seconds_count{status="200"} 6');
    expect(lines).toContain('http_request_duration_seconds_count{status="500"} 2');
    expect(lines).toContain('http_request_duration_seconds_bucket{status="200",le="+Inf"} 6');
    expect(lines).toContain('app_info{version="2.0.0-flaky"} 1');
  });

  it('fails always, or takes its time, when its image says so', async () => {
    const failing = await started('serin.dev/demo:3.0.0-failing');
    expect((await fetch(failing)).status).toBe(500);
    const slow = await started('serin.dev/demo:4.0.0-slow');
    await fetch(slow).then((answer) => answer.text());
    const metrics = await fetch(`${slow}/metrics`).then((answer) => answer.text());
    expect(metrics).toContain('http_request_duration_seconds_bucket{status="200",le="0.5"} 0');
  });
});
