import { stringify } from 'yaml';

export interface Access {
  readonly url: string;
  /** PEM. */
  readonly authority: string;
  readonly user: string;
  readonly token: string;
}

/** The text of a kubeconfig file for one user of the sandbox. */
export function kubeconfig({ url, authority, user, token }: Access): string {
  const cluster = {
    server: url,
    'certificate-authority-data': Buffer.from(authority).toString('base64'),
  };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'sandbox', cluster }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user, namespace: 'demo' } }],
    'current-context': 'sandbox',
  });
}
