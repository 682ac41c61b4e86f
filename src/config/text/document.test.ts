import { describe, expect, test } from '@jest/globals';
import { loadText, problemsOf } from '../../../tests/support/load-text.ts';

describe('YAML', () => {
  test.each([
    ['a syntax error', 'services: { a: [', /^gateway\.yaml:1:\d+: /],
    [
      'a duplicate key',
      'services:\n  a: { url: "http://x" }\n  a: { url: "http://y" }\n',
      /^gateway\.yaml:3:3: services\.a: this key stands here twice$/,
    ],
    ['a second document', 'services: {}\n---\nservices: {}\n', /multiple documents/],
    ['a tag of its own', 'services: !run { a: 1 }', /Unresolved tag/],
    ['an older version', '%YAML 1.1\n---\nservices: {}\n', /%YAML must be 1\.2/],
    ['__proto__', 'services: { __proto__: { url: "http://x" } }', /services\.__proto__: this key is refused/],
    ['constructor', 'settings: { constructor: {} }', /settings\.constructor: this key is refused/],
    ['an alias without anchor', 'services: *none', /alias/i],
    ['a key that is a list', '{ [a]: b }', /a key must be plain text/],
    ['a list at the top', '- a', /must be a section of keys/],
    ['a merge key', 'services: { a: { <<: { url: "http://x" }, url: "http://x" } }', /services\.a\.<<: unknown key/],
    ['bytes that are not UTF-8', new Uint8Array([0x61, 0x3a, 0xff]), /not valid UTF-8/],
    ['more than 4 MiB', `# ${'x'.repeat(4 * 1024 * 1024)}`, /larger than 4 MiB/],
    ['ten thousand levels', '['.repeat(10_000), /gateway\.yaml/],
  ])('%s is refused', async (_what, yaml, message) => {
    expect((await problemsOf(yaml)).join('\n')).toMatch(message);
  });

  test('yes, no, on and 0777 are text and decimal, as YAML 1.2 has them', async () => {
    const yaml = 'routes: [{ name: r, match: { path: /r }, respond: { body: "x", content_type: no } }]';
    expect((await loadText(yaml)).config.routes[0]?.respond?.content_type).toBe('no');
    expect(await problemsOf('settings: { metrics: { enabled: yes } }')).toEqual([
      'gateway.yaml:1:24: settings.metrics.enabled: must be true or false',
    ]);
  });

  test('anchors work, and mistakes behind an alias are placed where it is used', async () => {
    const yaml = `services:
  a: &base { url: http://localhost:1, rate_limit: 5 }
  b: *base
`;
    expect(Object.keys((await loadText(yaml)).config.services)).toEqual(['a', 'b']);
  });

  test('what a few aliases can grow into is bounded', async () => {
    const levels = Array.from({ length: 12 }, (_, i) => `  l${i + 1}: &l${i + 1} [*l${i}, *l${i}, *l${i}, *l${i}]`);
    const started = performance.now();
    const problems = await problemsOf(`services:\n  l0: &l0 [x, x]\n${levels.join('\n')}\n`);
    expect(problems.join('\n')).toContain('more than 50 aliases are expanded');
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('an alias of what it stands in ends', async () => {
    expect((await problemsOf('services: &a { b: *a }')).join('\n')).toContain('more than 50 aliases are expanded');
  });

  test('prototypes are as they were after every refusal', async () => {
    await problemsOf('services: { __proto__: { polluted: true }, constructor: { prototype: { polluted: true } } }');
    expect('polluted' in {}).toBe(false);
  });
});
