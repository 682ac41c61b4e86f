import { GatewayError, Rejection } from '../../errors/rejection.ts';
import { isOfOneScript } from './one-script.ts';

/** RFC 5321 section 4.5.3.1.3, less the angle brackets. */
export const LONGEST_EMAIL = 254;

/** Spaces, controls, characters without a width and halves of characters would let two accounts look the same. */
const EMAIL = /^[^@\p{Z}\p{C}]+@[^@\p{Z}\p{C}]+$/u;
const FINAL_DOTS = /\.+$/;

/**
 * An e-mail address in the form in which accounts are compared: NFKC, lower case, without a dot at the end, so that one
 * person does not get two accounts by typing. A label that mixes scripts could pass for another and is refused. Whether
 * mail arrives there is not checked. Throws VALIDATION_ERROR if the text is not an address.
 */
export function normalizeEmail(text: string): string {
  // Lower case may take a text out of its normal form.
  const email = text.normalize('NFKC').toLowerCase().normalize('NFKC').replace(FINAL_DOTS, '');
  if (email.length > LONGEST_EMAIL || !EMAIL.test(email))
    return refuse('must be an e-mail address such as ada@example.com');
  if (!email.split(/[@.]/).every(isOfOneScript))
    return refuse('mixes letters of several alphabets in one word, which could be taken for another address');
  return email;
}

function refuse(mistake: string): never {
  throw new GatewayError(new Rejection('VALIDATION_ERROR', `email: ${mistake}`, { facts: { param: 'email' } }));
}
