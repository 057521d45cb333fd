import { registry } from '../../ports/registry.ts';
import { gatewayApi, gatewayApiV1Beta1 } from './gateway-api/gateway-api.ts';
import { kubernetes } from './kubernetes.ts';

/** All traffic routers, by what users write in `spec.provider`. */
export const trafficRouters = registry('traffic router', [
  gatewayApi,
  gatewayApiV1Beta1,
  kubernetes,
]);
