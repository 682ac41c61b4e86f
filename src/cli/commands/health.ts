import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { readAddress } from '../../process/address-note.ts';
import { UsageError } from '../failure.ts';

const DEADLINE_MS = 2_500;

/**
 * Asks the gateway that runs with this configuration on this machine whether it is alive. Resolves when `/health` is
 * 200 within 2.5 s, else throws what went wrong. Certificates are not verified: the gateway is asked on this machine,
 * by an address its certificate does not name.
 */
export async function checkHealth(options: { readonly config: string; readonly url?: string }): Promise<void> {
  const base = options.url ?? readAddress(options.config);
  if (base === undefined)
    throw new UsageError(`no gateway was started with ${options.config} on this machine. Name its address with --url`);
  const url = new URL('/health', base);
  const status = await statusOf(url).catch((error: Error) => {
    throw new UsageError(`${url.href}: ${error.message}`);
  });
  if (status !== 200) throw new UsageError(`${url.href} answered ${status}`);
  console.log('healthy');
}

function statusOf(url: URL): Promise<number> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const answered = (res: IncomingMessage): void => {
      res.resume();
      resolve(res.statusCode ?? 0);
    };
    const req =
      url.protocol === 'https:'
        ? getHttps(url, { signal, rejectUnauthorized: false }, answered)
        : getHttp(url, { signal }, answered);
    req.on('error', reject);
  });
}
