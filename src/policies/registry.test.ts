import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ERROR_CATALOG } from '../errors/catalog.ts';
import type { AnyAccessPolicy, AnyAttemptPolicy, AnySendPolicy } from './policy.ts';
import { ACCESS_ORDER, UPSTREAM_ORDER } from './registry.ts';
import { POLICIES } from './schemas.ts';

const policies = [
  ...new Set<AnyAccessPolicy | AnySendPolicy | AnyAttemptPolicy>([
    ...ACCESS_ORDER.map(([, policy]) => policy),
    ...UPSTREAM_ORDER,
  ]),
];
/** Configured per service like a policy, but it probes on its own clock instead of taking part in requests. */
const NOT_IN_REQUESTS = ['health'];

test('every policy folder is registered, and nothing else', () => {
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name.replaceAll('-', '_'));
  expect([...policies.map(({ name }) => name), ...NOT_IN_REQUESTS].sort()).toEqual(folders.sort());
});

test('every policy can be configured: its keys are known to the configuration language', () => {
  const keys = policies.flatMap(({ name, ownsKeys = [name] }) => ownsKeys);
  // What a service lets through to models is no policy of it: these keys stand beside its targets.
  const beside = ['models', 'operations', 'unmetered'];
  expect([...keys, ...NOT_IN_REQUESTS].sort()).toEqual([...Object.keys(POLICIES), ...beside].sort());
});

test('no two policies share a name', () => {
  const names = policies.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test('what a policy may answer with is in the catalogue', () => {
  const codes = policies.flatMap(({ errors }) => errors);
  expect(codes.filter((code) => !(code in ERROR_CATALOG))).toEqual([]);
});

test('requests meet the steps in this order; changing it changes what is safe', () => {
  expect(ACCESS_ORDER.map(([step]) => step)).toEqual([
    'paths',
    'headers',
    'timeout',
    'stream',
    'security_headers',
    'cors',
    'ip',
    'auth',
    'authorize',
    'body_limit',
    'limits.peek',
    'concurrency.early',
    'limits.early',
    'models',
    'concurrency',
    'limits.decide',
    'models.list',
    'idempotency',
  ]);
  expect(UPSTREAM_ORDER.map(({ name }) => name)).toEqual(['retry', 'circuit_breaker', 'cooldown']);
});
