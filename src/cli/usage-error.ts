/** A mistake in the arguments or around them; the message says what to do. */
export class UsageError extends Error {
  readonly code = 'USAGE';
}
