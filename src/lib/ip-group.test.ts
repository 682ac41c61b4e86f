import { expect, test } from '@jest/globals';
import { ipGroup } from './ip-group.ts';

test('every spelling and every host of an IPv6 /64 is one group', () => {
  const spellings = ['2001:db8:1:2::1', '2001:0DB8:0001:0002:ffff::', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::1.2.3.4'];
  for (const spelling of spellings) expect(ipGroup(spelling)).toBe('2001:db8:1:2::/64');
  expect(ipGroup('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64');
  expect(ipGroup('::1')).toBe('0:0:0:0::/64');
});

test('IPv4 clients are counted one by one, however their address is written', () => {
  expect(ipGroup('192.0.2.7')).toBe('192.0.2.7');
  expect(ipGroup('::ffff:192.0.2.7')).toBe('192.0.2.7');
  expect(ipGroup('::ffff:c000:207')).toBe('192.0.2.7');
});

test('text that is no address stays as it is', () => {
  expect(ipGroup('')).toBe('');
  expect(ipGroup('unknown')).toBe('unknown');
});
