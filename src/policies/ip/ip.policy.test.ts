import { expect, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import type { Dependencies } from '../policy-dependencies.ts';
import { ipPolicy } from './ip.policy.ts';
import type { IpConfig } from './schema.ts';

const at = { route: 'r', service: 's', kind: 'http' } as const;
const UNUSED = {} as Dependencies;

function refuses(config: IpConfig, clientIp: string): boolean {
  const [step] = ipPolicy.create(config, UNUSED, at);
  const verdict = step?.decide(buildExchange({ peer: clientIp }));
  if (verdict !== undefined) expect(verdict).toMatchObject({ code: 'IP_NOT_ALLOWED', status: 403 });
  return verdict !== undefined;
}

test('only addresses in allow may call, and deny wins over it', () => {
  const config = { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.0.0.66'] };
  expect(refuses(config, '10.0.0.1')).toBe(false);
  expect(refuses(config, '2001:db8::1')).toBe(false);
  expect(refuses(config, '10.0.0.66')).toBe(true);
  expect(refuses(config, '192.0.2.1')).toBe(true);
});

test('with deny alone everybody else may call', () => {
  expect(refuses({ allow: [], deny: ['10.0.0.0/8'] }, '10.9.9.9')).toBe(true);
  expect(refuses({ allow: [], deny: ['10.0.0.0/8'] }, '192.0.2.1')).toBe(false);
});

test('an address nobody knows is refused where allow is given', () => {
  expect(refuses({ allow: ['0.0.0.0/0', '::/0'], deny: [] }, '')).toBe(true);
});

test('empty lists cost no step', () => {
  expect(ipPolicy.create({ allow: [], deny: [] }, UNUSED, at)).toEqual([]);
});
