import { simulation } from './simulation.ts';

simulation('kubernetes', { trials: 500, rollouts: 900, each: 10 });
