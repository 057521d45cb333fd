/** What a test cluster is made of, and how each program says its version. */
export const programNames = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'etcd',
  'kubectl',
  'kwok',
  'contour',
  'envoy',
  'traefik',
  'prometheus',
  'nft',
  'ip',
  'unshare',
  'nsenter',
  'setpriv',
  'libfaketime',
] as const;
export type ProgramName = (typeof programNames)[number];

/** Sets of manifests: Gateway API's kinds, Contour's kinds, and the life of KWOK's pods and nodes. */
export const manifestNames = ['gateway-api-crds', 'contour-crds', 'kwok-stages'] as const;
export type ManifestName = (typeof manifestNames)[number];

export type Name = ProgramName | ManifestName;
export const allNames: readonly Name[] = [...programNames, ...manifestNames];

interface Question {
  readonly args: readonly string[];
  /** Its first group is the version, without a `v`. */
  readonly answer: RegExp;
}

const kubernetes: Question = { args: ['--version'], answer: /^Kubernetes v(\S+)/ };
const utilLinux: Question = { args: ['--version'], answer: /util-linux (\S+)/ };

/** How a program is asked for its version; libfaketime is a library and has no say. */
export const versionQuestions: Readonly<Record<Exclude<ProgramName, 'libfaketime'>, Question>> = {
  'kube-apiserver': kubernetes,
  'kube-controller-manager': kubernetes,
  'kube-scheduler': kubernetes,
  'kube-proxy': kubernetes,
  etcd: { args: ['--version'], answer: /^etcd Version: (\S+)/ },
  kubectl: { args: ['version', '--client'], answer: /Client Version: v(\S+)/ },
  kwok: { args: ['--version'], answer: /version v(\S+)/ },
  contour: { args: ['version'], answer: /version: v?(\S+)/ },
  envoy: { args: ['--version'], answer: /version: \w+\/([^/]+)\// },
  traefik: { args: ['version'], answer: /Version:\s+(\S+)/ },
  prometheus: { args: ['--version'], answer: /version (\S+)/ },
  nft: { args: ['--version'], answer: /nftables v(\S+)/ },
  ip: { args: ['-V'], answer: /iproute2-([^\s,]+)/ },
  unshare: utilLinux,
  nsenter: utilLinux,
  setpriv: utilLinux,
};
