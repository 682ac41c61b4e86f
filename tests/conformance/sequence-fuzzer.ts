// Plays generated sequences against a whole gateway and holds it to what must be true of every one of them.
import { connectRaw, type RawConnection } from '../support/raw-client.ts';
import type { RawUpstream, Script } from '../support/raw-upstream.ts';
import { type Action, makeSequence, type SentMessage, type Sequence } from './sequence-generator.ts';
import type { WireBench } from './wire-bench.ts';

/** Sequences that are played beside each other. */
const AT_ONCE = 8;
/** For a connection to end once everything has been said. */
const END_WITHIN_MS = 10_000;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

interface FuzzOptions {
  readonly seed: number;
  readonly durationMs: number;
}

/** Plays sequences from a seed on for so long; resolves with how many. Rejects at the first that breaks a rule. */
export async function fuzzSequences(bench: WireBench, { seed, durationMs }: FuzzOptions): Promise<number> {
  const watch = new UpstreamWatch(bench.upstream);
  const until = performance.now() + durationMs;
  let next = seed;
  const work = async (): Promise<void> => {
    while (performance.now() < until) await play(bench, watch, makeSequence(next++));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  watch.check();
  return next - seed;
}

async function play({ gateway }: WireBench, watch: UpstreamWatch, sequence: Sequence): Promise<void> {
  const connection = await connectRaw(gateway.url);
  connection.socket.on('error', () => undefined);
  try {
    for (const action of sequence.actions) await act(connection, action);
    const hasReset = sequence.actions.some((action) => 'end' in action && action.end === 'reset');
    if (!hasReset) await endOf(connection, sequence);
    checkAnswers(connection.bytes.toString('latin1'), sequence.messages);
    watch.check();
  } catch (error) {
    throw new Error(describe(sequence, connection), { cause: error });
  } finally {
    connection.destroy();
  }
}

async function act(connection: RawConnection, action: Action): Promise<void> {
  // The gateway may have ended the connection already, which fails the rest.
  if ('send' in action) await connection.send(action.send).catch(() => undefined);
  else if ('pauseMs' in action) await pause(action.pauseMs);
  else if (action.end === 'fin') connection.end();
  else connection.reset();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}

async function endOf(connection: RawConnection, { messages }: Sequence): Promise<void> {
  // A tunnel lives until its client ends it.
  const isTunnel = (): boolean => connection.bytes.includes('HTTP/1.1 101 ');
  const deadline = performance.now() + END_WITHIN_MS;
  let hasEnded = false;
  void connection.closed.then(() => (hasEnded = true));
  while (!hasEnded && !isTunnel()) {
    if (performance.now() > deadline) throw new Error(`the connection did not end; ${messages.length} messages`);
    await pause(2);
  }
}

/** Every answer belongs to the message in its place, and none follows the last one. */
function checkAnswers(received: string, messages: readonly SentMessage[]): void {
  let rest = received;
  let index = 0;
  while (rest !== '') {
    const head = /^HTTP\/1\.[01] (\d\d\d) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest);
    // The last answer may have been cut.
    if (!head) return expectPartial(rest);
    const [whole, status = '', lines = ''] = head;
    rest = rest.slice(whole.length);
    if (status === '101') return;
    if (status.startsWith('1')) continue;
    const message = messages[index++];
    if (!message) throw new Error('there are more answers than messages');
    checkPlace(message, lines);
    // What could not be read is no HEAD: its refusal has a body.
    const isBodiless = (message.method === 'HEAD' && !rest.startsWith('{')) || status === '204' || status === '304';
    rest = afterBody(rest, lines, isBodiless);
    const isOver = message.isLast || /^connection: close\r$/im.test(lines);
    if (isOver && rest !== '') throw new Error(`bytes follow the last answer: ${JSON.stringify(rest.slice(0, 200))}`);
  }
}

function expectPartial(rest: string): void {
  const isBeginning = 'HTTP/1.1 '.startsWith(rest.slice(0, 9)) && !rest.includes('\r\n\r\n');
  if (!isBeginning) throw new Error(`this is no answer: ${JSON.stringify(rest.slice(0, 200))}`);
}

function checkPlace({ id }: SentMessage, lines: string): void {
  const answered = /^x-message: (\S+)\r$/im.exec(lines)?.[1];
  if (answered !== undefined && answered !== id) throw new Error(`${answered} is answered in the place of ${id}`);
}

function afterBody(rest: string, lines: string, isBodiless: boolean): string {
  if (isBodiless) return rest;
  const length = /^content-length: (\d+)\r$/im.exec(lines)?.[1];
  if (length !== undefined) return rest.slice(Number(length));
  if (!/^transfer-encoding: chunked\r$/im.test(lines)) return '';
  let at = 0;
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(rest.slice(at, at + 20));
    // Cut before its end: nothing may follow, and nothing can be told from it.
    if (!size) return rest.length - at < 20 ? '' : fail(rest.slice(at));
    const bytes = Number.parseInt(size[1] as string, 16);
    at += size[0].length + bytes + 2;
    if (bytes === 0) return rest.slice(at);
    if (at >= rest.length) return '';
  }
}

function fail(rest: string): never {
  throw new Error(`this is no chunk: ${JSON.stringify(rest.slice(0, 100))}`);
}

function describe({ seed, actions }: Sequence, { bytes }: RawConnection): string {
  const told = JSON.stringify(actions.map((action) => ('send' in action ? { send: shorten(action.send) } : action)));
  return `sequence ${seed}\nactions: ${told}\nreceived: ${JSON.stringify(shorten(bytes.toString('latin1')))}`;
}

function shorten(text: string): string {
  return text.length > 3_000 ? `${text.slice(0, 3_000)}… (${text.length})` : text;
}

/** The upstream of the sequences: it does what the target says, and sees to it that nothing else ever arrives. */
class UpstreamWatch {
  private readonly seen = new Set<string>();
  private readonly running = new Map<string, string[]>();
  private failure: string | undefined;

  constructor(upstream: RawUpstream) {
    upstream.play(this.script);
  }

  check(): void {
    if (this.failure !== undefined) throw new Error(this.failure);
  }

  private readonly script: Script = async (call) => {
    const { method, target } = call.request;
    const [, id = '', mode = 'ok'] = target.split('/');
    if (!/^m\d+x\d+$/.test(id)) this.failure ??= `this reached the upstream: ${method} ${target}`;
    if (this.seen.has(id)) this.failure ??= `${id} reached the upstream twice`;
    this.seen.add(id);
    const connection = id.split('x', 1)[0] ?? '';
    const beside = this.running.get(connection) ?? [];
    if (beside.length > 0 && [method, ...beside].some((each) => !SAFE.has(each)))
      this.failure ??= `${method} ${target} ran beside ${beside.join(', ')}`;
    this.running.set(connection, [...beside, method]);
    const settle = (): void => {
      const left = this.running.get(connection) ?? [];
      this.running.set(connection, left.toSpliced(left.indexOf(method), 1));
    };
    call.socket.once('close', settle);
    try {
      await respond(call, id, mode, () => {
        call.socket.off('close', settle);
        settle();
      });
    } catch {
      // The gateway has ended the call.
    }
  };
}

type Call = Parameters<Script>[0];

/** `settle` is called before the last byte leaves: the gateway may then begin the next one. */
async function respond(call: Call, id: string, mode: string, settle: () => void): Promise<void> {
  const mark = `HTTP/1.1 200 OK\r\nX-Message: ${id}\r\n`;
  const hasBody = call.request.method !== 'HEAD';
  const whole = (body: string): string => `${mark}Content-Length: ${body.length}\r\n\r\n${hasBody ? body : ''}`;
  if (mode === 'early') {
    settle();
    return call.write(whole(id));
  }
  await call.received;
  if (mode === 'slow') await pause(5);
  if (mode === 'interim') await call.write('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n');
  if (mode === 'tunnel') {
    settle();
    await call.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await call.readTunnel();
    return;
  }
  if (mode === 'chunks' && hasBody) {
    await call.write(`${mark}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`);
    await pause(1);
    settle();
    return call.write('2\r\nde\r\n0\r\n\r\n');
  }
  settle();
  if (mode === 'reset') return call.reset();
  if (mode === 'cut') {
    await call.write(`${mark}Content-Length: 10\r\n\r\n${hasBody ? 'abc' : ''}`);
    return call.end();
  }
  await call.write(whole(mode === 'large' ? 'z'.repeat(200_000) : id));
}
