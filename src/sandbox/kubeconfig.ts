import { stringify } from 'yaml';

/** The text of a kubeconfig file for one user of the sandbox. */
export function kubeconfig(url: string, user: string, token: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // Plain HTTP on loopback; clients that insist on TLS want to be told that this is meant.
    clusters: [{ name: 'sandbox', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user, namespace: 'demo' } }],
    'current-context': 'sandbox',
  });
}
