import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

const script = join(import.meta.dirname, 'start.ts');

test('starts every service whose port is free, names the one whose port is taken, and ends on SIGTERM', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const taken = String((squatter.address() as AddressInfo).port);
  const args = ['--service1', '0', '--service2', taken, '--llm', '0', '--embeddings', '0'];
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const errors = child.stderr.toArray().then((chunks) => Buffer.concat(chunks).toString());
    const urls = await readUrls(child.stdout, ['service1', 'llm', 'embeddings']);
    const statuses = await Promise.all(['/', '/v1/models', '/health'].map((path, n) => fetch(urls[n] + path)));
    expect(statuses.map((res) => res.status)).toEqual([200, 200, 200]);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await errors).toBe(
      `service2 not started: port ${taken} cannot be used: another program is listening on it\n`,
    );
  } finally {
    child.kill('SIGKILL');
    squatter.close();
  }
});

test('tells the process that started it over a channel when it has settled, and ends with it', async () => {
  const ports = ['--service1', '0', '--service2', '0', '--llm', '0', '--embeddings', '0'];
  const child = spawn(process.execPath, [script, ...ports], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  try {
    expect(await once(child, 'message')).toEqual(['settled', undefined]);
    const exited = once(child, 'exit');
    // Node fails on a channel that is closed while it still hands out the message.
    setImmediate(() => child.disconnect());
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});

async function readUrls(output: AsyncIterable<Buffer>, names: string[]): Promise<string[]> {
  let text = '';
  const found = () => names.map((name) => new RegExp(`^${name} listening on (.*)$`, 'm').exec(text)?.[1]);
  for await (const chunk of output) {
    text += chunk.toString();
    const urls = found();
    if (urls.every((url) => url !== undefined)) return urls;
  }
  throw new Error(`The output ended: ${text}`);
}
