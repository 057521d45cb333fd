import { simulation } from './simulation.ts';

simulation('kubernetes', { trials: 850, rollouts: 1600, each: 15 });
