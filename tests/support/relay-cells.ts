// Requests to models, each through a service of its own, so that all can run at once and whatever is counted per service is
// about one of them.
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { findFreePort } from './free-port.ts';
import { until } from './poll.ts';
import { type RawResponse, sendRaw } from './raw-client.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from './start-gateway.ts';

export interface Cell {
  /** Of its service. */
  readonly name: string;
  /** The fault of the upstream (services/llm/faults.ts), or `refused`. */
  readonly fault: string;
  readonly isStream: boolean;
  readonly hasFallback: boolean;
}

/** How one cell went, for everybody who may ask. */
export interface Outcome {
  readonly status: number;
  /**
   * `done`: complete, with `[DONE]`; `whole`: complete; `told`: an error event is the last that comes before the end in
   * order; `cut`: the connection just closes.
   */
  readonly ending: 'done' | 'whole' | 'told' | 'cut';
  /** The code of the error the client reads, in the answer or in the stream. */
  readonly code: string | null | undefined;
  /** The advice to the client's library. */
  readonly advice: string;
  /** How the access log ends it. */
  readonly outcome: unknown;
  /** Of the access log: who was asked, and what came of it. */
  readonly tries: string;
  /** The recorded use of the answer and of lost attempts. */
  readonly usage: 'exact' | 'estimated' | 'none';
  readonly hasLost: boolean;
  /** Failures among the finished calls that the breaker of the faulty target knows of. */
  readonly breaker: string;
  /** Of the metrics page, by reason. */
  readonly retries: string;
  /** Of the metrics page: requests by status, errors by code. */
  readonly counted: string;
}

/** Long enough for a healthy answer on a busy machine. */
const SLOW_MS = 800;
const QUESTION = 'hello there';

/** The gateway with its sample services; the key of the faulty one is `sk-upstream`. */
export class RelayCells {
  readonly gateway: TestGateway;
  private readonly faulty: RunningService;
  private readonly good: RunningService;

  private constructor(gateway: TestGateway, faulty: RunningService, good: RunningService) {
    this.gateway = gateway;
    this.faulty = faulty;
    this.good = good;
  }

  static async start(cells: readonly Cell[]): Promise<RelayCells> {
    const [faulty, good] = [await startLlm({ port: 0 }), await startLlm({ port: 0 })];
    const nobody = `http://127.0.0.1:${await findFreePort()}`;
    const services = cells.map((cell) => serviceOf(cell, cell.fault === 'refused' ? nobody : faulty.url, good.url));
    const routes = cells.map(
      ({ name }) =>
        `  - { name: ${name}, match: { path: /${name}/* }, service: ${name}, rewrite: { strip_prefix: /${name} } }`,
    );
    const gateway = await startTestGateway(
      `settings: { ${QUICK_SHUTDOWN} }\ndefaults: { auth: false }\nservices:\n${services.join('')}routes:\n${routes.join('\n')}\n`,
    );
    return new RelayCells(gateway, faulty, good);
  }

  async close(): Promise<void> {
    for (const part of [this.gateway, this.faulty, this.good]) await part.close();
  }

  /** The client's answer. */
  ask({ name, isStream }: Cell): Promise<RawResponse> {
    return sendRaw(this.gateway.url, chatRequest(`/${name}/v1/chat/completions`, 'faulty', isStream));
  }

  /** The faulty service's own answer. */
  askDirectly({ fault, isStream }: Cell): Promise<RawResponse> {
    return sendRaw(this.faulty.url, chatRequest('/v1/chat/completions', `fault/${fault}`, isStream));
  }

  /** How the cells went; all of them have been answered. */
  async outcomes(answers: ReadonlyMap<Cell, RawResponse>): Promise<ReadonlyMap<Cell, Outcome>> {
    const { gateway } = this;
    await until(() => [...answers.keys()].every((cell) => this.lines(cell).length > 0), {
      what: 'every cell has its line in the access log',
    });
    const series = seriesByService(await gateway.metrics());
    return new Map([...answers].map(([cell, answer]) => [cell, this.outcome(cell, answer, series)]));
  }

  /** The lines that the access log has about a cell. */
  lines({ name }: Pick<Cell, 'name'>): Record<string, unknown>[] {
    return this.gateway.logged.filter((line) => line['msg'] === 'request' && line['service'] === name);
  }

  private outcome(cell: Cell, answer: RawResponse, series: Series): Outcome {
    const line = this.lines(cell)[0] as Record<string, unknown>;
    // The first of a service is the faulty one's.
    const breaker = this.gateway.deps.breakers.views().find(({ service }) => service === cell.name);
    const counted = (family: string): string => (series.get(`${family} ${cell.name}`) ?? []).join(' ');
    return {
      status: answer.status,
      ending: endingOf(answer, cell.isStream),
      code: codeIn(answer),
      advice: adviceIn(answer),
      outcome: line['outcome'],
      tries: triesIn(line),
      ...usageIn(line),
      breaker: `${breaker?.failures} of ${breaker?.requests}`,
      retries: counted('retries'),
      counted: `${counted('requests')} ${counted('errors')}`.trim(),
    };
  }
}

function serviceOf({ name, fault, hasFallback }: Cell, faultyUrl: string, goodUrl: string): string {
  return `
  ${name}:
    kind: llm
    targets:
      - { url: "${faultyUrl}/v1", models: [faulty], api_key: "\${UPSTREAM_KEY:-sk-upstream}" }
      - { url: "${goodUrl}/v1", models: [good] }
    retry: { attempts: 3, backoff: { initial: 1ms, max: 1ms } }
${timeoutOf(fault)}    models:
      entries:
        faulty: { upstream_name: "fault/${fault}", price: { input_per_million: 100000 }, fallbacks: [${hasFallback ? 'good' : ''}] }
        good: { unpriced: free }
`;
}

/** Only where something is waited for: elsewhere a busy machine must not look like a slow upstream. */
function timeoutOf(fault: string): string {
  if (fault.startsWith('slow-start'))
    return `    timeout: { first_byte: ${SLOW_MS}ms, first_byte_streamed: ${SLOW_MS}ms }\n`;
  return fault.startsWith('stall') ? `    timeout: { idle: ${SLOW_MS}ms }\n` : '';
}

/** Asks for usage itself, so that nothing of the answer is hidden. */
function chatRequest(path: string, model: string, isStream: boolean): string {
  const body = JSON.stringify({
    model,
    messages: [{ role: 'user', content: QUESTION }],
    ...(isStream && { stream: true, stream_options: { include_usage: true } }),
  });
  return `POST ${path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function endingOf({ text, isComplete }: RawResponse, isStream: boolean): Outcome['ending'] {
  if (!isComplete) return 'cut';
  if (isStream && LAST_ERROR.test(text)) return 'told';
  return isStream && text.endsWith('data: [DONE]\n\n') ? 'done' : 'whole';
}

const LAST_ERROR = /\ndata: (\{"error":[^\n]*)\n\n$/;

function codeIn({ status, text }: RawResponse): Outcome['code'] {
  const told = status >= 400 ? text : LAST_ERROR.exec(text)?.[1];
  return told === undefined ? undefined : JSON.parse(told).error.code;
}

function adviceIn({ headers }: RawResponse): string {
  const [after, again] = [headers.get('retry-after'), headers.get('x-should-retry')];
  return [after && `wait ${after}`, again === 'false' && 'give up'].filter(Boolean).join(', ');
}

function triesIn(line: Record<string, unknown>): string {
  // Spelled out only where something went wrong on the way.
  const tries = (line['tries'] ?? [{ model: line['model'], status: line['status'] }]) as Record<string, unknown>[];
  return tries.map(({ model, failure, status }) => [model, failure ?? status].join(' ')).join(', ');
}

/** The faulty model costs money and the good one is free, so the sum shows what was lost. */
function usageIn(line: Record<string, unknown>): Pick<Outcome, 'usage' | 'hasLost'> {
  const isEstimated = line['tokens_estimated'];
  const usage = isEstimated === undefined ? 'none' : isEstimated ? 'estimated' : 'exact';
  return { usage, hasLost: line['model'] === 'good' && (line['cost_usd'] as number) > 0 };
}

/** `label×count` of each series, by family and service. */
type Series = ReadonlyMap<string, readonly string[]>;

const COUNTER = /^gateway_(requests|errors|retries)_total\{service="(\w+)",(?:method="\w+",)?\w+="(\w+)"\} (\d+)/gm;

function seriesByService(metrics: string): Series {
  const found = new Map<string, string[]>();
  for (const [, family, service, label, count] of metrics.matchAll(COUNTER)) {
    const key = `${family} ${service}`;
    found.set(key, [...(found.get(key) ?? []), `${label}×${count}`]);
  }
  return found;
}
