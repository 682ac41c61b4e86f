import { GatewayError, Rejection } from '../../errors/rejection.ts';

/** RFC 5321 section 4.5.3.1.3, less the angle brackets. */
export const LONGEST_EMAIL = 254;

/** Spaces, controls, characters without a width and halves of characters would let two accounts look the same. */
const EMAIL = /^[^@\p{Z}\p{C}]+@[^@\p{Z}\p{C}]+$/u;

/**
 * An e-mail address in the form in which accounts are compared: NFC and lower case, so that one person does not get
 * two accounts by typing. Whether mail arrives there is not checked. Throws VALIDATION_ERROR on what is no address.
 */
export function normalizeEmail(text: string): string {
  // Lower case may take a text out of NFC.
  const email = text.normalize('NFC').toLowerCase().normalize('NFC');
  if (email.length <= LONGEST_EMAIL && EMAIL.test(email)) return email;
  const detail = 'email: must be an e-mail address such as ada@example.com';
  throw new GatewayError(new Rejection('VALIDATION_ERROR', detail, { facts: { param: 'email' } }));
}
