import { describeLife } from './life.ts';
import { contour, kubernetes, traefik } from './plane.ts';

for (const plane of [traefik, contour, kubernetes]) describeLife(plane);
