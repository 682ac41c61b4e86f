import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMap, isSeq, parseDocument } from 'yaml';
import { startEcho } from '../../services/echo/server.ts';
import { startEmbeddings } from '../../services/embeddings/server.ts';
import { startLlm } from '../../services/llm/server.ts';
import type { FunctionEntry } from './mark-functions.ts';
import type { Recorder } from './record.ts';
import { Walk } from './walk.ts';

export interface WalkedRequest {
  /** Path of the configuration; its services are replaced by the sample services of this repository. */
  readonly config: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface Walked {
  readonly status: number;
  readonly walk: Walk;
}

const KEY = 'sk_test_key_of_the_walk';
const MASTER_KEY = 'mk_master_key_of_the_walk';
const CREDENTIALS = ['authorization', 'x-api-key', 'x-master-key'];
/** The first loads what is loaded once; what runs beside the others by chance only makes them longer. */
const ROUNDS = 5;

/**
 * Starts a gateway, sends the request to it several times and returns the shortest walk of those that were answered
 * like the first.
 */
export async function walkRequest(recorder: Recorder, request: WalkedRequest): Promise<Walked> {
  const folder = await mkdtemp(join(tmpdir(), 'turnpike-walk-'));
  const services = await startServices();
  try {
    const file = join(folder, 'gateway_config.yaml');
    await writeFile(file, withServices(await readFile(request.config, 'utf8'), services));
    return await walkIn(recorder, request, { file, folder });
  } finally {
    await Promise.all(Object.values(services).map((service) => service.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function startServices() {
  const [http, llm, embeddings] = await Promise.all([
    startEcho({ port: 0 }),
    startLlm({ port: 0 }),
    startEmbeddings({ port: 0 }),
  ]);
  return { http, llm, embeddings };
}

type Services = Awaited<ReturnType<typeof startServices>>;

/** The configuration with every target of a service at the sample service of its kind. */
function withServices(text: string, services: Services): string {
  const document = parseDocument(text);
  const written = document.get('services');
  if (!isMap(written)) return text;
  for (const { value: service } of written.items) {
    if (!isMap(service)) continue;
    const kind = service.get('kind');
    const url = kind === 'llm' ? `${services.llm.url}/v1` : services[kind === 'embeddings' ? kind : 'http'].url;
    if (service.has('url')) service.set('url', url);
    const targets = service.get('targets');
    if (isSeq(targets)) for (const target of targets.items) if (isMap(target)) target.set('url', url);
  }
  return document.toString();
}

async function walkIn(
  recorder: Recorder,
  request: WalkedRequest,
  { file, folder }: { file: string; folder: string },
): Promise<Walked> {
  // Imported here: the recorder marks only what is loaded after it.
  const { startGateway } = await import('../../src/main.ts');
  const { createLogger } = await import('../../src/telemetry/logger.ts');
  const accessLog = new LineWaiter();
  const log = createLogger({ level: 'info', pretty: false, mask: [], destination: accessLog });
  const env = {
    ...process.env,
    SERVER_HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: `sqlite:${join(folder, 'walk.db')}`,
    DATA_DIR: folder,
    TEST_API_KEY: KEY,
    MASTER_KEY,
  };
  const running = await startGateway({ file, env, dev: true, version: '0', log });
  try {
    const rounds: Walked[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      recorder.start();
      const ended = accessLog.next('request_id');
      const status = await send(running.url, request);
      await ended;
      rounds.push({ status, walk: walkFromGateway(recorder.stop()) });
    }
    return shortestLikeFirst(rounds);
  } finally {
    await running.stop();
  }
}

/** Without what the process did before it took the request. */
function walkFromGateway(entries: readonly FunctionEntry[]): Walk {
  return new Walk(entries.slice(entries.findIndex(({ file }) => file === 'gateway')));
}

async function send(url: string, { method, path, headers, body }: WalkedRequest): Promise<number> {
  const hasCredential = Object.keys(headers).some((name) => CREDENTIALS.includes(name.toLowerCase()));
  const credential = path.startsWith('/admin') ? { 'X-Master-Key': MASTER_KEY } : { 'X-API-Key': KEY };
  const res = await fetch(url + path, {
    method,
    headers: {
      ...(hasCredential ? {} : credential),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body ?? null,
    redirect: 'manual',
  });
  await res.arrayBuffer();
  return res.status;
}

function shortestLikeFirst([first, ...rest]: readonly Walked[]): Walked {
  if (!first) throw new Error('no request was sent');
  const alike = rest.filter(({ status }) => status === first.status);
  const length = ({ walk }: Walked): number => walk.files.length * 100_000 + walk.entries.length;
  return alike.toSorted((a, b) => length(a) - length(b))[0] ?? first;
}

/** Where the log goes: resolves when a line with this field is written. */
class LineWaiter {
  private waiting: { field: string; resolve: () => void } | undefined;

  next(field: string): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { field: `"${field}":`, resolve };
    });
  }

  readonly write = (line: string): void => {
    if (!this.waiting || !line.includes(this.waiting.field)) return;
    this.waiting.resolve();
    this.waiting = undefined;
  };
}
