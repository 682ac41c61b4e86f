import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileAddressSet } from '../lib/address-set.ts';
import { clientIp, unmapAddress } from './client-ip.ts';
import type { EdgeRequest } from './edge-request.ts';
import { HeaderList } from './header-list.ts';

const trustProxy = compileAddressSet(['loopback', '10.0.0.0/8', 'fd00::/8']);

function clientBehind(peer: string, ...forwardedFor: string[]): string {
  const headers = HeaderList.from(forwardedFor.flatMap((value) => ['X-Forwarded-For', value]));
  return clientIp({ peer, headers, isPeerTrusted: trustProxy(peer) } as EdgeRequest, trustProxy);
}

describe('clientIp', () => {
  test('an untrusted peer is the client, whatever it claims', () => {
    expect(clientBehind('203.0.113.9', '1.2.3.4')).toBe('203.0.113.9');
    expect(clientBehind('203.0.113.9', '127.0.0.1, 10.0.0.1')).toBe('203.0.113.9');
  });

  test('behind trusted proxies it is the first untrusted hop from the right', () => {
    expect(clientBehind('10.0.0.1', '1.2.3.4')).toBe('1.2.3.4');
    expect(clientBehind('10.0.0.1', '6.6.6.6, 1.2.3.4, 10.0.0.2')).toBe('1.2.3.4');
    expect(clientBehind('10.0.0.1', '6.6.6.6', '1.2.3.4,10.0.0.2')).toBe('1.2.3.4');
  });

  test('without the header, or with trusted hops only, it is the farthest address known', () => {
    expect(clientBehind('10.0.0.1')).toBe('10.0.0.1');
    expect(clientBehind('10.0.0.1', '10.0.0.3, 10.0.0.2')).toBe('10.0.0.3');
  });

  test('ports, brackets, case and IPv4-mapped spellings do not change who the client is', () => {
    for (const spelling of ['1.2.3.4', ' 1.2.3.4:5678', '[::ffff:1.2.3.4]', '::FFFF:1.2.3.4', '[::ffff:1.2.3.4]:9']) {
      expect(clientBehind('10.0.0.1', spelling)).toBe('1.2.3.4');
    }
    for (const spelling of ['2001:DB8::1', '[2001:db8::1]', '[2001:db8::1]:443']) {
      expect(clientBehind('10.0.0.1', spelling)).toBe('2001:db8::1');
    }
  });

  test('nothing left of an unreadable entry is believed', () => {
    for (const garbage of [
      'unknown',
      '_hidden',
      '',
      '1.2.3',
      '010.0.0.1',
      '1.2.3.4.5',
      '[::1',
      '::1]',
      '1.2.3.4:x',
      '%00',
    ]) {
      expect(clientBehind('10.0.0.1', `6.6.6.6, ${garbage}, 10.0.0.2`)).toBe('10.0.0.2');
    }
  });

  test('1,000 trusted entries are read from the right and no further than 32', () => {
    const hops = Array.from({ length: 1_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    expect(clientBehind('10.0.0.1', hops.join(', '))).toBe(hops.at(-32));
  });

  test('whatever is sent, a client cannot choose an address that a trusted proxy did not write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (forged) => {
        expect(clientBehind('10.0.0.1', `${forged}, 1.2.3.4`)).toBe('1.2.3.4');
      }),
      { numRuns: 1_000 },
    );
  });
});

test('only real IPv4-mapped addresses are unmapped', () => {
  expect(unmapAddress('::ffff:1.2.3.4')).toBe('1.2.3.4');
  expect(unmapAddress('::ffff:0:1')).toBe('::ffff:0:1');
  expect(unmapAddress('1.2.3.4')).toBe('1.2.3.4');
});
