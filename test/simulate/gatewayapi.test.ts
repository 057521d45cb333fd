import { simulation } from './simulation.ts';

simulation('gatewayapi', { trials: 2800, rollouts: 5000, each: 100 });
