/** Events about pods, as the kubelet would tell them. What was said before is counted at the same Event. */

import { randomBytes } from 'node:crypto';

import type { Api } from './api.ts';
import type { Pod } from './types.ts';

export type EventType = 'Normal' | 'Warning';
export type Tell = (pod: Pod, type: EventType, reason: string, message: string) => void;

interface Told {
  readonly path: string;
  count: number;
}

const maxRemembered = 2_000;
const maxMessageChars = 1_000;

/** Returns at once; an Event that cannot be written is logged and forgotten. */
export function eventTeller(api: Api, node: string, warn: (message: string) => void): Tell {
  const told = new Map<string, Told>();
  let queue = Promise.resolve();

  const send = async (
    pod: Pod,
    type: EventType,
    reason: string,
    message: string,
  ): Promise<void> => {
    const { name, namespace = '', uid } = pod.metadata;
    const key = [uid, reason, message].join('\0');
    const at = new Date().toISOString();
    const known = told.get(key);
    if (known !== undefined) {
      known.count += 1;
      await api.patch(known.path, { count: known.count, lastTimestamp: at });
      return;
    }
    const folder = `/api/v1/namespaces/${namespace}/events`;
    const eventName = `${name}.${randomBytes(6).toString('hex')}`;
    await api.create(folder, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: eventName, namespace },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        name,
        namespace,
        uid,
        resourceVersion: pod.metadata.resourceVersion,
      },
      type,
      reason,
      message: message.slice(0, maxMessageChars),
      source: { component: 'kubelet', host: node },
      reportingComponent: 'kubelet',
      reportingInstance: node,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    });
    told.set(key, { path: `${folder}/${eventName}`, count: 1 });
    const [oldest] = told.keys();
    if (told.size > maxRemembered && oldest !== undefined) told.delete(oldest);
  };

  return (pod, type, reason, message) => {
    queue = queue
      .then(() => send(pod, type, reason, message))
      .catch((error: unknown) => {
        // Nobody will read what is said in a namespace that is going away.
        if (String(error).includes('because it is being terminated')) return;
        warn(`event ${reason} about ${pod.metadata.name} was not written: ${String(error)}`);
      });
  };
}
