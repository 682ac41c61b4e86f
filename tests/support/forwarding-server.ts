// The forwarder behind a real server, with nothing between: every answer passes as it came.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BufferPlanes } from '../../src/exchange/buffer-planes.ts';
import { compileEdgeRules } from '../../src/edge/edge.ts';
import { DeadlineWatch, type Timeouts } from '../../src/exchange/deadline.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { openExchange } from '../../src/exchange/open-exchange.ts';
import { createRequestIds } from '../../src/edge/request-id.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Guard } from '../../src/lib/guard.ts';
import { UpstreamFailure } from '../../src/upstream/attempt.ts';
import { createForwarder } from '../../src/upstream/forward.ts';
import { UpstreamPools } from '../../src/upstream/pools.ts';
import type { RequestHeaders } from '../../src/upstream/request-headers.ts';
import type { ResponseHeaders } from '../../src/upstream/response-headers.ts';
import { Target } from '../../src/upstream/targets.ts';
import { buildConnection } from './exchange-builder.ts';

export interface ForwardingServer {
  readonly url: string;
  readonly target: Target;
  /** Every exchange so far, in the order they began. */
  readonly exchanges: readonly Exchange[];
  /** Failures of attempts, in order. */
  readonly failures: readonly UpstreamFailure[];
  close(): Promise<void>;
}

interface ForwardingOptions {
  readonly timeouts?: Partial<Timeouts>;
  readonly maxConnections?: number;
  readonly bodyLimit?: number;
  /** The real header rules; without them only hop-by-hop lines are dropped. */
  readonly rules?: { readonly request: RequestHeaders; readonly response: ResponseHeaders };
}

const PATIENT: Timeouts = { connect: 2_000, first_byte: 5_000, idle: 5_000, idle_streamed: 5_000, total: 0 };
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'expect']);

export async function startForwardingServer(
  upstreamUrl: string,
  options: ForwardingOptions = {},
): Promise<ForwardingServer> {
  const { host, origin } = new URL(upstreamUrl);
  const maxConnections = options.maxConnections ?? 100;
  const target = new Target({ name: host, origin, authority: host, basePath: '', weight: 1, maxConnections });
  const pools = new UpstreamPools();
  pools.open(target, { connectMs: 2_000, tls: undefined });
  const forward = createForwarder(pools);
  const timeouts = { ...PATIENT, ...options.timeouts };
  const exchanges: Exchange[] = [];
  const failures: UpstreamFailure[] = [];
  const rules = compileEdgeRules({
    trustProxy: () => false,
    credentialHeaders: new Set(),
    viaPseudonym: 'test',
    limits: { targetBytes: 16_384, headerBytes: 16_384, headerCount: 100 },
    scheme: 'http',
  });
  const around = {
    watch: new DeadlineWatch(systemClock, new Guard(() => undefined)),
    requestIds: createRequestIds(),
    planes: new BufferPlanes({ buffered_bytes: 2 ** 26, caller_share: 100 }),
  };

  const server = createServer((req, res) => {
    const { exchange, refusal } = openExchange(req, res, buildConnection(req.socket), rules, around);
    if (refusal) throw new Error(refusal.detail);
    exchanges.push(exchange);
    res.once('close', () => exchange.settle());
    exchange.body.limit = options.bodyLimit ?? Number.POSITIVE_INFINITY;
    exchange.deadline.limitTotal(timeouts.total);
    exchange.plan = {
      timeouts,
      pathFor: ({ edge }) => edge.path,
      requestFor: (each, to) => ({
        path: each.edge.path + each.edge.query,
        headers: options.rules?.request.build(each, to, each.body.sendLength) ?? strip(each.edge.headers.raw, HOP),
        body: each.body.payload(),
      }),
    };
    void pass(exchange);
  });

  async function pass(exchange: Exchange): Promise<void> {
    try {
      const refused = await exchange.body.prepare();
      if (refused) return void exchange.res.writeHead(refused.status).end(refused.code);
      const answer = await forward(exchange, target);
      const head = options.rules?.response.build(exchange, answer) ?? strip(answer.headers, HOP);
      if (!answer.deliver(head)) exchange.res.writeHead(502).end('broken');
    } catch (error) {
      failures.push(error as UpstreamFailure);
      if (!exchange.isAbandoned) exchange.res.writeHead(502).end((error as UpstreamFailure).kind);
    }
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target,
    exchanges,
    failures,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await pools.destroy();
    },
  };
}

function strip(raw: readonly string[], names: ReadonlySet<string>): string[] {
  return raw.filter((_, i) => !names.has((raw[i - (i % 2)] as string).toLowerCase()));
}
