import { Type } from '../../lib/schema-builder.ts';
import { LONGEST_EMAIL } from '../../identity/users/email.ts';

export const Email = Type.String({
  description: 'E-mail address. Capital and small letters are the same.',
  minLength: 3,
  maxLength: LONGEST_EMAIL,
});
