import { describe, expect, it } from 'vitest';

import { Secrets } from '../../src/controller/secrets.ts';
import { KubernetesCluster } from '../../src/adapters/kubernetes/cluster.ts';
import { memoryTransport } from '../support/memory-transport.ts';
import { secret, Stage } from './stage.ts';

const key = { namespace: 'shop', name: 'prom' };
const never = new AbortController().signal;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function aStage() {
  const stage = new Stage();
  const { clock, server } = stage.world;
  const transport = memoryTransport(server, { clock, headers: { 'user-agent': 'serin/0' } });
  const cluster = new KubernetesCluster({
    transport,
    clock,
    random: () => 0.5,
    log: quiet,
    watches: [],
    namespaces: [],
  });
  const secrets = new Secrets(cluster, clock);
  const read = async () => {
    const reading = secrets.read(key, never).then(
      (values) => values,
      (error: unknown) => error,
    );
    await stage.pass(10);
    return reading;
  };
  return { stage, secrets, read };
}

describe('a Secret', () => {
  it('is decoded, and read once a minute at most', async () => {
    const { stage, read } = aStage();
    stage.create(secret('prom', { token: 'abc' }));
    expect(await read()).toEqual({ token: 'abc' });
    await stage.pass(30_000);
    await read();
    expect(stage.requests()).toHaveLength(1);
    await stage.pass(31_000);
    await read();
    expect(stage.requests()).toHaveLength(2);
  });

  it('is only ever asked for by its name', async () => {
    const { stage, read } = aStage();
    stage.create(secret('prom', { token: 'abc' }));
    await read();
    expect(stage.requests().map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /api/v1/namespaces/shop/secrets/prom',
    ]);
  });

  it('is read again at once when it was refused', async () => {
    const { stage, secrets, read } = aStage();
    stage.create(secret('prom', { token: 'old' }));
    await read();
    stage.patch('Secret', 'prom', secret('prom', { token: 'new' }));
    secrets.forget(key);
    expect(await read()).toEqual({ token: 'new' });
  });

  it('that does not exist is named, and asked for again each time', async () => {
    const { stage, read } = aStage();
    expect(await read()).toMatchObject({
      kind: 'invalid',
      reason: 'SecretNotFound',
      message: 'Secret shop/prom does not exist',
    });
    stage.create(secret('prom', { token: 'abc' }));
    expect(await read()).toEqual({ token: 'abc' });
  });

  it('that was deleted is not used beyond its minute', async () => {
    const { stage, read } = aStage();
    stage.create(secret('prom', { token: 'abc' }));
    await read();
    stage.delete('Secret', 'prom');
    await stage.pass(61_000);
    expect(await read()).toMatchObject({ reason: 'SecretNotFound' });
  });
});
