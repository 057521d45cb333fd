/**
 * What a Kubernetes API server does, as far as the operator and the sandbox rely on it.
 *
 * Written against Kubernetes 1.34 to 1.36, not against our double: whatever answers this suite may be
 * called a cluster. Every test works in a namespace of its own and waits where a real cluster needs time.
 */

import { afterAll, beforeAll, describe } from 'vitest';

import type { ClusterClient } from './cluster/client.ts';
import { createsAndReads } from './cluster/creates-and-reads.ts';
import { definesKinds } from './cluster/defines-kinds.ts';
import { deletes } from './cluster/deletes.ts';
import { discovers } from './cluster/discovers.ts';
import { guardedWrites } from './cluster/guarded-writes.ts';
import { lists } from './cluster/lists.ts';
import { patches } from './cluster/patches.ts';
import { refusals } from './cluster/refusals.ts';
import { Room, WIDGETS } from './cluster/room.ts';
import { showsOtherForms } from './cluster/shows-other-forms.ts';
import { streams } from './cluster/streams.ts';
import { updates } from './cluster/updates.ts';
import { watches } from './cluster/watches.ts';
import { workloads } from './cluster/workloads.ts';

export interface ClusterCase {
  readonly name: string;
  readonly connect: () => Promise<ClusterClient>;
}

export function describeCluster({ name, connect }: ClusterCase): void {
  describe(`${name} as a Kubernetes API server`, () => {
    const room = new Room();

    beforeAll(async () => {
      await room.open(await connect());
      await room.install(WIDGETS);
    });
    afterAll(() => room.close());

    describe('discovery', () => discovers(room));
    describe('create and get', () => createsAndReads(room));
    describe('list', () => lists(room));
    describe('update', () => updates(room));
    describe('patch', () => patches(room));
    describe('delete', () => deletes(room));
    describe('watch', () => watches(room));
    describe('lists and watches for a cache', () => streams(room));
    describe('guarded writes', () => guardedWrites(room));
    describe('workloads, Services and other built-in kinds', () => workloads(room));
    describe('custom kinds', () => definesKinds(room));
    describe('refusals', () => refusals(room));
    describe('other forms of an answer', () => showsOtherForms(room));
  });
}
