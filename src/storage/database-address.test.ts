import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseDatabaseAddress } from './database-address.ts';

test.each([
  ['sqlite:./data/x.db', resolve('data/x.db')],
  ['sqlite:x.db', resolve('x.db')],
  ['sqlite:///rel/x.db', resolve('rel/x.db')],
  ['sqlite:////abs/x.db', '/abs/x.db'],
  ['sqlite:/abs/x.db', '/abs/x.db'],
  ['sqlite+aiosqlite:///rel/x.db', resolve('rel/x.db')],
  ['sqlite::memory:', ':memory:'],
])('reads %s as the file %s', (address, filename) => {
  expect(parseDatabaseAddress(address)).toEqual({ kind: 'sqlite', filename, shown: `sqlite:${filename}` });
});

test('reads a PostgreSQL address and shows it without its password', () => {
  const address = 'postgresql+asyncpg://me:p%40ss@db.example:6432/gate?sslmode=verify-full&sslrootcert=/ca.pem';
  expect(parseDatabaseAddress(address)).toEqual({
    kind: 'postgres',
    host: 'db.example',
    port: 6432,
    user: 'me',
    password: 'p@ss',
    database: 'gate',
    sslMode: 'verify-full',
    sslRootCert: '/ca.pem',
    shown: 'postgres://db.example:6432/gate',
  });
});

test('reads an IPv6 host, and a socket folder in the query', () => {
  expect(parseDatabaseAddress('postgres://[::1]/a')).toMatchObject({ host: '::1', port: 5432 });
  expect(parseDatabaseAddress('postgres:///a?host=/run/postgresql')).toMatchObject({ host: '/run/postgresql' });
});

test.each([
  ['postgres://u:to/psecret@h/db', /password holds a character.*%2F/],
  ['postgres://u:to?psecret@h/db', /password holds a character/],
  ['postgres://u:123#psecret@h/db', /"#" must be written as %23/],
])('says of %j what must be encoded, and quotes nothing', (address, message) => {
  expect(() => parseDatabaseAddress(address)).toThrow(message);
  expect(() => parseDatabaseAddress(address)).not.toThrow('psecret');
});

test('takes an @ in an option', () => {
  expect(parseDatabaseAddress('postgres://h:1/db?application_name=a@b')).toMatchObject({ host: 'h', port: 1 });
});

test.each([
  '',
  'mysql://x/y',
  '/data/x.db',
  'sqlite:',
  'postgres://u:topsecret@h/db?sslmode=maybe',
  'postgres://u:%zz@h',
])('refuses %j without repeating it', (address) => {
  expect(() => parseDatabaseAddress(address)).toThrow(expect.objectContaining({ code: 'ADDRESS' }));
  expect(() => parseDatabaseAddress(address)).not.toThrow('topsecret');
});
