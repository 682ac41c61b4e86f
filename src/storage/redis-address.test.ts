import { describe, expect, test } from '@jest/globals';
import { parseRedisAddress } from './redis-address.ts';

describe('a Redis address', () => {
  test.each([
    ['redis://localhost', { kind: 'standalone', nodes: [{ host: 'localhost', port: 6379 }], db: 0, isTls: false }],
    ['redis://10.0.0.1:7000/3', { nodes: [{ host: '10.0.0.1', port: 7000 }], db: 3 }],
    ['redis://[::1]:7000', { nodes: [{ host: '::1', port: 7000 }] }],
    ['rediss://:p%40ss@cache:6380', { isTls: true, username: undefined, password: 'p@ss' }],
    ['redis://ada:secret@cache', { username: 'ada', password: 'secret' }],
    [
      'redis+sentinel://:pw@a:26379,b/primary/2',
      {
        kind: 'sentinel',
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 26379 },
        ],
        primary: 'primary',
        db: 2,
        password: 'pw',
      },
    ],
    [
      'redis+cluster://a:7000,b:7001',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 7001 },
        ],
      },
    ],
  ])('is read: %s', (url, expected) => {
    expect(parseRedisAddress(url)).toMatchObject(expected);
  });

  test.each([
    ['redis://gw:p@ss:w/rd#1@127.0.0.1:21081/3', /"#" must be written as %23/],
    ['redis://gw:pass:w/rd@127.0.0.1:21081/3', /password holds a character.*%2F/],
    ['rediss://default:abc/def=@host:6380', /password holds a character.*%2F/],
    ['redis://gw:pa?ss@host', /password holds a character.*%3F/],
    ['redis://127.0.0.1:21081?db=2', /takes no options.*host:6379\/2/],
  ])('says of %j what is wrong, and quotes nothing', (url, message) => {
    expect(() => parseRedisAddress(url)).toThrow(message);
    for (const part of ['rd', 'def', 'ss@']) expect(() => parseRedisAddress(url)).not.toThrow(part + '1');
  });

  test('keeps a colon and an equals sign in a password', () => {
    expect(parseRedisAddress('redis://gw:a:b=@h')).toMatchObject({ username: 'gw', password: 'a:b=' });
  });

  test.each([
    'http://localhost',
    'localhost:6379',
    'redis://',
    'redis://a,b',
    'redis://host:99999',
    'redis://host/notanumber',
    'redis://host/1/2',
    'redis+sentinel://a:26379',
    'redis://%zz:hunter2@host',
  ])('is refused with its own code, and nothing of it is quoted: %s', (url) => {
    let error: unknown;
    try {
      parseRedisAddress(url);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'REDIS_ADDRESS' });
    expect(String(error)).not.toMatch(/hunter2|99999|notanumber/);
  });
});
