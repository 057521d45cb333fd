import { stringify } from 'yaml';

/** The text of a kubeconfig file for one user of the sandbox. */
export function kubeconfig(url: string, user: string, token: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'sandbox', cluster: { server: url } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user, namespace: 'demo' } }],
    'current-context': 'sandbox',
  });
}
