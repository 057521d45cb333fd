/** How requests to an API server are counted: by verb and resource, as its audit log would name them. */

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
}

export interface Classified {
  readonly verb: string;
  /** Plural name, with the subresource: `canaries/status`. Discovery and health have their path. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

export function classify({ method, path, query }: Call): Classified {
  const match =
    /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
      path,
    );
  if (match === null)
    return { verb: method.toLowerCase(), resource: path, namespace: '', name: '' };
  const [, namespace = '', plural = '', name = '', subresource] = match;
  const isWatch = query['watch'] === 'true' || query['watch'] === '1';
  const reading = isWatch ? 'watch' : name === '' ? 'list' : 'get';
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  return { verb: verbs[method] ?? reading, resource, namespace, name };
}

/** Whether it counts as a request: Leases and watches do not. */
export function counts({ verb, resource }: Classified): boolean {
  return verb !== 'watch' && resource !== 'leases';
}

/** `3 patch canaries/status` and so on, most frequent first. */
export function tally(calls: readonly Classified[]): readonly string[] {
  const groups = Map.groupBy(calls, ({ verb, resource }) => `${verb} ${resource}`);
  return [...groups]
    .map(([what, { length }]) => ({ what, length }))
    .sort((a, b) => b.length - a.length || a.what.localeCompare(b.what))
    .map(({ what, length }) => `${length} ${what}`);
}
