/** The contract of the sandbox's API server, held against the server that it stands for. */

import { describeCluster } from '../../contract/cluster.contract.ts';
import { httpClient } from '../../contract/cluster/http-client.ts';
import { serverOfKubeconfig } from './kubeconfig.ts';

describeCluster({
  name: 'a real kube-apiserver',
  connect: () => Promise.resolve(httpClient({ ...serverOfKubeconfig(), settleMs: 100 })),
});
