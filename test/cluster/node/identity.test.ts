import { describe, expect, it } from 'vitest';

import { commonUser, identityOf, rootProblem, setprivArguments } from './identity.ts';
import type { Image } from './image.ts';
import { aContainer, aPod } from './samples.ts';

const image: Image = {
  entrypoint: ['/a'],
  args: [],
  env: {},
  files: {},
  user: { uid: 65532, gid: 65532 },
};
const { user: _, ...rootImage } = image;

const as = (runAsUser: number) => aContainer({ securityContext: { runAsUser } });
const capabilitiesOf = (capabilities: object) => {
  const container = aContainer({ securityContext: { capabilities } });
  return identityOf(aPod().spec, container, rootImage).capabilities;
};

describe('who a container runs as', () => {
  it.each([
    ['the image says so', {}, {}, 65532, 65532],
    ['the pod says so', { runAsUser: 1, runAsGroup: 2 }, {}, 1, 2],
    ['the container says so', { runAsUser: 1 }, { runAsUser: 3 }, 3, 0],
    ['only the group is said', {}, { runAsGroup: 4 }, 65532, 4],
  ])('is as %s', (_why, pod, container, uid, gid) => {
    const { spec } = aPod({ securityContext: pod });
    const identity = identityOf(spec, aContainer({ securityContext: container }), image);
    expect(identity).toMatchObject({ uid, gid });
  });

  it('has the groups of the pod beside its own', () => {
    const { spec } = aPod({ securityContext: { fsGroup: 7, supplementalGroups: [8, 7] } });
    expect(identityOf(spec, aContainer(), image).groups).toEqual([8, 7]);
  });

  it('is not root where root is not wanted', () => {
    const { spec } = aPod({ securityContext: { runAsNonRoot: true } });
    const identity = identityOf(spec, aContainer(), rootImage);
    expect(rootProblem(spec, aContainer(), identity.uid)).toContain('will run as root');
    expect(rootProblem(spec, aContainer(), 1)).toBeUndefined();
    const own = aContainer({ securityContext: { runAsNonRoot: false } });
    expect(rootProblem(spec, own, 0)).toBeUndefined();
  });
});

describe('what a container may do', () => {
  it('is what engines leave to root, less what is dropped, and what is added', () => {
    expect(capabilitiesOf({})).toContain('chown');
    expect(capabilitiesOf({ drop: ['CHOWN', 'CAP_KILL'] })).not.toContain('chown');
    expect(capabilitiesOf({ drop: ['ALL'] })).toEqual([]);
    expect(capabilitiesOf({ drop: ['ALL'], add: ['NET_BIND_SERVICE'] })).toEqual([
      'net_bind_service',
    ]);
  });

  it('reaches setpriv', () => {
    const container = aContainer({
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    });
    expect(setprivArguments(identityOf(aPod().spec, container, image))).toEqual([
      '--reuid=65532',
      '--regid=65532',
      '--clear-groups',
      '--bounding-set=-all',
      '--inh-caps=-all',
      '--no-new-privs',
      '--pdeathsig=KILL',
      '--',
    ]);
  });
});

describe('the user of a token', () => {
  it('is the one of all containers, or nobody', () => {
    expect(commonUser(aPod({ securityContext: { runAsUser: 5 } }).spec)).toBe(5);
    expect(commonUser(aPod({ containers: [as(1), as(1)] }).spec)).toBe(1);
    expect(commonUser(aPod({ containers: [as(1), as(2)] }).spec)).toBeUndefined();
    expect(commonUser(aPod({ containers: [as(1), aContainer()] }).spec)).toBeUndefined();
  });
});
