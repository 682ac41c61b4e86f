import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { until } from './poll.ts';
import { describeWithRedis } from './server-suite.ts';

describeWithRedis(
  'a Redis server for tests',
  (redis) => {
    test('answers on its address', async () => {
      expect(await send(redis().port, 'PING')).toBe('+PONG');
    });

    test('comes back empty on the same port after a kill', async () => {
      await send(redis().port, 'SET k v');
      await redis().kill();
      await expect(send(redis().port, 'PING')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await redis().restart();
      expect(await send(redis().port, 'EXISTS k')).toBe(':0');
    });

    test('keeps connections open and silent while it is paused', async () => {
      redis().pause();
      let answer: string | undefined;
      const answered = send(redis().port, 'PING').then((line) => (answer = line));
      await expect(until(() => answer, { timeoutMs: 100 })).rejects.toThrow('Not true within 100 ms');
      redis().resume();
      expect(await answered).toBe('+PONG');
    });
  },
  { own: true },
);

async function send(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`${command}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return answer.toString().trim();
}
