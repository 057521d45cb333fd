import { describe, expect, it } from 'vitest';

import { appImage } from './images.ts';

describe('images of applications', () => {
  it('say version and behaviour of the demo application', () => {
    expect(appImage('serin.dev/demo:1.1.0')?.env).toMatchObject({
      APP_VERSION: '1.1.0',
      APP_BEHAVIOUR: 'good',
    });
    expect(appImage('serin.dev/demo:1.1.0-abrupt')?.env).toMatchObject({
      APP_VERSION: '1.1.0-abrupt',
      APP_BEHAVIOUR: 'abrupt',
    });
  });

  it('are no others', () => {
    expect(appImage('serin.dev/demo:1.1.0-angry')).toBeUndefined();
    expect(appImage('serin.dev/demo')).toBeUndefined();
    expect(appImage('nginx:1')).toBeUndefined();
  });

  it('run as a user without permissions', () => {
    expect(appImage('serin.dev/receiver:1')?.user).toEqual({ uid: 1000, gid: 1000 });
  });
});
