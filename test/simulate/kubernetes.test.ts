import { simulation } from './simulation.ts';

simulation('kubernetes', { trials: 3000, rollouts: 5000, each: 100 });
