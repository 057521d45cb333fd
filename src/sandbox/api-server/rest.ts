/** One verb on one kind: what is done, and how the answer looks. */

import type { ApiAnswer } from './call.ts';
import type { ServerContext } from './context.ts';
import { deleteOne, deleteStored, readDeleteOptions, type Deleted } from './deletes.ts';
import {
  ApiFault,
  methodNotAllowed,
  notFound,
  noSuchPath,
  tooLargeVersion,
  wrongForm,
} from './faults.ts';
import type { JsonObject } from './json.ts';
import { list, readVersion, type ListResult } from './lists.ts';
import { formOf, present, rendererOf } from './media.ts';
import type { KubeObject } from './object.ts';
import { metadataOnly } from './partial-metadata.ts';
import { patch } from './patches.ts';
import { subjectOf, type Request } from './request.ts';
import { readScale, writeScale } from './scales.ts';
import { tableOf } from './tables.ts';
import type { Watches } from './watches.ts';
import { create, finalizeNamespace, update, type Written } from './writes.ts';

export interface Outcome {
  readonly answer: ApiAnswer;
  readonly object?: KubeObject | undefined;
  readonly previous?: KubeObject | undefined;
}

export class Rest {
  readonly #context: ServerContext;
  readonly #watches: Watches;

  constructor(context: ServerContext, watches: Watches) {
    this.#context = context;
    this.#watches = watches;
  }

  answer(request: Request): Outcome {
    const { unavailable } = request.type.definition;
    if (unavailable !== undefined) throw new ApiFault(500, 'InternalError', unavailable);
    if (request.subresource === 'scale') return this.#scale(request);
    if (request.subresource === 'finalize') return this.#finalize(request);
    if (request.subresource === 'status') checkStatusVerb(request);
    else if (request.subresource !== '') throw noSuchPath();
    switch (request.verb) {
      case 'get':
        return this.#get(request);
      case 'list':
        return { answer: this.#list(request) };
      case 'watch':
        return this.#watch(request);
      case 'create':
        return this.#create(request);
      case 'update':
        return this.#written(request, update(this.#context, named(request)));
      case 'patch':
        return this.#written(request, patch(this.#context, named(request)));
      case 'delete':
        return this.#deleted(request, deleteOne(this.#context, request));
      case 'deletecollection':
        return this.#deleteCollection(request);
    }
  }

  #get(request: Request): Outcome {
    const { type, namespace = '', name = '' } = request;
    this.#refuseFuture(request.call.query['resourceVersion']);
    const stored = type.collection.get(namespace, name);
    if (stored === undefined) throw notFound(subjectOf(request));
    const object = type.view(stored);
    return { answer: ok(200, present(this.#context, request, object), request), object };
  }

  /** One object is read as it is now, but never older than asked for. */
  #refuseFuture(version = ''): void {
    if (version === '') return;
    const { revision } = this.#context.store;
    if (readVersion(version) > revision) throw tooLargeVersion(version, revision);
  }

  #list(request: Request): ApiAnswer {
    const result = list(this.#context, request);
    return ok(200, this.#listBody(request, result), request);
  }

  #listBody(request: Request, result: ListResult): object {
    const { type } = request;
    const { objects, revision, continueToken, remaining } = result;
    const form = formOf(request.call.headers['accept']);
    const resourceVersion = String(revision);
    if (form === 'metadata') throw needsList(type.definition.listKind);
    if (form === 'table') {
      const views = objects.map((object) => type.view(object));
      return tableOf(this.#context, request, views, resourceVersion, { continueToken, remaining });
    }
    const metadata: JsonObject = {
      resourceVersion,
      ...continuation(continueToken, type.definition.custom && form === 'object'),
      ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
    };
    if (form !== 'object')
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        // As Go writes a list that nothing was put into.
        items: objects.length === 0 ? null : objects.map(metadataOnly),
      };
    const { listKind } = type.definition;
    const items = objects.map((object) => type.item(object));
    return { kind: listKind, apiVersion: type.apiVersion, metadata, items };
  }

  #watch(request: Request): Outcome {
    const render = rendererOf(this.#context, request);
    return { answer: { kind: 'stream', stream: this.#watches.start(request, render) } };
  }

  #create(request: Request): Outcome {
    if (request.name !== undefined) throw methodNotAllowed();
    return this.#written(request, create(this.#context, request));
  }

  #written(request: Request, { status, object, previous }: Written): Outcome {
    const answer = ok(status, present(this.#context, request, object), request);
    return { answer, object, previous };
  }

  #deleted(request: Request, { object, previous, gone }: Deleted): Outcome {
    const { type, name = '' } = request;
    const { group, plural, behaviour } = type.definition;
    const isAccepted = !gone && readDeleteOptions(request).isOldCascade;
    if (!gone || behaviour.returnsDeleted === true) {
      const view = present(this.#context, request, object);
      return { answer: ok(isAccepted ? 202 : 200, view, request), object, previous };
    }
    const details = {
      name,
      ...(group === '' ? {} : { group }),
      kind: plural,
      uid: object.metadata.uid,
    };
    const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
    return { answer: ok(200, body, request), object, previous };
  }

  #deleteCollection(request: Request): Outcome {
    if (request.type.resource === 'namespaces') throw methodNotAllowed();
    const options = readDeleteOptions(request);
    const result = list(this.#context, request);
    for (const object of result.objects) deleteStored(this.#context, request.type, object, options);
    return { answer: ok(200, this.#listBody(request, result), request) };
  }

  #scale(request: Request): Outcome {
    const { verb } = request;
    if (verb === 'get') return { answer: ok(200, readScale(request), request) };
    if (verb !== 'update' && verb !== 'patch') throw methodNotAllowed();
    const { scale, written } = writeScale(this.#context, request);
    const { object, previous } = written;
    return { answer: ok(200, scale, request), object, previous };
  }

  /** Only Namespaces are held by their spec. */
  #finalize(request: Request): Outcome {
    if (request.type.resource !== 'namespaces') throw noSuchPath();
    if (request.verb !== 'update') throw methodNotAllowed();
    return this.#written(request, finalizeNamespace(this.#context, request));
  }
}

function named(request: Request): Request {
  if (request.name === undefined) throw methodNotAllowed();
  return request;
}

function checkStatusVerb(request: Request): void {
  if (!request.type.definition.hasStatus) throw noSuchPath();
  if (!['get', 'update', 'patch'].includes(request.verb)) throw methodNotAllowed();
}

/** Lists of custom kinds say that nothing is left, those of built-in kinds say nothing. */
function continuation(token: string | undefined, always: boolean): JsonObject {
  if (token !== undefined) return { continue: token };
  return always ? { continue: '' } : {};
}

function needsList(listKind: string): ApiFault {
  return wrongForm(
    `you requested PartialObjectMetadata, but the requested object is a list (${listKind})`,
  );
}

/** Warnings are RFC 7234 headers: code 299, agent unknown, quoted text. */
function ok(status: number, body: unknown, { warnings }: Request): ApiAnswer {
  if (warnings.length === 0) return { kind: 'object', status, body };
  const values = warnings.map((text) => `299 - ${JSON.stringify(text)}`);
  return { kind: 'object', status, body, headers: { warning: values.join(', ') } };
}
