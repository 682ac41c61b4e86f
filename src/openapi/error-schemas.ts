import { ERROR_CATALOG } from '../errors/catalog.ts';
import type { Dialect } from '../errors/dialect.ts';
import { type TSchema, Type } from '../lib/schema-builder.ts';

const Code = Type.Enum(Object.keys(ERROR_CATALOG), { description: 'What went wrong, from a closed list.' });
const RequestId = Type.String({ description: 'Also in `X-Request-Id`.' });

/** What the body of an error looks like. */
export const ERROR_SCHEMAS: Readonly<Record<Dialect, TSchema>> = {
  problem: Type.Object(
    {
      type: Type.String({ format: 'uri' }),
      title: Type.String(),
      status: Type.Integer(),
      detail: Type.String(),
      instance: Type.Optional(Type.String({ description: 'The path of the request.' })),
      code: Code,
      request_id: RequestId,
    },
    { description: 'RFC 9457.' },
  ),
  openai: Type.Object(
    {
      error: Type.Object({
        message: Type.String(),
        type: Type.String(),
        param: Type.Unsafe({ type: ['string', 'null'] }),
        code: Code,
      }),
      request_id: RequestId,
    },
    { description: 'As the OpenAI API answers errors.' },
  ),
  anthropic: Type.Object(
    {
      type: Type.Literal('error'),
      error: Type.Object({ type: Type.String(), message: Type.String() }),
      request_id: RequestId,
    },
    { description: 'As the Anthropic API answers errors.' },
  ),
  simple: Type.Object({
    error: Type.String(),
    detail: Type.String(),
    code: Code,
    retry_after: Type.Optional(Type.Integer({ description: 'Seconds.' })),
    limit: Type.Optional(Type.Integer()),
    limit_type: Type.Optional(Type.String()),
  }),
  envelope: Type.Object({
    request_id: RequestId,
    status: Type.Literal('error'),
    error_code: Code,
    message: Type.String(),
    details: Type.Object({
      current_count: Type.Optional(Type.Integer()),
      limit: Type.Optional(Type.Integer()),
      reset_at: Type.Optional(Type.String({ format: 'date-time' })),
    }),
  }),
};

/** The media type errors are sent as. */
export function errorType(dialect: Dialect): string {
  return dialect === 'problem' ? 'application/problem+json' : 'application/json';
}
