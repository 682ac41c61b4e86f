import { expect } from '@jest/globals';
import request, { type Response, type Test } from 'supertest';
import { Check } from 'typebox/value';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import { MASTER_KEY } from './start-gateway.ts';

type Method = 'get' | 'post' | 'patch' | 'delete';

/** Asks as the administrator. */
export function asAdmin(url: string): (method: Method, path: string, body?: object) => Test {
  return (method, path, body) => {
    const asked = request(url)[method](path).set('X-Master-Key', MASTER_KEY);
    return body ? asked.send(body) : asked;
  };
}

/** The answer matches the declaration of the endpoint and has no undeclared fields. */
export function expectDeclared(method: string, path: string, { status, body }: Response): void {
  const endpoint = ENDPOINTS.find((known) => known.method === method && known.path === path);
  if (!endpoint) throw new Error(`no endpoint ${method} ${path}`);
  expect(status).toBe(endpoint.success);
  expect(Check(closed(endpoint.response) as object, body)).toBe(true);
}

/** The same schema, with every object refusing undeclared fields. */
function closed(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([word, value]) => [word, closed(value)]));
  return 'properties' in copy ? { additionalProperties: false, ...copy } : copy;
}
