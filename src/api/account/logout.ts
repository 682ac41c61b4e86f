import { Type } from '../../lib/schema-builder.ts';
import { defineEndpoint } from '../endpoint.ts';
import { callerOf } from './caller.ts';

export const logoutEndpoint = defineEndpoint({
  method: 'POST',
  path: '/v1/auth/logout',
  aliases: ['/api/v1/auth/logout'],
  planes: ['public'],
  auth: 'token',
  summary:
    'Ends the login of this token: the token itself and its refresh token; in force on every gateway within 2 s.',
  response: Type.Object({ status: Type.Literal('logged_out') }),
  handle: async ({ context, exchange }) => {
    const { consumer, credential, expiresAt } = callerOf(exchange);
    await context.identity.sessions.end({ jti: credential.id, family: credential.family, until: expiresAt as number });
    context.deps.log.info({ consumer: consumer.id, request_id: exchange.id }, 'a user logged out');
    return { status: 200, json: { status: 'logged_out' as const } };
  },
});
