/**
 * Plays the kubelet for one node: pods are processes of this machine, each with a network, a file system and a
 * process namespace of its own. Runs as root in the namespaces of the cluster.
 */

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { Agent } from './agent.ts';
import { connect } from './api.ts';
import type { Images } from './image.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    name: { type: 'string' },
    address: { type: 'string', default: '10.99.0.1' },
    'pod-cidr': { type: 'string', default: '10.244.0.0/16' },
    state: { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    /** A module that exports `imageOf`. */
    images: { type: 'string' },
  },
});

function required(name: Exclude<keyof typeof values, 'address' | 'pod-cidr'>): string {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}

function say(level: string, message: string, fields: object = {}): void {
  const line = { level, time: new Date().toISOString(), ...fields, msg: message };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const log = {
  debug: () => {},
  info: (fields: object, message: string) => say('info', message, fields),
  warn: (fields: object, message: string) => say('warn', message, fields),
};

const { imageOf } = (await import(pathToFileURL(path.resolve(required('images'))).href)) as {
  imageOf: Images;
};
const agent = new Agent({
  api: connect(required('kubeconfig'), 'node-agent', log),
  images: imageOf,
  name: required('name'),
  address: values.address,
  podCidr: values['pod-cidr'],
  state: path.resolve(required('state')),
  tlsCert: required('tls-cert'),
  tlsKey: required('tls-key'),
  warn: (message) => say('warn', message),
});

let isStopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (isStopping) return;
    isStopping = true;
    agent.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        say('error', String(error));
        process.exit(1);
      },
    );
  });
}
await agent.start();
say('info', 'node is ready', { node: values.name });
