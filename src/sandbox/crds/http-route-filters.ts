/** What an HTTPRoute can do to a request or an answer on the way. */

import { choice, fields, flag, int, list, text, texts } from '../api-server/schema/describe.ts';
import type { CelRule, SchemaNode } from '../api-server/schema/schema-node.ts';
import * as part from './gateway-parts.ts';

const headers = (description: string) =>
  list(
    description,
    fields(
      'One header.',
      { name: part.headerName('Its name.'), value: part.bounded('Its value.', 4096) },
      { required: ['name', 'value'] },
    ),
    { maxItems: 16, ...part.mapBy('name') },
  );

const headerModifier = (description: string) =>
  fields(description, {
    set: headers('Headers to overwrite.'),
    add: headers('Headers to add to.'),
    remove: texts('Headers to take away.', { maxItems: 16, ...part.set }),
  });

const path = (description: string) =>
  fields(
    description,
    {
      type: choice('What is replaced.', ['ReplaceFullPath', 'ReplacePrefixMatch']),
      replaceFullPath: text('The whole new path.', { maxLength: 1024 }),
      replacePrefixMatch: text('What stands in for the matched prefix.', { maxLength: 1024 }),
    },
    {
      required: ['type'],
      ...part.rules(
        part.rule(
          'type ReplaceFullPath needs replaceFullPath',
          "self.type == 'ReplaceFullPath' ? has(self.replaceFullPath) : true",
        ),
        part.rule(
          'replaceFullPath needs type ReplaceFullPath',
          "has(self.replaceFullPath) ? self.type == 'ReplaceFullPath' : true",
        ),
        part.rule(
          'type ReplacePrefixMatch needs replacePrefixMatch',
          "self.type == 'ReplacePrefixMatch' ? has(self.replacePrefixMatch) : true",
        ),
        part.rule(
          'replacePrefixMatch needs type ReplacePrefixMatch',
          "has(self.replacePrefixMatch) ? self.type == 'ReplacePrefixMatch' : true",
        ),
      ),
    },
  );

const mirror = fields(
  'Sends a copy elsewhere and ignores the answer.',
  {
    backendRef: fields('Where the copy goes.', part.backendFields, {
      required: ['name'],
      ...part.rules(part.serviceNeedsPort),
    }),
    percent: int('How many of a hundred.', { minimum: 0, maximum: 100 }),
    fraction: fields(
      'How many, as a fraction.',
      {
        numerator: int('So many …', { minimum: 0 }),
        denominator: int('… of so many.', { minimum: 1, default: 100 }),
      },
      {
        required: ['numerator'],
        ...part.rules(part.rule('no more than all', 'self.numerator <= self.denominator')),
      },
    ),
  },
  {
    required: ['backendRef'],
    ...part.rules(
      part.rule('percent or fraction, not both', '!(has(self.percent) && has(self.fraction))'),
    ),
  },
);

const redirect = fields('Answers with a redirect.', {
  scheme: choice('New scheme.', ['http', 'https']),
  hostname: part.preciseHostname('New host.'),
  path: path('New path.'),
  port: part.port('New port.'),
  statusCode: {
    type: 'integer',
    description: 'Status of the answer.',
    enum: [301, 302, 303, 307, 308],
    default: 302,
  },
});

const rewrite = fields('Changes the request before it is passed on.', {
  hostname: part.preciseHostname('New host.'),
  path: path('New path.'),
});

const noStarBesideOthers = (what: string): CelRule =>
  part.rule(`'*' stands alone in ${what}`, "!('*' in self && self.size() > 1)");

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

const cors = fields('Answers the questions browsers ask across origins.', {
  allowOrigins: list(
    'Origins that may ask.',
    part.bounded('One origin.', 253, {
      pattern:
        '(^\\*$)|(^(http(s)?):\\/\\/(((\\*\\.)?([a-zA-Z0-9\\-]+\\.)*[a-zA-Z0-9-]+|\\*)(:([0-9]{1,5}))?)$)',
    }),
    { maxItems: 64, ...part.set, ...part.rules(noStarBesideOthers('allowOrigins')) },
  ),
  allowCredentials: flag('Whether cookies may be sent.'),
  allowMethods: list(
    'Methods that may be used.',
    { type: 'string', enum: [...METHODS, '*'] },
    {
      maxItems: 9,
      ...part.set,
      ...part.rules(noStarBesideOthers('allowMethods')),
    },
  ),
  allowHeaders: list('Headers that may be sent.', part.headerName('One header.'), {
    maxItems: 64,
    ...part.set,
    ...part.rules(noStarBesideOthers('allowHeaders')),
  }),
  exposeHeaders: list('Headers a page may read.', part.headerName('One header.'), {
    maxItems: 64,
    ...part.set,
  }),
  maxAge: int('Seconds the answer may be kept.', { minimum: 1, default: 5 }),
});

/** Field of the filter → its type. */
const BODIES: Readonly<Record<string, string>> = {
  requestHeaderModifier: 'RequestHeaderModifier',
  responseHeaderModifier: 'ResponseHeaderModifier',
  requestMirror: 'RequestMirror',
  requestRedirect: 'RequestRedirect',
  urlRewrite: 'URLRewrite',
  extensionRef: 'ExtensionRef',
  cors: 'CORS',
};

const bodyRules = Object.entries(BODIES).flatMap(([field, type]) => [
  part.rule(`${field} needs type ${type}`, `!(has(self.${field}) && self.type != '${type}')`),
  part.rule(`type ${type} needs ${field}`, `!(!has(self.${field}) && self.type == '${type}')`),
]);

const filter = fields(
  'One step of processing.',
  {
    type: choice('What it does.', Object.values(BODIES)),
    requestHeaderModifier: headerModifier('Changes headers of the request.'),
    responseHeaderModifier: headerModifier('Changes headers of the answer.'),
    requestMirror: mirror,
    requestRedirect: redirect,
    urlRewrite: rewrite,
    extensionRef: part.localRef('Something only this implementation knows.'),
    cors,
  },
  { required: ['type'], ...part.rules(...bodyRules) },
);

const ONCE = [
  'CORS',
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestRedirect',
  'URLRewrite',
];

export const filters = (description: string): SchemaNode =>
  list(description, filter, {
    maxItems: 16,
    ...part.atomic,
    ...part.rules(
      part.rule(
        'redirect or rewrite, not both',
        "!(self.exists(f, f.type == 'RequestRedirect') && self.exists(f, f.type == 'URLRewrite'))",
      ),
      ...ONCE.map((type) =>
        part.rule(`${type} only once`, `self.filter(f, f.type == '${type}').size() <= 1`),
      ),
    ),
  });

export { METHODS };
