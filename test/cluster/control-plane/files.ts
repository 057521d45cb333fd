/** The files that the components read: keys, tokens, kubeconfigs, policies. Made anew for each cluster. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { stringify } from 'yaml';

import { newCertificate } from '../../../src/sandbox/certificate.ts';
import { API_URL, CERTIFICATE_NAMES, FILES, NODE, POD_CIDR } from '../layout.ts';

export function writeFiles(): void {
  const { cert, key } = newCertificate(Date.now(), CERTIFICATE_NAMES);
  write(FILES.certificate, cert);
  write(FILES.key, key);
  write(FILES.serviceAccountKey, newServiceAccountKey());
  const [person, components] = [newToken(), newToken()];
  write(
    FILES.tokens,
    `${person},admin,admin,system:masters\n${components},components,components,system:masters\n`,
  );
  write(FILES.kubeconfig, kubeconfig(cert, person));
  write(FILES.componentsKubeconfig, kubeconfig(cert, components));
  write(FILES.auditPolicy, stringify(auditPolicy));
  write(FILES.proxyConfig, stringify(proxyConfig));
  for (const folder of [FILES.logs, FILES.etcd, FILES.node]) mkdirSync(folder, { recursive: true });
}

function write(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  // Processes of pods have other users; nothing here is for them.
  writeFileSync(file, content, { mode: 0o600 });
}

function newToken(): string {
  return randomBytes(24).toString('hex');
}

function newServiceAccountKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'sec1', format: 'pem' }).toString();
}

function kubeconfig(certificate: string, token: string): string {
  const authority = Buffer.from(certificate).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'cluster',
    contexts: [{ name: 'cluster', context: { cluster: 'cluster', user: 'cluster' } }],
    clusters: [
      { name: 'cluster', cluster: { server: API_URL, 'certificate-authority-data': authority } },
    ],
    users: [{ name: 'cluster', user: { token } }],
  });
}

/** Every request of everybody but the components, when it is answered; a watch also when it begins. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', users: ['components', 'system:apiserver'] },
    { level: 'None', nonResourceURLs: ['/readyz*', '/livez*', '/healthz*'] },
    { level: 'Metadata' },
  ],
};

const proxyConfig = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'nftables',
  hostnameOverride: NODE.name,
  clusterCIDR: POD_CIDR,
  clientConnection: { kubeconfig: FILES.componentsKubeconfig },
  // The limits belong to the machine, which does not let us set them.
  conntrack: { maxPerCore: 0, min: 0 },
  // A changed Service is followed at once: tests count the requests in between.
  nftables: { minSyncPeriod: '0s', syncPeriod: '30s' },
  healthzBindAddress: '127.0.0.1:10256',
  metricsBindAddress: '127.0.0.1:10249',
};
