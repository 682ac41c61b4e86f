import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable } from './executable.ts';
import { findFreePort } from './free-port.ts';
import { until } from './poll.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { callRedis } from './redis-cluster.ts';
import { spawnServer } from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

export interface WatchedRedis {
  /** `redis+sentinel://` with the one sentinel. */
  readonly url: string;
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  stop(): Promise<void>;
}

/** A primary with a replica and a sentinel that makes the replica the primary when that is silent for 300 ms. */
export async function startWatchedRedis(): Promise<WatchedRedis> {
  const primary = await startRedis({ own: true, args: ['--repl-diskless-sync-delay', '0'] });
  const replica = await startRedis({ own: true, args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  const folder = makeTempDir('sentinel');
  const port = await findFreePort();
  const config = join(folder, 'sentinel.conf');
  writeFileSync(
    config,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds main 300',
      'sentinel failover-timeout main 3000',
    ].join('\n'),
  );
  const command = findExecutable('redis-server') as string;
  const sentinel = await spawnServer({ command, args: [config, '--sentinel'], cwd: folder, ready: /\+monitor master/ });
  const knowsReplica = async (): Promise<boolean> =>
    (await callRedis(port, 'INFO sentinel')).includes('status=ok') &&
    (await callRedis(port, 'SENTINEL REPLICAS main')).includes(String(replica.port));
  const stop = async (): Promise<void> => {
    await Promise.all([sentinel.end('SIGKILL'), primary.stop(), replica.stop()]);
    removeTempDir(folder);
  };
  try {
    await until(async () => (await callRedis(replica.port, 'INFO replication')).includes('master_link_status:up'));
    await until(knowsReplica, { timeoutMs: 15_000, everyMs: 50 });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis+sentinel://127.0.0.1:${port}/main`, primary, replica, stop };
}
