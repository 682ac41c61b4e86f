import { expect } from '@jest/globals';
import request, { type Response, type Test } from 'supertest';
import { Check, Clean } from 'typebox/value';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import { MASTER_KEY } from './started-gateway.ts';

type Method = 'get' | 'post' | 'patch' | 'delete';

/** Asks as the administrator. */
export function asAdmin(url: string): (method: Method, path: string, body?: object) => Test {
  return (method, path, body) => {
    const asked = request(url)[method](path).set('X-Master-Key', MASTER_KEY);
    return body ? asked.send(body) : asked;
  };
}

/** The answer is what the endpoint declares, and holds no field that it does not declare. */
export function expectDeclared(method: string, path: string, { body }: Response): void {
  const endpoint = ENDPOINTS.find((known) => known.method === method && known.path === path);
  if (!endpoint) throw new Error(`no endpoint ${method} ${path}`);
  expect(Check(endpoint.response, body)).toBe(true);
  expect(Clean(endpoint.response, structuredClone(body))).toEqual(body);
}
