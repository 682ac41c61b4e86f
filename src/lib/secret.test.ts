import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { Secret } from './secret.ts';

const value = 'hunter2-hunter2';

test('reveals what it was made with', () => expect(new Secret(value).reveal()).toBe(value));

test.each<[string, (secret: Secret) => string]>([
  ['JSON', (secret) => JSON.stringify({ secret, list: [secret] })],
  ['util.inspect', (secret) => inspect({ deep: { secret } }, { depth: 9, showHidden: true })],
  ['text', (secret) => String(secret)],
  ['its own properties', (secret) => Object.getOwnPropertyNames(secret).join()],
  ['an error that quotes it', (secret) => new Error(`bad ${String(secret)}`).stack ?? ''],
])('is not readable in %s', (_where, print) => expect(print(new Secret(value))).not.toContain('hunter'));
