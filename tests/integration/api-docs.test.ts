// The description of the gateway: true, whole, and silent about what is behind it.
import { createServer, type Server } from 'node:http';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { startEmbeddings } from '../../services/embeddings/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import { buildConnection } from '../support/exchange-builder.ts';
import { expectNoLeak } from '../support/secret-leaks.ts';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

interface Operation {
  readonly security: readonly Record<string, unknown>[];
  readonly summary: string;
  readonly description: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: object }>> };
  readonly responses: Readonly<Record<string, { readonly $ref?: string }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: object };
}

const SECRETS = ['the-key-of-the-upstream', 'the-value-of-a-header', 'the-body-of-an-answer', API_KEY, MASTER_KEY];

const configWith = (llm: string, embeddings: string): string => `
settings:
  ${QUICK_SHUTDOWN}
  docs: on
  accounts: { signup: open }
  admin: { listen: { port: 0 } }
defaults: { auth: { modes: [api_key], header: X-Own-Key } }
services:
  chat:
    kind: llm
    targets: [{ url: "${llm}/v1", api_key: "\${UPSTREAM_KEY}" }]
    models: { entries: { small: { unpriced: free, upstream_name: unseen } } }
  vectors: { kind: embeddings, url: "${embeddings}" }
  web: { url: "${llm}" }
  open: { url: "${llm}", auth: false }
routes:
  - { name: item, match: { path: "/items/:id/*", methods: [GET, PUT] }, also: [/one], service: web, authorize: { permissions: ["items:read"] } }
  - { name: tenant, match: { path: /one, hosts: [tenant.test], headers: { X-Gate: the-value-of-a-header } }, service: web }
  - { name: old, match: { path: /old }, redirect: { to: /new, status: 308 } }
  - { name: said, match: { path: /said, methods: [GET] }, respond: { body: the-body-of-an-answer } }
`;

let samples: RunningService[];
let gateway: TestGateway;
let admin: Server;
let described: { public: Document; admin: Document };

beforeAll(async () => {
  samples = await Promise.all([startLlm({ port: 0, apiKey: 'the-key-of-the-upstream' }), startEmbeddings({ port: 0 })]);
  const [llm, embeddings] = samples.map(({ url }) => url) as [string, string];
  const env = { UPSTREAM_KEY: 'the-key-of-the-upstream' };
  gateway = await startTestGateway(configWith(llm, embeddings), { env });
  admin = createServer((req, res) => gateway.gateway.handle(req, res, buildConnection(req.socket), 'admin'));
  described = { public: await documentOf(gateway.url), admin: await documentOf(admin) };
});
afterAll(async () => {
  await gateway.close();
  for (const sample of samples) await sample.close();
});

async function documentOf(where: string | Server): Promise<Document> {
  const res = await request(where).get('/openapi.json');
  expect([res.status, res.headers['content-type']]).toEqual([200, 'application/json']);
  return res.body;
}

function operationsOf({ paths }: Document): { method: string; path: string; operation: Operation }[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== 'parameters')
      .map(([method, operation]) => ({ method, path, operation })),
  );
}

describe('the document', () => {
  test('is valid OpenAPI 3.1, on every socket', async () => {
    for (const document of Object.values(described)) {
      const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
      expect([valid, errors]).toEqual([true, undefined]);
    }
  });

  test('refers to nothing that it does not hold', () => {
    const text = JSON.stringify(described.public);
    for (const [, place = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = place
        .split('/')
        .reduce((at: unknown, key) => (at as Record<string, unknown>)?.[key], described.public);
      expect([place, typeof found]).toEqual([place, 'object']);
    }
  });

  test('tells every endpoint on the socket that serves it, and on no other', () => {
    const wanted = (plane: 'public' | 'admin') =>
      ENDPOINTS.filter(({ planes }) => planes.includes(plane)).map(
        ({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`,
      );
    const told = (document: Document) => operationsOf(document).map(({ method, path }) => `${method} ${path}`);
    expect(told(described.public)).toEqual(expect.arrayContaining(wanted('public')));
    expect(told(described.admin).toSorted()).toEqual(wanted('admin').toSorted());
    expect(told(described.public).filter((place) => place.includes('/admin'))).toEqual([]);
  });

  test('tells every route with its service, methods, paths and conditions', () => {
    const { paths } = described.public;
    const all = operationsOf(described.public);
    for (const { name } of gateway.gateway.config.routes)
      expect([name, all.some(({ operation }) => operation.description.includes(`Route \`${name}\``))]).toEqual([
        name,
        true,
      ]);
    const { parameters, ...item } = paths['/items/{id}/{rest}'] as Record<string, Operation>;
    expect(Object.keys(item)).toEqual(['get', 'put']);
    expect(parameters).toMatchObject([{ name: 'id' }, { name: 'rest' }]);
    expect(item['get']).toMatchObject({
      summary: 'Passed on to web (http)',
      description: 'Route `item` to the http service `web`. Takes the permissions `items:read`.',
    });
    expect(paths['/one']?.['get']?.description).toContain('Only on `tenant.test`. Only with the right `x-gate`.');
    expect(paths['/old']?.['get']?.responses).toHaveProperty('308');
    expect(Object.keys(paths['/said'] ?? {})).toEqual(['get']);
  });

  test('gives a place to the route that a request would take', () => {
    const { paths } = described.public;
    expect(paths['/v1/embeddings']?.['post']?.summary).toBe('Embeddings: vectors (embeddings)');
    expect(paths['/v1/chat/completions']?.['post']?.summary).toBe('Chat completion: chat (llm)');
  });

  test('shows errors in the dialect that they have there', () => {
    const { paths } = described.public;
    const refOf = (path: string, method: string) => paths[path]?.[method]?.responses['401']?.$ref;
    expect(refOf('/v1/usage', 'get')).toBe('#/components/responses/error_problem_401');
    expect(refOf('/v1/chat/completions', 'post')).toBe('#/components/responses/error_openai_401');
    expect(refOf('/v1/messages', 'post')).toBe('#/components/responses/error_anthropic_401');
  });

  test('says who may call: without a credential 401 exactly where one is asked for', async () => {
    const { securitySchemes } = described.public.components;
    expect(securitySchemes).toMatchObject({
      'X-Own-Key': { in: 'header', name: 'X-Own-Key' },
      bearer: { scheme: 'bearer' },
    });
    const asked = operationsOf(described.public).filter(({ method, path }) => method === 'get' && !path.includes('{'));
    expect(asked.length).toBeGreaterThan(10);
    for (const { path, operation } of asked) {
      const { status } = await request(gateway.url).get(path);
      expect([path, status === 401]).toEqual([path, operation.security.length > 0]);
    }
    expect(described.admin.paths['/admin/keys']?.['get']?.security).toEqual([{ 'X-Master-Key': [] }]);
  });

  test('has examples that are answered with 200', async () => {
    const examples = operationsOf(described.public).flatMap(({ method, path, operation }) => {
      const body = operation.requestBody?.content['application/json']?.example;
      return method === 'post' && body ? [{ path, body }] : [];
    });
    expect(examples.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['/v1/chat/completions', '/v1/messages', '/v1/embeddings', '/v1/embed']),
    );
    for (const { path, body } of examples) {
      const { status } = await request(gateway.url).post(path).set('X-Own-Key', API_KEY).send(body);
      expect([path, status]).toEqual([path, 200]);
    }
  });

  test('holds no secret and no address of an upstream', () => {
    const texts = Object.values(described).map((document) => JSON.stringify(document));
    const ports = samples.map(({ url }) => new URL(url).host);
    expectNoLeak('the document', texts, [...SECRETS, ...ports]);
    expect(texts.join('')).not.toContain('unseen');
  });
});

describe('the page', () => {
  test.each(['/docs', '/redoc'])('at %s loads everything from the gateway, as what it is', async (path) => {
    const { text, headers } = await request(gateway.url).get(path);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    const loaded = [...text.matchAll(/<(?:script|link)[^>]* (?:src|href)="([^"]+)"/g)].map(
      ([, address = '']) => address,
    );
    expect(loaded).toHaveLength(4);
    for (const address of loaded) {
      const url = new URL(address, gateway.url + path);
      expect(url.origin).toBe(new URL(gateway.url).origin);
      const got = await request(gateway.url).get(url.pathname);
      expect([address, got.status, got.headers['x-content-type-options']]).toEqual([address, 200, 'nosniff']);
      expect(got.headers['content-type']).toMatch(typeOf(address));
      expect(got.headers['cache-control']).toBe('public, max-age=3600');
    }
  });

  test('may run nothing but scripts of the gateway, and talk to nobody else', async () => {
    const { headers, text } = await request(gateway.url).get('/docs');
    const policy = headers['content-security-policy']?.split(';');
    expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'"]));
    expect(headers['content-security-policy']).not.toMatch(/unsafe|https?:|\*/);
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
  });

  test('has no other files', async () => {
    for (const name of ['index.html', 'swagger-ui-bundle.js.map', '..%2Fpackage.json', 'constructor']) {
      expect((await request(gateway.url).get(`/docs/${name}`)).status).not.toBe(200);
    }
  });
});

test('docs: off hides all of it as if it had never been; auto shows it at a development start', async () => {
  const hidden = await startTestGateway(`settings: { ${QUICK_SHUTDOWN}, docs: off }`, { dev: true });
  try {
    for (const path of ['/openapi.json', '/docs', '/docs/start.js', '/redoc'])
      for (const method of ['get', 'options', 'post'] as const) {
        const { status, headers } = await request(hidden.url)[method](path);
        expect([path, method, status, headers['allow']]).toEqual([path, method, 404, undefined]);
      }
    const { config } = hidden.gateway;
    hidden.gateway.apply({ ...config, settings: { ...config.settings, docs: 'auto' } });
    expect((await request(hidden.url).get('/docs')).status).toBe(200);
  } finally {
    await hidden.close();
  }
});

function typeOf(address: string): RegExp {
  if (address.endsWith('.js')) return /^text\/javascript;/;
  return address.endsWith('.css') ? /^text\/css;/ : /^image\/png$/;
}
