import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { editorSchema } from './editor-schema.ts';
import { asNode, type SchemaNode } from '../text/normalize.ts';
import { generatedFiles } from './publish.ts';
import { ConfigFileSchema } from '../schema.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

test.each(Object.entries(generatedFiles()))('%s is current: run npm run generate', (path, content) => {
  expect(read(path)).toBe(content);
});

function fieldsWithoutDescription(node: SchemaNode, path: string): string[] {
  const named = Object.values(node.patternProperties ?? {}).map((field): [string, SchemaNode] => ['<name>', field]);
  const below = [
    ...Object.entries(node.properties ?? {}),
    ...(named.some(([, field]) => field.properties) ? named : []),
  ];
  const lists: [string, SchemaNode][] = node.items?.properties ? [['[]', node.items]] : [];
  return [...below, ...lists].flatMap(([key, field]) => [
    ...(field.description ? [] : [`${path}.${key}`]),
    ...fieldsWithoutDescription(field, `${path}.${key}`),
  ]);
}

test('every field of the configuration has a description', () => {
  expect(fieldsWithoutDescription(asNode(ConfigFileSchema), '')).toEqual([]);
});

describe('the editor schema', () => {
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(editorSchema(asNode(ConfigFileSchema)));

  test.each(globSync(['gateway_config.yaml', 'examples/*.yaml'], { cwd: root }).map((file) => [basename(file), file]))(
    'accepts %s',
    (_name, file) => {
      validate(parse(read(file)));
      expect(validate.errors).toBeNull();
    },
  );

  test.each([
    { services: { a: { url: '${X}', rate_limit: '${N:-5}', timeout: { total: 'off', idle: 5 } } } },
    { services: { a: { url: 'http://x', cors: ['https://o'], retry: false, concurrency: 5, body_limit: '1MiB' } } },
    { settings: { listen: { port: '${PORT}' }, limit_headers: 'openai', log: { pretty: true } } },
    { routes: [{ name: 'r', match: { path: '/r', methods: '${M}' }, service: 'a', rate_limit: null }] },
  ])('accepts %j', (file) => {
    validate(file);
    expect(validate.errors).toBeNull();
  });

  test.each([
    { servics: {} },
    { services: { a: { url: 'http://x', rate_limt: 5 } } },
    { services: { a: { url: 'http://x', timeout: { idle: 'soon' } } } },
    { settings: { listen: { port: 'many' } } },
    { routes: [{ name: 'r', service: 'a' }] },
  ])('marks %j', (file) => expect(validate(file)).toBe(false));
});
