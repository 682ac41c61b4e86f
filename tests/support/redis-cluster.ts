import { connect } from 'node:net';
import { type RedisServer, startRedis } from './redis.ts';
import { until } from './poll.ts';

export interface RedisCluster {
  /** `redis+cluster://` with all nodes. */
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/** Three primaries on free ports of 127.0.0.1 that share the slots. Ready within about a second. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-config-file', 'nodes.conf'];
  const nodes = await Promise.all([0, 1, 2].map(() => startRedis({ own: true, args })));
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    const share = Math.ceil(SLOTS / nodes.length);
    for (const [i, { port }] of nodes.entries()) {
      const last = Math.min(SLOTS, (i + 1) * share) - 1;
      await callRedis(port, `CLUSTER ADDSLOTSRANGE ${i * share} ${last}`);
      await callRedis(port, `CLUSTER SET-CONFIG-EPOCH ${i + 1}`);
      if (i > 0) await callRedis(port, `CLUSTER MEET 127.0.0.1 ${nodes[0]?.port}`);
    }
    await until(() => isWhole(nodes), { timeoutMs: 15_000, everyMs: 50, what: 'a whole cluster' });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, nodes, stop };
}

async function isWhole(nodes: readonly RedisServer[]): Promise<boolean> {
  const infos = await Promise.all(nodes.map(({ port }) => callRedis(port, 'CLUSTER INFO')));
  return infos.every((info) => info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3'));
}

/** One command over a connection of its own; the first part of the answer as text. Rejects with Redis' error. */
export function callRedis(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.setEncoding('utf8');
    socket.once('error', reject);
    socket.once('data', (text: string | Buffer) => {
      socket.destroy();
      const answer = String(text);
      if (answer.startsWith('-')) reject(new Error(answer.trim()));
      else resolve(answer);
    });
  });
}
