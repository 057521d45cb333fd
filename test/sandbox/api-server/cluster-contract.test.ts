import { ApiServer } from '../../../src/sandbox/api-server/server.ts';
import { serveApi } from '../../../src/sandbox/http-front.ts';
import { describeCluster } from '../../contract/cluster.contract.ts';
import { httpClient } from '../../contract/cluster/http-client.ts';
import { memoryClient } from './memory-client.ts';
import { Cluster, seeded } from './cluster.ts';

describeCluster({
  name: 'the core in memory',
  connect: () => {
    const cluster = new Cluster();
    return Promise.resolve(memoryClient(cluster.server, cluster));
  },
});

describeCluster({
  name: 'the core behind HTTP',
  connect: async () => {
    const server = new ApiServer({ now: Date.now, random: seeded(2) });
    const front = await serveApi(server, { tickMs: 20 });
    const client = httpClient({ url: front.url });
    return { ...client, close: () => client.close().then(() => front.close()) };
  },
});
