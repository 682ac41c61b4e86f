// A caller whose money is spent tries every operation a provider may have, in every spelling some upstream might
// understand. Nothing that costs may reach the provider.
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OPERATION_ROWS } from '../../src/llm/operation-rows.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let provider: RawUpstream;
let gateway: TestGateway;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const hashOf = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;

const model = (name: string): string => `${name}: { price: { input_per_million: 10, output_per_million: 100 } }`;
const service = (name: string, extra = ''): string => `
  ${name}:
    kind: llm
    url: "${provider.url}/v1"
    circuit_breaker: false
    models: { entries: { ${model('gpt-4o')}, ${model('cheap')} } }${extra}`;

beforeAll(async () => {
  provider = await startRawUpstream(async (call) => {
    await call.received;
    await call.answer(200, JSON.stringify({ id: 'x', choices: [] }), { 'Content-Type': 'application/json' });
  });
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
tiers: { broke: { budget: { cost_usd: 0.00001, every: day } } }
consumers:
  - { id: broke, tier: broke, keys: [{ hash: "${hashOf('broke')}" }] }
  - { id: rich, keys: [{ hash: "${hashOf('rich')}" }] }
services:${service('usual')}${service('named', '\n    operations: [default, files, stored, background, "POST /generate", "GET /realtime/*", "POST /realtime/calls"]')}${service(
    'open',
    '\n    operations: [default, files, batches]\n    unmetered: allow',
  )}
routes:
${['usual', 'named', 'open']
  .map(
    (name) =>
      `  - { name: ${name}, match: { path: "/${name}/*" }, rewrite: { strip_prefix: /${name} }, service: ${name} }`,
  )
  .join('\n')}
`);
});
afterAll(async () => {
  agent.destroy();
  await gateway.close();
  await provider.close();
});

interface Try {
  readonly method: string;
  readonly path: string;
  readonly key?: string;
  readonly body?: string;
  readonly type?: string;
}
interface Came {
  readonly status: number;
  readonly text: string;
  readonly allow: string | undefined;
}

/** Written as it is: nothing normalizes the path on its way. */
function send({ method, path, key = 'broke', body, type = 'application/json' }: Try): Promise<Came> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(gateway.url);
    const headers = {
      'X-API-Key': key,
      ...(body !== undefined && { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }),
    };
    const asking = request({ port, path, method, headers, agent }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      res.on('end', () => resolve({ status: res.statusCode as number, text, allow: res.headers.allow }));
    });
    asking.on('error', reject).end(body);
  });
}

const BODY = JSON.stringify({
  model: 'gpt-4o',
  messages: [{ role: 'user', content: 'hi' }],
  input: 'hi',
  prompt: 'hi',
  query: 'hi',
  documents: ['hi'],
});
const FORM = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-4o\r\n--b--\r\n';

/** What the H7 finding and the manuals of OpenAI, LiteLLM, vLLM, SGLang, TGI and Google name beside the known rows. */
const UNKNOWN = [
  '/openai/deployments/gpt-4o/chat/completions',
  '/engines/gpt-4o/completions',
  '/api/chat',
  '/api/generate',
  '/v2/chat/completions',
  '/generate',
  '/generate_stream',
  '/invocations',
  '/complete',
  '/models/gpt-4o:generateContent',
  '/v1beta/models/gpt-4o:streamGenerateContent',
  '/model/gpt-4o/converse',
  '/chat/completions/x',
  '/chat/completions%20',
  '/chat/completions.',
  '/chat/completions%3Bx',
  '/chat%20/completions',
  '/realtime/client_secrets',
  '/realtime/sessions',
  '/realtime/transcription_sessions',
  '/realtime/calls',
  '/chatkit/sessions',
  '/organization/admin_api_keys',
  '/organization/costs',
  '/key/generate',
  '/responses/compact',
  '/score',
  '/pooling',
  '/load_lora_adapter',
  '/sleep',
  '/collective_rpc',
  '/tokenize',
  '/',
];
const PATHS = [...new Set([...OPERATION_ROWS.map(([, path]) => path.replace(/:\w+/g, 'id_1')), ...UNKNOWN])];
const SPELLINGS: readonly ((path: string) => string)[] = [
  (path) => `/v1${path}`,
  (path) => path,
  (path) => `/v1${path}/`,
  (path) => `/v1/${path}`,
  (path) => `/openai/v1${path}`,
  (path) => `/v1${path.toUpperCase()}`,
  (path) => `/v1${path}%20`,
  (path) => `/v1${path};x=1`,
  (path) => `/v1${path.replace(/(?<=.)\//g, '%2F')}`,
  (path) => `/openai/deployments/gpt-4o${path}`,
  (path) => `/engines/gpt-4o${path}`,
  (path) => `/v1${path}?model=gpt-4o`,
  (path) => `/v1${path}?api-version=1`,
];
/** What uses nothing may be asked without money. */
const FREE = /^\/(?:v1\/|openai\/)*(?:messages\/count_tokens|responses\/input_tokens|models)(?:[/;?]|%2F|$)/i;

const isFree = (path: string): boolean =>
  FREE.test(
    path
      .replace(/^\/(?:usual|named)/, '')
      .replace(/(%2F|\/)+/g, '/')
      .replace(/^\/openai/i, ''),
  );

async function spend(): Promise<void> {
  const path = '/usual/v1/chat/completions';
  const body = JSON.stringify({ model: 'gpt-4o', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] });
  expect((await send({ method: 'POST', path, body })).status).toBe(429);
}

/** Every path in the usual spellings, and in one of four of the others: which ones differs from path to path. */
const TRIES = PATHS.flatMap((path, i) =>
  SPELLINGS.filter((_, j) => j < 2 || (i + j) % 4 === 0).map((spell) => spell(path)),
);

describe('with a spent budget nothing that costs gets through', () => {
  beforeAll(spend);

  test.each([
    ['usual', 'POST as JSON', 'POST', BODY, 'application/json'],
    ['usual', 'POST as a form', 'POST', FORM, 'multipart/form-data; boundary=b'],
    ['usual', 'GET', 'GET', undefined, undefined],
    ['usual', 'GET with a body', 'GET', BODY, 'application/json'],
    ['usual', 'DELETE', 'DELETE', undefined, undefined],
    ['usual', 'QUERY', 'QUERY', BODY, 'application/json'],
    ['usual', 'PUT', 'PUT', BODY, 'application/json'],
    ['named', 'POST as JSON', 'POST', BODY, 'application/json'],
    ['named', 'GET', 'GET', undefined, undefined],
  ])('the service %s by %s', async (route, _, method, body, type) => {
    const before = provider.requests.length;
    const tries = TRIES.map((path) => `/${route}${path}`);
    const came = await Promise.all(
      tries.map(async (path) => {
        const { status } = await send({ method, path, ...(body !== undefined && { body, type: type as string }) });
        return { path, status };
      }),
    );
    const through = came.filter(({ path, status }) => status < 400 && !isFree(path));
    expect(through).toEqual([]);
    expect(came.filter(({ status }) => status >= 500)).toEqual([]);
    const reached = provider.requests.slice(before).filter(({ target }) => !isFree(target));
    expect(reached.map(({ target }) => target)).toEqual([]);
  });
});

describe('what is not in the list', () => {
  test.each([
    ['/usual/v1/files', 'POST', '"files" to services.usual.operations'],
    ['/usual/v1/generate', 'POST', '"POST /generate" to services.usual.operations'],
    ['/usual/v1/realtime/client_secrets', 'POST', '"POST /realtime/client_secrets"'],
    ['/named/v1/realtime/sessions', 'GET', '"GET /realtime/sessions"'],
  ])(
    '%s (%s) is refused for everybody, and the refusal names what would let it through',
    async (path, method, text) => {
      const { status, text: said } = await send({
        method,
        path,
        key: 'rich',
        ...(method === 'POST' && { body: BODY }),
      });
      expect(status).toBe(403);
      expect((JSON.parse(said) as { error: { message: string } }).error.message).toContain(text);
    },
  );

  test('is 405 where another method is', async () => {
    const { status, allow } = await send({ method: 'DELETE', path: '/usual/v1/chat/completions', key: 'rich' });
    expect([status, allow]).toEqual([405, 'POST']);
    expect((await send({ method: 'PUT', path: '/usual/v1/models', key: 'rich', body: BODY })).allow).toBe('GET, HEAD');
  });

  test('is work that goes on without the client', async () => {
    const body = JSON.stringify({ model: 'gpt-4o', input: 'hi', background: true });
    const ask = (route: string) => send({ method: 'POST', path: `/${route}/v1/responses`, key: 'rich', body });
    expect((await ask('usual')).status).toBe(403);
    expect((await ask('named')).status).toBe(200);
  });
});

test('what is named gets through, by name or by its path, and one by one where it hands out credentials', async () => {
  const ask = async (method: string, path: string): Promise<number> =>
    (await send({ method, path: `/named/v1${path}`, key: 'rich', ...(method === 'POST' && { body: BODY }) })).status;
  expect(await ask('GET', '/files')).toBe(200);
  expect(await ask('POST', '/generate')).toBe(200);
  expect(await ask('GET', '/generate')).toBe(403);
  expect(await ask('GET', '/realtime/other')).toBe(200);
  expect(await ask('POST', '/realtime/calls')).toBe(200);
  expect(await ask('GET', '/realtime/calls')).toBe(403);
});

test('where the configuration says so, what is not counted passes on without money', async () => {
  const body = JSON.stringify({ input_file_id: 'file-1' });
  expect((await send({ method: 'POST', path: '/open/v1/batches', body })).status).toBe(200);
  expect((await send({ method: 'POST', path: '/open/v1/chat/completions', body: BODY })).status).toBe(429);
});
