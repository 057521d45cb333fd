import { simulation } from './simulation.ts';

simulation('gatewayapi', { trials: 850, rollouts: 1600, each: 15 });
