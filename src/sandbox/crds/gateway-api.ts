/** The Gateway API as the sandbox installs it: always the same objects, so that servers share the work. */

import { gateway, gatewayClass } from './gateway.ts';
import { httpRoute } from './http-route.ts';

export const gatewayApiDefinitions: readonly object[] = [gatewayClass, gateway, httpRoute];
