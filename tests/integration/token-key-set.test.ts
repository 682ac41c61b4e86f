// The keys of another issuer, read from a real server that misbehaves.
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { KeySet } from '../../src/identity/tokens/jwks.ts';
import { makeManualClock, type ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/poll.ts';
import { type KeyServer, makeSigner, startKeyServer } from '../support/token-forge.ts';

const COOLDOWN_MS = 30_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const first = makeSigner('first');
const second = makeSigner('second');
const headerOf = (kid?: string) => ({ alg: 'RS256', ...(kid === undefined ? {} : { kid }) });

const endings: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(endings.splice(0).map((end) => end()));
});

interface SetUp {
  readonly server: KeyServer;
  readonly keys: KeySet;
  readonly clock: ManualClock;
  readonly changes: (readonly [boolean, string | undefined])[];
}

async function setUp(prepare: (server: KeyServer) => void, refreshMs = 3_600_000): Promise<SetUp> {
  const server = await startKeyServer();
  prepare(server);
  const clock = makeManualClock();
  const changes: [boolean, string | undefined][] = [];
  const onChange = (isUp: boolean, reason: string | undefined) => void changes.push([isUp, reason]);
  const keys = new KeySet({ url: server.url, refreshMs, clock, onChange });
  endings.push(
    () => keys.close(),
    () => server.close(),
  );
  return { server, keys, clock, changes };
}

const MISBEHAVIOURS: [string, (res: ServerResponse) => void, RegExp][] = [
  ['500', (res) => res.writeHead(500).end('{"keys":[]}'), /status 500/],
  ['a page', (res) => res.end('<html>Maintenance</html>'), /not JSON/],
  ['nothing', (res) => res.end(), /not JSON/],
  ['an empty set', (res) => res.end('{"keys":[]}'), /no keys/],
  ['no set', (res) => res.end('null'), /no keys/],
  ['keys that are no objects', (res) => res.end('{"keys":[1,"a"]}'), /malformed/i],
  ['10 MB', (res) => res.end(`{"keys":[${'{"kty":"RSA"},'.repeat(750_000)}]}`), /larger than 65536/],
  ['a redirect', (res) => res.writeHead(302, { Location: '/elsewhere' }).end(), /redirect/i],
  ['a broken connection', (res) => res.destroy(), /./],
];

describe('The keys of an issuer', () => {
  test('are read once at the start and found by their kid, or without one by their kind', async () => {
    const { server, keys } = await setUp((it) => it.publish(first, second));
    expect(await keys.candidates(headerOf('first'))).toHaveLength(1);
    expect(await keys.candidates(headerOf())).toHaveLength(2);
    expect(server.requests).toHaveLength(1);
  });

  test.each(MISBEHAVIOURS)('stay in use for 24 h when the issuer answers with %s', async (_name, misbehave, reason) => {
    const { server, keys, clock, changes } = await setUp((it) => it.publish(first));
    expect(await keys.candidates(headerOf('first'))).toHaveLength(1);
    server.answer = misbehave;
    clock.advance(COOLDOWN_MS);
    expect(await keys.candidates(headerOf('unheard-of'))).toBe('unavailable');
    expect(changes).toEqual([[false, expect.stringMatching(reason)]]);
    clock.advance(DAY_MS - COOLDOWN_MS - 1);
    expect(await keys.candidates(headerOf('first'))).toHaveLength(1);
    clock.advance(1);
    expect(await keys.candidates(headerOf('first'))).toBe('unavailable');
    expect(server.requests.filter((path) => path === '/elsewhere')).toEqual([]);
  });

  test('are waited for 5 s at most', async () => {
    const { server, keys, changes } = await setUp((it) => {
      it.answer = () => undefined;
    });
    const startedAt = performance.now();
    expect(await keys.candidates(headerOf('first'))).toBe('unavailable');
    expect(performance.now() - startedAt).toBeLessThan(6000);
    expect(changes).toEqual([[false, expect.stringContaining('timeout')]]);
    expect(server.requests).toHaveLength(1);
  });

  test('are never asked for twice in 30 s, whatever the tokens name, and by one request for all who wait', async () => {
    const { server, keys, clock } = await setUp((it) => it.publish(first));
    await keys.candidates(headerOf('first'));
    for (let round = 1; round <= 3; round++) {
      const kids = Array.from({ length: 500 }, (_, i) => `random-${round}-${i}`);
      expect(new Set(await Promise.all(kids.map((kid) => keys.candidates(headerOf(kid)))))).toEqual(
        new Set(['unknown']),
      );
      expect(server.requests).toHaveLength(round);
      clock.advance(COOLDOWN_MS - 1);
      expect(await keys.candidates(headerOf('another'))).toBe('unknown');
      expect(server.requests).toHaveLength(round);
      clock.advance(1);
    }
  });

  test('may be exchanged: a new one is found with one reading, a removed one is refused after it', async () => {
    const { server, keys, clock } = await setUp((it) => it.publish(first));
    await keys.candidates(headerOf('first'));
    server.publish(second);
    clock.advance(COOLDOWN_MS);
    expect(await keys.candidates(headerOf('second'))).toHaveLength(1);
    expect(server.requests).toHaveLength(2);
    expect(await keys.candidates(headerOf('first'))).toBe('unknown');
  });

  test('are read again by themselves after the time configured', async () => {
    const { server, clock, changes } = await setUp((it) => it.publish(first), 20);
    await until(() => server.requests.length === 1);
    server.answer = (res) => void res.writeHead(503).end();
    await until(() => {
      clock.advance(COOLDOWN_MS);
      return changes.length === 1;
    });
    server.publish(first);
    await until(() => {
      clock.advance(COOLDOWN_MS);
      return changes.length === 2;
    });
    expect(changes.map(([isUp]) => isUp)).toEqual([false, true]);
  });

  test('never come from a shared secret among them, and a kid is nothing but a name', async () => {
    const { server, keys } = await setUp((it) => {
      const jwks = { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'oct' }, first.jwk] };
      it.answer = (res) => void res.end(JSON.stringify(jwks));
    });
    for (const kid of ['oct', '__proto__', 'constructor', '../../etc/passwd', "' or 1=1", 'k'.repeat(1024 * 1024)])
      expect(await keys.candidates(headerOf(kid))).toBe('unknown');
    expect(server.requests).toHaveLength(1);
  });
});
