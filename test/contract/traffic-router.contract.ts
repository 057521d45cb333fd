/**
 * What every traffic router promises, whatever mesh it drives.
 *
 * Laws are said of every split that the router's own capability allows, and of every existing object that a case
 * brings along; cases should bring the awkward ones.
 */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { KubernetesObject } from '../../src/api/object.ts';
import { splitAt } from '../../src/core/traffic.ts';
import type { RouteTarget, TrafficRouter } from '../../src/ports/traffic-router.ts';

export interface ExistingTraffic {
  /** What is awkward about it. */
  readonly name: string;
  /** An object of the router's kind, or the apex Service where the router has none, as read from the cluster. */
  readonly object: KubernetesObject;
  /** The parts of it that are none of the router's business. */
  readonly foreign: (object: KubernetesObject) => unknown;
  /** Whether the object carries no traffic of ours yet, so that nothing can be observed before the first render. */
  readonly unobservable?: boolean;
}

export interface TrafficRouterCase {
  readonly router: TrafficRouter;
  readonly target: RouteTarget;
  readonly existing: readonly ExistingTraffic[];
  /** Objects of the router's kind that are nobody's business but their users'. */
  readonly strangers: readonly KubernetesObject[];
}

/** The laws; `describe` names the router. */
export function describeTrafficRouter(subject: TrafficRouterCase): void {
  const { router, target, existing, strangers } = subject;
  const weights =
    router.capabilities.weights === 'exact'
      ? fc.integer({ min: 0, max: 100 })
      : fc.constantFrom(0, 100);
  const anySplit = weights.map(splitAt);
  const seen = (objects: readonly KubernetesObject[]) =>
    router.kind === undefined
      ? { apex: objects[0], routes: [] }
      : { apex: undefined, routes: objects };

  describe(`traffic router ${router.names.join(', ')}`, () => {
    describe.each(existing)('on $name', ({ object, foreign, unobservable = false }) => {
      it('picks the object among strangers', () => {
        const all = router.kind === undefined ? [object] : [...strangers, object, ...strangers];
        expect(router.select(target, seen(all))).toEqual([object]);
      });

      it('observes the split it rendered', () => {
        if (unobservable) expect(router.observe(target, object)).toBeUndefined();
        fc.assert(
          fc.property(anySplit, anySplit, (first, second) => {
            const once = router.render(target, first, mine(object));
            expect(router.observe(target, once)).toEqual(first);
            expect(router.observe(target, router.render(target, second, once))).toEqual(second);
          }),
        );
      });

      it('changes nothing when the split is already there', () => {
        fc.assert(
          fc.property(anySplit, (split) => {
            const once = router.render(target, split, mine(object));
            expect(router.render(target, split, once)).toEqual(once);
          }),
        );
      });

      it('forgets the way: only the last split counts', () => {
        fc.assert(
          fc.property(fc.array(anySplit, { maxLength: 5 }), anySplit, (way, last) => {
            const walked = way.reduce(
              (at, split) => router.render(target, split, at),
              mine(object),
            );
            expect(router.render(target, last, walked)).toEqual(
              router.render(target, last, mine(object)),
            );
          }),
        );
      });

      it('leaves alone what it does not own', () => {
        fc.assert(
          fc.property(anySplit, (split) => {
            const rendered = router.render(target, split, mine(object));
            expect(foreign(rendered)).toEqual(foreign(mine(object)));
            expect(foreign(router.release(target, rendered))).toEqual(foreign(mine(object)));
          }),
        );
      });

      it('goes on picking what it has rendered', () => {
        fc.assert(
          fc.property(anySplit, (split) => {
            const rendered = router.render(target, split, mine(object));
            expect(router.select(target, seen([rendered]))).toEqual([rendered]);
          }),
        );
      });

      it('prepares without moving traffic, and once is enough', () => {
        fc.assert(
          fc.property(anySplit, fc.boolean(), (split, released) => {
            const rendered = router.render(target, split, mine(object));
            const before = released ? router.release(target, rendered) : rendered;
            const prepared = router.prepare(target, before);
            expect(router.observe(target, prepared)).toEqual(router.observe(target, before));
            expect(router.isByApex(target, prepared)).toBe(router.isByApex(target, before));
            expect(router.prepare(target, prepared)).toEqual(prepared);
            expect(router.select(target, seen([prepared]))).toEqual([prepared]);
            expect(foreign(prepared)).toEqual(foreign(before));
            expect(router.release(target, prepared)).toEqual(router.release(target, before));
            expect(router.render(target, split, prepared)).toEqual(
              router.render(target, split, before),
            );
          }),
        );
      });

      it('releases to the same form from every split, with nothing for the canary', () => {
        fc.assert(
          fc.property(anySplit, (split) => {
            const released = router.release(target, router.render(target, split, mine(object)));
            const atRest = router.render(target, splitAt(0), mine(object));
            expect(released).toEqual(router.release(target, atRest));
            expect(router.release(target, released)).toEqual(released);
            expect(router.observe(target, released)).toEqual(splitAt(0));
          }),
        );
      });

      it('does not write to the objects it was given', () => {
        const before = structuredClone(object);
        const frozen = deeplyFrozen(structuredClone(mine(object)));
        fc.assert(
          fc.property(anySplit, (split) => {
            const rendered = deeplyFrozen(router.render(target, split, frozen));
            router.observe(target, rendered);
            router.prepare(target, rendered);
            router.prepare(target, router.release(target, rendered));
            router.acceptance(target, rendered);
          }),
        );
        expect(object).toEqual(before);
      });
    });

    it('picks nothing among strangers', () => {
      expect(router.select(target, { apex: undefined, routes: strangers })).toEqual([]);
    });

    if (router.kind !== undefined) {
      it('creates what is missing, in its own namespace', () => {
        fc.assert(
          fc.property(anySplit, (split) => {
            const made = router.render(target, split, undefined);
            expect(made.metadata).toEqual({ name: target.apex, namespace: target.namespace });
            expect({ apiVersion: made.apiVersion, kind: made.kind }).toEqual(router.kind);
            expect(router.observe(target, made)).toEqual(split);
          }),
        );
      });
    }

    it('accepts what no parent has said anything about', () => {
      for (const { object } of existing) {
        const { status: _status, ...silent } = object;
        expect(router.acceptance(target, { ...object, ...silent, status: {} })).toEqual({
          kind: 'accepted',
        });
      }
    });

    // Unadopted apex Services say nothing until they carry a mark; the controller sets it with the first write.
    function mine(object: KubernetesObject): KubernetesObject {
      if (router.kind !== undefined) return object;
      const annotations = {
        ...object.metadata.annotations,
        'serin.dev/adopted-by': 'uid-of-canary',
      };
      return { ...object, metadata: { ...object.metadata, annotations } };
    }
  });
}

function deeplyFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deeplyFrozen(inner);
    Object.freeze(value);
  }
  return value;
}
