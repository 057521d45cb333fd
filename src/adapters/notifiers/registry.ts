import { registry } from '../../ports/registry.ts';
import { slack } from './slack.ts';

/** Where alerts can go, by what users write in `spec.type` of an AlertProvider. */
export const notifiers = registry('notifier', [slack]);
