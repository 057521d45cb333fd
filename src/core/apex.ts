/** The apex Service: kept on the side that is due, and what is done when somebody keeps taking its selector back. */

import type { Pass } from './pass.ts';
import { isUnderWay } from './phases.ts';
import { contest } from './upkeep.ts';

/** Services as they must be. During initialisation the order is its own, see `initialise.ts`. */
export function keepServices(pass: Pass): boolean {
  const { services } = pass.seen;
  const { run } = pass;
  if (run === undefined || pass.phase === 'Initializing' || !services.known) return false;
  if (services.backends !== 'ready') pass.effects.push({ type: 'writeBackends' });
  const side = run.stay && pass.canaryAvailable ? 'canary' : 'primary';
  // Where the apex Service is the route, the weight says which side it has to select.
  const moved = services.apexSide !== side;
  const isRoute = pass.seen.traffic.weights === 'switch' && services.apexSide !== 'missing';
  if (moved && isRoute) return false;
  if (!moved && services.apex === 'ready' && services.followers === 'ready') return false;
  // No write moves traffic to a side without an available replica while the other side has one.
  if (side === 'primary' && !pass.primaryAvailable && pass.canaryAvailable) return false;
  const what = services.apexSide === 'missing' ? 'nothing, it was gone' : 'other pods';
  // While the canary stands in, the side that is due changes with who can answer, and not by others' hands.
  if (
    moved &&
    !run.stay &&
    contest(pass, 'selector', `the apex Service ${run.apex} selected ${what}`)
  )
    return true;
  writeApex(pass, side);
  return false;
}

/** With pauses where somebody keeps taking the selector back and users are served right meanwhile. */
export function writeApex(pass: Pass, side: 'primary' | 'canary'): void {
  const isPatient = servesEitherWay(pass);
  pass.effects.push({ type: 'writeApex', side, ...(isPatient ? { isPatient } : {}) });
}

/** Somebody has taken the selector of an adopted apex Service back more than once since the run began. */
export function isApexContested({ run, seen }: Pass): boolean {
  return seen.services.adopted && (run?.contested['selector'] ?? 0) >= 2;
}

/** Says who contests the apex Service, that users are served all the same because of `why`, and what to do. */
export function sayApexContested(pass: Pass, why: string): void {
  const manager = pass.answers.managers?.['selector'];
  const who = manager === undefined ? 'somebody else' : `"${manager}"`;
  pass.stalled = true;
  pass.say(
    'ServiceContested',
    `${who} keeps changing spec.selector of Service ${pass.run?.apex}; ${why}. Leave spec.selector to the operator: ignore the difference, or take the Service out of the manifests`,
  );
}

/**
 * Outside a run, a selector that was taken back before and selects the target: that is kept running, at the revision
 * that the primary has. A selector of anything else leaves users without an answer and waits for nothing.
 */
function servesEitherWay(pass: Pass): boolean {
  const { seen } = pass;
  return (
    isApexContested(pass) &&
    seen.services.apexSide === 'canary' &&
    !isUnderWay(pass.phase) &&
    pass.canaryAvailable &&
    seen.target?.revision === pass.primaryHolds
  );
}
