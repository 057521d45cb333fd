import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { imageOfDockerfile } from './dockerfile.ts';

const stages = {
  base: { '/nodejs/bin/node': '/usr/bin/node' },
  built: { '/serin/dist/serin.mjs': '/somewhere/serin.mjs' },
};

describe('an image from a Dockerfile', () => {
  it('is, for the operator, the bundle and Node.js and nothing else', () => {
    const image = imageOfDockerfile(readFileSync('deploy/Dockerfile', 'utf8'), stages);
    expect(image).toMatchObject({
      args: ['operator'],
      env: { NODE_ENV: 'production' },
      user: { uid: 65_532, gid: 65_532 },
      files: { '/nodejs/bin/node': '/usr/bin/node', '/serin/serin.mjs': '/somewhere/serin.mjs' },
    });
    expect(image.entrypoint[0]).toBe('/nodejs/bin/node');
    expect(Object.keys(image.files)).toHaveLength(2);
  });

  it('takes nothing from earlier stages but what is copied', () => {
    const image = imageOfDockerfile('FROM a AS build\nENV A=1\nFROM b\nENV B=2=3\n', stages);
    expect(image.env).toEqual({ B: '2=3' });
  });

  it.each([
    ['RUN apt-get update', 'does not understand "RUN apt-get update"'],
    ['COPY --from=build /serin/node_modules /x', 'has no /serin/node_modules'],
    ['COPY . /serin', 'has no '],
    ['USER nobody', 'by number only, not "USER nobody"'],
    ['CMD serin operator', 'JSON'],
    ['CMD {"a":1}', 'wants the exec form'],
  ])('refuses %s', (line, why) => {
    expect(() => imageOfDockerfile(`FROM a\n${line}\n`, stages)).toThrow(why);
  });
});
