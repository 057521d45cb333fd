/**
 * What a controller has in hand while it looks at one object: the view, the time, and writes whose answers
 * go straight into the view.
 */
import type { Agenda } from './agenda.ts';
import type { Resource, Written } from './api.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Mirror } from './mirror.ts';
import { keyOf, type KubeObject } from './objects.ts';

/** A conflict means that our view lags: a moment later it will not. */
const AFTER_CONFLICT_MS = 10;
const AFTER_REFUSAL_MS = 1_000;

/** What a controller tells people: it becomes a Kubernetes Event where those are kept. */
export interface Remark {
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export class Round {
  readonly view: ClusterView;
  readonly agenda: Agenda;
  readonly now: number;
  /** The agenda's name for what is being looked at. */
  readonly item: string;
  readonly remark: (remark: Remark) => void;
  wrote = false;

  constructor(
    view: ClusterView,
    agenda: Agenda,
    now: number,
    item: string,
    remark: (remark: Remark) => void,
  ) {
    this.view = view;
    this.agenda = agenda;
    this.now = now;
    this.item = item;
    this.remark = remark;
  }

  create<T extends KubeObject>(mirror: Mirror<T>, resource: Resource, object: T): Written<T> {
    return this.#note(mirror, object, this.view.client.create(resource, object));
  }

  replace<T extends KubeObject>(mirror: Mirror<T>, resource: Resource, object: T): T | undefined {
    return this.#done(this.#note(mirror, object, this.view.client.replace(resource, object)));
  }

  replaceStatus<T extends KubeObject>(
    mirror: Mirror<T>,
    resource: Resource,
    object: T,
  ): T | undefined {
    return this.#done(this.#note(mirror, object, this.view.client.replaceStatus(resource, object)));
  }

  remove<T extends KubeObject>(
    mirror: Mirror<T>,
    resource: Resource,
    object: T,
    graceSeconds?: number,
  ): void {
    const written = this.view.client.remove(resource, object, graceSeconds);
    // The answer may be a Status without the object; the watch tells what became of it.
    if (written.outcome === 'gone') mirror.drop(object);
    else if (written.outcome !== 'done') this.#note(mirror, object, written);
    this.wrote ||= written.outcome === 'done';
  }

  lookAgainAt(at: number): void {
    this.agenda.addAt(this.item, at);
  }

  #done<T>(written: Written<T>): T | undefined {
    return written.outcome === 'done' ? written.object : undefined;
  }

  #note<T extends KubeObject>(mirror: Mirror<T>, about: T, written: Written<T>): Written<T> {
    switch (written.outcome) {
      case 'done':
        this.wrote = true;
        mirror.take(written.object);
        break;
      case 'conflict':
        this.lookAgainAt(this.now + AFTER_CONFLICT_MS);
        break;
      case 'gone':
        mirror.drop(about);
        break;
      case 'refused':
        this.#refused(about, written.status, written.message);
        break;
    }
    return written;
  }

  #refused(about: KubeObject, status: number, message: string): void {
    this.lookAgainAt(this.now + AFTER_REFUSAL_MS);
    this.remark({
      about,
      type: 'Warning',
      reason: 'WriteRefused',
      message: `${about.kind} ${keyOf(about)}: ${status} ${message}`,
    });
  }
}
