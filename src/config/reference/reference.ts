import { type PolicyKey, SHORTHANDS } from '../../policies/schemas.ts';
import { asNode, type SchemaNode } from '../text/normalize.ts';
import { writtenDefault, writtenForm } from '../text/written-form.ts';

const HEAD = `# Configuration reference

Generated from the schemas in \`src\`; \`npm run generate\` writes it anew. Durations: \`250ms\`, \`30s\`, \`5m\`, \`1h\`, \`30d\`;
a bare number means seconds. Sizes: \`64KiB\`, \`1MiB\`; a bare number means bytes. Every value may be written as
\`\${NAME}\`, \`\${NAME:-default}\` or \`\${file:/run/secrets/name}\`. A key without a value is the same as no key.
`;

interface Part {
  readonly title: string;
  readonly node: SchemaNode;
}

/** The configuration reference in Markdown: one table per section, one row per key. */
export function renderReference(schema: SchemaNode): string {
  const policies = new Map<string, SchemaNode>();
  const parts = partsOf('', schema, policies);
  const policyParts = [...policies].flatMap(([name, node]) => partsOf(name, node, new Map()));
  const sections = [...parts.map(renderPart), '## Policies\n', ...policyParts.map(renderPart)];
  return `${HEAD}\n${sections.join('\n')}`;
}

/** A section and the sections below it, policies apart: those stand once, behind all others. */
function partsOf(title: string, node: SchemaNode, policies: Map<string, SchemaNode>): Part[] {
  const parts: Part[] = node.properties ? [{ title, node }] : [];
  if (title !== '' && !node.properties && node['x-policy'] !== undefined) parts.push({ title, node });
  for (const [key, field] of Object.entries(node.properties ?? {})) {
    const policy = field['x-policy'];
    if (policy !== undefined) policies.set(policy, field);
    else {
      const [below, suffix] = sectionBelow(field);
      if (below) parts.push(...partsOf(title === '' ? `${key}${suffix}` : `${title}.${key}${suffix}`, below, policies));
    }
  }
  return parts;
}

/** The section that a field is, lists or names. */
function sectionBelow(field: SchemaNode): [section: SchemaNode | undefined, suffix: string] {
  if (field.properties) return [field, ''];
  if (field.items?.properties) return [field.items, '[]'];
  const named = Object.values(field.patternProperties ?? {})[0];
  return named?.properties ? [named, '.<name>'] : [undefined, ''];
}

function renderPart({ title, node }: Part): string {
  const shorthand = SHORTHANDS[node['x-policy'] as PolicyKey];
  const short = shorthand ? ` Short form: ${describeType(asNode(shorthand.schema))}.` : '';
  const isSwitch = node['x-switchable'] ? ' `false` switches it off.' : '';
  const text = `${node.description ?? ''}${short}${isSwitch && !node.description?.includes('`false`') ? isSwitch : ''}`;
  const level = title.includes('.') || title.includes('[') ? '###' : '##';
  const heading = title === '' ? '## Top level' : `${node['x-policy'] !== undefined ? '###' : level} \`${title}\``;
  return [heading, '', text.trim(), '', ...rows(node)].join('\n');
}

function rows(node: SchemaNode): string[] {
  const fields = Object.entries(node.properties ?? node.items?.properties ?? {});
  if (fields.length === 0) return [];
  return [
    '| key | value | default | |',
    '|---|---|---|---|',
    ...fields.map(
      ([key, field]) =>
        `| \`${key}\` | ${describeField(field)} | ${describeDefault(node, key, field)} | ${cell(field)} |`,
    ),
    '',
  ];
}

function describeField(field: SchemaNode): string {
  const policy = field['x-policy'];
  return policy === undefined ? describeType(field) : `[${policy}](#${policy})`;
}

function describeType(node: SchemaNode): string {
  if (node.enum) return node.enum.map((word) => `\`${word}\``).join(', ');
  if (node.properties) return 'section';
  if (node.patternProperties) return 'section by name';
  if (node.type === 'array') return node.items?.properties ? 'list of sections' : `list of ${plural(node.items)}`;
  const unit = node['x-unit'];
  const name = { duration: 'duration', size: 'size', instant: 'date', secret: 'secret', path: 'file', list: 'list' };
  const word = unit === undefined ? (node.type === 'string' ? 'text' : (node.type ?? 'value')) : name[unit];
  return `${word}${node['x-off'] ? ' or `off`' : ''}${bounds(node)}`;
}

function plural(items: SchemaNode | undefined): string {
  if (items?.enum) return describeType(items);
  return items?.format === 'address-range' ? 'addresses' : 'texts';
}

function bounds(node: SchemaNode): string {
  const { minimum, maximum, exclusiveMinimum } = node;
  const show = (limit: number): string => `${String(writtenForm({ ...node, 'x-off': false }, limit))}`;
  if (maximum !== undefined && exclusiveMinimum !== undefined)
    return `, above ${show(exclusiveMinimum)} to ${show(maximum)}`;
  if (maximum !== undefined && minimum !== undefined && minimum > 0) return `, ${show(minimum)} to ${show(maximum)}`;
  if (maximum !== undefined) return `, up to ${show(maximum)}`;
  return minimum !== undefined && minimum > 0 ? `, from ${show(minimum)}` : '';
}

function describeDefault(section: SchemaNode, key: string, field: SchemaNode): string {
  const value = writtenDefault(field);
  if (value === undefined) return section.required?.includes(key) ? 'required' : '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === '{}' || text === '[]' || text === '' ? '' : `\`${text}\``;
}

/** Policies are described in a section of their own: a sentence will do. */
function cell(field: SchemaNode): string {
  const description = field.description ?? '';
  const text =
    field['x-policy'] === undefined ? description : (/^.*?[.](?=\s|$)/.exec(description)?.[0] ?? description);
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
