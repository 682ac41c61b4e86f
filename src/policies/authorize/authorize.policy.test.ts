import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import type { Rejection } from '../../errors/rejection.ts';
import { type Principal, UNBOUNDED } from '../../exchange/principal.ts';
import { holds } from '../../lib/wildcard-list.ts';
import { createRightsStep } from './authorize.policy.ts';

function callerWith(rights: Partial<Principal> = {}): Principal {
  return {
    ...UNBOUNDED,
    consumer: { id: 'ada', name: 'Ada', tier: undefined },
    credential: { kind: 'api_key', id: 'k', prefix: 'sk', hashPrefix: '0' },
    lob: undefined,
    claims: {},
    expiresAt: undefined,
    limits: [],
    ...rights,
  };
}

function ask(needed: readonly string[], principal: Principal | undefined): Rejection | undefined {
  const { decide } = createRightsStep({ permissions: [...needed], models: [] }, 'embed');
  return decide(Object.assign(buildExchange(), { principal })) as Rejection | undefined;
}

describe('permissions', () => {
  test.each([
    [[], []],
    [['embed:write'], ['*']],
    [['embed:write'], ['embed:*']],
    [
      ['embed:write', 'read:portfolio'],
      ['read:portfolio', 'embed:write', 'x'],
    ],
  ])('%j are met by %j', (needed, permissions) => {
    expect(ask(needed, callerWith({ permissions }))).toBeUndefined();
  });

  test('that are missing are named, in words and as the challenge of RFC 6750', () => {
    const needed = ['embed:write', 'chat:read', 'read:portfolio'];
    const rejection = ask(needed, callerWith({ permissions: ['chat:*', 'embed:read'] }));
    expect(rejection).toMatchObject({ code: 'FORBIDDEN', status: 403 });
    expect(rejection?.detail).toBe('Missing permission: embed:write, read:portfolio.');
    expect(rejection?.headers?.['WWW-Authenticate']).toBe(
      'Bearer realm="turnpike", error="insufficient_scope", scope="embed:write read:portfolio"',
    );
  });

  test('let a request pass exactly when the caller holds every one of them', () => {
    const list = fc.array(fc.constantFrom('*', 'a:*', 'a:b', 'a:c', 'b:*', 'b:a'), { maxLength: 4 });
    fc.assert(
      fc.property(list, list, (needed, permissions) => {
        const passes = ask(needed, callerWith({ permissions })) === undefined;
        expect(passes).toBe(needed.every((permission) => holds(permissions, permission)));
      }),
    );
  });

  test('are had by nobody who is not known', () => {
    expect(ask(['embed:write'], undefined)?.code).toBe('FORBIDDEN');
    expect(ask([], undefined)).toBeUndefined();
  });
});

test('a credential for some routes is refused on all others, whatever it may do', () => {
  expect(ask([], callerWith({ routes: ['chat', 'embed'] }))).toBeUndefined();
  expect(ask([], callerWith({ routes: ['chat'] }))).toMatchObject({ code: 'FORBIDDEN' });
  expect(ask([], callerWith({ routes: [] }))).toMatchObject({ code: 'FORBIDDEN' });
});
