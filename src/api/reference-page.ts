/**
 * The field reference as Markdown, made from the same schemas as the definitions.
 */
import { notSupported } from './not-supported.ts';
import type { StructuralSchema } from './structural.ts';

const notice =
  '<!-- Generated from src/api by `npm run generate`; changes here are overwritten. -->';

interface Served {
  readonly kind: string;
  readonly plural: string;
  readonly schema: StructuralSchema;
}

/** One page: what the kind is for, and a table of its fields. */
export function referencePage({ kind, plural, schema }: Served): string {
  const { spec, status } = schema.properties ?? {};
  return [
    notice,
    '',
    `# ${kind}`,
    '',
    schema.description ?? '',
    '',
    `\`serin.dev/v1beta1\` and \`flagger.app/v1beta1\`, \`${plural}\`. In the cluster: \`kubectl explain ${plural}.spec --recursive\`.`,
    '',
    ...table('spec', spec),
    ...table('status', status),
  ].join('\n');
}

/** What is accepted by the schemas and refused by validation. */
export function notSupportedPage(): string {
  return [
    notice,
    '',
    '# Not supported yet',
    '',
    'Fields that Flagger has and that the schemas accept, so that a manifest survives a round trip. A Canary that uses one is refused with the reason `NotSupported`, and nothing of it in the cluster is touched.',
    '',
    '| Kind | Field | Works | Instead |',
    '|---|---|---|---|',
    ...notSupported.map(
      ({ kind, field, works, instead }) =>
        `| ${kind} | \`${field}\` | ${(works ?? []).map((value) => `\`${value}\``).join(', ') || 'nothing'} | ${instead} |`,
    ),
    '',
  ].join('\n');
}

function table(name: string, schema: StructuralSchema | undefined): readonly string[] {
  if (schema === undefined) return [];
  return [
    `## ${name}`,
    '',
    schema.description ?? '',
    '',
    ...rulesOf(schema).map((rule) => `- ${rule}`),
    ...(rulesOf(schema).length > 0 ? [''] : []),
    '| Field | Type | Meaning |',
    '|---|---|---|',
    ...rows(name, schema),
    '',
  ];
}

function rows(path: string, schema: StructuralSchema): readonly string[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const field = `${path}.${name}`;
    const inner = child.items ?? child.additionalProperties;
    const nested = child.items ? `${field}[]` : `${field}.*`;
    return [
      `| \`${field}\` | ${typeOf(child)} | ${meaningOf(child, required.has(name))} |`,
      ...rows(field, child),
      ...(inner ? rows(nested, inner) : []),
    ];
  });
}

function typeOf(schema: StructuralSchema): string {
  if (schema['x-kubernetes-int-or-string']) return 'integer or string';
  if (schema.items) return `list of ${typeOf(schema.items)}`;
  if (schema.additionalProperties) return `map to ${typeOf(schema.additionalProperties)}`;
  if (schema.pattern?.includes('ns|us') === true) return 'duration';
  if (schema.format === 'date-time') return 'time';
  return schema.type ?? 'object';
}

function meaningOf(schema: StructuralSchema, required: boolean): string {
  const parts = [escape(schema.description ?? '')];
  if (required) parts.push('Required.');
  if (schema.enum)
    parts.push(`One of ${schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')}.`);
  if (schema.default !== undefined) parts.push(`Default \`${JSON.stringify(schema.default)}\`.`);
  parts.push(...boundsOf(schema));
  for (const rule of [...rulesOf(schema), ...(schema.items ? rulesOf(schema.items) : [])]) {
    parts.push(`Rule: ${escape(rule)}.`);
  }
  return parts.join(' ');
}

function boundsOf({ minimum, maximum }: StructuralSchema): readonly string[] {
  if (minimum !== undefined && maximum !== undefined) return [`From ${minimum} to ${maximum}.`];
  if (minimum !== undefined) return [`At least ${minimum}.`];
  return maximum === undefined ? [] : [`At most ${maximum}.`];
}

function rulesOf(schema: StructuralSchema): readonly string[] {
  return (schema['x-kubernetes-validations'] ?? []).map(({ message }) => message);
}

function escape(text: string): string {
  return text.replaceAll('|', '\\|');
}
