/** See `explored.ts`: revisions that change, and sides that come and go. */
import { checkAll } from './explored.ts';
import { sidePlans } from './explorations.ts';

checkAll(sidePlans);
