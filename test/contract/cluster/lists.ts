import { expect, it } from 'vitest';

import {
  at,
  configMap,
  configMaps,
  items,
  json,
  names,
  text,
  widget,
  widgets,
  type Room,
} from './room.ts';

async function filled(room: Room, count: number): Promise<string> {
  const namespace = await room.namespace();
  for (let index = 0; index < count; index++) {
    const labels = { index: String(index), parity: index % 2 === 0 ? 'even' : 'odd' };
    await room.create(configMaps(namespace), configMap(`item-${index}`, {}, { labels }));
  }
  return namespace;
}

/** A real cluster puts a ConfigMap of its own into every namespace. */
function own(body: unknown): readonly string[] {
  return names(body).filter((name) => name !== 'kube-root-ca.crt');
}

export function lists(room: Room): void {
  it('lists a namespace in the order of names, with a version for the whole', async () => {
    const namespace = await filled(room, 3);
    const { status, body } = await room.get(configMaps(namespace));
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    expect(own(body)).toEqual(['item-0', 'item-1', 'item-2']);
    expect(Number(text(body, 'metadata.resourceVersion'))).toBeGreaterThan(0);
  });

  it('leaves kind and version out of the items of built-in kinds, not of custom ones', async () => {
    const namespace = await filled(room, 1);
    await room.create(widgets(namespace), widget('a'));
    const builtIn = await room.get(configMaps(namespace));
    expect(items(builtIn.body)[0]).not.toHaveProperty('kind');
    const custom = await room.get(widgets(namespace));
    expect(items(custom.body)[0]).toMatchObject({ kind: 'Widget' });
  });

  it('lists all namespaces together', async () => {
    const one = await filled(room, 1);
    const two = await filled(room, 1);
    const { body } = await room.get('/api/v1/configmaps');
    const seen = items(body).map(
      (item) => `${text(item, 'metadata.namespace')}/${text(item, 'metadata.name')}`,
    );
    expect(seen).toEqual(expect.arrayContaining([`${one}/item-0`, `${two}/item-0`]));
  });

  it.each([
    ['parity=even', ['item-0', 'item-2']],
    ['parity==odd', ['item-1', 'item-3']],
    ['parity!=even,index', ['item-1', 'item-3']],
    ['index in (0, 3)', ['item-0', 'item-3']],
    ['index notin (0,1),index', ['item-2', 'item-3']],
    ['!index', []],
    ['parity=even,index in (2)', ['item-2']],
  ])('selects by the labels %s', async (labelSelector, expected) => {
    const namespace = await filled(room, 4);
    const { body } = await room.get(configMaps(namespace), { labelSelector });
    expect(own(body)).toEqual(expected);
  });

  it('selects by name and namespace', async () => {
    const namespace = await filled(room, 2);
    const one = await room.get(configMaps(namespace), { fieldSelector: 'metadata.name=item-1' });
    expect(names(one.body)).toEqual(['item-1']);
    const all = await room.get('/api/v1/configmaps', {
      fieldSelector: `metadata.namespace=${namespace}`,
    });
    expect(own(all.body)).toEqual(['item-0', 'item-1']);
  });

  it.each([{ labelSelector: 'a in b' }, { fieldSelector: 'data.k=v' }])(
    'refuses %o',
    async (query) => {
      const namespace = await room.namespace();
      expect(await room.get(configMaps(namespace), query)).toMatchObject({
        status: 400,
        body: { reason: 'BadRequest' },
      });
    },
  );

  it('goes on from page to page over one state', async () => {
    const namespace = await filled(room, 5);
    const query = { limit: '2', labelSelector: 'index' };
    const first = await room.get(configMaps(namespace), query);
    expect(names(first.body)).toEqual(['item-0', 'item-1']);
    await room.call('DELETE', `${configMaps(namespace)}/item-2`);
    await room.create(configMaps(namespace), configMap('item-3a', {}, { labels: { index: 'x' } }));
    const next = text(first.body, 'metadata.continue');
    const second = await room.get(configMaps(namespace), { ...query, continue: next });
    expect(names(second.body)).toEqual(['item-2', 'item-3']);
    expect(at(second.body, 'metadata.resourceVersion')).toBe(
      at(first.body, 'metadata.resourceVersion'),
    );
    const third = await room.get(configMaps(namespace), {
      ...query,
      continue: text(second.body, 'metadata.continue'),
    });
    expect(names(third.body)).toEqual(['item-4']);
    expect(json(json(third.body)['metadata'])['continue'] ?? '').toBe('');
  });

  it('says how many are left when nothing is selected', async () => {
    const namespace = await room.namespace();
    for (const name of ['a', 'b', 'c']) await room.create(widgets(namespace), widget(name));
    const { body } = await room.get(widgets(namespace), { limit: '1' });
    expect(at(body, 'metadata.remainingItemCount')).toBe(2);
  });

  it('refuses a token that is none', async () => {
    const namespace = await room.namespace();
    expect(
      await room.get(configMaps(namespace), { limit: '1', continue: 'nonsense' }),
    ).toMatchObject({ status: 400 });
  });

  it('answers at an exact version when asked to', async () => {
    const namespace = await filled(room, 1);
    const before = await room.get(configMaps(namespace));
    await room.configMap(namespace, 'later');
    const resourceVersion = text(before.body, 'metadata.resourceVersion');
    const exact = await room.get(configMaps(namespace), {
      resourceVersion,
      resourceVersionMatch: 'Exact',
    });
    expect(own(exact.body)).toEqual(['item-0']);
    const newer = await room.get(configMaps(namespace), {
      resourceVersion,
      resourceVersionMatch: 'NotOlderThan',
    });
    expect(own(newer.body)).toEqual(['item-0', 'later']);
  });

  it('refuses a resourceVersionMatch without a version', async () => {
    const namespace = await room.namespace();
    const reply = await room.get(configMaps(namespace), { resourceVersionMatch: 'Exact' });
    expect(reply).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
  });
}
