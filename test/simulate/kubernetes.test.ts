import { simulation } from './simulation.ts';

simulation('kubernetes', { trials: 2800, rollouts: 5000, each: 100 });
