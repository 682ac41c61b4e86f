import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { ConnectionShares } from './connection-shares.ts';

function from(remoteAddress: string): Socket {
  return Object.assign(new EventEmitter(), { remoteAddress }) as unknown as Socket;
}

test('one address has so many connections, IPv6 by /64, others have their own, and a trusted proxy any number', () => {
  const shares = new ConnectionShares(2, (address) => address === '10.0.0.1');
  const first = from('2001:db8::1');
  expect([first, from('2001:db8::2'), from('2001:db8::3')].map((socket) => shares.admit(socket))).toEqual([
    true,
    true,
    false,
  ]);
  expect(shares.admit(from('2001:db8:0:1::1'))).toBe(true);
  expect(['::ffff:192.0.2.1', '192.0.2.1', '192.0.2.1'].map((address) => shares.admit(from(address)))).toEqual([
    true,
    true,
    false,
  ]);
  expect(Array.from({ length: 9 }, () => shares.admit(from('10.0.0.1')))).not.toContain(false);
  first.emit('close');
  expect(shares.admit(from('2001:db8::4'))).toBe(true);
});
