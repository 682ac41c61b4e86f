// The first ten minutes of a new user, as README.md describes them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEcho } from '../../services/echo/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { findFreePort } from '../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const curls = readme.split('\n').filter((line) => /^curl /.test(line));
const [shortest = ''] = [...readme.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text as string);

let gateway: GatewayProcess;

/** Does what curl does with one line of the README, on the gateway of the test. */
function paste(line: string, key: string): Promise<Response> {
  const target = /http:\/\/localhost:8000(\S*)/.exec(line)?.[1] ?? '';
  const headers = [...line.matchAll(/-H "([^:]+): ([^"]+)"/g)].map(([, name, value]): [string, string] => [
    name as string,
    (value as string).replace('$KEY', key).replace('$MASTER_KEY', gateway.masterKey),
  ]);
  const body = /-d '([^']+)'/.exec(line)?.[1];
  const method = /-X (\w+)/.exec(line)?.[1] ?? (body === undefined ? 'GET' : 'POST');
  return fetch(gateway.url + target, { method, headers, ...(body === undefined ? {} : { body }) });
}

function curlFor(part: string): string {
  const line = curls.find((each) => each.includes(part));
  if (line === undefined) throw new Error(`README.md has no curl with ${part}`);
  return line;
}

describe('after npm start', () => {
  let key: string;

  beforeAll(async () => {
    const [service1, service2, llm, embeddings] = await Promise.all([1, 2, 3, 4].map(() => findFreePort()));
    const env = {
      ...{
        SERVICE1_PORT: `${service1}`,
        SERVICE2_PORT: `${service2}`,
        LLM_PORT: `${llm}`,
        EMBEDDINGS_PORT: `${embeddings}`,
      },
      ...{ SERVICE1_URL: `http://localhost:${service1}`, SERVICE2_URL: `http://localhost:${service2}` },
      ...{ OPENAI_BASE_URL: `http://localhost:${llm}/v1`, INFERENCE_SERVICE_URL: `http://localhost:${embeddings}` },
    };
    const config = readFileSync(join(root, 'gateway_config.yaml'), 'utf8');
    gateway = await startGatewayProcess({ config, env, args: ['--dev'] });
    await until(() => gateway.lines.some((line) => line.endsWith('/metrics')));
    key = /\bsk_dev_\w+/.exec(gateway.lines.join('\n'))?.[0] ?? '';
  }, 30_000);
  afterAll(async () => void (await gateway?.stop()));

  test('the terminal shows address, both keys and the four commands of the README', () => {
    const commands = gateway.lines.map((line) => line.trim()).filter((line) => line.startsWith('curl '));
    const address = gateway.url.replace('127.0.0.1', 'localhost');
    const expected = curls
      .slice(0, 4)
      .map((line) => line.replace('$KEY', key).replace('http://localhost:8000', address));
    expect(commands).toEqual(expected);
    const printed = gateway.lines.join('\n');
    expect(printed).toMatch(new RegExp(`^ +Address +${address}$`, 'm'));
    expect(printed).toMatch(new RegExp(`^ +Master key +${gateway.masterKey}$`, 'm'));
  });

  test('the proxied call, the chat completion and the metrics work', async () => {
    const proxied = await paste(curlFor('/service1/hello'), key);
    expect(await proxied.json()).toMatchObject({ service: 'service1', path: '/hello' });
    const chat = await paste(curlFor('/v1/chat/completions'), key);
    expect(chat.headers.get('content-type')).toContain('text/event-stream');
    expect(await chat.text()).toMatch(/^data: \{.*data: \[DONE\]\s*$/s);
    const metrics = await paste(curlFor('/metrics'), key);
    expect(await metrics.text()).toContain('gateway_requests_total{service="service1",method="GET",status="200"} 1');
  });

  test('a key generated with the master key opens a service', async () => {
    const generated = await paste(curlFor('generate_key'), key);
    expect(generated.status).toBe(201);
    const { api_key: apiKey } = (await generated.json()) as { api_key: string };
    expect((await paste(curlFor('/service1/hello'), apiKey)).status).toBe(200);
  });

  test('a GET that is answered 503 is tried three times', async () => {
    const res = await paste(curlFor('/service1/status/503'), key);
    expect([res.status, res.headers.get('x-gateway-attempts')]).toEqual([503, '3']);
  });
});

describe('with the shortest configuration', () => {
  let echo: RunningService;

  beforeAll(async () => {
    echo = await startEcho({ port: 0, name: 'service1' });
    gateway = await startGatewayProcess({ config: shortest.replace('http://localhost:5001', echo.url) });
  });
  afterAll(async () => {
    await gateway?.stop();
    await echo.close();
  });

  test('it has five lines, and does what the README says of it', async () => {
    expect(shortest.trimEnd().split('\n')).toHaveLength(5);
    expect((await fetch(`${gateway.url}/service1/hello`)).status).toBe(401);
    const res = await paste(curlFor('/service1/hello'), await gateway.generateKey('alice'));
    expect(await res.json()).toMatchObject({ service: 'service1', path: '/hello' });
    expect(res.headers.get('x-ratelimit-limit')).toBe('100');
  });
});

test('README.md stays within 200 lines and names only files that exist', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(200);
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path as string);
  const missing = links.filter((path) => {
    try {
      return readFileSync(join(root, path)) === undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'EISDIR';
    }
  });
  expect(missing).toEqual([]);
});
