// Plays cases of bytes against a whole gateway and checks everything that came of them, on both sides.
import { expect } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw, type RawConnection, type RawResponse } from '../support/raw-client.ts';
import { type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import type { ExpectedAnswer, ExpectedRequest, Split, UpstreamStep, WireCase } from './wire-case.ts';

const OK: UpstreamStep = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const BREAKER_STATES = ['closed', 'half open', 'open'];
/** Asked last where a connection must go on: a parser that has lost its place cannot answer it. */
const FURTHER = 'GET /open/further HTTP/1.1\r\nHost: further.test\r\n\r\n';

type Call = Parameters<Script>[0];
type Received = RawUpstream['requests'][number];

export interface WireBench {
  readonly gateway: TestGateway;
  readonly upstream: RawUpstream;
  /** Plays one case; rejects with what is not as it should be. One at a time. */
  run(wireCase: WireCase, split?: Split): Promise<void>;
  close(): Promise<void>;
}

/**
 * The services of every case: `open` and `keyed` (wants a key), `small` (bodies up to 100 bytes). A path loses the
 * service's name on its way upstream. `more` is put under `services:`, with `UPSTREAM` for the address.
 */
export async function openWireBench(more = ''): Promise<WireBench> {
  const upstream = await startRawUpstream();
  const gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  open: { url: "${upstream.url}", auth: false, retry: false }
  keyed: { url: "${upstream.url}", retry: false }
  small: { url: "${upstream.url}", auth: false, retry: false, body_limit: 100 }
${more.replaceAll('UPSTREAM', upstream.url)}
`);
  return {
    gateway,
    upstream,
    run: (wireCase, split = 'whole') => new CaseRun(gateway, upstream, wireCase, split).play(),
    close: async () => {
      await gateway.close();
      await upstream.close();
    },
  };
}

class CaseRun {
  private readonly gateway: TestGateway;
  private readonly upstream: RawUpstream;
  private readonly wireCase: WireCase;
  private readonly split: Split;
  private readonly answers: RawResponse[] = [];
  private readonly requestsBefore: number;
  private readonly logBefore: number;
  private readonly held = Promise.withResolvers<void>();

  constructor(gateway: TestGateway, upstream: RawUpstream, wireCase: WireCase, split: Split) {
    this.gateway = gateway;
    this.upstream = upstream;
    this.wireCase = wireCase;
    this.split = split;
    this.requestsBefore = upstream.requests.length;
    this.logBefore = gateway.logged.length;
  }

  async play(): Promise<void> {
    const { wireCase, gateway } = this;
    const metricsBefore = wireCase.expect.metrics && (await gateway.metrics());
    this.upstream.play(this.script());
    const connection = await connectRaw(gateway.url);
    try {
      await this.act(connection);
      this.held.resolve();
      await this.readAnswers(connection, wireCase.expect.answers.length);
      await this.checkEnd(connection);
      await this.checkRequests();
      await this.checkVerdicts(metricsBefore);
    } catch (error) {
      throw new Error(this.describe(connection), { cause: error });
    } finally {
      this.held.resolve();
      connection.destroy();
    }
  }

  private script(): Script {
    const steps: readonly UpstreamStep[] = [this.wireCase.upstream ?? OK].flat();
    return async (call) => {
      const turn = this.upstream.requests.length - this.requestsBefore - 1;
      const isFurther = call.request.target === '/further';
      await answer(call, isFurther ? OK : (steps[Math.min(turn, steps.length - 1)] ?? OK), this.held.promise);
    };
  }

  private async act(connection: RawConnection): Promise<void> {
    for (const step of [this.wireCase.client].flat()) {
      if (typeof step === 'string') await sendSplit(connection, step, this.split);
      else if ('awaitAnswers' in step) await this.readAnswers(connection, step.awaitAnswers);
      else if ('awaitUpstream' in step) await until(() => this.arrived().length >= step.awaitUpstream);
      else if (step.end === 'fin') connection.end();
      else connection.reset();
    }
  }

  private async readAnswers(connection: RawConnection, count: number): Promise<void> {
    while (this.answers.length < count) {
      const expected = toAnswer(this.wireCase.expect.answers[this.answers.length] as number | ExpectedAnswer);
      const actual = await connection.read(expected.method ? { method: expected.method } : {});
      this.answers.push(actual);
      checkAnswer(actual, expected);
    }
  }

  private async checkEnd(connection: RawConnection): Promise<void> {
    const { then, answers } = this.wireCase.expect;
    if (then === 'left') return;
    if (then === 'serves') {
      await connection.send(FURTHER);
      expect(await connection.read()).toMatchObject({ status: 200, text: 'ok' });
    } else expect(await within(connection.closed)).toBe(then === 'closes' ? 'fin' : 'reset');
    const seen = [...connection.bytes.toString('latin1').matchAll(/HTTP\/1\.[01] [2-5]\d\d /g)];
    expect(seen.length).toBe(answers.length + (then === 'serves' ? 1 : 0));
  }

  private arrived(): readonly Received[] {
    return this.upstream.requests.slice(this.requestsBefore);
  }

  private async checkRequests(): Promise<void> {
    const { upstream, then } = this.wireCase.expect;
    if (upstream === 'nothing whole') return this.checkNothingWhole();
    const wanted = upstream.map((entry): ExpectedRequest => (typeof entry === 'string' ? { line: entry } : entry));
    const arrived = this.arrived();
    const lines = wanted.map(({ line }) => line);
    if (then === 'serves') lines.push('GET /further');
    expect(arrived.map(({ method, target }) => `${method} ${target}`)).toEqual(lines);
    wanted.forEach(({ headers = {}, body }, index) => {
      const request = arrived[index] as Received;
      for (const [name, value] of Object.entries(headers))
        expect([name, request.headers.get(name)]).toEqual([name, value]);
      if (body !== undefined) expect(request.body.toString('latin1')).toBe(body);
    });
  }

  private async checkNothingWhole(): Promise<void> {
    const arrived = this.arrived();
    expect(arrived.length).toBeLessThanOrEqual(1);
    await until(() => arrived.every(({ isComplete }) => isComplete === false));
  }

  private async checkVerdicts(metricsBefore: string | undefined): Promise<void> {
    const { log, metrics, breaker } = this.wireCase.expect;
    if (log) {
      await until(() => this.exchanges().length >= log.length);
      expect(this.exchanges()).toMatchObject(log);
    }
    if (!metrics && !breaker) return;
    await until(() => this.gateway.gateway.running.size === 0);
    const page = await this.gateway.metrics();
    for (const [series, growth] of Object.entries(metrics ?? {}))
      expect([series, valueOf(page, series) - valueOf(metricsBefore ?? '', series)]).toEqual([series, growth]);
    for (const [service, state] of Object.entries(breaker ?? {}))
      expect([service, BREAKER_STATES[breakerOf(page, service)]]).toEqual([service, state]);
  }

  private exchanges(): readonly Record<string, unknown>[] {
    return this.gateway.logged.slice(this.logBefore).filter((line) => 'outcome' in line);
  }

  private describe(connection: RawConnection): string {
    const { name, source } = this.wireCase;
    const came = JSON.stringify(connection.bytes.toString('latin1').slice(0, 600));
    const arrived = JSON.stringify(this.arrived().map(({ head }) => head.toString('latin1').slice(0, 300)));
    return `${name} (${source}; split: ${this.split})\nthe client got ${came}\nthe upstream got ${arrived}`;
  }
}

async function answer(call: Call, step: UpstreamStep, held: Promise<void>): Promise<void> {
  const { write, end, isEarly = false, isHeld = false } = typeof step === 'string' ? { write: step } : step;
  if (!isEarly) await call.received;
  if (isHeld) await held;
  for (const bytes of [write].flat()) {
    await call.write(bytes);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (end === 'fin') call.end();
  if (end === 'reset') call.reset();
}

async function sendSplit(connection: RawConnection, bytes: string, split: Split): Promise<void> {
  // The gateway may end the connection as soon as it has seen enough, which fails the bytes still to come.
  const send = async (): Promise<void> => {
    if (split === 'whole') return connection.send(bytes);
    if (split === 'bytes') return connection.sendSlowly(bytes);
    await connection.send(bytes.slice(0, split));
    await new Promise((resolve) => setImmediate(resolve));
    await connection.send(bytes.slice(split));
  };
  await send().catch(() => undefined);
}

function toAnswer(expected: number | ExpectedAnswer): ExpectedAnswer {
  return typeof expected === 'number' ? { status: expected } : expected;
}

function checkAnswer(actual: RawResponse, expected: ExpectedAnswer): void {
  expect([expected.status].flat()).toContain(actual.status);
  for (const [name, value] of Object.entries(expected.headers ?? {}))
    expect([name, actual.headers.get(name)]).toEqual([name, value]);
  if (expected.body !== undefined) expect(actual.text).toBe(expected.body);
  if (expected.code !== undefined) expect(actual.text).toContain(`"${expected.code}"`);
  if (expected.interim !== undefined) expect(actual.interim.map(({ status }) => status)).toEqual(expected.interim);
  expect(actual.isComplete).toBe(expected.isComplete ?? true);
}

async function within<Value>(work: Promise<Value>): Promise<Value | 'open'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'open'>((resolve) => {
    timer = setTimeout(() => resolve('open'), 5_000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function valueOf(page: string, series: string): number {
  const line = page.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

function breakerOf(page: string, service: string): number {
  const lines = page.split('\n').filter((line) => line.startsWith(`gateway_circuit_state{service="${service}"`));
  return Math.max(0, ...lines.map((line) => Number(line.slice(line.lastIndexOf(' ')))));
}
