// Makes sequences of messages on one connection: order, pipelining, splits, upgrades, half-closes and resets, from a seed.

/** One message as the client meant it. */
export interface SentMessage {
  /** Unique; the target carries it, and the upstream sends it back. */
  readonly id: string;
  readonly method: string;
  /** What may answer it; `none`: nothing has to, and nothing may follow. */
  readonly kind: 'proxied' | 'own' | 'refused' | 'ends';
  readonly bytes: string;
  /** Nothing behind this message may be answered. */
  readonly isLast: boolean;
}

export type Action = { readonly send: string } | { readonly pauseMs: number } | { readonly end: 'fin' | 'reset' };

export interface Sequence {
  readonly seed: number;
  readonly messages: readonly SentMessage[];
  readonly actions: readonly Action[];
  /** The client has ended or broken off its side before everything was said. */
  readonly isCut: boolean;
}

/** Stands in bodies: a parser that has lost its place reads it as a request. */
const SMUGGLED = 'GET /open/smuggled HTTP/1.1\r\nHost: s.test\r\n\r\n';
const MODES = ['ok', 'ok', 'ok', 'slow', 'early', 'chunks', 'large', 'reset', 'cut', 'interim'];

/** Numbers from a seed, the same on every machine (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function makeSequence(seed: number): Sequence {
  return new Maker(seed).make();
}

class Maker {
  private readonly seed: number;
  private readonly random: () => number;

  constructor(seed: number) {
    this.seed = seed;
    this.random = randomFrom(seed);
  }

  make(): Sequence {
    const messages: SentMessage[] = [];
    const count = 1 + Math.floor(this.random() * 8);
    for (let i = 0; i < count; i++) messages.push(this.message(i));
    messages.push(this.farewell(count));
    const bytes = messages.map((message) => message.bytes).join('');
    const isCut = this.chance(0.25);
    const kept = isCut ? bytes.slice(0, Math.floor(this.random() * bytes.length)) : bytes;
    const actions = this.deliver(kept);
    if (isCut) actions.push({ end: this.chance(0.5) ? 'fin' : 'reset' });
    else if (this.chance(0.2)) actions.push({ end: 'fin' });
    return { seed: this.seed, messages, actions, isCut };
  }

  private chance(probability: number): boolean {
    return this.random() < probability;
  }

  private pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.random() * items.length)] as Item;
  }

  private message(index: number): SentMessage {
    const id = `m${this.seed}x${index}`;
    const makers = [
      () => this.plain(id),
      () => this.plain(id),
      () => this.withBody(id),
      () => this.withBody(id),
      () => this.own(id),
      () => this.refusedInOrder(id),
      () => this.offer(id),
      () => this.last(id),
    ];
    return this.pick(makers)();
  }

  private farewell(index: number): SentMessage {
    const id = `m${this.seed}x${index}`;
    return this.say({ id, method: 'GET', kind: 'proxied', isLast: true }, `/open/${id}/ok`, ['Connection: close']);
  }

  private say(
    fields: Omit<SentMessage, 'bytes'>,
    target: string,
    lines: readonly string[] = [],
    body = '',
  ): SentMessage {
    const head = [`${fields.method} ${target} HTTP/1.1`, 'Host: fuzz.test', ...lines].join('\r\n');
    return { ...fields, bytes: `${head}\r\n\r\n${body}` };
  }

  private plain(id: string): SentMessage {
    const method = this.pick(['GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT']);
    const lines = this.pick([[], [], ['Connection: keep-alive'], ['Accept: */*', 'X-Noise: a, b;c="d"']]);
    return this.say({ id, method, kind: 'proxied', isLast: false }, `/open/${id}/${this.pick(MODES)}`, lines);
  }

  private withBody(id: string): SentMessage {
    const method = this.pick(['POST', 'PUT', 'PATCH', 'GET']);
    const body = this.pick(['', 'abc', SMUGGLED, SMUGGLED.repeat(20), 'x'.repeat(70_000), 'y'.repeat(300_000)]);
    const target = `/open/${id}/${this.pick(MODES)}`;
    const expects = this.chance(0.15) ? ['Expect: 100-continue'] : [];
    const fields = { id, method, kind: 'proxied', isLast: false } as const;
    if (this.chance(0.5)) return this.say(fields, target, [`Content-Length: ${body.length}`, ...expects], body);
    return this.say(
      fields,
      target,
      [`Transfer-Encoding: ${this.pick(['chunked', 'Chunked'])}`, ...expects],
      this.chunk(body),
    );
  }

  private chunk(body: string): string {
    let rest = body;
    let text = '';
    while (rest.length > 0) {
      const size = 1 + Math.floor(this.random() * Math.min(rest.length, 50_000));
      text += `${size.toString(16)}${this.pick(['', ';a=b', ';c'])}\r\n${rest.slice(0, size)}\r\n`;
      rest = rest.slice(size);
    }
    return `${text}0\r\n${this.pick(['', 'X-Trailer: v\r\n'])}\r\n`;
  }

  private own(id: string): SentMessage {
    const [method, target] = this.pick([
      ['GET', '/health'],
      ['HEAD', '/health'],
      ['OPTIONS', '*'],
      ['GET', `/nowhere/${id}`],
      ['POST', '/health'],
    ] as const);
    return this.say({ id, method, kind: 'own', isLast: false }, target);
  }

  private refusedInOrder(id: string): SentMessage {
    const body = this.pick(['abc', SMUGGLED]);
    const fields = { id, method: 'POST', kind: 'refused', isLast: false } as const;
    if (this.chance(0.5)) return this.say(fields, `/keyed/${id}`, [`Content-Length: ${body.length}`], body);
    return this.say({ ...fields, method: 'GET' }, this.pick([`/open/../${id}`, `/keyed/${id}`, `/open/%zz${id}`]));
  }

  /** An upgrade: whatever comes of it, nothing behind it has to be answered, and bytes behind it are no requests. */
  private offer(id: string): SentMessage {
    const protocol = this.pick(['websocket', 'websocket', 'h2c', 'TLS/1.0', 'websocket, h2c']);
    const lines = [
      'Connection: Upgrade',
      `Upgrade: ${protocol}`,
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    const fields = { id, method: 'GET', kind: 'ends', isLast: false } as const;
    if (this.chance(0.3))
      return this.say({ ...fields, method: 'POST' }, `/open/${id}/ok`, [...lines, 'Content-Length: 3'], 'abc');
    return this.say(fields, `/open/${id}/${this.pick(['ok', 'tunnel', 'slow'])}`, lines);
  }

  private last(id: string): SentMessage {
    const fields = { id, method: 'GET', kind: 'ends', isLast: true } as const;
    const raw = (bytes: string): SentMessage => ({ ...fields, bytes });
    return this.pick([
      () => raw('CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n'),
      () => raw('CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\nContent-Length: 9\r\n\r\nab'),
      () => raw('G@T / HTTP/1.1\r\nHost: h\r\n\r\n'),
      () => raw('\x16\x03\x01\x02\x00\x01\x00'),
      () => raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      () => this.say(fields, `/open/${id}/ok`, ['X : y']),
      () => this.say(fields, `/open/${id}/ok`, ['Host: twice.test']),
      () => this.say({ ...fields, method: 'TRACE' }, `/open/${id}/ok`),
      () =>
        this.say(
          { ...fields, method: 'POST' },
          `/open/${id}/ok`,
          ['Content-Length: 3', 'Transfer-Encoding: chunked'],
          '0\r\n\r\n',
        ),
      () =>
        this.say(
          { ...fields, method: 'POST' },
          `/open/${id}/${this.pick(MODES)}`,
          ['Transfer-Encoding: chunked'],
          'zz\r\n',
        ),
      () =>
        this.say(
          { ...fields, method: 'POST' },
          `/open/${id}/${this.pick(MODES)}`,
          ['Transfer-Encoding: chunked'],
          '3\r\nabc\r\nzz\r\n',
        ),
      () =>
        this.say(
          { ...fields, method: 'POST' },
          `/keyed/${id}`,
          ['Transfer-Encoding: chunked'],
          `3\r\nabc\r\n${SMUGGLED}`,
        ),
      () => this.say({ ...fields, method: 'POST' }, `/small/${id}`, ['Content-Length: 200000'], SMUGGLED.repeat(10)),
      () =>
        this.say(
          { ...fields, method: 'POST' },
          `/small/${id}/ok`,
          ['Transfer-Encoding: chunked'],
          this.chunk('x'.repeat(5_000)),
        ),
      () => this.say(fields, `/open/${id}/ok`, ['Connection: close']),
      () => this.say(fields, `/open/${id}/ok`, [`X: ${'x'.repeat(40_000)}`]),
      () => raw(`GET /open/${id}/ok HTTP/1.0\r\nHost: h\r\n\r\n`),
    ])();
  }

  private deliver(bytes: string): Action[] {
    const cuts = this.pick([0, 0, 1, 2, 5, 20]);
    const offsets = Array.from({ length: cuts }, () => Math.floor(this.random() * bytes.length)).sort((a, b) => a - b);
    const actions: Action[] = [];
    let from = 0;
    for (const offset of [...offsets, bytes.length]) {
      if (offset > from) actions.push({ send: bytes.slice(from, offset) });
      if (offset < bytes.length) actions.push({ pauseMs: this.pick([0, 0, 1, 3]) });
      from = Math.max(from, offset);
    }
    return actions;
  }
}
