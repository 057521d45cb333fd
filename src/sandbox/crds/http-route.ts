/** HTTPRoute of the Gateway API. */

import { choice, fields, int, list, text } from '../api-server/schema/describe.ts';
import { AGE, gatewayDefinition } from './definition.ts';
import * as part from './gateway-parts.ts';
import { filters, METHODS } from './http-route-filters.ts';

const plainPath = (message: string, test: string) =>
  part.rule(message, `(self.type in ['Exact','PathPrefix']) ? ${test} : true`);

const FORBIDDEN = ['//', '/./', '/../', '%2f', '%2F', '#'];

const pathMatch = fields(
  'What the path must be.',
  {
    type: choice('How it is compared.', ['Exact', 'PathPrefix', 'RegularExpression'], {
      default: 'PathPrefix',
    }),
    value: text('What it is compared with.', { maxLength: 1024, default: '/' }),
  },
  {
    default: { type: 'PathPrefix', value: '/' },
    ...part.rules(
      plainPath("a path starts with '/'", "self.value.startsWith('/')"),
      ...FORBIDDEN.map((piece) =>
        plainPath(`a path has no '${piece}'`, `!self.value.contains('${piece}')`),
      ),
      plainPath("a path does not end with '/..'", "!self.value.endsWith('/..')"),
      plainPath("a path does not end with '/.'", "!self.value.endsWith('/.')"),
      part.rule(
        'an unknown way to compare',
        "self.type in ['Exact','PathPrefix'] || self.type == 'RegularExpression'",
      ),
      plainPath(
        'a path has only characters that need no escape',
        'self.value.matches(r"""^(?:[-A-Za-z0-9/._~!$&\'()*+,;=:@]|[%][0-9a-fA-F]{2})+$""")',
      ),
    ),
  },
);

const valueMatches = (description: string, maxLength: number) =>
  list(
    description,
    fields(
      'One comparison.',
      {
        type: choice('How it is compared.', ['Exact', 'RegularExpression'], { default: 'Exact' }),
        name: part.headerName('Its name.'),
        value: part.bounded('What it is compared with.', maxLength),
      },
      { required: ['name', 'value'] },
    ),
    { maxItems: 16, ...part.mapBy('name') },
  );

const match = fields('Requests that meet all of these.', {
  path: pathMatch,
  headers: valueMatches('Headers the request must have.', 4096),
  queryParams: valueMatches('Query parameters the request must have.', 1024),
  method: choice('Its method.', METHODS),
});

const backendRef = fields(
  'Where requests go, and how many of them.',
  {
    ...part.backendFields,
    weight: int('Share of the requests, relative to the other backends.', {
      minimum: 0,
      maximum: 1_000_000,
      default: 1,
    }),
    filters: filters('Steps for requests to this backend only.'),
  },
  { required: ['name'], ...part.rules(part.serviceNeedsPort) },
);

/** Replacing a prefix makes sense only where exactly one prefix was matched. */
const prefixRule = (where: string, uses: string) =>
  part.rule(
    `${where} with replacePrefixMatch needs exactly one PathPrefix match`,
    `(${uses}) ? ((size(self.matches) != 1 || !has(self.matches[0].path) || self.matches[0].path.type != 'PathPrefix') ? false : true) : true`,
  );

const replacesPrefix = (filter: string) =>
  `exists_one(f, has(f.${filter}) && has(f.${filter}.path) && f.${filter}.path.type == 'ReplacePrefixMatch' && has(f.${filter}.path.replacePrefixMatch))`;

const routeRule = fields(
  'What is matched, what is done, where it goes.',
  {
    name: part.sectionName('Name of the rule.'),
    matches: list('Any of these is enough.', match, {
      maxItems: 64,
      default: [{ path: { type: 'PathPrefix', value: '/' } }],
      ...part.atomic,
    }),
    filters: filters('Steps for all requests of the rule.'),
    backendRefs: list('Where requests go.', backendRef, { maxItems: 16, ...part.atomic }),
    timeouts: fields(
      'How long it may take.',
      {
        request: part.duration('The whole exchange.'),
        backendRequest: part.duration('One try at a backend.'),
      },
      part.rules(
        part.rule(
          'one try takes no longer than the whole',
          "!(has(self.request) && has(self.backendRequest) && duration(self.request) != duration('0s') && duration(self.backendRequest) > duration(self.request))",
        ),
      ),
    ),
  },
  part.rules(
    part.rule(
      'a redirect has no backends',
      '(has(self.backendRefs) && size(self.backendRefs) > 0) ? (!has(self.filters) || self.filters.all(f, !has(f.requestRedirect))) : true',
    ),
    prefixRule(
      'a redirect',
      `has(self.filters) && self.filters.${replacesPrefix('requestRedirect')}`,
    ),
    prefixRule('a rewrite', `has(self.filters) && self.filters.${replacesPrefix('urlRewrite')}`),
    ...['requestRedirect', 'urlRewrite'].map((filter) =>
      prefixRule(
        `${filter} of a backend`,
        `has(self.backendRefs) && self.backendRefs.exists_one(b, has(b.filters) && b.filters.${replacesPrefix(filter)})`,
      ),
    ),
  ),
);

const MATCHES = Array.from(
  { length: 16 },
  (_, index) => `(self.size() > ${index} ? self[${index}].matches.size() : 0)`,
).join(' + ');

const SAME_PARENT =
  "p1.group == p2.group && p1.kind == p2.kind && p1.name == p2.name && (((!has(p1.__namespace__) || p1.__namespace__ == '') && (!has(p2.__namespace__) || p2.__namespace__ == '')) || (has(p1.__namespace__) && has(p2.__namespace__) && p1.__namespace__ == p2.__namespace__))";
const NO_SECTION = (name: string) => `(!has(${name}.sectionName) || ${name}.sectionName == '')`;

const parentRules = part.rules(
  part.rule(
    'two references to one parent both name a section',
    `self.all(p1, self.all(p2, ${SAME_PARENT} ? ${NO_SECTION('p1')} == ${NO_SECTION('p2')} : true))`,
  ),
  part.rule(
    'two references to one parent name different sections',
    `self.all(p1, self.exists_one(p2, ${SAME_PARENT} && ((${NO_SECTION('p1')} && ${NO_SECTION('p2')}) || (has(p1.sectionName) && has(p2.sectionName) && p1.sectionName == p2.sectionName))))`,
  ),
);

const parentStatus = fields(
  'What one parent says.',
  {
    parentRef: part.parentRef('The parent.'),
    controllerName: part.controllerName('Who says it.'),
    conditions: part.conditions('Accepted, ResolvedRefs and the like.', { minItems: 1 }),
  },
  { required: ['conditions', 'controllerName', 'parentRef'] },
);

export const httpRoute = gatewayDefinition({
  kind: 'HTTPRoute',
  plural: 'httproutes',
  scope: 'Namespaced',
  description: 'Sends HTTP requests that meet its matches to backends, by weight.',
  columns: [{ name: 'Hostnames', type: 'string', jsonPath: '.spec.hostnames' }, AGE],
  spec: fields('What is wanted.', {
    parentRefs: list('Gateways that take it up.', part.parentRef('One parent.'), {
      maxItems: 32,
      ...part.atomic,
      ...parentRules,
    }),
    hostnames: list('Hosts it is for; all when empty.', part.hostname('One host.'), {
      maxItems: 16,
      ...part.atomic,
    }),
    rules: list('The first that matches is used.', routeRule, {
      minItems: 1,
      maxItems: 16,
      default: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }],
      ...part.atomic,
      ...part.rules(part.rule('no more than 128 matches in all rules', `${MATCHES} <= 128`)),
    }),
  }),
  status: fields(
    'What its parents say.',
    { parents: list('One for each parent.', parentStatus, { maxItems: 32, ...part.atomic }) },
    { required: ['parents'] },
  ),
});
