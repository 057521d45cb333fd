import { simulation } from './simulation.ts';

simulation('gatewayapi', { trials: 500, rollouts: 900, each: 10 });
