import { describe, expect, test } from '@jest/globals';
import { Check } from 'typebox/value';
import { ERROR_CATALOG, type ErrorCode } from '../errors/catalog.ts';
import type { Dialect } from '../errors/dialect.ts';
import { Rejection } from '../errors/rejection.ts';
import { renderRejection } from '../errors/render.ts';
import { ERROR_SCHEMAS, errorType } from './error-schemas.ts';

const FACTS = { retryAfterSeconds: 3, limit: 5, currentCount: 6, limitType: 'minute', resetAtMs: 0, param: 'model' };

describe.each(Object.keys(ERROR_SCHEMAS) as Dialect[])('errors of the dialect %s', (dialect) => {
  const schema = { ...ERROR_SCHEMAS[dialect], additionalProperties: false };

  test.each([FACTS, {}])('are what the schema says, whatever the code, with the facts %j', (facts) => {
    for (const code of Object.keys(ERROR_CATALOG) as ErrorCode[]) {
      const context = { requestId: 'req_1', path: '/a' };
      const { headers, body } = renderRejection(new Rejection(code, 'Because.', { facts }), dialect, context);
      expect([code, Check(schema, JSON.parse(body))]).toEqual([code, true]);
      expect(headers[1]).toBe(errorType(dialect));
    }
  });
});
