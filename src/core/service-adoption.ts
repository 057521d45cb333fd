/**
 * Taking a Service of its user's, and giving it back.
 */

import { kubectlLastApplied, marks } from '../api/marks.ts';
import { asService, isObject, member } from '../api/narrow.ts';
import type { KubernetesObject, Service, ServicePort } from '../api/object.ts';
import { adoptedBy, annotated, equal, silenced, unsilenced } from './owners.ts';
import { selectorOf, type ServicePlan, type StringMap } from './service-plan.ts';
import { portChanges, withoutChanges, type PortChanges } from './service-ports.ts';

/**
 * A Service of its user's, adopted: another selector, and a note of the one it had. Adopted already: the note
 * stays as it was, so that it always says what there was before us.
 */
export function adoptService(
  plan: Pick<ServicePlan, 'canary' | 'running' | 'label'>,
  service: Service,
  selector: StringMap,
  ports: readonly ServicePort[] = service.spec.ports ?? [],
): KubernetesObject {
  const marked = adoptedBy(service, plan.canary) ? service : withNotes(plan, service);
  const noted = withPortNote(marked, portChanges(service.spec.ports ?? [], ports));
  const quiet = plan.running ? silenced(noted) : unsilenced(noted);
  const same =
    equal(service.spec.selector, selector) && equal(service.spec.ports ?? [], [...ports]);
  return same ? quiet : { ...quiet, spec: { ...service.spec, selector, ports } };
}

/**
 * An adopted Service as its user had it: selector, ports and annotations. Where our note was lost it selects the
 * target, which is what an apex is for. One that is not adopted comes back as it is.
 */
export function giveBack(object: KubernetesObject, label: ServicePlan['label']): KubernetesObject {
  if (object.metadata.annotations?.[marks.adoptedBy] === undefined) return object;
  const { spec } = asService(object);
  const selector = formerSelector(object) ?? selectorOf(label, 'canary');
  const ports = withoutChanges(spec.ports ?? [], portNote(object));
  return annotated(
    { ...unsilenced(object), spec: { ...spec, selector, ports } },
    {
      [marks.adoptedBy]: undefined,
      [marks.formerSelector]: undefined,
      [marks.addedPorts]: undefined,
      [marks.applied]: undefined,
    },
  );
}

/** The selector that an adopted Service had before us, from our note. */
export function formerSelector(object: KubernetesObject): StringMap | undefined {
  return stringMap(parsed(object.metadata.annotations?.[marks.formerSelector]));
}

function withNotes(
  { canary, label }: Pick<ServicePlan, 'canary' | 'label'>,
  service: Service,
): KubernetesObject {
  return annotated(service, {
    [marks.adoptedBy]: canary.uid,
    [marks.formerSelector]: JSON.stringify(selectorBefore(service, label)),
  });
}

/**
 * What a Service selected before anybody moved it. One that selects our primary has been moved already (by Flagger,
 * or by us before our note was lost): then what its user last applied counts, or else the target.
 */
function selectorBefore(service: Service, label: ServicePlan['label']): StringMap {
  const { selector = {} } = service.spec;
  if (selector[label.key] !== selectorOf(label, 'primary')[label.key]) return selector;
  const applied = parsed(service.metadata.annotations?.[kubectlLastApplied]);
  return stringMap(member(member(applied, 'spec'), 'selector')) ?? selectorOf(label, 'canary');
}

function withPortNote(object: KubernetesObject, { added, named }: PortChanges): KubernetesObject {
  if (added.length + named.length === 0) return object;
  const former = portNote(object);
  const note: PortChanges = {
    added: [...new Set([...former.added, ...added])],
    named: [...new Set([...former.named, ...named])],
  };
  return annotated(object, { [marks.addedPorts]: JSON.stringify(note) });
}

function portNote(object: KubernetesObject): PortChanges {
  const note = parsed(object.metadata.annotations?.[marks.addedPorts]);
  return { added: strings(member(note, 'added')), named: strings(member(note, 'named')) };
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Somebody has edited the note: then it says nothing.
  }
}

function stringMap(value: unknown): StringMap | undefined {
  if (!isObject(value) || Array.isArray(value)) return undefined;
  const entries = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
