import { expect, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { HeaderList } from '../../edge/header-list.ts';
import { digestKey, fingerprintOf } from './fingerprint.ts';

interface Asked {
  readonly route?: string;
  readonly path?: string;
  readonly query?: string;
  readonly type?: string;
  readonly body?: Buffer;
}

function exchangeOf({ route = 'r', path = '/a', query = '', type = 'text/plain', body }: Asked): Exchange {
  const headers = HeaderList.from(['Content-Type', type, 'X-Other', String(Math.random())]);
  const exchange = buildExchange({ method: 'POST', path, query, headers });
  exchange.route = { name: route, service: 's', dialect: 'problem', decorate: () => undefined };
  // The bytes of a body that was gathered, without a connection to gather it from.
  Object.defineProperty(exchange.body, 'bytes', { value: body });
  return exchange;
}

test('requests that differ in route, path, query, content type or one bit of the body are different requests', async () => {
  const [large, other] = [Buffer.alloc(300_000, 1), Buffer.alloc(300_000, 1)];
  other[299_999] = 0;
  const asked = [
    {},
    { route: 'q' },
    { path: '/b' },
    { query: '?a' },
    { type: 'text/html' },
    { body: Buffer.from('a') },
    { body: Buffer.from('b') },
    { body: large },
    { body: other },
  ];
  const prints = await Promise.all(asked.map((each) => fingerprintOf(exchangeOf(each))));
  expect(new Set(prints).size).toBe(asked.length);
  expect(await Promise.all(asked.map((each) => fingerprintOf(exchangeOf(each))))).toEqual(prints);
  for (const print of prints) expect(print).toMatch(/^[0-9a-f]{64}$/);
});

test('two callers never share a key, and neither is readable in what is stored', () => {
  expect(digestKey('ada', 'order-1')).not.toBe(digestKey('bob', 'order-1'));
  expect(digestKey('ada', 'order-1')).toMatch(/^[0-9a-f]{16}\.[0-9a-f]{64}$/);
});
