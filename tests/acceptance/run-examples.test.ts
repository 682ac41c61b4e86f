// examples/run.sh and the clients, as somebody would run them against the shipped configuration and the sample services.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startEcho } from '../../services/echo/server.ts';
import { startEmbeddings } from '../../services/embeddings/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import { findExecutable } from '../support/executable.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

const root = join(import.meta.dirname, '../..');
const API_KEY = 'sk_test_key_of_the_examples';

let samples: RunningService[];
let gateway: GatewayProcess;

beforeAll(async () => {
  samples = await Promise.all([
    startEcho({ port: 0, name: 'service1' }),
    startEcho({ port: 0, name: 'service2' }),
    startLlm({ port: 0 }),
    startEmbeddings({ port: 0 }),
  ]);
  const [service1, service2, llm, embeddings] = samples.map(({ url }) => url);
  gateway = await startGatewayProcess({
    config: withDocs(readFileSync(join(root, 'gateway_config.yaml'), 'utf8')),
    env: {
      TEST_API_KEY: API_KEY,
      SECRET_KEY: 'nobody-knows-this-one-0123456789abcdef',
      ...{ SERVICE1_URL: `${service1}`, SERVICE2_URL: `${service2}` },
      ...{ OPENAI_BASE_URL: `${llm}/v1`, INFERENCE_SERVICE_URL: `${embeddings}` },
    },
  });
});

afterAll(async () => {
  await gateway.stop();
  for (const sample of samples) await sample.close();
});

/** As with `--dev`, which would start samples of its own. */
function withDocs(config: string): string {
  return config.replace(/^ {2}docs: auto.*\n/m, '').replace(/^settings:$/m, 'settings:\n  docs: on');
}

interface Run {
  readonly code: number;
  readonly printed: string;
}

async function run(command: string, args: readonly string[]): Promise<Run> {
  const { PATH = '' } = process.env;
  const own = { PATH, GATEWAY_URL: gateway.url, API_KEY, MASTER_KEY: gateway.masterKey };
  const child = spawn(command, args, { cwd: root, env: own, stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number]>]);
  return { code, printed };
}

const linesOf = ({ printed }: Run, mark: string): string[] =>
  printed.split('\n').filter((line) => line.startsWith(`${mark}  `));

test('run.sh passes at the shipped configuration and leaves no endpoint out', async () => {
  const ran = await run('sh', ['examples/run.sh', gateway.url]);
  expect(linesOf(ran, 'FAIL')).toEqual([]);
  expect([ran.code, ran.printed.trimEnd().split('\n').at(-1)]).toEqual([0, 'All passed']);
  const passed = linesOf(ran, 'pass');
  const untried = ENDPOINTS.filter(({ method, path }) => {
    const pattern = new RegExp(`^pass  ${method} ${path.replace(/:\w+/g, '[^/]+')}(\\?\\S*)? 2`);
    return !passed.some((line) => pattern.test(line));
  });
  expect(untried.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
}, 60_000);

test('run.sh names what fails and ends with 1', async () => {
  const ran = await run('sh', ['examples/run.sh', 'http://127.0.0.1:1']);
  expect(ran.code).toBe(1);
  expect(linesOf(ran, 'FAIL')).toContain("FAIL  GET /ready: wanted 200 with '', got 000: ");
  expect(linesOf(ran, 'pass')).toEqual([]);
}, 60_000);

test('the TypeScript client streams a chat', async () => {
  const flags = ['--disable-warning=ExperimentalWarning', 'examples/clients/chat.ts', 'Tell me a joke'];
  const ran = await run(process.execPath, flags);
  expect(ran.code).toBe(0);
  expect(ran.printed).toContain('Tell me a joke');
});

const python = findExecutable('python3');
(python ? test : test.skip)('the Python client embeds a text', async () => {
  const ran = await run(python as string, ['examples/clients/embed.py', 'Hello, world!']);
  expect(ran).toEqual({
    code: 0,
    printed: '768 numbers, 4 tokens, sentence-transformers/all-mpnet-base-v2\n',
  });
});
