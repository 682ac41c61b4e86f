// Configurations made along the schema: mostly plausible, with the values that go wrong.
import fc from 'fast-check';
import { asNode, type SchemaNode } from '../../src/config/text/normalize.ts';
import { ConfigFileSchema } from '../../src/config/schema.ts';

/** Texts that are right somewhere and wrong somewhere else. */
const TEXTS = [
  ...['/a', '/a/*', '/a/:id', '/', 'a', 'b-c', 'ada', '*', 'a*', '.*', 'null', 'false', '1', '0', '-1', '1e999', ''],
  ...['X-A', 'Host', 'Cookie', 'Proxy-Authorization', 'Proxy-Authenticate', 'Expect', 'TE', 'X_A', 'content-length'],
  ...['€', 'é', '\u0000', 'a\nb', 'a\tb', ' ', '"', '\u2028', 'x'.repeat(300), '__proto__', 'constructor'],
  ...['10.0.0.0/8', '10.0.0.0/33', 'loopback', '::1', '127.0.0.1', 'api.example.com', '*.example.com', 'Ä.example'],
  ...['http://127.0.0.1:9', 'https://a.example/base', 'https://a.example', 'http://[::1]:9', 'http://a b', 'ftp://a'],
  ...['GET', 'get', 'PURGE', 'text/plain', 'chat:write', 'gpt-4', 'hash:consumer', 'hash:header:x-a', 'openai/gpt-4'],
  ...['1s', '5m', '1h', '30d', 'off', '64KiB', '1MiB', '10', 'day', '2030-01-01', '/tmp', '$5', '0.5'],
];

const anyText = fc.constantFrom(...TEXTS);
const NAMES = fc.constantFrom('a', 'b-c', 'gpt-4', 'X-A', 'Expect', 'é', 'x y', '__proto__');

/** What must not change while a gateway runs, or would only be noise. */
const LEFT_OUT = new Set([
  'listen',
  'admin',
  'workers',
  'data_dir',
  'redis',
  'usage',
  'url',
  'targets',
  'name',
  'service',
  'kind',
  'tls',
]);

/** A complete configuration: one service that is right, and a few places of the schema filled in. */
export const arbitraryConfig: fc.Arbitrary<object> = fc
  .tuple(sectionOf('services'), sectionOf('routes'), sectionOf('settings'), sectionOf('defaults'), fc.boolean())
  .map(([service, route, settings, defaults, isLlm]) => ({
    settings,
    defaults,
    services: {
      base: { url: 'http://127.0.0.1:9' },
      other: { ...service, kind: isLlm ? 'llm' : 'http', url: 'http://127.0.0.1:9' },
    },
    ...(Object.keys(route).length > 0 && {
      routes: [
        {
          match: { path: '/made/*' },
          ...route,
          name: 'made',
          ...(!('respond' in route || 'redirect' in route) && { service: 'base' }),
        },
      ],
    }),
  }));

function sectionOf(name: 'services' | 'routes' | 'settings' | 'defaults'): fc.Arbitrary<object> {
  const root = asNode(ConfigFileSchema).properties?.[name] ?? {};
  const node =
    name === 'routes' ? root.items : name === 'services' ? Object.values(root.patternProperties ?? {})[0] : root;
  const properties = Object.entries(node?.properties ?? {}).filter(([key]) => !LEFT_OUT.has(key));
  const some = fc.subarray(properties, { maxLength: 2 });
  return some.chain((chosen) => fc.record(Object.fromEntries(chosen.map(([key, below]) => [key, valueOf(below, 3)]))));
}

function valueOf(node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  if (node.enum) return fc.constantFrom<unknown>(...node.enum);
  if (node.type === 'boolean') return fc.boolean();
  if (node['x-unit'] === 'duration') return fc.constantFrom('1s', '5m', '1h', 'off');
  if (node['x-unit'] === 'size') return fc.constantFrom('1KiB', '64KiB', '1MiB');
  if (node.type === 'integer' || node.type === 'number') return numberOf(node);
  if (node.items) return fc.array(valueOf(node.items, depth - 1), { minLength: node.minItems ?? 0, maxLength: 2 });
  if (node.properties) return objectOf(node, depth);
  const [named] = Object.values(node.patternProperties ?? {});
  if (named) return fc.dictionary(NAMES, valueOf(named, depth - 1), { maxKeys: 2 });
  return textOf(node);
}

function numberOf({ minimum = 0, maximum = 1_000 }: SchemaNode): fc.Arbitrary<number> {
  return fc.constantFrom(minimum, maximum, Math.min(maximum, minimum + 5), maximum + 1);
}

/** Mostly text that matches the pattern; otherwise almost nothing would pass the first check. */
function textOf({ pattern, minLength = 0 }: SchemaNode): fc.Arbitrary<string> {
  const fitting = TEXTS.filter((text) => text.length >= minLength && (!pattern || new RegExp(pattern, 'u').test(text)));
  const fits = fitting.length === 0 ? anyText : fc.constantFrom(...fitting);
  return fc.oneof({ weight: 12, arbitrary: fits }, { weight: 1, arbitrary: anyText });
}

function objectOf({ properties = {}, required = [] }: SchemaNode, depth: number): fc.Arbitrary<object> {
  const entries = Object.entries(properties);
  const chosen = depth <= 0 ? [] : entries.filter(([key]) => !required.includes(key));
  return fc.subarray(chosen, { maxLength: Math.min(2, chosen.length) }).chain((optional) => {
    const all = [...entries.filter(([key]) => required.includes(key)), ...optional];
    return fc.record(Object.fromEntries(all.map(([key, node]) => [key, valueOf(node, depth - 1)])));
  });
}
