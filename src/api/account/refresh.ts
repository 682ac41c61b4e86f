import { Type } from '../../lib/schema-builder.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { defineEndpoint } from '../endpoint.ts';
import { TokenPairView, tokenPairView } from './token-pair-view.ts';

const Refresh = Section(
  { refresh_token: Type.String({ description: 'As the last answer gave it.', minLength: 1, maxLength: 200 }) },
  { description: 'The login that is to go on.' },
);

export const refreshEndpoint = defineEndpoint({
  method: 'POST',
  path: '/v1/auth/refresh',
  aliases: ['/api/v1/auth/refresh'],
  planes: ['public'],
  auth: 'none',
  summary:
    'Gives new tokens for a refresh token, which can be used once. Used again it ends the whole login: all its tokens are refused.',
  body: Refresh,
  response: TokenPairView,
  handle: async ({ context, exchange, body }) => {
    const by = { address: exchange.clientIp, requestId: exchange.id };
    const pair = await context.identity.sessions.refresh(body.refresh_token, by);
    return { status: 200, json: tokenPairView(pair) };
  },
});
