/** Deployments and ReplicaSets. */

import {
  conditions,
  fields,
  flag,
  int,
  intOrText,
  labelSelector,
  long,
  text,
} from '../schema/describe.ts';
import type { SchemaNode } from '../schema/schema-node.ts';
import { podTemplate } from './pod-schema.ts';

export const deploymentSchema: SchemaNode = fields(
  'Keeps a number of equal pods running and replaces them step by step when their template changes.',
  {
    spec: fields(
      'What is wanted.',
      {
        replicas: int('How many pods; 1 when absent.', { default: 1 }),
        selector: labelSelector(
          'Which pods belong to it; cannot be changed, must match the template.',
        ),
        template: podTemplate,
        strategy: fields(
          'How old pods are replaced by new ones.',
          {
            type: text('RollingUpdate or Recreate.'),
            rollingUpdate: fields('Bounds of a rolling update.', {
              maxUnavailable: intOrText('How many may be missing, a number or a percentage.'),
              maxSurge: intOrText('How many may be there in addition, a number or a percentage.'),
            }),
          },
          { default: {}, 'x-kubernetes-patch-strategy': 'retainKeys' },
        ),
        minReadySeconds: int('Seconds a new pod must be ready before it counts as available.'),
        revisionHistoryLimit: int('How many old ReplicaSets are kept.', { default: 10 }),
        paused: flag('Changes of the template wait.'),
        progressDeadlineSeconds: int('Seconds without progress after which it has failed.', {
          default: 600,
        }),
      },
      { required: ['selector', 'template'] },
    ),
    status: fields('What is there.', {
      observedGeneration: long('The generation this was computed from.'),
      replicas: int('Pods in all.'),
      updatedReplicas: int('Pods of the present template.'),
      readyReplicas: int('Pods that are ready.'),
      availableReplicas: int('Pods that have been ready long enough.'),
      unavailableReplicas: int('Pods that are still missing.'),
      terminatingReplicas: int('Pods on their way out.'),
      collisionCount: int('How often a name was taken already.'),
      conditions: conditions('Available, Progressing, ReplicaFailure.'),
    }),
  },
);

export const replicaSetSchema: SchemaNode = fields('Keeps a number of equal pods running.', {
  spec: fields(
    'What is wanted.',
    {
      replicas: int('How many pods; 1 when absent.', { default: 1 }),
      selector: labelSelector('Which pods belong to it; cannot be changed.'),
      template: podTemplate,
      minReadySeconds: int('Seconds a pod must be ready before it counts as available.'),
    },
    { required: ['selector'] },
  ),
  status: fields('What is there.', {
    observedGeneration: long('The generation this was computed from.'),
    replicas: int('Pods in all.'),
    fullyLabeledReplicas: int('Pods that carry all labels of the template.'),
    readyReplicas: int('Pods that are ready.'),
    availableReplicas: int('Pods that have been ready long enough.'),
    terminatingReplicas: int('Pods on their way out.'),
    conditions: conditions('ReplicaFailure.'),
  }),
});
