import { Type } from '../../lib/schema-builder.ts';
import { MOST_PASSWORD_BYTES } from '../../identity/users/passwords.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { defineEndpoint } from '../endpoint.ts';
import { Email } from './account-fields.ts';
import { TokenPairView, tokenPairView } from './token-pair-view.ts';

const Credentials = Section(
  {
    email: Email,
    password: Type.String({ description: 'The password.', minLength: 1, maxLength: MOST_PASSWORD_BYTES }),
  },
  { description: 'Who logs in.' },
);

export const loginEndpoint = defineEndpoint({
  method: 'POST',
  path: '/v1/auth/login',
  aliases: ['/api/v1/auth/login'],
  planes: ['public'],
  auth: 'none',
  summary: 'Gives tokens for e-mail address and password. Every failure is the same 401; after too many it is 429.',
  body: Credentials,
  response: TokenPairView,
  handle: async ({ context, exchange, body }) => {
    const { logins, sessions } = context.identity;
    const user = await logins.logIn({ ...body, address: exchange.clientIp });
    const pair = await sessions.begin(user);
    context.deps.log.info({ consumer: user.id, request_id: exchange.id }, 'a user logged in');
    return { status: 200, json: tokenPairView(pair) };
  },
});
