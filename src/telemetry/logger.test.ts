import { afterEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createLogger, createRequestLog, type Logger } from './logger.ts';
import { MASK_KINDS } from './mask.ts';

function openLog(pretty = false): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { lines, log: createLogger({ level: 'info', pretty, mask: MASK_KINDS, destination }) };
}

function parsed(line: string | undefined): Record<string, unknown> {
  return JSON.parse(line ?? 'null') as Record<string, unknown>;
}

describe('a log line', () => {
  test('is one JSON object with level, time and message', () => {
    const { log, lines } = openLog();
    log.info({ service: 'a' }, 'ready');
    expect(parsed(lines[0])).toEqual({ level: 'info', time: expect.any(String), service: 'a', msg: 'ready' });
    expect(Date.parse(String(parsed(lines[0])['time']))).toBeGreaterThan(0);
  });

  test('hides personal data and control characters in its message, also in one taken from an error', () => {
    const { log, lines } = openLog();
    log.info('bob@example.com \x1b[31m signed up\nfake line');
    log.error(new Error('no account 4111111111111111'));
    log.error({ err: new Error('no user bob@example.com') });
    expect(lines.map((line) => parsed(line)['msg'])).toEqual([
      '[email] \\x1b[31m signed up\\x0afake line',
      'no account [account_number]',
      'no user [email]',
    ]);
    expect(lines.join('')).not.toMatch(/bob@example|4111111111111111/);
  });

  test('tells type, code, message and stack of an error and nothing else it carries', () => {
    const { log, lines } = openLog();
    const cause = Object.assign(new Error('inner'), { command: { args: ['planted-secret'] } });
    const error = Object.assign(new TypeError('outer', { cause }), { code: 'E_X', detail: 'planted-secret' });
    log.error({ err: error }, 'failed');
    const { err } = parsed(lines[0]) as { err: Record<string, unknown> };
    expect(Object.keys(err)).toEqual(['type', 'code', 'message', 'stack']);
    expect(err).toMatchObject({ type: 'TypeError', code: 'E_X', message: 'outer: inner' });
    expect(lines[0]).not.toContain('planted-secret');
  });

  test('is readable text when pretty is asked for', () => {
    const { log, lines } = openLog(true);
    log.warn({ service: 'a' }, 'slow');
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] .*WARN.*: .*slow.*"service":"a"/);
  });
});

describe('standard output', () => {
  test.each([
    ['exits', 'process.exit(0)'],
    ['ends by itself', ''],
    ['dies of an exception', 'queueMicrotask(() => { throw new Error("bug") })'],
    ['is told to flush and killed', 'flushLogger(log); process.kill(process.pid, "SIGKILL")'],
  ])('has every line, in order, when the process %s', async (_how, ending) => {
    const script = `
      import { createLogger, flushLogger, lineWriter } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)};
      const log = createLogger({ level: 'info', pretty: false, mask: [] });
      const write = lineWriter(log);
      for (let i = 0; i < 300; i += 1) i % 2 ? log.info({ i }) : write(JSON.stringify({ i, pad: 'x'.repeat(100) }) + '\\n');
      ${ending === '' ? 'void flushLogger;' : ending}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = (await text(child.stdout)).trimEnd().split('\n');
    expect(lines.map((line) => parsed(line)['i'])).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });
});

describe('the log of own endpoints', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  async function requestOnce(log: Logger, target: string, status: number): Promise<void> {
    const requestLog = createRequestLog(
      log,
      MASK_KINDS,
      () => 'req_own',
      () => ({ client_ip: '192.0.2.1' }),
    );
    server = createServer((req, res) => {
      requestLog(req, res);
      req.log.info('inside');
      res.statusCode = status;
      res.end('body-content');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await (await fetch(`http://127.0.0.1:${port}${target}`, { headers: { 'x-master-key': 'planted-secret' } })).text();
  }

  test('is one line per request with its id, and the same id on lines written on the way', async () => {
    const { log, lines } = openLog();
    await requestOnce(log, '/admin/keys?api_key=planted-secret', 200);
    expect(parsed(lines[0])).toMatchObject({ request_id: 'req_own', msg: 'inside' });
    expect(parsed(lines[1])).toEqual({
      level: 'info',
      time: expect.any(String),
      request_id: 'req_own',
      method: 'GET',
      path: '/admin/keys',
      service: 'gateway',
      status: 200,
      client_ip: '192.0.2.1',
      user_agent: 'node',
      duration_ms: expect.any(Number),
      msg: 'request',
    });
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toMatch(/planted-secret|body-content/);
  });

  test('warns when the gateway failed', async () => {
    const { log, lines } = openLog();
    await requestOnce(log, '/health', 500);
    expect(parsed(lines[1])).toMatchObject({ level: 'warn', status: 500, path: '/health' });
  });
});
